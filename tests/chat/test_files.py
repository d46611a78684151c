"""/import and /export."""

import asyncio
import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from bot.features import FEATURES, ratings_file
from bot.features.ratings_file import Matched
from bot.frame.application import build_application
from bot.frame.context import Services
from bot.speech import buttons
from engine.serving.library import Library
from engine.store import Dismissal, Store, StoreUnavailable, people
from tests import world
from tests.chat.conftest import ANNA
from tests.chat.reading import rates, titles
from tests.fakes import FakeTelegram, Person
from tests.unit.test_ratings_file import IMDB, LETTERBOXD, LETTERBOXD_ZIP, TRAKT_ZIP, WATCHLIST, zipped


def stars(store: Store) -> dict[str, float]:
    person = store.find_person(ANNA)
    assert person is not None
    return {world.NAMES[rating.movie_id]: rating.stars for rating in store.taste(person.id, world.NOW).ratings}


async def test_a_file_is_shown_before_anything_is_rated(anna: Person, store: Store):
    await rates(anna, the_matrix="4½", heat="1")
    await anna.sends_document("ratings.csv", LETTERBOXD.encode())
    assert anna.sees.splitlines() == [
        "Letterboxd: 6 ratings, 5 of them of films that I know.",
        "",
        "3 are new.",
        "1 changes what you gave before.",
        "1 is as you gave it.",
        "",
        "1 film that I don't know:",
        "Stalker (1979)",
    ]
    assert stars(store) == {"The Matrix": 4.5, "Heat": 1}


async def test_files_that_take_long_hold_nobody_up(
    anna: Person, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
):
    """As many files are sent at once as there are threads for the database, and another person is answered
    meanwhile."""
    done, match = threading.Event(), ratings_file.match

    def slowly(*file: Any) -> Matched:
        assert done.wait(10)
        return match(*file)

    monkeypatch.setattr(ratings_file, "match", slowly)
    people = [telegram.person(2000 + number) for number in range(40)]
    sent = [asyncio.create_task(person.sends_document("r.csv", LETTERBOXD.encode())) for person in people]
    await asyncio.sleep(0.5)
    try:
        await asyncio.wait_for(anna.says("/my"), 5)
    finally:
        done.set()
        await asyncio.gather(*sent)
    assert all("6 ratings, 5 of them" in person.sees for person in people)


async def test_one_tap_imports_and_another_takes_it_back(anna: Person, store: Store):
    await rates(anna, the_matrix="4½", heat="1")
    await anna.sends_document("ratings.csv", LETTERBOXD.encode())
    await anna.presses("Import 4")
    assert "4 ratings are in." in anna.sees
    assert "6 ratings wait" not in anna.sees
    assert stars(store)["Heat"] == 4
    assert len(stars(store)) == 5
    await anna.presses("Undo")
    assert "4 ratings of that file are taken back." in anna.sees
    assert stars(store) == {"The Matrix": 4.5, "Heat": 1}


def aside(store: Store, kind: Dismissal) -> set[str]:
    person = store.find_person(ANNA)
    assert person is not None
    return {world.NAMES[put.movie_id] for put in store.taste(person.id, world.NOW).put_aside if put.kind is kind}


async def test_letterboxds_archive_as_it_comes_and_one_undo_takes_all_of_it_back(anna: Person, store: Store):
    await anna.sends_document("letterboxd-anna.zip", LETTERBOXD_ZIP)
    assert anna.sees.splitlines() == [
        "Letterboxd: 6 ratings, 5 of them of films that I know.",
        "",
        "5 are new.",
        "1 film will be marked as seen.",
        "1 film will go on your watchlist.",
        "",
        "2 films that I don't know:",
        "Stalker (1979)",
        "Nosuch (1980)",
    ]
    assert aside(store, Dismissal.SEEN) == set()
    await anna.presses("Import 7")
    assert anna.sees.splitlines()[:2] == ["5 ratings are in.", "2 films are marked as seen or on your watchlist."]
    assert (aside(store, Dismissal.SEEN), aside(store, Dismissal.WATCHLIST)) == ({"Alien"}, {"Fargo"})
    assert len(stars(store)) == 5
    await anna.presses("Undo")
    assert anna.sees.splitlines() == [
        "5 ratings of that file are taken back.",
        "2 films of that file are no longer marked as seen or on your watchlist.",
    ]
    assert stars(store) == {}
    assert aside(store, Dismissal.SEEN) | aside(store, Dismissal.WATCHLIST) == set()
    await anna.repeats()
    assert "2 films of that file" in anna.sees
    await anna.presses("Redo")
    assert (aside(store, Dismissal.SEEN), aside(store, Dismissal.WATCHLIST)) == ({"Alien"}, {"Fargo"})
    await anna.says("/undo")
    assert stars(store) == {}
    assert aside(store, Dismissal.WATCHLIST) == set()


