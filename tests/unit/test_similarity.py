"""Which titles are alike: on films made up so that the right answer is known."""

from dataclasses import asdict

import numpy as np
import pytest

from engine.datasets.titles import parse_title
from engine.domain import FactorRows, Movie
from engine.learning.similarity import SimilarityVectors, Tags, series_of, similarity_vectors
from engine.serving.factors import Hyperparameters, Model

TASTES = 4


def film(movie_id: int, title: str, genres: str = "Drama") -> Movie:
    parsed = parse_title(title)
    return Movie(movie_id, title, parsed.display_title, parsed.alternative_titles, parsed.year, tuple(genres.split()))


def model_of(tastes: dict[int, int], *, popular: float = 0.0) -> Model:
    """A model in which film i is liked by one taste, and all films share a direction ``popular``."""
    ids = np.array(sorted(tastes), np.int32)
    factors = np.random.default_rng(1).normal(0, 0.02, (len(ids), TASTES + 1)).astype(np.float32)
    factors[np.arange(len(ids)), [tastes[int(i)] for i in ids]] += 1
    factors[:, -1] += popular
    rows = FactorRows(ids, factors, np.zeros((len(ids), 1), np.float32), np.zeros(len(ids), np.float32))
    return Model.assemble(rows, asdict(Hyperparameters()) | {"mean_stars": 3.5, "average_taste": [0.0] * (TASTES + 1)})


def liked(vectors: SimilarityVectors, movie_id: int) -> list[int]:
    """The ids of all other films, most like this one first."""
    row = int(np.flatnonzero(vectors.movie_ids == movie_id)[0])
    scores = vectors.targets @ vectors.queries[row]
    order = np.argsort(-scores, kind="stable")
    return [int(vectors.movie_ids[other]) for other in order if other != row]


ALIKE = [film(i, f"Film {'ABCDEFGH'[i]}x (1990)") for i in range(8)]
TASTE_OF = {i: i % TASTES for i in range(8)}
MANY = dict.fromkeys(range(8), 200)


def test_films_with_the_same_viewers_are_alike() -> None:
    vectors = similarity_vectors(ALIKE, model_of(TASTE_OF), MANY)
    assert all(liked(vectors, i)[0] == (i + 4) % 8 for i in range(8))


def test_that_all_films_are_watched_by_many_tells_nothing() -> None:
    """A direction shared by all is large, and says nothing about which are alike."""
    vectors = similarity_vectors(ALIKE, model_of(TASTE_OF, popular=5.0), MANY)
    assert all(liked(vectors, i)[0] == (i + 4) % 8 for i in range(8))


def test_a_film_with_two_ratings_does_not_top_a_list() -> None:
    """Film 4 has exactly the viewers of film 0, all two of them; 8 has most of them, and two hundred others."""
    movies = [*ALIKE, film(8, "Film Ix (1990)")]
    vectors = similarity_vectors(movies, model_of({**TASTE_OF, 8: 0}), {**MANY, 4: 2, 8: 200})
    assert liked(vectors, 0)[0] == 8
    assert liked(similarity_vectors(movies, model_of({**TASTE_OF, 8: 0}), {**MANY, 4: 200, 8: 2}), 0)[0] == 4


