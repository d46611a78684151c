"""Pictures that admins are shown: how models measured, and what the ratings are like."""

import io
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from bot.features import admin_views
from bot.settings import BotSettings
from bot.speech.language import LANGUAGES, speaking
from bot.terminal.telegram import Message
from engine.datasets import ratings_folder
from engine.domain import Feedback
from engine.pages import glance
from engine.settings import EngineSettings
from engine.store import Course, DataShown, Decade, ModelsShown, Spread, Store
from tests import world
from tests.fakes import CAPTION_LENGTH, Person, parse_html


def draws(store: Store, settings: BotSettings) -> None:
    """The engine draws, as after a training. Two of the three ratings are four stars."""
    of_engine = EngineSettings(_env_file=None, home=settings.home, dataset="tiny")
    folder = ratings_folder(of_engine.folder, "0" * 64)
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.table({"user_id": [1, 1, 2], "stars": np.array([4, 4, 1.5], np.float32)})
    parquet.write_table(table, folder / "part-0.parquet")
    glance.draw(store, of_engine, now=world.NOW)


def looks_drawn(message: Message) -> bool:
    """Whether a message has a picture on which there is something."""
    assert message.file is not None
    name, content = message.file
    with Image.open(io.BytesIO(content)) as picture:
        colours = picture.convert("RGB").getcolors(maxcolors=10**6)
        return name.endswith(".png") and picture.format == "PNG" and len(colours or ()) > 50


async def test_models_are_followed_by_a_picture_and_what_it_shows_in_words(
    admin: Person, store: Store, settings: BotSettings
):
    version = world.publish(store, [1, 2, 3], ndcg_at_10=0.345)
    store.reject(world.create(store, ndcg_at_10=0.2), "worse")
    draws(store, settings)
    await admin.says("/models")
    listed, picture = admin.messages
    assert listed.text.splitlines()[0] == "Models"
    assert looks_drawn(picture)
    assert picture.text.splitlines() == [
        "How the last 3 models measured, 1 to 3",
        "nDCG@10, more is better: model 1 0.312 · model 2, live, 0.345 · popularity 0.163",
        "RMSE in stars, less is better: model 1 0.841 · model 2, live, 0.841",
        "1 did not go live: the ring",
    ]
    store.rollback(1, world.NOW)
    await admin.says("/models")
    assert admin.sees.splitlines()[-1] == "It was drawn before model 1 went live."
    assert version == 2


async def test_stats_are_followed_by_a_picture_and_what_it_shows_in_words(
    admin: Person, store: Store, settings: BotSettings
):
    draws(store, settings)
    await admin.says("/stats")
    counted, picture = admin.messages
    assert "43 films" in counted.text
    assert looks_drawn(picture)
    assert picture.text.splitlines() == [
        "Stars given: 4 most often (67 %), 3.17 on average",
        "Half of the people gave 2 ratings or fewer, the keenest 2",
        "Most films, 15, are of the 1990s",
    ]


async def test_the_picture_of_other_data_is_not_shown(admin: Person, store: Store, settings: BotSettings):
    draws(store, settings)
    catalogue = store.catalogue()
    assert catalogue is not None
    later = catalogue.loaded_at + timedelta(minutes=1)
    store.save_catalogue(replace(catalogue, fingerprint="f" * 64, loaded_at=later))
    await admin.says("/stats")
    assert len(admin.messages) == 1


@pytest.mark.parametrize("command", ["models", "stats"])
async def test_pictures_are_for_admins(anna: Person, store: Store, settings: BotSettings, command: str):
    draws(store, settings)
    await anna.says(f"/{command}")
    assert [message.kind for message in anna.messages] == ["text"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_captions_say_all_that_a_picture_shows_and_fit(language: str):
    """Also that of twenty models with long numbers, and of play counts."""
    key = ("ndcg_at_10", "rmse_all", "rmse_warm", "roem")
    bars = (None, *[1.0] * 19)
    models = ModelsShown(
        tuple(range(10_001, 10_021)),
        tuple(number % 2 == 0 for number in range(20)),
        10_019,
        tuple(Course(one, one, (1.2345,) * 20, "popularity", bars) for one in key),
    )
    spread = Spread(1, 123_456.0, 1_000_000.0, 100_000_000.0, (1.0, 10.0), (1,))
    data = DataShown("f" * 64, Feedback.COUNTS, (), None, spread, spread, (Decade(2000, 123_456),))
    with speaking(language):
        for caption in (admin_views.models_caption(models, 9), admin_views.data_caption(data)):
            assert len(parse_html(caption)) <= CAPTION_LENGTH
            assert "{" not in caption
