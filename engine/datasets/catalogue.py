"""Reads a data set's files about titles: films, their ids on other sites, tags, and aliases of ids."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from engine.datasets.files import AUDIOSCROBBLER, CSV, DAT, DataFiles
from engine.datasets.ratings import MOVIE, Aliases
from engine.datasets.report import DatasetError, Problems
from engine.datasets.rows import csv_rows, lines, whole_number
from engine.datasets.titles import parse_title
from engine.domain import Film

_LONGEST_GENRE = 100  # the length of the store's column
_INT32_MAX = 2**31 - 1
_IMDB_ID = re.compile(r"[0-9]{7,12}")
_NO_GENRES = frozenset({"", "(no genres listed)", "N/A", "unknown"})
# fmt: off
_U_ITEM_GENRES = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)
# fmt: on

_Rows = Iterator[tuple[int, Film]]


def read_films(files: DataFiles, problems: Problems) -> list[Film]:
    """Return the titles in file order; their ids are all different, from 0 to 2³¹−1. Ratings are not counted yet.

    Raises:
        DatasetError: there are no titles, or a column is missing.
    """
    file = files.name("titles")
    if files.layout is CSV:
        rows = _from_csv(files, problems)
    elif files.layout is DAT:
        rows = _from_dat(files, problems)
    elif files.layout is AUDIOSCROBBLER:
        rows = _from_artists(files, problems)
    else:
        rows = _from_u_item(files, problems)
    films: dict[int, Film] = {}
    for line, film in rows:
        if film.id in films:
            problems.add(file, line, "id of an earlier line", film.id)
        elif not film.display_title:
            problems.add(file, line, "no title", film.id)
        else:
            films[film.id] = film
    if not films:
        raise DatasetError(f"{file} holds no usable title. {problems.summary()}".rstrip())
    if files.has("links"):
        _link(files, films, problems)
    return list(films.values())


def read_tags(files: DataFiles, movie_ids: Iterable[int], problems: Problems) -> Counter[tuple[int, str]]:
    """Return how often each film was given each tag, in lower case."""
    file, known = files.name("tags"), set(movie_ids)
    rows: Iterator[tuple[int, list[str]]]
    if files.layout is CSV:
        rows = csv_rows(file, files.text("tags"), {"movieId": MOVIE, "tag": frozenset({"tag"})}, problems)
    else:
        rows = ((line, [*fields, "", ""][1:3]) for line, fields in _split(files, "tags"))
    counts: Counter[tuple[int, str]] = Counter()
    for line, (id_text, tag_text) in rows:
        movie_id, tag = whole_number(id_text), " ".join(tag_text.lower().split())
        if movie_id is None or movie_id not in known:
            problems.add(file, line, f"no such title in {files.name('titles')}", id_text)
        elif not tag:
            problems.add(file, line, "empty tag", tag_text)
        else:
            counts[movie_id, tag] += 1
    return counts


def read_aliases(files: DataFiles, movie_ids: Iterable[int], problems: Problems) -> Aliases:
    """Return the misspelt ids and the right ones, with chains followed; only those that lead to a known title."""
    known, direct = set(movie_ids), dict[int, int]()
    for line, text in lines(files.text("aliases")) if files.has("aliases") else ():
        ids = [whole_number(field) for field in text.split()]
        match ids:
            case [int(bad), int(good)]:
                direct[bad] = good
            case _:
                problems.add(files.name("aliases"), line, "not two ids", text)
    final = {}
    for bad, good in direct.items():
        passed = {bad}
        while good in direct and good not in passed:
            passed.add(good)
            good = direct[good]
        if good in known and good != bad:
            final[bad] = good
    pairs = np.array(sorted(final.items()), dtype=np.int64).reshape(-1, 2)
    return Aliases(bad=pairs[:, 0], good=pairs[:, 1])


def _from_csv(files: DataFiles, problems: Problems) -> _Rows:
    file = files.name("titles")
    wanted = {
        "movieId": MOVIE | {"id"},
        "title": frozenset({"title", "name"}),
        "genres": frozenset({"genres", "genre"}),
        "year": frozenset({"year"}),
    }
    for line, fields in csv_rows(file, files.text("titles"), wanted, problems, optional={"genres", "year"}):
        id_text, title, genres, year = fields
        if re.fullmatch(r"\d{4}", year.strip()) and not re.search(r"\(\d{4}\)\s*$", title):
            title = f"{title.strip()} ({year.strip()})"
        movie_id = _id(file, line, id_text, problems)
        if movie_id is not None:
            yield line, _film(movie_id, title, genres.split("|" if "|" in genres else ","))


def _from_dat(files: DataFiles, problems: Problems) -> _Rows:
    file, rows = files.name("titles"), list(_split(files, "titles"))
    # A set whose ids all have the seven digits of IMDb's, zeros included, uses IMDb's.
    imdb = all(_IMDB_ID.fullmatch(fields[0]) for _, fields in rows)
    for line, fields in rows:
        if len(fields) < 2:
            problems.add(file, line, "not 3 columns", len(fields))
            continue
        id_text, *title, genres = fields if len(fields) > 2 else [*fields, ""]
        movie_id = _id(file, line, id_text, problems)
        if movie_id is not None:
            film = _film(movie_id, "::".join(title), genres.split("|"))
            yield line, replace(film, imdb_id=id_text) if imdb else film


def _from_u_item(files: DataFiles, problems: Problems) -> _Rows:
    """Read id, title, three unused fields, and a 0 or 1 for each genre."""
    file = files.name("titles")
    for line, text in lines(files.text("titles")):
        id_text, *rest = text.split("|")
        if not rest:
            problems.add(file, line, "not 24 columns", 1)
            continue
        movie_id = _id(file, line, id_text, problems)
        if movie_id is not None:
            flags = zip(_U_ITEM_GENRES, rest[4:], strict=False)
            yield line, _film(movie_id, rest[0], [genre for genre, flag in flags if flag == "1"])


def _from_artists(files: DataFiles, problems: Problems) -> _Rows:
    """Read the names of artists. Unlike film titles they have no year, and commas and brackets have no meaning.

    An artist that is only a misspelling of another is left out.
    """
    file = files.name("titles")
    artists = []
    for line, text in lines(files.text("titles")):
        id_text, tab, name = text.partition("\t")
        if not tab:
            problems.add(file, line, "no tab between id and name", text)
            continue
        artist_id = _id(file, line, id_text, problems)
        if artist_id is not None:
            artists.append((line, Film(artist_id, title=name, display_title=" ".join(name.split()))))
    misspelt = set(read_aliases(files, (artist.id for _, artist in artists), Problems()).bad.tolist())
    yield from ((line, artist) for line, artist in artists if artist.id not in misspelt)


def _split(files: DataFiles, role: str) -> Iterator[tuple[int, list[str]]]:
    return ((line, text.split("::")) for line, text in lines(files.text(role)))


def _film(movie_id: int, title: str, genres: list[str]) -> Film:
    parsed = parse_title(title)
    named = dict.fromkeys(genre.strip()[:_LONGEST_GENRE] for genre in genres if genre.strip() not in _NO_GENRES)
    return Film(movie_id, title, parsed.display_title, parsed.alternative_titles, parsed.year, genres=tuple(named))


def _id(file: str, line: int, text: str, problems: Problems) -> int | None:
    movie_id = whole_number(text)
    if movie_id is None:
        problems.add(file, line, "id is not a whole number", text)
    elif not 0 <= movie_id <= _INT32_MAX:
        problems.add(file, line, f"id is not from 0 to {_INT32_MAX}", text)
        return None
    return movie_id


def _link(files: DataFiles, films: dict[int, Film], problems: Problems) -> None:
    """Add the films' ids at IMDb and TMDb."""
    file = files.name("links")
    wanted = {"movieId": MOVIE | {"id"}, "imdbId": frozenset({"imdbid"}), "tmdbId": frozenset({"tmdbid"})}
    rows = csv_rows(file, files.text("links"), wanted, problems, optional={"imdbId", "tmdbId"})
    for line, (id_text, imdb_text, tmdb_text) in rows:
        movie_id = whole_number(id_text)
        if movie_id is None or movie_id not in films:
            problems.add(file, line, f"no such title in {files.name('titles')}", id_text)
            continue
        # A spreadsheet that the file went through takes the zeros away; IMDb's ids have seven digits or more.
        imdb_id = imdb_text.strip().removeprefix("tt").zfill(7)
        if not _IMDB_ID.fullmatch(imdb_id):
            problems.add(file, line, "imdbId is not a number", imdb_text)
            imdb_id = ""
        tmdb_id = whole_number(tmdb_text)
        if tmdb_text.strip() and (tmdb_id is None or not 0 < tmdb_id <= _INT32_MAX):
            problems.add(file, line, "tmdbId is not a number", tmdb_text)
            tmdb_id = None
        films[movie_id] = replace(films[movie_id], imdb_id=imdb_id if imdb_id.strip("0") else None, tmdb_id=tmdb_id)