async def test_a_watchlist_alone_is_taken_in_and_back(anna: Person, store: Store):
    """Nothing is rated, so nothing waits for a training; /undo still knows what was last."""
    await anna.sends_document("watchlist.csv", WATCHLIST.encode())
    assert anna.sees.splitlines()[0] == "Letterboxd: 2 films, 2 of them known to me."
    await anna.presses("Import 2")
    assert anna.sees == "2 films are marked as seen or on your watchlist."
    await anna.says("/watchlist")
    assert titles(anna.sees) == ["Alien (1979)", "Fargo (1996)"]
    await anna.says("/undo")
    assert anna.sees == "2 films of that file are no longer marked as seen or on your watchlist."
    await anna.says("/watchlist")
    assert "empty" in anna.sees
    await anna.says("/undo")
    assert aside(store, Dismissal.WATCHLIST) == {"Alien", "Fargo"}


async def test_of_two_watchlists_each_is_taken_back_by_its_own_button(anna: Person, store: Store):
    head, fargo, alien = WATCHLIST.splitlines()
    shown = []
    for line in (fargo, alien):
        await anna.sends_document("watchlist.csv", f"{head}\n{line}\n".encode())
        await anna.presses("Import 1")
        shown.append(anna.message)
    await anna.presses("Undo", in_message=shown[0])
    assert aside(store, Dismissal.WATCHLIST) == {"Alien"}


async def test_what_was_put_aside_by_hand_is_no_part_of_an_import(anna: Person, store: Store):
    await anna.says("alien")
    await anna.presses("Watchlist")
    await anna.sends_document("watchlist.csv", WATCHLIST.encode())
    assert "1 more film is noted already." in anna.sees
    await anna.presses("Import 1")
    await anna.presses("Undo")
    assert aside(store, Dismissal.WATCHLIST) == {"Alien"}


async def test_trakts_archive_with_the_lines_that_are_not_used_and_why(anna: Person, store: Store):
    await anna.sends_document("trakt.zip", TRAKT_ZIP)
    assert anna.sees.splitlines() == [
        "Trakt: 2 ratings, 2 of them of films that I know.",
        "",
        "2 are new.",
        "1 film will be marked as seen.",
        "1 film will go on your watchlist.",
        "",
        "1 line names no film: ratings-movies.json 6.",
        "1 line has no stars: ratings-movies.json 4.",
        "1 line has stars that I don't know: ratings-movies.json 3.",
        "1 line is about a series, and I know films only: ratings-movies.json 5.",
    ]
    await anna.presses("Import 4")
    assert stars(store) == {"The Matrix": 4.5, "Heat": 3.5}


async def test_an_import_keeps_the_dates_of_its_file_also_when_it_is_done_again(anna: Person):
    await rates(anna, psycho="4")
    await anna.sends_document("ratings.csv", LETTERBOXD.encode())
    await anna.presses("Import 5")
    dated = ["Psycho", "True Grit", "Heat", "Amelie", "The Good, the Bad and the Ugly", "The Matrix"]
    await anna.says("/my")
    assert [title.rpartition(" (")[0] for title in titles(anna.sees)] == dated
    assert "5 Jan 2024" in anna.sees
    shown = anna.sees
    await anna.says("/undo")
    await anna.says("/undo")
    await anna.says("/my")
    assert anna.sees == shown


async def test_a_rating_changed_after_an_import_comes_back_with_the_date_of_the_file(anna: Person):
    await anna.sends_document("ratings.csv", LETTERBOXD.encode())
    await anna.presses("Import 5")
    await rates(anna, heat="1")
    await anna.says("/undo")
    await anna.says("/my")
    assert "9 Jan 2024" in anna.sees


async def test_dates_of_tomorrow_are_today(anna: Person):
    await anna.sends_document("ratings.csv", b"Name,Year,Rating,Date\nHeat,1995,4,2199-01-01\n")
    await anna.presses("Import 1")
    await anna.says("/my")
    assert "1 Mar 2026" in anna.sees


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("me.png", b"\x89PNG\r\n\x1a\n\0", "it is a picture"),
        ("ratings.xlsx", zipped({"xl/workbook.xml": ""}), "it is an Excel workbook: save it as CSV"),
        ("cv.pdf", b"%PDF-1.7", "it is a PDF"),
        ("letterboxd.zip", LETTERBOXD_ZIP[:300], "it is an archive that is broken"),
    ],
)
async def test_a_file_of_another_kind_is_named_for_what_it_is(anna: Person, name: str, content: bytes, what: str):
    await anna.sends_document(name, content)
    assert f"I can't read ratings from that file: {what}" in anna.sees


