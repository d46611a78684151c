"""Pictures for the chat: the newest of each kind is kept, with the facts that it shows."""

from dataclasses import replace

import sqlalchemy as sa

from engine.domain import Feedback
from engine.store import Course, DataShown, Decade, ModelsShown, Picture, Spread, StarsGiven, Store
from engine.store.pictures import pictures
from tests.contract.conftest import at

PNG = b"\x89PNG\r\n\x1a\n\x00"
COURSE = Course("ndcg_at_10", "nDCG at 10", (None, 0.31), "popularity", (0.16, None))
MODELS = ModelsShown((2, 3), (True, False), 2, (COURSE,))
DATA = DataShown(
    "f" * 64,
    Feedback.STARS,
    (StarsGiven(4.5, 3, 1.0),),
    4.5,
    Spread(1, 2, 2.5, 9, (1.0, 10.0), (4,)),
    None,
    (Decade(1990, 7),),
)


def test_there_is_none_before_the_first_training(store: Store) -> None:
    assert store.picture(ModelsShown) is None


def test_a_picture_comes_back_with_its_facts(store: Store) -> None:
    store.keep_picture(PNG, MODELS, at(0))
    assert store.picture(ModelsShown) == Picture(PNG, MODELS)
    assert store.picture(DataShown) is None


def test_a_new_picture_takes_the_place_of_the_one_of_its_kind(store: Store) -> None:
    store.keep_picture(PNG, MODELS, at(0))
    store.keep_picture(PNG[:9], DATA, at(0))
    store.keep_picture(b"\x89PNG", replace(MODELS, live=3), at(1))
    assert store.picture(ModelsShown) == Picture(b"\x89PNG", replace(MODELS, live=3))
    assert store.picture(DataShown) == Picture(PNG[:9], DATA)


def test_facts_that_another_release_wrote_are_no_picture(store: Store) -> None:
    store.keep_picture(PNG, DATA, at(0))
    with store.write() as connection:
        connection.execute(sa.update(pictures).values(facts={"stars": "many"}))
    assert store.picture(DataShown) is None
