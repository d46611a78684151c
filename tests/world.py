"""A tiny world where the right answer is known: forty films, six tastes, and a live model made by hand."""

from datetime import UTC, datetime

import numpy as np

from engine.domain import Catalogue, FactorRows, Feedback, Film
from engine.store import SimilarRow, Store

NOW = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)

# The columns of both models' factors. A film has 1 in the tastes it belongs to, shared out by its genres.
TASTES = ("Western", "Sci-Fi", "Crime", "Romance", "Animation", "Horror")

HYPERPARAMETERS = {
    "preference": {"rank": 6, "reg": 0.2, "alpha": 1.0, "iterations": 15, "neutral": 3.0},
    "rating": {"rank": 6, "reg": 0.15, "iterations": 15, "user_damping": 8.0, "movie_damping": 3.0},
    "blend": 0.2,
    "mean_stars": 3.5,
    "average_taste": [0.2, 0.5, 0.4, 0.3, 0.2, 0.1],
}
METRICS = {
    "ndcg_at_10": 0.312,
    "rmse_all": 0.841,
    "popularity": {"ndcg_at_10": 0.163},
}


def film(
    movie_id: int,
    title: str,
    genres: str,
    rating_count: int,
    mean_stars: float | None,
    *,
    name: str | None = None,
    also: tuple[str, ...] = (),
    imdb_id: str | None = None,
    tmdb_id: int | None = None,
) -> Film:
    """A film as data sets write it; ``name`` where people say the title in another way."""
    bare, bracket, year = title.rpartition(" (")
    return Film(
        id=movie_id,
        title=title,
        display_title=name or (bare if bracket else title),
        alternative_titles=also,
        year=int(year.rstrip(")")) if bracket else None,
        genres=tuple(genres.split()),
        imdb_id=imdb_id,
        tmdb_id=tmdb_id,
        rating_count=rating_count,
        mean_stars=mean_stars,
    )


FILMS = (
    film(10, "High Noon (1952)", "Western", 120, 4.0),
    film(11, "Rio Bravo (1959)", "Western", 90, 4.0),
    film(
        12, "Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il) (1966)", "Western Action", 240, 4.3,
        name="The Good, the Bad and the Ugly", also=("Il buono, il brutto, il cattivo",),
    ),
    film(13, "Once Upon a Time in the West (1968)", "Western Drama", 180, 4.2),
    film(14, "Unforgiven (1992)", "Western Drama", 210, 4.1),
    film(15, "True Grit (1969)", "Western", 60, 3.8),
    film(16, "True Grit (2010)", "Western", 110, 3.9),
    film(
        20, "Matrix, The (1999)", "Action Sci-Fi Thriller", 278, 4.2,
        name="The Matrix", imdb_id="0133093", tmdb_id=603,
    ),
    film(21, "Blade Runner (1982)", "Sci-Fi Thriller", 220, 4.1, imdb_id="0083658", tmdb_id=78),
    film(22, "2001: A Space Odyssey (1968)", "Sci-Fi Adventure", 190, 3.9),
    film(23, "Alien (1979)", "Horror Sci-Fi", 200, 4.1),
    film(24, "Star Wars: Episode IV - A New Hope (1977)", "Sci-Fi Adventure", 290, 4.2, also=("Star Wars",)),
    film(25, "Terminator 2: Judgment Day (1991)", "Sci-Fi Action", 260, 4.0),
    film(26, "Solaris (Solyaris) (1972)", "Sci-Fi Drama", 40, 3.7, name="Solaris", also=("Solyaris",)),
    film(30, "Heat (1995)", "Crime Thriller", 170, 3.9, imdb_id="0113277", tmdb_id=949),
    film(31, "Pulp Fiction (1994)", "Crime Comedy Thriller", 300, 4.2, imdb_id="0110912", tmdb_id=680),
    film(32, "Fargo (1996)", "Crime Drama", 230, 4.1),
    film(33, "Usual Suspects, The (1995)", "Crime Mystery", 250, 4.2, name="The Usual Suspects"),
    film(34, "Seven (a.k.a. Se7en) (1995)", "Crime Mystery Thriller", 245, 4.0, name="Seven", also=("Se7en",)),
    film(35, "Godfather, The (1972)", "Crime Drama", 285, 4.3, name="The Godfather"),
    film(36, "Fast & Furious (2009)", "Crime Action", 35, 2.9),
    film(40, "Casablanca (1942)", "Romance Drama", 215, 4.2),
    film(41, "Sabrina (1954)", "Romance Comedy", 70, 3.8),
    film(42, "Sabrina (1995)", "Romance Comedy", 65, 3.2),
    film(43, "When Harry Met Sally... (1989)", "Romance Comedy", 160, 3.9),
    film(
        44, "Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)", "Romance Comedy", 200, 4.2,
        name="Amelie", also=("Le Fabuleux destin d'Amélie Poulain",),
    ),
    film(45, "Romeo + Juliet (1996)", "Romance Drama", 80, 3.5),
    film(46, "Before Sunrise (1995)", "Romance Drama", 95, 4.0),
    film(50, "Toy Story (1995)", "Animation Adventure Children", 280, 3.9, imdb_id="0114709", tmdb_id=862),
    film(51, "Spirited Away (Sen to Chihiro no kamikakushi) (2001)", "Animation Fantasy", 150, 4.2,
         name="Spirited Away", also=("Sen to Chihiro no kamikakushi",)),
    film(52, "Lion King, The (1994)", "Animation Children", 270, 3.9, name="The Lion King"),
    film(53, "WALL·E (2008)", "Animation Sci-Fi", 165, 4.0),
    film(54, "Persepolis (2007)", "Animation Drama", 45, 4.0),
    film(60, "Psycho (1960)", "Horror Crime", 175, 4.0),
    film(61, "Shining, The (1980)", "Horror", 185, 4.1, name="The Shining"),
    film(62, "Scream (1996)", "Horror Comedy", 140, 3.3),
    film(63, "Ring, The (2002)", "Horror Mystery", 55, 3.2, name="The Ring"),
    film(64, "Get Out (2017)", "Horror", 75, 3.8),
    # Titles that trip programs up.
    film(70, "*batteries not included (1987)", "Sci-Fi Children", 20, 3.1),
    film(
        71, "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb (1964)", "Comedy War", 195, 4.3
    ),
    film(72, "1941 (1979)", "Comedy War", 15, 2.8),
    film(73, "Babylon 5", "Sci-Fi", 5, 3.6),
    film(74, "<b>Tag & Co_</b> (1998)", "", 0, None),
)  # fmt: skip

