"""Pictures that the engine keeps for the bot, on both databases."""

from engine.store import Picture, Store
from tests.contract.conftest import at

PNG = bytes(range(256)) * 400


def test_before_the_first_picture_there_is_none(store: Store) -> None:
    assert store.picture("models") is None


def test_a_picture_comes_back_as_it_was_kept(store: Store) -> None:
    store.keep_picture("models", PNG, {"live": 3, "served": [True, False]}, at(0))
    assert store.picture("models") == Picture(PNG, {"live": 3, "served": [True, False]})
    assert store.picture("data") is None


def test_a_new_picture_takes_the_place_of_the_one_before(store: Store) -> None:
    store.keep_picture("models", PNG, {"live": 3}, at(0))
    store.keep_picture("data", PNG[:9], {}, at(0))
    store.keep_picture("models", b"\x89PNG", {"live": 4}, at(1))
    assert store.picture("models") == Picture(b"\x89PNG", {"live": 4})
    assert store.picture("data") == Picture(PNG[:9], {})
