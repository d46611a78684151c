"""The films shown to one person, given films, a model and a taste."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import STARS, Catalogue, Feedback, Rating
from engine.serving import advice
from engine.serving.factors import Model
from engine.serving.library import Facts, Films, Shelf
from engine.serving.wish import Wish
from engine.store import Dismissal, Put, Recommendation, SimilarFilm, Taste
from tests import world

CATALOGUE = Catalogue("tiny", "0" * 64, True, Feedback.STARS, "", 6_000, 400, len(world.FILMS), world.NOW)
FILMS = Films.of(CATALOGUE, list(world.FILMS))
MODEL = Model.assemble(world.item_factors(), world.HYPERPARAMETERS)
SHELF = Shelf(FILMS, 1, MODEL, Facts.of(MODEL, FILMS))
NO_MODEL = Shelf(FILMS)

ids = st.sampled_from([film.id for film in world.FILMS])
tastes = st.builds(
    lambda ratings, aside, waiting: Taste(
        7,
        tuple(Rating(film, stars, world.NOW) for film, stars in ratings.items()),
        tuple(Put(film, kind, world.NOW, None) for film, kind in aside.items()),
        waiting,
    ),
    st.dictionaries(ids, st.sampled_from(STARS), max_size=12),
    st.dictionaries(ids, st.sampled_from(Dismissal), max_size=8),
    st.integers(0, 3),
)
lists = st.lists(ids, unique=True, max_size=20).map(
    lambda films: [Recommendation(position, film, 3 - position / 10, 4.0) for position, film in enumerate(films, 1)]
)
wishes = st.builds(
    Wish,
    st.lists(st.sampled_from(FILMS.genres), max_size=2).map(tuple),
    st.lists(st.sampled_from(FILMS.genres), max_size=1).map(tuple),
    st.none() | st.integers(1940, 2010),
    st.none(),
)


def rated(**stars: float) -> Taste:
    """The taste of somebody who rated these films."""
    named = {name.lower().replace(" ", "_"): film for film, name in world.NAMES.items()}
    return Taste(7, tuple(Rating(named[name], value, world.NOW) for name, value in stars.items()), (), len(stars))


@settings(deadline=None)
@given(st.sampled_from([SHELF, NO_MODEL]), tastes, wishes, lists, st.sets(ids, max_size=9))
def test_picks_are_new_fitting_and_no_film_comes_twice(
    shelf: Shelf, taste: Taste, wish: Wish, published: list[Recommendation], shown: set[int]
):
    lines = advice.picks(shelf, taste, wish, published=published, leave_out=shown)
    films = [line.film.id for line in lines]
    assert len(films) == len(set(films)) <= 10
    assert not set(films) & (taste.hidden | shown)
    assert all(wish.fits(line.film) for line in lines)
    known = [film for film in world.FILMS if film.rating_count and wish.fits(film)]
    assert len(films) == min(10, len([film for film in known if film.id not in taste.hidden | shown]))
    own = {rating.movie_id for rating in taste.ratings}
    assert all(film.id in own for line in lines for film in line.because)


def test_a_published_list_is_used_while_it_knows_everything():
    published = [Recommendation(position, film, 9 - position, 4.5) for position, film in enumerate([36, 72, 54], 1)]
    taste = rated(high_noon=5.0)
    learned = Taste(7, taste.ratings, (), waiting=0)
    shown = [line.film.id for line in advice.picks(SHELF, learned, published=published, limit=3)]
    assert shown == [36, 72, 54]
    assert [line.film.id for line in advice.picks(SHELF, taste, published=published, limit=3)] != shown


@settings(deadline=None)
@given(st.sampled_from([SHELF, NO_MODEL]), tastes, st.sets(ids))
def test_a_question_is_about_a_film_that_was_not_talked_about(shelf: Shelf, taste: Taste, not_seen: set[int]):
    film = advice.question(shelf, taste, not_seen)
    done = not_seen | {rating.movie_id for rating in taste.ratings}
    done |= {put.movie_id for put in taste.put_aside if put.kind is not Dismissal.SEEN}
    left = {film.id for film in world.FILMS if film.rating_count} - done
    assert film is None if not left else film is not None and film.id in left
    assert film == advice.question(shelf, taste, not_seen)


def test_newcomers_are_not_all_asked_the_same():
    asked = {advice.question(SHELF, Taste(user), ()) for user in range(1, 30)}
    assert len(asked) > 1


def test_films_like_one_leave_out_what_was_seen_but_not_what_is_for_later():
    taste = Taste(
        7,
        (Rating(11, 4.0, world.NOW),),
        (Put(12, Dismissal.SEEN, world.NOW, None), Put(13, Dismissal.WATCHLIST, world.NOW, None)),
    )
    published = [SimilarFilm(position, film, 0.9) for position, film in enumerate([11, 12, 13, 999, 14], 1)]
    assert [film.id for film in advice.like(SHELF, taste, FILMS.by_id[10], published)] == [13, 14]
    assert 11 not in [film.id for film in advice.like(SHELF, taste, FILMS.by_id[10], [])]


def test_a_card_predicts_only_for_those_it_knows():
    heat = FILMS.by_id[30]
    assert advice.card(SHELF, Taste(7), heat).predicted_stars is None
    assert advice.card(NO_MODEL, rated(fargo=5.0), heat).predicted_stars is None
    card = advice.card(SHELF, rated(fargo=5.0), heat)
    assert card.predicted_stars is not None
    assert [film.display_title for film in card.because] == ["Fargo"]
    nobody_rated = advice.card(SHELF, rated(fargo=5.0), FILMS.by_id[74])
    assert nobody_rated.predicted_stars is None