class TestFilmsThatFewHaveRated:
    MOVIES = (
        film(1, "Unseen (1961)", "Horror Thriller"),
        film(2, "Haunted (1963)", "Horror Thriller"),
        film(3, "Slasher (1999)", "Horror Thriller"),
        film(4, "Romance (1961)", "Romance Comedy"),
        film(5, "Western (1962)", "Western"),
        film(6, "Barely known (1961)", "Horror Thriller"),
    )
    COUNTS = {2: 20, 3: 300, 4: 300, 5: 300, 6: 1}

    def vectors(self, tags: Tags | None = None) -> SimilarityVectors:
        return similarity_vectors(self.MOVIES, model_of({2: 0, 3: 1, 4: 2, 5: 3, 6: 0}), self.COUNTS, tags)

    def test_a_film_without_ratings_gets_those_of_its_kind_and_time(self) -> None:
        """Not the best known of its genre, which is of another generation; not the best known of its year."""
        assert liked(self.vectors(), 1)[0] == 2
        assert liked(self.vectors(), 1).index(3) < liked(self.vectors(), 1).index(4)

    def test_every_film_of_the_catalogue_has_a_list(self) -> None:
        vectors = self.vectors()
        assert vectors.movie_ids.tolist() == [1, 2, 3, 4, 5, 6]
        assert np.isfinite(vectors.queries @ vectors.targets.T).all()

    def test_an_untagged_film_is_not_unlike_those_with_tags(self) -> None:
        """Tags of films 2 and 3 leave the order seen from film 1, which has none, as it was."""
        tags = Tags(np.array([2, 3, 4], np.int32), np.array(["ghosts", "knives", "paris"]), np.array([9, 9, 9]))
        assert liked(self.vectors(tags), 1) == liked(self.vectors(), 1)

    def test_tags_tell_films_of_one_kind_apart(self) -> None:
        words = np.array(["ghosts", "ghosts", "knives", "knives", "paris"])
        tags = Tags(np.array([1, 3, 2, 6, 4], np.int32), words, np.full(5, 9))
        assert liked(self.vectors(tags), 1)[0] == 3


class TestSeries:
    def series(self, *titles: str, genres: str = "Drama") -> list[str | None]:
        return series_of([film(i, title, genres) for i, title in enumerate(titles)])

    @pytest.mark.parametrize(
        ("first", "second", "name"),
        [
            ("Toy Story (1995)", "Toy Story 2 (1999)", "toy story"),
            ("Godfather, The (1972)", "Godfather: Part II, The (1974)", "godfather"),
            (
                "Star Wars: Episode IV - A New Hope (1977)",
                "Star Wars: Episode V - The Empire Strikes Back (1980)",
                "star wars",
            ),
            ("Kill Bill: Vol. 1 (2003)", "Kill Bill: Vol. 2 (2004)", "kill bill"),
            ("Alien (1979)", "Alien³ (a.k.a. Alien 3) (1992)", "alien"),
            ("Rocky (1976)", "Rocky III (1982)", "rocky"),
            ("Airplane! (1980)", "Airplane II: The Sequel (1982)", "airplane"),
            ("Karate Kid, The (1984)", "Karate Kid, Part II, The (1986)", "karate kid"),
            (
                "Naked Gun 2 1/2: The Smell of Fear, The (1991)",
                "Naked Gun 33 1/3: The Final Insult (1994)",
                "naked gun",
            ),
        ],
    )
    def test_a_sequel_is_known_by_its_title(self, first: str, second: str, name: str) -> None:
        assert self.series(first, second) == [name, name]

    def test_two_films_of_the_same_name_are_no_series(self) -> None:
        assert self.series("Crash (1996)", "Crash (2004)") == [None, None]
        assert self.series("Heat (1995)", "Heat, The (2013)") == [None, None]

    def test_films_of_different_kinds_are_no_series(self) -> None:
        mission = film(1, "Mission, The (1986)", "Drama")
        impossible = film(2, "Mission: Impossible (1996)", "Action Thriller")
        third = film(3, "Mission: Impossible III (2006)", "Action Thriller")
        assert series_of([mission, impossible, third]) == [None, "mission", "mission"]

    def test_a_title_that_is_a_number_keeps_it(self) -> None:
        assert self.series("1984 (1956)", "2012 (2009)", "8 1/2 (8½) (1963)") == [None, None, None]

    def test_a_sequel_comes_first_where_nothing_else_is_known(self) -> None:
        movies = [film(1, "Saga (1990)"), film(2, "Other (1990)"), film(3, "Saga 2 (1998)"), film(4, "More (1990)")]
        vectors = similarity_vectors(movies, model_of({2: 0, 3: 1, 4: 2}), {2: 50, 3: 50, 4: 50})
        assert liked(vectors, 1)[0] == 3
