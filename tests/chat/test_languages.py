"""People are spoken to in their own language, from the first word to the last button."""

from datetime import timedelta

import pytest

from bot.features import account_views
from bot.frame import errors
from bot.frame.context import App, Services
from engine.domain import RunKind
from engine.store import Store, StoreUnavailable
from tests import world
from tests.chat.conftest import ADMIN, ANNA, SettableClock
from tests.chat.reading import answers, titles
from tests.fakes import FakeTelegram, Person


@pytest.fixture
def lena(application: App, telegram: FakeTelegram) -> Person:
    return telegram.person(2001, "Lena", language="de")


@pytest.fixture
def pilar(application: App, telegram: FakeTelegram) -> Person:
    return telegram.person(2002, "Pilar", language="es-MX")


async def test_german_from_hello_to_the_first_picks(lena: Person):
    await lena.says("/start")
    assert lena.sees.startswith("Hallo! Ich finde Filme für dich.")
    assert "Das Publikum hinter meinen Tipps ist hier simuliert" in lena.sees
    assert "1 von 5" in lena.sees
    assert lena.buttons[-1] == "Kenne ich nicht"
    await lena.presses("Kenne ich nicht")
    assert "nicht gesehen. Ich frage so bald nicht wieder." in lena.sees
    await lena.presses("Rückgängig")
    await answers(lena, "4", "5", "2", "3½", "4½")
    assert len(lena.messages) == 1
    assert "Zehn für dich · ein erster Versuch, aus 5 Bewertungen" in lena.sees
    assert len(titles(lena.sees)) == 10
    assert {"Nächste zehn", "Genres", "Warum diese?"} <= set(lena.buttons)
    await lena.presses("Warum diese?")
    assert "Ich vergleiche, was du mochtest" in lena.sees
    await lena.presses("Zurück zu den Tipps")
    await lena.presses("Genres")
    await lena.presses("Krimi")
    assert "· Krimi ·" in lena.sees


async def test_a_german_rates_changes_their_mind_and_takes_it_back(lena: Person, store: Store):
    await lena.says("the matrix")
    assert lena.sees.startswith("The Matrix (1999) · Action, Science-Fiction, Thriller")
    assert "Noch ohne Bewertung" in lena.sees
    await lena.presses("4½")
    assert lena.sees == "The Matrix, 4½. Deine Tipps wissen es schon."
    await lena.says("heat")
    await lena.presses("3")
    assert lena.sees == "Heat, 3. Deine Tipps wissen es schon."
    await lena.presses("Rückgängig")
    assert lena.sees == "Zurückgenommen: Heat hat von dir keine Bewertung."
    await lena.presses("Wiederholen")
    assert lena.sees == "Heat hat von dir wieder 3."
    await lena.presses("Film öffnen")
    await lena.presses("Meine Bewertung entfernen")
    await lena.says("/my")
    assert "Deine Bewertungen, neueste zuerst: 1 Film" in lena.sees
    assert titles(lena.sees) == ["The Matrix (1999)"]
    assert store.people_counts()["ratings"] == 1


async def test_spanish_by_its_own_labels(pilar: Person):
    await pilar.says("/start")
    assert pilar.sees.startswith("¡Hola! Busco películas para ti.")
    await answers(pilar, "4", "5", "2", "3½", "4½")
    assert "Diez para ti · un primer intento, con 5 puntuaciones" in pilar.sees
    await pilar.says("alien")
    assert "todos: " in pilar.sees
    await pilar.presses("Pendientes")
    assert "Alien está en tus pendientes." in pilar.sees
    await pilar.says("/watchlist")
    assert "Tus pendientes: 1 película" in pilar.sees
    await pilar.says("/top western")
    assert "· Western ·" in pilar.sees
    await pilar.says("/forget")
    await pilar.presses("Borrar todo")
    assert pilar.sees.startswith("Hecho.")


async def test_genres_and_years_are_understood_in_german(lena: Person):
    await lena.says("/top Krimi ohne Drama 90er")
    assert "Krimi, ohne Drama, 1990–1999" in lena.sees
    await lena.says("/top Heimatfilm 90er")
    assert lena.sees.startswith("Nach „Heimatfilm“ kann ich nicht filtern.")
    assert "Was den meisten gefällt · 1990–1999\n" in lena.sees


async def test_who_speaks_what_we_do_not_is_spoken_to_in_english(telegram: FakeTelegram, application: App):
    marie = telegram.person(2003, "Marie", language="fr")
    await marie.says("/start")
    assert marie.sees.startswith("Hello!")


async def test_two_people_at_once_each_hear_their_own(lena: Person, pilar: Person, anna: Person):
    for _ in range(2):
        for person, word in ((lena, "Noch ohne Bewertung"), (pilar, "Sin tu puntuación"), (anna, "You: not rated")):
            await person.says("heat")
            assert word in person.sees


