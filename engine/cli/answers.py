"""Verbs that print the answers of the chat: picks for somebody, and films like one."""

import asyncio
from typing import Annotated

import typer

from engine.cli.shared import Json, Limit, answer, cli, film_facts, live_version, named, opened
from engine.domain import ItemKind, MatineeError
from engine.serving import answers
from engine.serving.advice import Line
from engine.serving.library import Library, Shelf
from engine.settings import EngineSettings
from engine.store import Store


@cli.command()
def recommend(
    dataset_user: Annotated[int | None, typer.Option(metavar="ID", help="Somebody of the data set, by its id.")] = None,
    telegram_user: Annotated[int | None, typer.Option(metavar="ID", help="Somebody of the chat.")] = None,
    site_user: Annotated[str | None, typer.Option(metavar="ID", help="Somebody of the site, by its id.")] = None,
    limit: Limit = 10,
    as_json: Json = False,
) -> None:
    """Print the best films for somebody, with the stars we expect of them.

    For people of chat and site they are what these would show now: ratings that wait for the next training count. For
    somebody of the data set it is the published list. Changes nothing.
    """
    from engine.clock import utc_now

    if sum(who is not None for who in (dataset_user, telegram_user, site_user)) != 1:
        raise typer.BadParameter("give one of --dataset-user, --telegram-user and --site-user")
    with opened() as (settings, store):
        version, fresh = live_version(store), False
        shelf = _shelf(settings, store)
        if dataset_user is not None:
            user_id = store.dataset_user(dataset_user)
            if user_id is None:
                raise MatineeError(f"the data set has no user {dataset_user}")
            published = store.recommendations(user_id, limit=limit)
            picks = [Line(shelf.film(pick.movie_id), pick.predicted_stars) for pick in published]
        else:
            taste = store.taste(_of_chat_or_site(store, telegram_user, site_user), utc_now())
            picks, fresh = answers.current_picks(store, shelf, taste, limit=limit), taste.waiting > 0
    rows = [
        {
            **film_facts(pick.film),
            "position": i,
            "predicted_stars": None if pick.predicted_stars is None else round(pick.predicted_stars, 2),
            "new_here": pick.new_here,
        }
        for i, pick in enumerate(picks, start=1)
    ]
    lines = []
    for row, pick in zip(rows, picks, strict=True):
        stars = "" if row["predicted_stars"] is None else f"{row['predicted_stars']:.1f}  "
        new = " (new here)" if pick.new_here else ""
        lines.append(f"{row['position']:3}  {stars}{named(pick.film)}{new}")
    if not rows:
        lines = ["There are no picks: whoever rated less than the model needs gets none."]
    facts = {"model_version": version, "with_waiting_ratings": fresh, "recommendations": rows}
    answer(as_json, facts, lines)


def _of_chat_or_site(store: Store, telegram_user: int | None, site_user: str | None) -> int:
    if site_user is not None:
        user_id = store.find_site_person(site_user)
        if user_id is None:
            raise MatineeError(f"the site has told us of nobody {site_user!r}")
        return user_id
    person = store.find_person(telegram_user or 0)
    if person is None:
        raise MatineeError(f"nobody with the Telegram id {telegram_user} has used the chat")
    return person.id


def _shelf(settings: EngineSettings, store: Store) -> Shelf:
    return asyncio.run(Library(store, own_names=settings.own_names).shelf())


@cli.command()
def similar(
    words: Annotated[list[str], typer.Argument(metavar="TITLE", help="A film, as you would say it: matrix 1999.")],
    limit: Limit = 10,
    as_json: Json = False,
) -> None:
    """Print the films most like one. Changes nothing."""
    title = " ".join(words)
    with opened() as (settings, store):
        version, films = live_version(store), _shelf(settings, store).films
        found = films.titles.find(title)
        if not found.hits:
            kind = ItemKind.FILM if films.catalogue is None else films.catalogue.kind
            raise MatineeError(f"no {kind} is called anything like {title!r}")
        film = found.hits[0].film
        likes = store.similar(film.id, limit=limit)
    if not found.sure and len(found.hits) > 1:
        others = "; ".join(named(hit.film) for hit in found.hits[1:4])
        typer.echo(f"Took {named(film)}. It could also be: {others}. Add the year to choose.", err=True)
    by_id = films.by_id
    rows = [
        {**film_facts(by_id[like.movie_id]), "position": like.position, "similarity": round(like.similarity, 4)}
        for like in likes
    ]
    lines = [f"Like {named(film)}:"]
    lines += [f"{row['position']:3}  {row['similarity']:.2f}  {named(by_id[row['movie_id']])}" for row in rows]
    if not rows:
        lines = [f"Model {version} knows nothing like {named(film)}."]
    answer(as_json, {"model_version": version, "film": film_facts(film), "similar": rows}, lines)