async def test_imdb_files_too(anna: Person, store: Store):
    await anna.sends_document("export.csv", IMDB.encode())
    assert "IMDb: 4 ratings, 3 of them" in anna.sees
    await anna.presses("Import 3")
    assert stars(store) == {"The Matrix": 4.5, "Heat": 3.5, "Casablanca": 0.5}
    await anna.presses("My picks")
    assert not {"The Matrix (1999)", "Heat (1995)", "Casablanca (1942)"} & set(titles(anna.sees))


async def test_an_import_delivered_twice_is_one_and_keeps_its_undo(anna: Person, store: Store):
    await anna.sends_document("export.csv", IMDB.encode())
    await anna.presses("Import 3")
    await anna.repeats()
    assert anna.sees == "No file is waiting to be imported. Send it again if it should be."
    await anna.presses("Undo")
    assert stars(store) == {}


@pytest.fixture
def goes_down(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have the database go away after the next two ratings of a file, and come back."""

    def goes_down() -> None:
        write, begun = Store.write_chunk, count(1)

        def write_chunk(store: Store) -> Any:
            if next(begun) == 2:
                raise StoreUnavailable("the database is locked by another program")
            return write(store)

        monkeypatch.setattr(people, "CHUNK_ACTS", 2)
        monkeypatch.setattr(Store, "write_chunk", write_chunk)

    return goes_down


@pytest.mark.parametrize("again", [True, False], ids=["at the tap", "at first"])
async def test_a_file_that_telegram_does_not_hand_over_is_said_to_be_not_in(
    anna: Person, telegram: FakeTelegram, store: Store, again: bool
):
    """The bot says that nothing was saved; pressing again or sending the file again is enough."""
    if again:
        await anna.sends_document("ratings.csv", LETTERBOXD.encode())
    telegram.times_out("getFile")
    await (anna.presses("Import") if again else anna.sends_document("ratings.csv", LETTERBOXD.encode()))
    assert "nothing of it is in" in anna.sees
    assert stars(store) == {}
    if not again:
        await anna.sends_document("ratings.csv", LETTERBOXD.encode())
    await anna.presses("Import")
    assert stars(store)


async def test_an_import_that_was_cut_short_goes_on_and_is_taken_back_as_a_whole(
    anna: Person, store: Store, goes_down: Callable[[], None]
):
    await rates(anna, the_matrix="4½", heat="1")
    await anna.sends_document("ratings.csv", LETTERBOXD.encode())
    preview = anna.message
    goes_down()
    await anna.presses("Import 4")
    assert "only a part of your file may be in" in anna.sees
    assert len(stars(store)) in (3, 4)
    await anna.presses("Import 4", in_message=preview)
    assert "4 ratings are in." in anna.sees
    assert len(stars(store)) == 5
    await anna.presses("Undo")
    assert "4 ratings of that file are taken back." in anna.sees
    assert stars(store) == {"The Matrix": 4.5, "Heat": 1}


async def test_what_was_rated_between_two_attempts_is_not_taken_back(
    anna: Person, store: Store, goes_down: Callable[[], None]
):
    await anna.sends_document("ratings.csv", LETTERBOXD.encode())
    preview = anna.message
    goes_down()
    await anna.presses("Import 5")
    await rates(anna, psycho="3")
    await anna.presses("Import 5", in_message=preview)
    await anna.presses("Undo")
    assert stars(store)["Psycho"] == 3


async def test_undo_after_an_import_takes_all_of_it_back_and_then_undoes_that(anna: Person, store: Store):
    await rates(anna, the_matrix="4½", heat="1")
    await anna.says("/my")
    before = anna.sees
    await anna.sends_document("ratings.csv", LETTERBOXD.encode())
    await anna.presses("Import 4")
    after = stars(store)
    await anna.says("/undo")
    assert "4 ratings of that file are taken back." in anna.sees
    assert stars(store) == {"The Matrix": 4.5, "Heat": 1}
    await anna.says("/my")
    assert anna.sees == before
    await anna.says("/undo")
    assert "4 ratings are in." in anna.sees
    assert stars(store) == after
    await anna.presses("Undo")
    await anna.presses("Redo")
    assert stars(store) == after


async def test_an_import_that_was_undone_waits_for_no_training(anna: Person, admin: Person, store: Store):
    await rates(anna, fargo="4")
    await anna.sends_document("ratings.csv", LETTERBOXD.encode())
    await anna.presses("Import")
    assert store.waiting_ratings() > 2
    await anna.presses("Undo")
    await admin.says("/status")
    assert "1 rating waits for the next training." in admin.sees


async def test_undo_after_an_import_and_a_rating_is_of_the_rating(anna: Person, store: Store):
    await anna.sends_document("export.csv", IMDB.encode())
    await anna.presses("Import 3")
    imported = anna.message
    await rates(anna, alien="2")
    await anna.says("/undo")
    assert "Taken back: Alien has no rating from you." in anna.sees
    assert len(stars(store)) == 3
    await anna.presses("Undo", in_message=imported)
    assert stars(store) == {}


async def test_what_was_rated_since_the_import_stays(anna: Person, store: Store):
    await anna.sends_document("export.csv", IMDB.encode())
    await anna.presses("Import 3")
    imported = anna.message
    await rates(anna, heat="5")
    await anna.presses("Undo", in_message=imported)
    assert "2 ratings of that file are taken back." in anna.sees
    assert stars(store) == {"Heat": 5}


async def test_an_undo_delivered_twice_is_one(anna: Person, store: Store):
    await anna.sends_document("export.csv", IMDB.encode())
    await anna.presses("Import 3")
    await anna.presses("Undo")
    screen = anna.screen
    await anna.repeats()
    assert anna.screen == screen
    await anna.presses("Redo")
    await anna.repeats()
    assert len(stars(store)) == 3


async def test_an_import_of_which_every_film_was_rated_since_cannot_be_undone(anna: Person, store: Store):
    await anna.sends_document("ratings.csv", b"Name,Year,Rating\nHeat,1995,4\n")
    await anna.presses("Import 1")
    imported = anna.message
    await rates(anna, heat="5")
    await anna.presses("Undo", in_message=imported)
    assert "That can't be undone any more" in anna.sees
    assert stars(store) == {"Heat": 5}


async def test_the_list_of_ratings_undoes_an_import_as_a_whole_also_after_a_restart(
    anna: Person, services: Services, telegram: FakeTelegram, store: Store
):
    await anna.sends_document("export.csv", IMDB.encode())
    await anna.presses("Import 3")
    again = Services(services.settings, services.store, Library(services.store), services.clock)
    async with telegram.runs(build_application(again, FEATURES, request=telegram)):
        await anna.says("/my")
        await anna.presses("Undo the last")
        assert "3 ratings of that file are taken back." in anna.sees
    assert stars(store) == {}


async def test_an_import_can_be_left(anna: Person, store: Store):
    await anna.sends_document("export.csv", IMDB.encode())
    await anna.presses("Leave it")
    assert anna.sees == "Nothing was imported."
    await anna.forges(buttons.pack(buttons.ImportFile(ANNA)))
    assert stars(store) == {}


async def test_a_file_with_nothing_new_says_so(anna: Person):
    await rates(anna, heat="4")
    await anna.sends_document("r.csv", b"Name,Year,Rating\nHeat,1995,4\nNoSuch,2000,3\n,,4\nAlien,1979,9\n")
    assert "There is nothing to import." in anna.sees
    assert "1 line names no film: 4." in anna.sees
    assert "1 line has stars that I don't know: 5." in anna.sees


async def test_files_that_are_none_of_ratings_get_a_reason(anna: Person):
    for content in (b"", b"a,b\n1,2\n", b"\0", b"x" * 2_000_001):
        await anna.sends_document("ratings.csv", content)
        assert "I can't read ratings from that file" in anna.sees
    await anna.says("/import")
    assert "Letterboxd" in anna.sees
    assert "IMDb" in anna.sees


async def test_export_sends_the_ratings_and_everything(anna: Person, telegram: FakeTelegram):
    await rates(anna, heat="4", the_matrix="4½")
    await rates(anna, heat="2")
    await anna.says("alien")
    await anna.presses("Not for me")
    await anna.says("/export")
    ratings, everything = (sent(message) for message in anna.messages[-2:])
    assert sorted(ratings.splitlines()[1:]) == [
        "tt0113277,949,Heat,1995,2.0,2026-03-01",
        "tt0133093,603,The Matrix,1999,4.5,2026-03-01",
    ]
    assert [line.split(",")[1:5] for line in everything.splitlines()[1:]] == [
        ["rated", "Heat", "1995", "4.0"],
        ["rated", "The Matrix", "1999", "4.5"],
        ["changed", "Heat", "1995", "2.0"],
        ["not_for_me", "Alien", "1979", ""],
    ]


def sent(message) -> str:
    assert message.file is not None
    return message.file[1].decode("utf-8-sig")


async def test_what_was_exported_can_be_imported_by_somebody_else(anna: Person, telegram: FakeTelegram):
    await rates(anna, heat="4", the_matrix="4½")
    await anna.says("/export")
    boris = telegram.person(1002, "Boris")
    await boris.sends_document("matinee-ratings.csv", sent(anna.messages[-2]).encode())
    assert "Matinee: 2 ratings, 2 of them of films that I know." in boris.sees


async def test_with_nothing_to_export_that_is_said(anna: Person):
    await anna.says("/export")
    assert "There is nothing to export yet" in anna.sees