async def test_a_language_that_was_chosen_stays_whatever_telegram_says(
    anna: Person, telegram: FakeTelegram, store: Store
):
    await anna.says("/settings")
    await anna.presses("Deutsch")
    assert "Ich spreche Deutsch mit dir." in anna.sees
    await anna.says("/help")
    assert "/top: Zehn Tipps" in anna.sees
    offered = telegram.called("setMyCommands")[-1]
    assert offered["scope"] == {"type": "chat", "chat_id": ANNA}
    assert ("help", "Was ich kann") in {(each["command"], each["description"]) for each in offered["commands"]}
    await anna.says("/settings")
    await anna.presses("Wie in Telegram")
    assert "I speak English with you." in anna.sees


async def test_what_goes_wrong_is_said_in_their_language(lena: Person, services: Services, monkeypatch):
    await lena.says("/start")

    def down(*_: object) -> None:
        raise StoreUnavailable("no")

    monkeypatch.setattr(type(services.store), "taste", down)
    await lena.says("/my")
    assert lena.sees.startswith("Ich erreiche meine Datenbank nicht")
    assert errors.DATABASE_DOWN.startswith("I can't")


async def test_old_and_foreign_buttons_are_answered_in_their_language(
    lena: Person, anna: Person, telegram: FakeTelegram
):
    await anna.says("/top")
    await lena.says("/top")
    await lena.forges("zz:1")
    assert telegram.answers[-1].text.startswith("Dieser Knopf gehört zu einer alten Nachricht")
    await lena.forges(f"n:{ANNA}")
    assert telegram.answers[-1].text.startswith("Diese Liste gehört jemand anderem.")
    await lena.says("/retrain")
    assert lena.sees.startswith("/retrain ist nur für meine Admins.")


async def test_refusals_too_are_in_the_language_that_was_chosen(lena: Person, telegram: FakeTelegram):
    await lena.says("/settings")
    await lena.presses("Español")
    await lena.forges("zz:1")
    assert telegram.answers[-1].text.startswith("Este botón es de un mensaje antiguo")
    await lena.says("/retrain")
    assert lena.sees.startswith("/retrain es solo para quienes me administran.")


async def test_the_way_to_the_private_chat_is_shown_in_the_language_that_was_chosen(
    lena: Person, telegram: FakeTelegram
):
    await lena.says("/settings")
    await lena.presses("Español")
    there = lena.at(telegram.group())
    await there.says("/my")
    assert there.buttons == ["Abrir nuestro chat privado"]


async def test_files_that_cannot_be_read_are_refused_in_their_language(lena: Person):
    await lena.sends_document("x.csv", b"a,b\n1,2\n")
    assert "nötig sind die Spalten Name, Year und Rating (Letterboxd)" in lena.sees


async def test_inline_cards_are_in_the_language_of_who_shares_them(lena: Person):
    (card, *_) = await lena.asks_inline("the matrix")
    assert card["title"] == "The Matrix (1999)"
    assert "Science-Fiction" in card["description"]
    assert "alle: " in card["input_message_content"]["message_text"]


async def test_progress_is_followed_in_the_language_of_each_admin(
    admin: Person, telegram: FakeTelegram, store: Store, clock: SettableClock
):
    await admin.says("/settings")
    await admin.presses("Deutsch")
    await admin.says("/retrain")
    assert admin.sees == "Training · wartet, bis es an der Reihe ist"
    assert admin.buttons == ["Abbrechen"]
    clock.advance(seconds=30)
    await telegram.run_jobs("follow_runs")
    assert "wartet auf die Engine" in admin.sees
    run = store.open_run()
    assert run is not None
    assert run.kind is RunKind.TRAIN
    await admin.presses("Abbrechen")
    await admin.presses("Ja, abbrechen")
    clock.advance(seconds=30)
    await telegram.run_jobs("follow_runs")
    assert clock() - world.NOW == timedelta(minutes=1)
    assert "von Ada abgebrochen" in admin.sees


async def test_progress_in_a_group_is_followed_in_the_language_of_who_asked(
    admin: Person, telegram: FakeTelegram, clock: SettableClock
):
    await admin.says("/settings")
    await admin.presses("Deutsch")
    there = admin.at(telegram.group())
    await there.says("/retrain")
    clock.advance(seconds=30)
    await telegram.run_jobs("follow_runs")
    assert "wartet auf die Engine" in there.sees
    assert there.buttons == ["Abbrechen"]


async def test_commands_are_offered_in_every_language(telegram: FakeTelegram, application: App):
    await telegram.run_jobs("announce_commands")
    calls = telegram.called("setMyCommands")
    for scope in (None, "all_group_chats"):
        offered = {
            call.get("language_code"): {each["command"]: each["description"] for each in call["commands"]}
            for call in calls
            if call.get("scope", {"type": None})["type"] == scope
        }
        assert offered.keys() == {None, "de", "es"}
        assert offered[None]["help"] == "Everything I can do"
        assert offered["de"]["help"] == "Was ich kann"
        assert offered["es"]["help"] == "Lo que sé hacer"
        if scope is None:
            assert all(list(each) == [name for name, _ in account_views.COMMANDS] for each in offered.values())
    assert [call["scope"]["chat_id"] for call in calls if call.get("scope", {}).get("type") == "chat"] == [ADMIN]
