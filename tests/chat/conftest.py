"""The world that chat tests talk to: a fake Telegram, the real Application, a database of forty films."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.features import FEATURES
from bot.frame.application import build_application
from bot.frame.context import App, Services
from bot.settings import BotSettings
from engine.serving.library import Library
from engine.store import Store
from engine.store.migrate import migrate
from tests import world
from tests.clockwork import SettableClock
from tests.fakes import TOKEN, FakeTelegram, Person

ANNA, ADMIN = 1001, 5_000_000_001  # the second is above 2**31, as Telegram's ids are


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(world.NOW)


@pytest.fixture(scope="session")
def filled_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of the tiny world; tests work on copies."""
    path = tmp_path_factory.mktemp("world") / "matinee.db"
    store = Store(f"sqlite:///{path}")
    migrate(store)
    world.build(store)
    store.close()
    return path


@pytest.fixture
def settings(tmp_path: Path) -> BotSettings:
    return BotSettings(
        _env_file=None,
        home=tmp_path / "home",
        dataset="tiny",
        database_url=None,  # regardless of the environment
        telegram_token=SecretStr(TOKEN),
        admins=frozenset({ADMIN}),
    )


@pytest.fixture
def store(settings: BotSettings, filled_database: Path) -> Iterator[Store]:
    settings.folder.mkdir(parents=True)
    shutil.copy(filled_database, settings.folder / "matinee.db")
    store = Store(settings.url)
    yield store
    store.close()


@pytest.fixture
def services(settings: BotSettings, store: Store, clock: SettableClock) -> Services:
    return Services(settings=settings, store=store, library=Library(store, own_names=settings.own_names), clock=clock)


@pytest.fixture
def telegram() -> FakeTelegram:
    return FakeTelegram()


@pytest.fixture
async def application(services: Services, telegram: FakeTelegram) -> AsyncIterator[App]:
    """The bot with all its features. Its jobs run when a test says ``await telegram.run_jobs()``."""
    async with telegram.runs(build_application(services, FEATURES, request=telegram)) as application:
        yield application


@pytest.fixture
def anna(application: App, telegram: FakeTelegram) -> Person:
    return telegram.person(ANNA, "Anna")


@pytest.fixture
def admin(application: App, telegram: FakeTelegram) -> Person:
    return telegram.person(ADMIN, "Ada")
