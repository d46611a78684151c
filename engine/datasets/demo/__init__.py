"""The bundled ``demo`` data set: real, well-known films and a simulated audience.

The films are facts, kept in ``films.csv`` beside this file. The audience is simulated: no real person gave any of its
ratings. ``audience`` says how they are made.
"""

import csv
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.domain import Film
from engine.serving.names.words import LEADING_ARTICLES

CATALOGUE = Path(__file__).with_name("films.csv")
"""The films, one a line. All columns are facts except ``mood``, ``fame`` and ``esteem``, which are our judgement and
serve the simulation."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Audience:
    """The ratings of simulated viewers, as four arrays of one length, sorted by user and then by time."""

    user_ids: npt.NDArray[np.int32]
    """1 up to the number of viewers, without gaps."""
    movie_ids: npt.NDArray[np.int32]
    stars: npt.NDArray[np.float32]
    """0.5 to 5.0 in half steps."""
    rated_at: npt.NDArray[np.int64]
    """Seconds since 1970, UTC."""

    def __len__(self) -> int:
        return len(self.user_ids)


def films() -> list[Film]:
    """Return the bundled films, oldest first; their ids run from 1 without gaps.

    Titles look as MovieLens writes them: article last, other names in brackets, the year at the end. There are no
    IMDb or TMDb ids. ``rating_count`` and ``mean_stars`` are those of a film that nobody has rated yet.
    """
    return [film.entry for film in _catalogue()]


def audience(films: Sequence[Film], *, viewers: int = 2000, seed: int = 1895) -> Audience:
    """Return the ratings of a **simulated** audience, not of real people.

    Each viewer mixes one to three of the types in ``_TYPES`` (loves westerns, watches with children, …) with likings of
    their own for genres, moods, decades, languages, directors and franchises. Their taste decides

    * what they watch: famous films, films to their taste, and seldom one film of a franchise without the others;
    * the stars they give: how good the film is held to be, their taste, chance, and how strict and how emphatic
      they are. Half of them use whole stars only.

    They join at different times and rate in a few sittings over days or years, each film at the earliest in the year
    after it came out. The same arguments give the same ratings (on one machine, with one numpy).

    Args:
        films: what they may watch: all that ``films()`` returns, or a part of it.
        viewers: how many people to simulate.
        seed: decides everything random.

    Returns:
        20 ratings or more a viewer, about 60 on average, never two for one film.

    Raises:
        ValueError: a film is not in the bundled catalogue, or there are too few that are old enough for everyone.
    """
    known = {film.entry.id: film for film in _catalogue()}
    if strangers := [film.id for film in films if film.id not in known]:
        raise ValueError(f"films that are not in the demo catalogue: {strangers[:5]}")
    shelf = [known[film.id] for film in films]
    if sum(film.year < _OPENED.year for film in shelf) < _SHORTEST:
        raise ValueError(f"{len(shelf)} films are too few: everyone rates {_SHORTEST}")
    rng = np.random.default_rng(seed)
    sittings = _sittings(viewers, rng)
    taste = _tastes(shelf, viewers, rng)
    user, film = _watch(shelf, taste, np.array([years[-1] for _, years in sittings]), rng)
    stars = _rate(shelf, taste, user, film, rng)
    rated_at = _dates(np.array([each.year for each in shelf]), user, film, sittings, rng)
    order = np.lexsort((rated_at, user))
    ids = np.array([each.entry.id for each in shelf], dtype=np.int32)
    return Audience(
        user_ids=(user[order] + 1).astype(np.int32),
        movie_ids=ids[film[order]],
        stars=stars[order],
        rated_at=rated_at[order],
    )


# --- the catalogue ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Film:
    entry: Film
    year: int
    language: str  # empty for films without words
    director: str
    franchise: str  # empty for most
    mood: str
    fame: int  # 1, known to those who look for it, to 5, seen by nearly everyone
    esteem: int  # 1, famously bad, to 5, a classic


@functools.cache
def _catalogue() -> tuple[_Film, ...]:
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        return tuple(_film(row) for row in csv.DictReader(file))


def _film(row: dict[str, str]) -> _Film:
    year = int(row["year"])
    also = tuple(row["also"].split("|")) if row["also"] else ()
    in_brackets = "".join(f" ({_article_last(name)})" for name in also)
    entry = Film(
        id=int(row["id"]),
        title=f"{_article_last(row['title'])}{in_brackets} ({year})",
        display_title=row["title"],
        alternative_titles=also,
        year=year,
        genres=tuple(row["genres"].split("|")),
    )
    return _Film(
        entry=entry,
        year=year,
        language=row["language"],
        director=row["director"],
        franchise=row["franchise"],
        mood=row["mood"],
        fame=int(row["fame"]),
        esteem=int(row["esteem"]),
    )


_LEADING = "|".join(sorted(LEADING_ARTICLES - {"l'"}))
# La La Land keeps its first word, as on MovieLens.
_ARTICLE = re.compile(rf"(?!La La )({_LEADING}) (.+)|(L')(.+)", re.IGNORECASE)


def _article_last(title: str) -> str:
    """Turn "The Matrix" into "Matrix, The"."""
    if parts := _ARTICLE.fullmatch(title):
        return f"{parts[2] or parts[4]}, {parts[1] or parts[3]}"
    return title


# --- who watches ------------------------------------------------------------------------------------------------------

# Kinds of viewers: how common each is, and what they love (above 0) or avoid (below 0). The words are those of
# films.csv: genres, moods, directors, franchises, languages; and decades.
_TYPES: dict[str, tuple[float, dict[str, float]]] = {
    "loves westerns": (0.8, {
        "Western": 3.2, "epic": 0.5, "gritty": 0.4, "1950s": 0.6, "1960s": 0.8, "John Ford": 1.0,
        "Sergio Leone": 1.2, "Clint Eastwood": 1.0, "Howard Hawks": 0.6, "Anthony Mann": 0.8, "Sam Peckinpah": 0.8,
        "Musical": -0.7, "Sci-Fi": -0.6, "Children": -0.5,
    }),
    "loves old Hollywood": (0.7, {
        "1920s": 1.0, "1930s": 1.8, "1940s": 2.0, "1950s": 1.5, "Film-Noir": 0.5, "romantic": 0.4, "playful": 0.3,
        "chaplin-tramp": 1.0, "Billy Wilder": 1.0, "Frank Capra": 0.9, "Ernst Lubitsch": 0.9, "Howard Hawks": 0.8,
        "Buster Keaton": 1.0, "Alfred Hitchcock": 0.6, "George Cukor": 0.6, "William Wyler": 0.6, "2010s": -0.8,
        "2020s": -0.8, "thrilling": -0.8,
    }),
    "loves mysteries and noir": (0.8, {
        "Film-Noir": 2.6, "Mystery": 1.5, "Crime": 0.6, "tense": 0.9, "1940s": 0.7, "1950s": 0.5,
        "Alfred Hitchcock": 1.8, "Billy Wilder": 0.7, "Orson Welles": 0.6, "knives-out": 0.8, "Children": -0.9,
        "Fantasy": -0.6,
    }),
    "seeks world cinema": (1.5, {
        "thoughtful": 0.8, "melancholic": 0.6, "Drama": 0.4, "Action": -0.3, "thrilling": -1.2, "Children": -0.6,
        "Akira Kurosawa": 0.6, "French": 2.0, "Italian": 1.9, "Swedish": 1.9, "Japanese": 1.6, "German": 1.8,
        "Spanish": 1.8, "Russian": 1.9, "Polish": 1.9, "Danish": 1.9, "Persian": 2.0, "Portuguese": 1.9,
        "Bengali": 2.0, "Korean": 1.7, "Mandarin": 1.8, "Cantonese": 1.6, "Hungarian": 2.0, "Turkish": 2.0,
        "Arabic": 1.8, "Romanian": 2.0, "Wim Wenders": 0.5, "Werner Herzog": 0.6, "Michael Haneke": 0.6,
        "Pedro Almodóvar": 0.6, "Agnès Varda": 0.7,
    }),
    "loves Asian cinema": (0.8, {
        "Japanese": 2.0, "Korean": 2.6, "Cantonese": 2.6, "Mandarin": 2.4, "Akira Kurosawa": 1.0,
        "Bong Joon Ho": 0.8, "Park Chan-wook": 0.8, "John Woo": 0.6, "Wong Kar-wai": 0.8, "Hirokazu Kore-eda": 0.6,
        "gritty": 0.3, "Children": -0.7, "Western": -0.4,
    }),
    "loves anime": (1.0, {
        "Animation": 1.5, "Japanese": 1.2, "whimsical": 0.4, "melancholic": 0.3, "Hayao Miyazaki": 2.4,
        "Isao Takahata": 2.4, "Satoshi Kon": 2.2, "Mamoru Hosoda": 2.2, "Makoto Shinkai": 2.2,
        "Katsuhiro Otomo": 2.2, "Mamoru Oshii": 2.2, "Hiromasa Yonebayashi": 2.2, "Yoshifumi Kondō": 2.2,
        "Naoko Yamada": 2.2, "Haruo Sotozaki": 2.0, "Fantasy": 0.5, "Sci-Fi": 0.4, "Western": -0.6, "Crime": -0.4,
    }),
    "watches with children": (1.2, {
        "Children": 2.0, "Animation": 1.5, "feel-good": 0.7, "whimsical": 0.8, "toy-story": 0.8, "shrek": 0.8,
        "despicable-me": 0.8, "Pete Docter": 0.6, "dark": -1.0, "gritty": -1.1, "Horror": -1.3, "Crime": -0.7,
        "War": -0.6, "Film-Noir": -0.6,
    }),
    "loves superheroes": (1.1, {
        "marvel-avengers": 2.6, "x-men": 2.4, "spider-man": 2.3, "batman": 2.0, "superman": 2.0, "wonder-woman": 2.0,
        "Action": 0.8, "Sci-Fi": 0.5, "2010s": 0.8, "2020s": 0.4, "melancholic": -0.7, "Romance": -0.5,
    }),
    "loves science fiction": (1.0, {
        "Sci-Fi": 2.2, "star-trek": 1.2, "star-wars": 0.9, "alien": 0.9, "terminator": 0.8, "matrix": 0.8,
        "dune": 0.8, "planet-of-the-apes": 0.8, "blade-runner": 0.8, "Denis Villeneuve": 0.6, "thoughtful": 0.4,
        "Romance": -0.7, "Musical": -0.8, "Western": -0.4,
    }),
    "loves fantasy worlds": (1.0, {
        "Fantasy": 1.8, "lord-of-the-rings": 2.0, "harry-potter": 1.8, "narnia": 1.6,
        "pirates-of-the-caribbean": 1.0, "star-wars": 0.8, "Adventure": 0.9, "epic": 0.9, "whimsical": 0.7,
        "Guillermo del Toro": 0.7, "gritty": -0.6, "Crime": -0.6,
    }),
    "loves horror": (1.0, {
        "Horror": 2.7, "eerie": 1.4, "halloween": 0.8, "living-dead": 0.8, "elm-street": 0.8, "scream": 0.8,
        "evil-dead": 0.8, "John Carpenter": 1.0, "David Cronenberg": 0.9, "Ari Aster": 0.8, "Jordan Peele": 0.8,
        "James Wan": 0.8, "Children": -0.9, "Romance": -0.8, "feel-good": -0.8, "Musical": -0.7,
    }),
    "loves gangster films": (1.1, {
        "Crime": 1.8, "gritty": 1.2, "godfather": 1.6, "Martin Scorsese": 1.5, "Brian De Palma": 0.9,
        "Sergio Leone": 0.6, "Guy Ritchie": 0.7, "Michael Mann": 0.9, "Quentin Tarantino": 0.7,
        "Francis Ford Coppola": 0.8, "1970s": 0.4, "1990s": 0.4, "Children": -0.9, "Fantasy": -0.8, "Musical": -0.5,
        "Sci-Fi": -0.4,
    }),
    "grew up on nineties indies": (1.1, {
        "quirky": 1.5, "1990s": 0.9, "2000s": 0.4, "Quentin Tarantino": 1.3, "Joel Coen": 1.5, "Wes Anderson": 1.2,
        "Richard Linklater": 1.2, "Paul Thomas Anderson": 1.2, "Jim Jarmusch": 1.0, "David Lynch": 0.8,
        "Spike Jonze": 1.0, "Terry Gilliam": 0.8, "Danny Boyle": 0.6, "Action": -0.6, "epic": -0.5,
    }),
    "loves puzzles and twists": (1.1, {
        "tense": 0.9, "eerie": 0.4, "Thriller": 0.9, "Mystery": 1.1, "Christopher Nolan": 1.8, "David Fincher": 1.7,
        "Denis Villeneuve": 1.2, "Darren Aronofsky": 0.8, "M. Night Shyamalan": 0.8, "dark": 0.5, "1990s": 0.3,
        "2000s": 0.4, "Musical": -0.7, "Children": -0.7, "feel-good": -0.5,
    }),
    "loves romances": (1.2, {
        "Romance": 2.1, "romantic": 1.5, "feel-good": 0.4, "before-trilogy": 0.8, "twilight": 0.5,
        "Nora Ephron": 0.8, "Richard Curtis": 0.8, "Horror": -1.1, "gritty": -0.8, "War": -0.5, "Sci-Fi": -0.7,
        "dark": -0.5,
    }),
    "wants to laugh": (1.3, {
        "Comedy": 2.0, "playful": 1.3, "quirky": 0.2, "feel-good": 0.3, "1980s": 0.3, "2000s": 0.4,
        "Mel Brooks": 0.8, "Edgar Wright": 0.8, "Adam McKay": 0.9, "monty-python": 0.8, "hangover": 0.6,
        "austin-powers": 0.6, "melancholic": -1.0, "dark": -0.7, "Drama": -0.4, "War": -0.4,
    }),
    "loves musicals": (0.9, {
        "Musical": 2.9, "feel-good": 0.7, "romantic": 0.4, "Baz Luhrmann": 0.9, "Damien Chazelle": 0.5,
        "mamma-mia": 0.8, "Action": -0.6, "Horror": -0.7, "gritty": -0.5, "Thriller": -0.5,
    }),
    "loves war films and history": (0.8, {
        "War": 2.6, "epic": 1.2, "Drama": 0.4, "gritty": 0.4, "David Lean": 0.8, "Ridley Scott": 0.4,
        "Oliver Stone": 0.6, "gladiator": 0.8, "Children": -0.6, "Comedy": -0.5, "Fantasy": -0.5,
    }),
    "prefers documentaries": (0.4, {
        "Documentary": 4.0, "thoughtful": 1.1, "Werner Herzog": 0.8, "Errol Morris": 0.8, "Agnès Varda": 0.6,
        "Michael Moore": 0.8, "Fantasy": -0.8, "thrilling": -0.7, "Sci-Fi": -0.4,
    }),
    "comes for the action": (1.4, {
        "Action": 1.7, "thrilling": 1.5, "james-bond": 1.4, "die-hard": 1.0, "lethal-weapon": 1.0,
        "mission-impossible": 1.0, "fast-and-furious": 1.1, "rambo": 0.9, "john-wick": 1.0, "bourne": 0.8,
        "terminator": 0.7, "predator": 0.7, "Thriller": 0.3, "melancholic": -0.9, "thoughtful": -0.8,
        "Romance": -0.4, "Documentary": -0.6,
    }),
    "is nostalgic for the eighties": (1.0, {
        "1980s": 2.3, "back-to-the-future": 1.3, "ghostbusters": 1.2, "indiana-jones": 1.3, "karate-kid": 1.0,
        "gremlins": 1.0, "rocky": 0.9, "star-wars": 0.8, "John Hughes": 1.4, "Steven Spielberg": 0.4, "playful": 0.3,
        "feel-good": 0.3, "2010s": -0.5, "2020s": -0.6,
    }),
    "loves the New Hollywood": (0.7, {
        "1970s": 2.4, "1960s": 0.6, "gritty": 0.8, "dark": 0.3, "Sidney Lumet": 1.1, "Francis Ford Coppola": 1.1,
        "Robert Altman": 0.9, "William Friedkin": 0.9, "Martin Scorsese": 0.8, "Hal Ashby": 0.8,
        "Roman Polanski": 0.6, "Stanley Kubrick": 0.8, "2010s": -0.5, "Children": -0.6, "Animation": -0.5,
    }),
    "follows the awards": (1.2, {
        "Drama": 1.3, "melancholic": 1.0, "thoughtful": 0.9, "2010s": 0.6, "2020s": 0.5, "2000s": 0.2,
        "Steven Spielberg": 0.3, "Alejandro González Iñárritu": 0.6, "Greta Gerwig": 0.6, "Sam Mendes": 0.5,
        "Alexander Payne": 0.5, "Action": -0.7, "Horror": -0.5, "playful": -0.4,
    }),
    "goes to what is new": (1.0, {
        "2020s": 2.4, "2010s": 1.1, "dune": 0.6, "Yorgos Lanthimos": 0.6, "Jordan Peele": 0.5, "Greta Gerwig": 0.5,
        "1960s": -0.6, "1950s": -0.7, "1940s": -0.7, "1930s": -0.7,
    }),
}  # fmt: skip

# How far a person's own likings differ from those of their types (standard deviations), by kind of word. Franchises
# differ most: a person who loves one Bond film has seen ten.
_GENRE, _MOOD, _DECADE, _LANGUAGE, _DIRECTOR, _FRANCHISE = 0.4, 0.25, 0.45, 0.7, 0.3, 2.4


def _tastes(shelf: Sequence[_Film], viewers: int, rng: np.random.Generator) -> Floats:
    """Return each viewer's liking of each film, shape (viewers, films): 0 is indifferent, at 1 they like it more than
    most.

    The mean of each row is 0; the standard deviation of the whole is 1.
    """
    words: dict[str, int] = {}
    strays: list[float] = []
    entries: list[tuple[int, int, float]] = []
    for row, film in enumerate(shelf):
        genres = film.entry.genres
        described = [(genre, _GENRE, len(genres) ** -0.3) for genre in genres]  # of many genres, each says less
        described += [(film.mood, _MOOD, 1.0), (f"{film.year // 10}0s", _DECADE, 1.0), (film.director, _DIRECTOR, 1.0)]
        if film.language not in ("", "English"):
            described.append((film.language, _LANGUAGE, 1.0))
        if film.franchise:
            described.append((film.franchise, _FRANCHISE, 1.0))
        for word, stray, weight in described:
            if word not in words:
                words[word] = len(words)
                strays.append(stray)
            entries.append((row, words[word], weight))
    of_films = np.zeros((len(shelf), len(words)), dtype=np.float32)
    for row, column, weight in entries:
        of_films[row, column] = weight

    of_types = np.zeros((len(_TYPES), len(words)), dtype=np.float32)
    for row, (_, loves) in enumerate(_TYPES.values()):
        for word, liking in loves.items():
            if word in words:  # a part of the catalogue may lack it
                of_types[row, words[word]] = liking
    common = np.array([weight for weight, _ in _TYPES.values()])
    mixture = np.zeros((viewers, len(_TYPES)), dtype=np.float32)
    for viewer in range(viewers):
        count = 1 + int(rng.choice(3, p=[0.3, 0.45, 0.25]))
        chosen = rng.choice(len(_TYPES), size=count, replace=False, p=common / common.sum())
        mixture[viewer, chosen] = [1.3, 0.9, 0.6][:count]

    likings = mixture @ of_types
    likings += rng.standard_normal(likings.shape, dtype=np.float32) * np.array(strays, dtype=np.float32)
    taste = likings @ of_films.T
    taste -= taste.mean(axis=1, keepdims=True)
    return np.asarray(taste / taste.std(), dtype=np.float32)


# --- what they watch, and what they think of it -----------------------------------------------------------------------

# These numbers were chosen together, so that averages and the long tail look like those of MovieLens, a model that
# learns tastes ranks films two to three times as well as popularity, and the films most like a famous one are those
# that a fan would name.
_SHORTEST = 20
_EXTRA, _EXTRA_SPREAD = 26.0, 1.0  # ratings beyond those 20: the median, and the deviation of the logarithm
_FAME = np.array([0.0, 1.3, 2.6, 4.0, 5.6])  # logarithm of the odds to be watched, for fame 1 to 5
_ESTEEM = np.array([-1.7, -0.9, -0.2, 0.3, 0.7])  # added to those odds and to the stars, for esteem 1 to 5
_APPETITE = 1.5  # weight of taste in the choice of films
_CASUAL = 0.24  # weight of chance in the choice of films


def _watch(
    shelf: Sequence[_Film], taste: Floats, last_years: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return who watched what, as row numbers of viewers and of films, by viewer. Nobody watches a film twice."""
    known = _FAME[[film.fame - 1 for film in shelf]] + _ESTEEM[[film.esteem - 1 for film in shelf]]
    known += rng.normal(0, 0.5, len(shelf))
    keen = np.exp(_APPETITE * rng.lognormal(0, 0.25, (len(taste), 1)) * taste)
    drawn = np.log(_CASUAL + (1 - _CASUAL) * keen / keen.mean(axis=1, keepdims=True))
    # The n largest of logarithm + Gumbel noise are n draws without replacement at those odds.
    draw = known + drawn + rng.gumbel(size=taste.shape)
    years = np.array([film.year for film in shelf])
    draw[years[None, :] >= last_years[:, None]] = -np.inf
    extra = rng.lognormal(np.log(_EXTRA), _EXTRA_SPREAD, len(taste)).astype(np.int64)
    counts = np.minimum(_SHORTEST + extra, np.maximum(_SHORTEST, np.isfinite(draw).sum(axis=1) // 3))
    watched = [np.argpartition(-row, count - 1)[:count] for row, count in zip(draw, counts, strict=True)]
    return np.repeat(np.arange(len(taste)), counts), np.concatenate(watched)


def _rate(
    shelf: Sequence[_Film],
    taste: Floats,
    user: npt.NDArray[np.int64],
    film: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> Floats:
    """Return the stars that each watched film gets."""
    viewers = len(taste)
    esteem = _ESTEEM[[each.esteem - 1 for each in shelf]] + rng.normal(0, 0.15, len(shelf))
    usual = rng.normal(2.79, 0.4, viewers)  # strict or kind
    emphatic = rng.lognormal(0, 0.25, viewers)
    opinion = 0.7 * esteem[film] + 0.56 * taste[user, film] + rng.normal(0, 0.62, len(user))
    felt = usual[user] + emphatic[user] * opinion
    step = np.where(rng.random(viewers) < 0.5, 1.0, 0.5)[user]
    return np.clip(np.round(felt / step) * step, step, 5.0).astype(np.float32)


# --- when they rate ---------------------------------------------------------------------------------------------------

_OPENED, _CLOSED = datetime(2016, 1, 1, tzinfo=UTC), datetime(2025, 10, 1, tzinfo=UTC)
_DAY = 86_400  # seconds

_Sittings = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]  # when each begins (seconds since 1970), and its year


def _sittings(viewers: int, rng: np.random.Generator) -> list[_Sittings]:
    """Return each viewer's sittings, in order: one to a dozen, in one week or over years."""
    first, last = int(_OPENED.timestamp()), int(_CLOSED.timestamp())
    sittings = []
    for _ in range(viewers):
        joined = int(rng.integers(first, last))
        stays = min(rng.lognormal(np.log(120 * _DAY), 2.0), last - joined)
        starts = np.sort(joined + (stays * rng.random(1 + rng.poisson(3))).astype(np.int64))
        sittings.append((starts, starts.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970))
    return sittings


def _dates(
    film_years: npt.NDArray[np.int64],
    user: npt.NDArray[np.int64],
    film: npt.NDArray[np.int64],
    sittings: list[_Sittings],
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Return when each watched film was rated: in one of the viewer's sittings after the year that it came out in."""
    rated_at = np.empty(len(user), dtype=np.int64)
    ends = np.cumsum(np.bincount(user, minlength=len(sittings)))
    for viewer, (starts, years) in enumerate(sittings):
        mine = slice(ends[viewer - 1] if viewer else 0, ends[viewer])
        possible = np.searchsorted(years, film_years[film[mine]], side="right")
        sitting = possible + (rng.random(len(possible)) * (len(starts) - possible)).astype(np.int64)
        rated_at[mine] = starts[sitting] + np.cumsum(rng.integers(4, 45, len(possible)))
    return rated_at
