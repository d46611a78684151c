"""Examples for a report: people of different tastes with their picks, and well-known films with similar titles."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.domain import Feedback, Film
from engine.pages.explore import Numbers, RatingArrays
from engine.serving.factors import Model
from engine.store import Store, archive

PEOPLE, WELL_KNOWN = 3, 5
"""Number of people whose picks, and of films whose similar titles, are shown."""

PICKS = 10
"""The upper places of a list, which most people look at."""

LIKED_STARS = 4.0


def people(
    store: Store, model: Model, version: int, films: Sequence[Film], ratings: RatingArrays, feedback: Feedback
) -> list[Numbers]:
    """Return three people of different tastes: what they loved, and what the model shows them and why.

    With play counts ``loved`` is what they played most, and there are no predicted stars.
    """
    stars = feedback is Feedback.STARS
    by_id = {film.id: film for film in films}
    liked = ratings.values >= LIKED_STARS if stars else np.ones(len(ratings.values), bool)
    candidates = of_different_tastes(films, ratings, liked)
    lists = archive.lists_of(store, version, [user_id for user_id, _ in candidates])
    names = dict(zip(*(ids.tolist() for ids in archive.dataset_people(store)), strict=True))
    found: list[Numbers] = []
    for user_id, genre in [one for one in candidates if lists[one[0]]][:PEOPLE]:
        own = ratings.user_ids == user_id
        rated = dict(zip(ratings.movie_ids[own].tolist(), ratings.values[own].tolist(), strict=True))
        loved = sorted(rated, key=lambda i: (-rated[i], -by_id[i].rating_count, i))[:6]
        profile = model.profile(rated)
        picks = [
            {
                **facts_of(by_id[pick.movie_id]),
                "predicted_stars": pick.predicted_stars if stars else None,
                "because_of": [by_id[i].display_title for i in model.reasons(profile, pick.movie_id)],
            }
            for pick in lists[user_id][:PICKS]
        ]
        found.append(
            {
                "dataset_user": names.get(user_id),
                "favourite_genre": genre,
                "ratings": len(rated),
                "mean_stars": float(np.mean(list(rated.values()))) if stars else None,
                "loved": [{**facts_of(by_id[i]), "value": rated[i]} for i in loved],
                "picks": picks,
            }
        )
    return found


def of_different_tastes(
    films: Sequence[Film], ratings: RatingArrays, liked: NDArray[np.bool_], *, limit: int = 12
) -> list[tuple[int, str | None]]:
    """Return people with a marked taste, by user id, each with a favourite genre that no earlier one has.

    A favourite is a genre that makes up far more of what the person likes than of what everybody does. People with 20
    to 300 ratings come first: enough to judge the picks by, few enough to read. Where films have no genres, the genre
    is null and those come first who have most ratings within these bounds.

    Args:
        liked: for each rating whether it speaks for the film.
    """
    users, person, counts = np.unique(ratings.user_ids, return_inverse=True, return_counts=True)
    readable = (counts >= 20) & (counts <= 300)
    ids = np.array(sorted(film.id for film in films))
    liked_film, fan = np.searchsorted(ids, ratings.movie_ids[liked]), person[liked]
    genres = sorted({genre for film in films for genre in film.genres})
    likes = np.zeros((len(users), len(genres)))
    for column, genre in enumerate(genres):
        of_genre = np.isin(ids, [film.id for film in films if genre in film.genres])
        likes[:, column] = np.bincount(fan, of_genre[liked_film], minlength=len(users))
    total = likes.sum(axis=1, keepdims=True)
    everybody = likes.sum(axis=0) / max(likes.sum(), 1)
    # The difference from everybody's share in standard errors: one Horror film of three says nothing.
    marked = (likes / np.maximum(total, 1) - everybody) * np.sqrt(total / np.maximum(everybody, 1e-9))
    marked[~readable] -= 1e6
    found: list[tuple[int, str | None]] = []
    for _ in range(min(limit, likes.any(axis=0).sum())):
        row, column = divmod(int(np.argmax(marked)), len(genres))
        if not likes[row, column]:
            break
        found.append((int(users[row]), genres[column]))
        marked[row], marked[:, column] = -np.inf, -np.inf
    rest = sorted(range(len(users)), key=lambda i: (not readable[i], -int(counts[i]), int(users[i])))
    chosen = {user_id for user_id, _ in found}
    more = [(int(users[i]), None) for i in rest if int(users[i]) not in chosen]
    return [*found, *more[: limit - len(found)]]


def similar(store: Store, version: int, films: Sequence[Film]) -> list[Numbers]:
    """Return the titles most like some well-known films, of different first genres as far as there are any."""
    known = sorted(films, key=lambda film: (-film.rating_count, film.id))[:60]
    likes = archive.similar_of(store, version, [film.id for film in known])
    known = [film for film in known if likes[film.id]]
    chosen: list[Film] = []
    for film in known:
        if film.genres[:1] not in [other.genres[:1] for other in chosen]:
            chosen.append(film)
    chosen += [film for film in known if film not in chosen]
    by_id = {film.id: film for film in films}
    return [
        {
            **facts_of(film),
            "similar": [
                {**facts_of(by_id[like.movie_id]), "similarity": like.similarity} for like in likes[film.id][:8]
            ],
        }
        for film in chosen[:WELL_KNOWN]
    ]


def facts_of(film: Film) -> Numbers:
    """Return what a page says of a film, as plain values."""
    return {"movie_id": film.id, "title": film.display_title, "year": film.year}
