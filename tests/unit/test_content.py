"""The content of films: its likeness, and the tags that people use for them."""

import numpy as np

from engine.datasets.titles import parse_title
from engine.domain import Film
from engine.learning.content import Tags, content_vectors, telling_tags


def film(movie_id: int, title: str, genres: str = "Drama") -> Film:
    parsed = parse_title(title)
    return Film(movie_id, title, parsed.display_title, parsed.alternative_titles, parsed.year, tuple(genres.split()))


def test_likeness_of_content_is_at_most_one_and_falls_with_years_and_genres() -> None:
    films = [
        film(1, "A (1961)", "Horror Thriller"),
        film(2, "B (1962)", "Horror Thriller"),
        film(3, "C (1999)", "Horror Thriller"),
        film(4, "D (1999)", "Comedy"),
        Film(5, "E", "E"),
    ]
    vectors = content_vectors(films, None)
    likeness = vectors @ vectors.T
    assert likeness.max() <= 1 + 1e-6
    assert likeness[0, 1] > likeness[0, 2] > likeness[0, 3]
    assert not likeness[4].any(), "nothing is known of a film without genre and year"


class TestTellingTags:
    IDS = np.arange(10, dtype=np.int32)

    def told(self, *given: tuple[int, str, int]) -> list[list[str]]:
        movie_ids, words, counts = zip(*given, strict=True)
        best, names = telling_tags(self.IDS, Tags(np.array(movie_ids, np.int32), np.array(words), np.array(counts)))
        return [[names[word] for word in row if word >= 0] for row in best]

    def test_the_rarer_word_says_more(self) -> None:
        common, rare = [(i, "drama", 1) for i in range(9)], [(i, "heist", 1) for i in range(3)]
        assert self.told(*common, *rare)[0] == ["heist", "drama"]

    def test_words_that_speak_of_who_gave_them_are_not_named(self) -> None:
        told = self.told(*[(i, word, 5) for i in range(4) for word in ("in netflix queue", "seen 2008", "noir")])
        assert told[0] == ["noir"]

    def test_a_word_that_two_films_have_is_not_named(self) -> None:
        assert self.told((0, "atmosfear", 3), (1, "atmosfear", 3)) == [[]] * 10

    def test_films_outside_the_catalogue_are_passed_over(self) -> None:
        told = self.told(*[(i, "noir", 1) for i in (1, 2, 99, 100)])
        assert told[1] == ["noir"]

    def test_without_tags_nothing_is_named(self) -> None:
        best, words = telling_tags(self.IDS, None)
        assert words == []
        assert (best == -1).all()
