"""One person's picks are the same by chat, by API (known or anonymous) and by ``python -m engine recommend``."""

import asyncio
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from api.context import Services
from bot.features import FEATURES
from bot.frame.application import build_application
from bot.frame.context import Services as BotServices
from bot.settings import BotSettings
from engine.cli import cli
from engine.domain import STARS
from engine.serving.library import Library
from engine.store import Scope, Store
from tests import world
from tests.api.conftest import Site, new_key, served
from tests.chat.reading import titles
from tests.clockwork import SettableClock
from tests.conftest import BACKENDS
from tests.fakes import TOKEN, FakeTelegram

TASTES = 15
"""Made-up people for each database, some of whom have rated nothing."""

SHOWN = {film.id: f"{film.display_title} ({film.year})" if film.year else film.display_title for film in world.FILMS}


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Both databases again, where the other tests of the API run on SQLite alone."""
    return str(request.param)


@pytest.fixture
def site(services: Services) -> Iterator[Site]:
    with served(services) as address:
        yield Site(address, new_key(services, Scope.WRITE))


def recommend(url: str, *arguments: str) -> list[str]:
    run = CliRunner().invoke(cli, ["recommend", *arguments, "--json"], env={"MATINEE_DATABASE_URL": url})
    assert run.exit_code == 0, run.output
    return [SHOWN[row["movie_id"]] for row in json.loads(run.stdout)["recommendations"]]


def tastes(seed: int) -> Iterator[dict[int, float]]:
    """Yield people's ratings: from none to a dozen, of any stars."""
    chance = random.Random(seed)
    for _ in range(TASTES):
        films = chance.sample([film.id for film in world.FILMS], chance.choice([0, 1, 2, 5, 12]))
        yield {film: chance.choice(STARS) for film in films}


@pytest.mark.parametrize("trained_on_them", [False, True], ids=["ratings wait", "a published list"])
async def test_everybody_who_asks_gets_the_same_list(
    site: Site, full: Store, database_url: str, clock: SettableClock, tmp_path: Path, trained_on_them: bool
) -> None:
    bot_settings = BotSettings(_env_file=None, home=tmp_path, dataset="tiny", telegram_token=SecretStr(TOKEN))
    people = []
    for number, taste in zip(itertools.count(1), tastes(seed=12), strict=False):
        chat_id, site_id = 5_000_000_000 + number, f"customer-{number}"
        in_chat = full.person(chat_id, "en", clock()).id
        for film, stars in taste.items():
            full.rate(in_chat, film, stars, clock())
            site.rate(site_id, film, stars=stars)
        people.append((chat_id, site_id, taste))
    if trained_on_them:
        # The order of these lists differs from that of a fresh fold-in, so that a front end that does not read them
        # fails.
        queue = full.read_queue()
        version = world.create(full, ndcg_at_10=0.32)
        rows = world.item_factors()
        full.write_item_factors(version, rows)
        for chat_id, site_id, taste in people:
            films = [int(film) for film in rows.movie_ids[::-1] if film not in taste][:20]
            for user in (full.person(chat_id, "en", clock()).id, full.find_site_person(site_id)):
                if user is not None and taste:
                    full.write_recommendations(
                        version, [(user, at, film, 2 - at / 20, 4.0) for at, film in enumerate(films, start=1)]
                    )
        full.publish(version, event_ids=queue.event_ids.astype(np.int64), now=clock())

    def by_api(site_id: str) -> list[str]:
        return [SHOWN[film["id"]] for film in site.get(f"/v1/people/{site_id}/picks")["films"]]

    telegram = FakeTelegram()
    bot = BotServices(settings=bot_settings, store=full, library=Library(full), clock=clock)
    async with telegram.runs(build_application(bot, FEATURES, request=telegram)):
        for chat_id, site_id, taste in people:
            anna = telegram.person(chat_id, "Anna")
            await anna.says("/top")
            by_chat = titles(anna.sees)
            assert len(by_chat) == 10
            assert await asyncio.to_thread(by_api, site_id) == by_chat, taste
            if not trained_on_them:  # anonymous people have no published list
                sent = {"ratings": [{"film": film, "stars": stars} for film, stars in taste.items()]}
                anonymous = await asyncio.to_thread(site.ask, "POST", "/v1/picks", json=sent)
                assert [SHOWN[film["id"]] for film in anonymous["films"]] == by_chat, taste

    def by_command() -> None:  # which has an event loop of its own
        for chat_id, site_id, taste in people[::4]:
            listed = recommend(database_url, "--telegram-user", str(chat_id))
            assert listed == by_api(site_id), taste
            assert not taste or recommend(database_url, "--site-user", site_id) == listed, taste

    await asyncio.to_thread(by_command)
