"""Are films that nobody has rated offered to the right people, and at whose cost?

    python -m benchmarks.quality.unrated [--data PATH] [--validate] [--shares 0.4 0.45 0.5 0.55]

All ratings of 100 films that at least 20 people rated are hidden, and a quarter of the people are kept from training.
Each of these reveals half of their ratings of other films, drawn at random.

The order of the hidden films: nDCG@10 among the 100, of those that they gave four stars and more, by our score, beside
genre popularity (how many people rated a film of the same genres on average, alone and times the share of these genres
in what they revealed). Everybody's list as the chat shows it: nDCG@10 when unrated films may be picked and when not, of
all films and of those that are not hidden, and how many are. Intervals are 95 % of a paired bootstrap over people.
``--validate`` takes another hundred films and another quarter of the people, for choosing constants; ``--shares`` tries
values of ``order.GUESS_SHARE``.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.quality.first_picks import NOW, Stars, World, prepare
from engine.domain import Floats, Rating
from engine.judging.evaluation import RELEVANT_STARS, ranking
from engine.serving import advice, order
from engine.serving.order import Viewer
from engine.store import Taste

HIDDEN = 100

People = list[tuple[Taste, Stars]]
"""The ratings that somebody reveals, and those that they gave other films."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="demo")
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--shares", type=float, nargs="+", default=[order.GUESS_SHARE])
    asked = parser.parse_args()
    world = prepare(asked.data, quarter=1 if asked.validate else 0, hide=HIDDEN)
    people = revealed(world)
    print(f"{len(people)} people who were kept from training; all ratings of {len(world.hidden)} films were hidden.\n")
    of_hidden(world, people)
    for share in asked.shares:
        order.GUESS_SHARE = share
        print(f"\nGuesses are shown from {share:.0%} of the last film's score on. ", end="")
        of_lists(world, people)


def revealed(world: World) -> People:
    people = []
    for user, rated in world.newcomers.items():
        others = sorted(rated.keys() - world.hidden)
        given = set(np.random.default_rng(user).permutation(others)[: len(others) // 2].tolist())
        ratings = tuple(Rating(film, rated[film], NOW) for film in sorted(given))
        rest = {film: stars for film, stars in rated.items() if film not in given}
        people.append((Taste(user, ratings, (), waiting=len(ratings)), rest))
    return people


def of_hidden(world: World, people: People) -> None:
    """Print how well the hidden films are ordered for those who liked any."""
    shelf, hidden = world.shelf, np.array(sorted(world.hidden))
    model, facts = shelf.model, shelf.facts
    assert model is not None
    assert facts is not None
    rows = model.rows(hidden)
    has = np.array([facts.genres[name] for name in shelf.films.genres], np.float32)
    popularity = (has * facts.counts).sum(axis=1) / np.maximum(has[:, model.learnt].sum(axis=1), 1)
    genres = has[:, rows]
    known = np.maximum(genres.sum(axis=0), 1)

    def share(taste: Taste) -> Floats:
        own = model.rows(rating.movie_id for rating in taste.ratings)
        return np.asarray(has[:, own].sum(axis=1) / max(len(own), 1), np.float32)

    orders: dict[str, Callable[[Taste], Floats]] = {
        "genre popularity": lambda taste: popularity @ genres / known,
        "genre popularity, each genre by their share of it": lambda taste: (popularity * share(taste)) @ genres / known,
        "Matinee": lambda taste: order.scores(shelf, model, Viewer.of(model, taste))[rows],
    }
    found: dict[str, list[float]] = {name: [] for name in orders}
    for taste, rest in people:
        liked = np.array([rest.get(int(film), 0) >= RELEVANT_STARS for film in hidden])
        if liked.any():
            for name, score in orders.items():
                best = np.argsort(-score(taste), kind="stable")[:10]
                found[name].append(ranking(liked[best], int(liked.sum()))["ndcg"])
    ours = np.array(found.pop("Matinee"))
    print(f"nDCG@10 among the hidden films, {len(ours)} people who liked any:")
    for name, values in found.items():
        print(f"  {name}: {np.mean(values):.3f}; Matinee is above it by {interval(ours - np.array(values))}")
    print(f"  Matinee: {ours.mean():.3f}")


def of_lists(world: World, people: People) -> None:
    """Print what lists with unrated films cost, and what those films are to people."""
    model, facts = world.shelf.model, world.shelf.facts
    assert model is not None
    assert facts is not None
    without = replace(world.shelf, facts=replace(facts, known=facts.known & ~facts.new))
    found: dict[str, list[tuple[float, float]]] = {"all films": [], "the films that were not hidden": []}
    shown: list[list[float]] = []
    for taste, rest in people:
        liked = {film for film, stars in rest.items() if stars >= RELEVANT_STARS}
        if not liked - world.hidden:
            continue
        ours, rated_only = ([line.film.id for line in advice.picks(shelf, taste)] for shelf in (world.shelf, without))
        for name, wanted in zip(found, (liked, liked - world.hidden), strict=True):
            found[name].append((ndcg(ours, wanted), ndcg(rated_only, wanted)))
        new = [film for film in ours if facts.new[model.row(film)]]
        assert len(new) <= order.MOST_NEW
        shown.append([rest.get(film, 0) for film in new])
    print(f"{len(shown)} lists. nDCG@10 with unrated films, and without:")
    for name, pairs in found.items():
        new, old = np.array(pairs).T
        print(f"  of {name}: {new.mean():.3f}, {old.mean():.3f}; a difference of {interval(new - old)}")
    stars = np.concatenate([np.array(given) for given in shown])
    print(f"{np.mean([bool(given) for given in shown]):.0%} of the lists show an unrated film. ", end="")
    print(f"Shown in all: {len(stars)}; their reader has rated {(stars > 0).sum()}, ", end="")
    print(f"with four stars and more {(stars >= RELEVANT_STARS).sum()}.")


def ndcg(films: list[int], wanted: set[int]) -> float:
    return ranking(np.array([film in wanted for film in films], bool), len(wanted))["ndcg"]


def interval(differences: np.ndarray) -> str:
    draws = np.random.default_rng(0).choice(differences, (10_000, len(differences))).mean(axis=1)
    low, high = np.quantile(draws, (0.025, 0.975))
    return f"{differences.mean():+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
