"""What Matinee would answer: picks for somebody, and films like one."""

from typing import Annotated

import typer

from engine.cli.shared import Json, Limit, answer, cli, film_facts, live_version, named, opened
from engine.domain import ItemKind, MatineeError
from engine.serving.factors import Model
from engine.store import Recommendation, Store, Taste


@cli.command()
def recommend(
    dataset_user: Annotated[int | None, typer.Option(metavar="ID", help="Somebody of the data set, by its id.")] = None,
    telegram_user: Annotated[int | None, typer.Option(metavar="ID", help="Somebody of the chat.")] = None,
    limit: Limit = 10,
    as_json: Json = False,
) -> None:
    """Print the best films for somebody, with the stars we expect of them.

    For people of the chat it counts ratings that wait for the next training, as the chat does. Changes nothing.
    """
    from engine.clock import utc_now

    if (dataset_user is None) == (telegram_user is None):
        raise typer.BadParameter("give either --dataset-user or --telegram-user")
    with opened() as (_, store):
        version = live_version(store)
        if dataset_user is not None:
            user_id = store.dataset_user(dataset_user)
            if user_id is None:
                raise MatineeError(f"the data set has no user {dataset_user}")
            picks, fresh = store.recommendations(user_id, limit=limit), False
        else:
            person = store.find_person(telegram_user or 0)
            if person is None:
                raise MatineeError(f"nobody with the Telegram id {telegram_user} has used the chat")
            picks, fresh = _picks_for(store, version, store.taste(person.id, utc_now()), limit)
        films = {movie.id: movie for movie in store.movies()}
    rows = [
        {
            **film_facts(films[pick.movie_id]),
            "position": i,
            "predicted_stars": None if pick.predicted_stars is None else round(pick.predicted_stars, 2),
        }
        for i, pick in enumerate(picks, start=1)
    ]
    lines = []
    for row in rows:
        stars = "" if row["predicted_stars"] is None else f"{row['predicted_stars']:.1f}  "
        lines.append(f"{row['position']:3}  {stars}{named(films[row['movie_id']])}")
    if not rows:
        lines = ["There are no picks: whoever rated less than the model needs gets none."]
    facts = {"model_version": version, "with_waiting_ratings": fresh, "recommendations": rows}
    answer(as_json, facts, lines)


def _picks_for(store: Store, version: int, taste: Taste, limit: int) -> tuple[list[Recommendation], bool]:
    """Return someone's published list less what they hide; computed anew if it does not know all their ratings."""
    published = store.recommendations(taste.user_id, limit=1000)
    if published and not taste.waiting:
        return [pick for pick in published if pick.movie_id not in taste.hidden][:limit], False
    model = Model.assemble(store.item_factors(version), store.model_version(version).hyperparameters)
    profile = model.profile({rating.movie_id: rating.stars for rating in taste.ratings})
    picks = model.best(profile, limit=limit, hidden=taste.hidden)
    return [
        Recommendation(i, pick.movie_id, pick.score, pick.predicted_stars) for i, pick in enumerate(picks, start=1)
    ], True


@cli.command()
def similar(
    title: Annotated[str, typer.Argument(help="A film, as you would say it: heat, matrix 1999.")],
    limit: Limit = 10,
    as_json: Json = False,
) -> None:
    """Print the films most like one. Changes nothing."""
    from engine.serving.title_index import TitleIndex

    with opened() as (_, store):
        version = live_version(store)
        movies = store.movies()
        found = TitleIndex(movies).find(title)
        if not found.hits:
            catalogue = store.catalogue()
            kind = ItemKind.FILM if catalogue is None else catalogue.kind
            raise MatineeError(f"no {kind} is called anything like {title!r}")
        film = found.hits[0].movie
        likes = store.similar(film.id, limit=limit)
    if not found.sure and len(found.hits) > 1:
        others = "; ".join(named(hit.movie) for hit in found.hits[1:4])
        typer.echo(f"Took {named(film)}. It could also be: {others}. Add the year to choose.", err=True)
    films = {movie.id: movie for movie in movies}
    rows = [
        {**film_facts(films[like.movie_id]), "position": like.position, "similarity": round(like.similarity, 4)}
        for like in likes
    ]
    lines = [f"Like {named(film)}:"]
    lines += [f"{row['position']:3}  {row['similarity']:.2f}  {named(films[row['movie_id']])}" for row in rows]
    if not rows:
        lines = [f"Model {version} knows nothing like {named(film)}."]
    answer(as_json, {"model_version": version, "film": film_facts(film), "similar": rows}, lines)
