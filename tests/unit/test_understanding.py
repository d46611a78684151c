"""The meanings of people's sentences."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.speech.understanding import (
    Meaning,
    Nothing,
    SpokenWish,
    Stance,
    Statement,
    TitleOf,
    Which,
    understand,
    understand_wish,
)
from bot.speech.vocabulary import LANGUAGES, vocabulary
from engine.serving import names
from engine.serving.title_index import TitleIndex
from engine.serving.wish import Wish
from tests import said

WORLD = said.demo_world()
BUILT_WITH = [sentence for language in said.LANGUAGES for sentence in said.sentences(language) if not sentence.tests]


def test_there_are_sentences_enough_of_every_kind() -> None:
    for language in said.LANGUAGES:
        sentences = said.sentences(language)
        assert len(sentences) >= 150
        assert len({sentence.text for sentence in sentences}) == len(sentences)
        kinds = {sentence.meaning.split()[0] for sentence in sentences}
        assert kinds >= {"greeting", "thanks", "help", "yes", "no", "do", "wish", "film", "which", "person", "nothing"}
        assert kinds >= set(Stance) - {Stance.RATED} | {"rated"}


@pytest.mark.parametrize("sentence", BUILT_WITH, ids=lambda sentence: sentence.text)
def test_what_the_grammar_was_built_with_is_understood(sentence: said.Sentence) -> None:
    assert said.told(understand(sentence.text, WORLD), sentence.meaning) == said.wanted(sentence.meaning)


def test_what_it_was_not_built_with_is_understood_as_a_rule() -> None:
    """Only the share is looked at: ``python -m benchmarks.quality.said`` prints it."""
    unseen = [sentence for language in said.LANGUAGES for sentence in said.sentences(language) if sentence.tests]
    right = sum(said.told(understand(one.text, WORLD), one.meaning) == said.wanted(one.meaning) for one in unseen)
    assert right >= 0.95 * len(unseen)


@given(st.text(max_size=400))
@settings(max_examples=200)
def test_any_text_is_read(text: str) -> None:
    assert isinstance(understand(text, WORLD), Meaning)
    understand_wish(text, WORLD)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("inception is my favorite movie of all time", "loved Inception (2010)"),
        ("hey, I just watched Inception and loved it", "loved Inception (2010)"),
        ("I hate horror", "wish -Horror"),
        ("christmas movies", "wish ~christmas"),
        ("movies about love", "wish Romance"),
        ("das war gut", "thanks"),
        ("5 stars", "nothing"),
        ("disney movies", "person disney"),
        ("films with Brad Pitt and Angelina Jolie", "person Brad Pitt, Angelina Jolie"),
        ("more like this", "do next"),
        ("seven", "film Se7en (1995)"),
        ("scary movies", "wish Horror"),
        ("nenn mir drei gute Krimis", "wish Crime #3"),
        ("ponme una peli de risa", "wish Comedy"),
        ("oscar winners", "nothing"),
        ("Dune 8/10", "which Dune (2021)"),
        ("anything but superhero movies", "wish ~superhero"),
        ("der Film war mega", "nothing"),
        ("Casablanca was ok I guess", "liked Casablanca (1942)"),
        ("you are stupid", "reproach"),
        ("das ist langweilig", "reproach"),
        ("eres tonto", "reproach"),
        ("seen it", "unnamed"),
        ("Kenn ich schon", "unnamed"),
        ("ya la vi", "unnamed"),
        ("haha", "aside"),
        ("😀", "aside"),
        ("?", "aside"),
        ("thanks, haha", "thanks"),
        ("why?", "do why"),
        ("warum?", "do why"),
        ("¿por qué?", "do why"),
        ("are you a bot?", "help"),
        ("wie heißt du?", "help"),
        ("deutsch bitte", "do settings"),
        ("noch mehr davon", "do next"),
        ("nix mit Horror", "wish -Horror"),
        ("etwas für einen regnerischen Sonntag", "wish"),
        ("die letzten beiden waren schlecht", "nothing"),
        ("dale 5 estrellas a Matrix", "rated 5 The Matrix (1999)"),
        ("lord of the rings trilogy", "which The Lord of the Rings: The Fellowship of the Ring (2001)"),
        ("Harry Potter Filme", "which Harry Potter and the Sorcerer's Stone (2001)"),
        ("horror movies", "wish Horror"),
        ("all james bond films", "which Goldfinger (1964)"),
        ("rate heat 4", "rated 4 Heat (1995)"),
        ("rate alien 3", "film Alien³ (1992)"),
        ("4.5 for the matrix", "rated 4.5 The Matrix (1999)"),
        ("gib Heat 4", "rated 4 Heat (1995)"),
        ("3.5 stars is good", "nothing"),
        ("I watched Fargo yesterday and it was amazing", "loved Fargo (1996)"),
        ("never recommend Fargo again", "unwanted Fargo (1996)"),
        ("remove my rating of heat", "film Heat (1995)"),
        ("I've seen all of these", "do next"),
        ("kenn ich alle schon", "do next"),
        ("ya las vi todas", "do next"),
        ("what's a good first date movie", "wish Romance"),
        ("help me choose", "wish"),
        ("what's new?", "wish 2020-"),
    ],
)
def test_what_was_misread_once(text: str, meaning: str) -> None:
    assert said.told(understand(text, WORLD), meaning) == said.wanted(meaning)


@pytest.mark.parametrize("word", ["besten", "romans", "musica", "dramatist", "fanatic", "warm", "criminology", "musik"])
def test_no_word_is_bent_into_a_genre(word: str) -> None:
    asked = understand_wish(f"films {word}", WORLD)
    assert not asked.wish.genres


def test_every_word_for_a_genre_means_that_genre_alone() -> None:
    """A word for one genre must not be taken as a misspelled word for another."""
    for genre in WORLD.genres:
        assert understand_wish(genre, WORLD).wish == Wish((genre,))


def test_genres_that_a_catalogue_lacks_cannot_be_heeded() -> None:
    small = replace(WORLD, genres=("Comedy",))
    assert understand_wish("horror comedy", small) == SpokenWish(Wish(("Comedy",)), None, ("horror",))


def test_genres_go_by_the_names_that_the_catalogue_has() -> None:
    old = replace(WORLD, genres=("Children's", "Comedy"))
    assert understand_wish("für kinder", old).wish.genres == ("Children's",)


def test_where_nothing_has_a_year_no_year_is_heeded() -> None:
    timeless = replace(WORLD, newest=None)
    assert understand_wish("comedy 80s", timeless) == SpokenWish(Wish(("Comedy",)), None, ("80s",))


@pytest.mark.parametrize(
    ("text", "stars"),
    [("Heat 4½", 4.5), ("Heat 9/10", 4.5), ("5/5 Heat", 5), ("Heat ★★★½", 3.5), ("½ star for Heat", 0.5)],
)
def test_stars_are_read_as_people_write_them(text: str, stars: float) -> None:
    meaning = understand(text, WORLD)
    assert isinstance(meaning, Statement)
    assert (meaning.film.display_title, meaning.stars) == ("Heat", stars)


@pytest.mark.parametrize("text", ["Heat 11 stars", "Heat 0 stars", "die hard 3", "Apollo 13"])
def test_other_numbers_are_no_stars(text: str) -> None:
    assert not isinstance(understand(text, WORLD), Statement)


def test_a_film_that_was_made_again_is_asked_about() -> None:
    for text in ("I loved Dune", "do you know Dune?", "Dune"):
        meaning = understand(text, WORLD)
        assert isinstance(meaning, Which)
        assert {hit.film.year for hit in meaning.found.hits[:2]} == {1984, 2021}


def test_a_film_that_is_called_like_a_remark_is_meant() -> None:
    wow = replace(WORLD.titles.find("heat 1995").hits[0].film, title="Wow (2012)", display_title="Wow")
    assert understand("wow", replace(WORLD, titles=TitleIndex([wow]))) == TitleOf(wow)


@pytest.mark.parametrize("text", ["thanks", "Tarantino", "hola", "help", "stop", "yes"])
def test_what_is_no_title_opens_no_card(text: str) -> None:
    assert not isinstance(understand(text, WORLD), TitleOf)


@pytest.mark.parametrize("text", ["https://www.imdb.com/title/tt0000001/", "https://letterboxd.com/film/no-such-film/"])
def test_a_page_of_a_film_that_is_not_here_is_said_to_be_one(text: str) -> None:
    assert understand(text, WORLD) == Nothing(text, page=True)


@pytest.mark.parametrize(
    "text",
    [
        "https://www.imdb.com/title/tt0113277/?ref_=nv_sr_1",
        "tt0113277",
        "imdb.com/de/title/tt0113277",
        "https://www.themoviedb.org/movie/949-heat",
        "https://www.themoviedb.org/movie/949?language=de",
        "https://letterboxd.com/film/heat-1995/",
        "look: https://letterboxd.com/film/heat-1995/",
    ],
)
def test_a_film_is_known_by_its_pages(text: str) -> None:
    films = [replace(hit.film, imdb_id="0113277", tmdb_id=949) for hit in WORLD.titles.find("heat 1995").hits[:1]]
    world = replace(WORLD, titles=TitleIndex(films))
    assert understand(text, world) == TitleOf(films[0])


def test_names_of_films_are_facts_that_fit_the_catalogue() -> None:
    """Each name of a well-known film leads to that film, unless another film is called so too."""
    index, wrong = WORLD.titles, []
    for film, others in names.read().called:
        meant = {found.id for title in film.titles for found in index.named(f"{title} {film.year}")}
        wrong += [name for name in others if meant and not meant & {found.id for found in index.named(name)}]
    assert len(names.read().called) >= 300
    assert not wrong


def test_own_names_are_read_and_a_bad_line_is_named(tmp_path) -> None:
    own = tmp_path / "names.tsv"
    own.write_text("# ours\nHeat (1995)\tHitze\n", encoding="utf-8")
    index = TitleIndex([hit.film for hit in WORLD.titles.find("heat 1995").hits], names.read(own))
    assert [film.display_title for film in index.named("hitze")] == ["Heat"]
    own.write_text("Heat\tHitze\n", encoding="utf-8")
    with pytest.raises(names.BadName, match="line 1"):
        names.read(own)


def test_the_table_has_every_language_in_the_same_parts() -> None:
    words = vocabulary(WORLD.genres)
    assert len(LANGUAGES) == 3
    assert {name for kind, name in words.phrases.values() if kind == "do"} >= {"undo", "next", "my", "stop", "night"}
