"""Texts of the chat: numbers, and texts that Telegram accepts for any content."""

import html
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.features import admin_views, card_views, lookup_views, mine_views, picks_views, rating_views
from bot.features.memory import Listing
from bot.features.mine_views import Entry
from bot.features.picks_views import PicksPage
from bot.speech import language, views, words
from bot.speech.buttons import Place, Undo
from bot.speech.views import View
from bot.speech.words import plain
from engine.domain import STARS, Film, RunKind, RunState
from engine.serving.advice import PAGE, Card, Line
from engine.serving.likeness import Likeness
from engine.serving.wish import Wish
from engine.store import Dismissal, Run
from tests.fakes import parse_html

NOW = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
OWNER = 2**52

few = settings(max_examples=30, deadline=None)

languages = st.sampled_from(sorted(language.LANGUAGES))


@pytest.fixture(autouse=True)
def speak_english() -> Iterator[None]:
    """Every test begins in English."""
    with language.speaking("en"):
        yield


texts = st.text(min_size=1, max_size=2_000) | st.sampled_from(
    ["<b>&</b>" * 200, "{title}", "& < >", "*_`[", "\n\n", "%s"]
)
films = st.builds(
    Film,
    st.integers(1, 2**31 - 1),
    texts,
    texts,
    st.lists(texts, max_size=3).map(tuple),
    st.none() | st.integers(1870, 2100),
    st.lists(st.text(min_size=1, max_size=30), max_size=5).map(tuple),
    st.none() | st.text(max_size=10),
    st.none(),
    st.integers(0, 10**7),
    st.none() | st.floats(0.5, 5),
)
pages = st.lists(
    st.builds(Line, films, st.none() | st.floats(0.5, 5), st.lists(films, max_size=3).map(tuple)),
    min_size=PAGE,
    max_size=PAGE,
)


def check(view: View) -> str:
    """Return what people read, if Telegram takes it."""
    text = parse_html(view.text)
    assert 1 <= len(text.encode("utf-16-le")) // 2 <= 4096
    for row in view.keyboard.inline_keyboard if view.keyboard else ():
        assert 1 <= len(row) <= 8
        for button in row:
            assert button.text.strip()
            assert button.url or 1 <= len(str(button.callback_data).encode()) <= 64
    return text


@few
@given(pages, st.integers(1, 30), st.booleans(), languages)
def test_picks_fit_one_message_whatever_the_titles(lines: list[Line], page: int, trained: bool, code: str):
    language.use(code)
    wish = Wish(("Comedy", "War", "Drama"), ("Horror",), 1990, 1999)
    check(
        picks_views.picks_page(
            OWNER, PicksPage(Listing(10**6, wish), page, lines, 7, trained), notice=words.say("Hello.")
        )
    )
    check(picks_views.why_these(OWNER, PicksPage(Listing(10**6, wish), page, lines, 7, trained)))


@few
@given(
    films,
    st.none() | st.sampled_from(STARS),
    st.sets(st.sampled_from(Dismissal)),
    st.lists(films, max_size=2),
    languages,
)
def test_cards_fit_one_message(film: Film, own: float | None, aside: set[Dismissal], because: list[Film], code: str):
    language.use(code)
    card = Card(film, own, frozenset(aside), 4.2, tuple(because))
    check(
        card_views.film_card(
            OWNER, card, Place("similar", 2**31 - 1, 999), notice=card_views.put_aside(film, Dismissal.SEEN, 9)
        )
    )
    check(rating_views.question(OWNER, film, 3, notice=rating_views.rated(film, 4.5, 1, trained=True)))
    check(rating_views.act(OWNER, film, rating_views.undone(film, own), event_id=2**62, place=Place("mine", 0, 999)))


@few
@given(st.lists(films, min_size=8, max_size=20), texts, languages)
def test_lists_of_films_fit_one_message(films: list[Film], text: str, code: str):
    language.use(code)
    check(lookup_views.choices(OWNER, text, films[:8], 100))
    check(lookup_views.similar(OWNER, films[0], films[1:], 1, published=True))
    wished = Listing(10**6, Wish(("Comedy",), since=1999), like=1)
    check(lookup_views.similar_and_wished(OWNER, films[0], films[1:11], wished, 999, further=True))
    check(lookup_views.similar_and_wished(OWNER, films[0], [], wished, 1, further=False))
    shared = [Likeness(film, True, True, tag="<&" * 32, genres=film.genres) for film in films[1:11]]
    check(lookup_views.why_similar(OWNER, films[0], shared, 999))
    entries = [Entry(film, NOW, stars=4.5) for film in films] * 2
    for order in mine_views.Order:
        check(mine_views.my_ratings(OWNER, entries, order, 1, aside=3, undo=Undo(OWNER, 2**62)))
    check(mine_views.found(OWNER, text, entries))
    check(mine_views.watchlist(OWNER, entries, 2))
    check(lookup_views.no_hit(OWNER, text))
    check(views.unknown_command(f"/{text}"))
    check(View.of(views.unheeded([text] * 30, ["Comedy"]) or plain("")))