NAMES = {film.id: film.display_title for film in FILMS}


def build(store: Store, *, published: bool = True) -> Store:
    """Fill a migrated store with the films, three viewers of the data set, and (``published``) a live model, number 1.

    Viewer 1 is for westerns, 2 for science fiction, 3 for romance.
    """
    store.save_films(FILMS)
    store.save_catalogue(
        Catalogue(
            dataset="tiny",
            fingerprint="0" * 64,
            simulated=True,
            feedback=Feedback.STARS,
            terms="Made up for tests.",
            rating_count=sum(film.rating_count for film in FILMS),
            user_count=3,
            movie_count=len(FILMS),
            loaded_at=NOW,
        )
    )
    viewers = store.dataset_users(np.array([1, 2, 3], np.int64))
    if published:
        publish(store, viewers.tolist())
    return store


def publish(store: Store, viewers: list[int], *, ndcg_at_10: float = 0.312) -> int:
    """Train nothing, publish another model of this world, and return its version."""
    version = create(store, ndcg_at_10=ndcg_at_10)
    rows = item_factors()
    store.write_item_factors(version, rows)
    store.write_similar(version, _similar(rows))
    store.write_recommendations(version, _lists(rows, viewers))
    store.publish(version, event_ids=np.array([], np.int64), now=NOW)
    return version


def create(store: Store, *, ndcg_at_10: float) -> int:
    """Note a model that has measured so, and nothing more."""
    return store.create_version(
        dataset="tiny",
        dataset_fingerprint="0" * 64,
        hyperparameters=HYPERPARAMETERS,
        metrics=METRICS | {"ndcg_at_10": ndcg_at_10},
        counts={"ratings": sum(film.rating_count for film in FILMS), "users": 3, "movies": len(FILMS)},
        now=NOW,
    )


def item_factors() -> FactorRows:
    """Both models' item side: how much of each taste a film has, a little more for those that are well known."""
    known = [film for film in FILMS if film.rating_count]
    belongs = np.array([[taste in film.genres for taste in TASTES] for film in known], np.float32)
    shared = belongs / np.maximum(np.sqrt(belongs.sum(1, keepdims=True)), 1)
    popularity = np.array([film.rating_count for film in known], np.float32)[:, None] / 300
    bias = np.array([(film.mean_stars or 3.5) - 3.5 for film in known], np.float32)
    return FactorRows(
        movie_ids=np.array([film.id for film in known], np.int32),
        preference=(shared * (0.6 + 0.4 * popularity) + 0.02 * popularity).astype(np.float32),
        rating=(0.5 * shared).astype(np.float32),
        bias=bias,
    )


REASONS = {1: (3.0, "<cult>")}
"""The data stored with a similar title: with the first of each list only."""


def _similar(rows: FactorRows) -> list[SimilarRow]:
    unit = rows.preference / np.linalg.norm(rows.preference, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -1)
    return [
        (
            int(rows.movie_ids[row]),
            position,
            int(rows.movie_ids[other]),
            float(cosine[row, other]),
            *REASONS.get(position, (None, None)),
        )
        for row in range(len(unit))
        for position, other in enumerate(np.argsort(-cosine[row], kind="stable")[:10], start=1)
    ]


def _lists(rows: FactorRows, viewers: list[int]) -> list[tuple[int, int, int, float, float]]:
    lists = []
    for viewer, taste in zip(viewers, ("Western", "Sci-Fi", "Romance"), strict=True):
        scores = rows.preference[:, TASTES.index(taste)]
        stars = np.clip(3.5 + rows.bias + rows.rating[:, TASTES.index(taste)], 0.5, 5)
        for position, row in enumerate(np.argsort(-scores, kind="stable")[:20], start=1):
            lists.append((viewer, position, int(rows.movie_ids[row]), float(scores[row]), float(stars[row])))
    return lists