@few
@given(st.sampled_from(RunState), texts, st.floats(0, 1), st.sampled_from(RunKind), languages)
def test_runs_fit_one_message(state: RunState, error: str, fraction: float, kind: RunKind, code: str):
    language.use(code)
    run = Run(
        id=1, kind=kind, asked_by="cli", options={}, state=state, stage=None, fraction=fraction, detail=error,
        asked_at=NOW, started_at=NOW, heartbeat_at=NOW, finished_at=NOW, cancel_asked=False,
        cancelled_by=None, error=error, model_version=12,
        metrics={"ndcg_at_10": None, "rmse_all": 0.8412, "before": None},
    )  # fmt: skip
    later = NOW + timedelta(seconds=41)
    check(admin_views.progress(run, later, served=11, before=11))
    check(admin_views.progress(run, later, served=11, cancelled_by=error))
    check(admin_views.ask_cancel(run, later))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "½"), (1.0, "1"), (1.5, "1½"), (4.5, "4½"), (5.0, "5"), (4.24, "4"), (4.25, "4½"), (0.1, "½"), (7.0, "5")],
)
def test_stars_are_written_in_halves(value: float, text: str):
    assert words.stars(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (41, "0:41"), (92, "1:32"), (3_725, "1:02:05"), (-3, "0:00")]
)
def test_durations_are_minutes_and_seconds(seconds: int, text: str):
    assert words.duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0, "░░░░░░░░░░░░ 0 %"), (0.58, "▓▓▓▓▓▓▓░░░░░ 58 %"), (1, "▓▓▓▓▓▓▓▓▓▓▓▓ 100 %"), (7, "▓▓▓▓▓▓▓▓▓▓▓▓ 100 %")],
)
def test_bars_show_a_fraction(fraction: float, text: str):
    assert words.bar(fraction) == text


def test_facts_are_escaped_once_and_sentences_are_not_taken_apart():
    inner = words.say("{title}", title="<b> & {curly}")
    assert inner == "&lt;b&gt; &amp; {curly}"
    assert words.say("Because of {film}", film=inner) == "Because of &lt;b&gt; &amp; {curly}"


@pytest.mark.parametrize(
    ("names", "text"), [(["A"], "A"), (["A", "B"], "A and B"), (["A", "B", "C"], "A, B and C"), ([], "")]
)
def test_names_are_joined_as_people_say_them(names: list[str], text: str):
    assert words.both(names) == text


@pytest.mark.parametrize(
    ("wish", "text"),
    [
        (Wish(("Comedy",), ("Horror",), 2001), "Comedy, no Horror, 2001 or later"),
        (Wish(since=1980, until=1989), "1980–1989"),
        (Wish(since=1995, until=1995), "1995"),
        (Wish(until=1979), "1979 or earlier"),
    ],
)
def test_wishes_are_put_in_words(wish: Wish, text: str):
    assert views.wished(wish) == text


def test_one_and_many_are_told_apart():
    film = Film(1, "Heat (1995)", "Heat", (), 1995)
    assert rating_views.rated(film, 4, 1, trained=True).endswith("1 rating waits for the next training.")
    assert rating_views.rated(film, 4, 6, trained=True).endswith("6 ratings wait for the next training.")


@given(films)
def test_every_film_has_an_address_at_imdb(film: Film):
    url = card_views.imdb_url(film)
    assert url.startswith("https://www.imdb.com/")
    assert url.isascii()
    assert " " not in url


# --- Long lists -------------------------------------------------------------------------------------------------------

long_lines = st.lists(st.text("ab 🎬<&ü", min_size=1, max_size=40), min_size=1, max_size=60)


@few
@given(long_lines, st.sampled_from(["{}", "<b>{}</b>", '<b>Films</b>\n<pre><code class="x">{}</code></pre>']))
def test_a_text_that_is_too_long_is_split_at_line_ends(written: list[str], frame: str):
    text = words.Html(frame.format("\n".join(words.plain(line) for line in written)))
    parts = words.split(text, 100)
    read = [html.unescape(words.TAG.sub("", part)) for part in parts]
    assert all(words.length(part) <= 100 for part in parts)
    assert "\n".join(read) == html.unescape(words.TAG.sub("", text))
    for part in parts:
        parse_html(part)
    assert (parts == [text]) == (words.length(text) <= 100)


def test_a_line_that_is_too_long_by_itself_is_cut_short():
    (text,) = words.split(words.Html(f"Films\n<b>{'🎬&lt;' * 100}</b>\nend"), 60)
    heading, line, end = text.splitlines()
    assert (heading, end) == ("Films", "end")
    assert line.startswith("🎬&lt;🎬")
    assert line.endswith("…")
    assert words.length(text) <= 60
