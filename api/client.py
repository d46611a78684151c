"""A client for Python programs. It needs only this file and httpx; copy it into your project.

matinee = Matinee("http://127.0.0.1:8000", key)
matinee.rate("anna", "imdb:tt0133093", 4.5)
for film in matinee.picks("anna", limit=10, genre=["Sci-Fi"]):
    print(film["position"], film["title"], film["predicted_stars"])
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, NotRequired, Self, TypedDict, Unpack
from urllib.parse import quote

import httpx

FilmRef = int | str
"""The catalogue's number of a film, or "imdb:tt0133093", or "tmdb:603"."""

Kept = Literal["seen", "not_for_me", "watchlist"]


class Named(TypedDict):
    id: int
    title: str


class Film(Named):
    year: int | None
    genres: list[str]
    imdb_id: str | None
    tmdb_id: int | None
    rating_count: int
    mean_stars: float | None


class Pick(Film):
    position: int
    predicted_stars: float | None
    because: list[Named]
    new_here: bool


class Picks(TypedDict):
    """A page of picks; ``list_id`` names the list when you tell what was shown of it."""

    list_id: str
    model_version: int | None
    ratings: int
    films: list[Pick]
    next: str | None


class FilmReception(TypedDict):
    """What became of one film of a list that somebody was shown; None is not yet."""

    film: Named
    shown_at: str | None
    opened_at: str | None
    stars: float | None
    rated_at: str | None


class Rated(TypedDict):
    film: Named
    stars: float
    rated_at: str


class Wanted(TypedDict, total=False):
    """The kind of films wanted, the films to choose from, and the form of the list."""

    genre: list[str]
    without: list[str]
    since: int
    until: int
    limit: int
    reasons: int
    diversity: float
    only: list[FilmRef]
    exclude: list[FilmRef]
    cursor: NotRequired[str]


class MatineeProblem(Exception):
    """The API refused. ``kind`` is for programs, the text for people, ``errors`` name the fields that are wrong."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail", status)))
        self.status = status
        self.kind = str(problem.get("type", "")).rpartition("#")[2]
        self.errors: list[dict[str, str]] = problem.get("errors", [])


class Matinee:
    """The API at one address, with one key.

    Every method may raise ``MatineeProblem`` when the API refuses, and ``httpx.HTTPError`` when it cannot be reached.
    """

    def __init__(self, address: str, key: str, *, timeout_seconds: float = 10) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=address, headers=headers, timeout=timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # Films.

    def search(self, title: str, *, limit: int = 8) -> list[Film]:
        """Return the films that a text may mean, best first."""
        return self._films("GET", "/v1/films", params={"q": title, "limit": limit})

    def film(self, film: FilmRef) -> Film:
        found: Film = self._ask("GET", f"/v1/films/{film}")
        return found

    def similar(self, film: FilmRef, *, limit: int = 10, person: str | None = None) -> list[Film]:
        """Return films like one; with ``person``, none that they have seen or do not want."""
        path = f"/v1/films/{film}/similar" if person is None else f"{_of(person)}/similar/{film}"
        return self._films("GET", path, params={"limit": limit})

    # Picks.

    def picks(self, person: str, **wanted: Unpack[Wanted]) -> list[Pick]:
        """Return one page of somebody's picks, best first."""
        return self.page(person, **wanted)["films"]

    def page(self, person: str, **wanted: Unpack[Wanted]) -> Picks:
        """Return one page of somebody's picks with its ``list_id``, and the cursor of the next."""
        page: Picks = self._ask("POST", f"{_of(person)}/picks", json=wanted)
        return page

    def shown(
        self, person: str, list_id: str, *, films: Iterable[FilmRef] | None = None, opened: Iterable[FilmRef] = ()
    ) -> None:
        """Say which films of a list somebody was shown, by default all of them, and which ones they opened."""
        body = {"list_id": list_id, "films": None if films is None else list(films), "opened": list(opened)}
        self._ask("POST", f"{_of(person)}/shown", json=body)

    def reception(self, person: str, list_id: str) -> list[FilmReception]:
        """Return what became of each film of a list: shown, opened, rated afterwards."""
        films: list[FilmReception] = self._ask("GET", f"{_of(person)}/lists/{list_id}")["films"]
        return films

    def picks_for(self, ratings: Mapping[FilmRef, float], **wanted: Unpack[Wanted]) -> list[Pick]:
        """Return picks for somebody with these ratings. Nothing is stored."""
        given = [{"film": film, "stars": stars} for film, stars in ratings.items()]
        picks: list[Pick] = self._ask("POST", "/v1/picks", json={**wanted, "ratings": given})["films"]
        return picks

    def all_picks(self, person: str, **wanted: Unpack[Wanted]) -> Iterator[Pick]:
        """Yield somebody's picks page by page, none twice, as long as there are any."""
        while True:
            page = self.page(person, **wanted)
            yield from page["films"]
            if page["next"] is None:
                return
            wanted["cursor"] = page["next"]

    def group_picks(self, people: Iterable[str], *, limit: int = 5, misery: float | None = None) -> list[Film]:
        """Return films that suit several people."""
        body = {"people": list(people), "limit": limit, "misery": misery}
        return self._films("POST", "/v1/groups/picks", json=body)

    def question(self, person: str, *, not_seen: Iterable[int] = ()) -> Film | None:
        """Return the film that this person should be asked to rate next."""
        film: Film | None = self._ask("GET", f"{_of(person)}/question", params={"not_seen": list(not_seen)})["film"]
        return film

    # People.

    def rate(self, person: str, film: FilmRef, stars: float) -> None:
        self._ask("PUT", f"{_of(person)}/ratings/{film}", json={"stars": stars})

    def rate_many(self, person: str, ratings: Mapping[FilmRef, float]) -> list[FilmRef]:
        """Give many films their stars. Return those that the catalogue lacks. Is tried again if the line breaks."""
        given = [{"film": film, "stars": stars} for film, stars in ratings.items()]
        once = {"Idempotency-Key": uuid.uuid4().hex}
        try:
            done = self._ask("POST", f"{_of(person)}/ratings", json={"ratings": given}, headers=once)
        except httpx.TransportError:
            done = self._ask("POST", f"{_of(person)}/ratings", json={"ratings": given}, headers=once)
        unknown: list[FilmRef] = done["unknown"]
        return unknown

    def unrate(self, person: str, film: FilmRef) -> None:
        self._ask("DELETE", f"{_of(person)}/ratings/{film}")

    def ratings(self, person: str) -> list[Rated]:
        rated: list[Rated] = self._ask("GET", f"{_of(person)}/ratings")["ratings"]
        return rated

    def put_aside(self, person: str, film: FilmRef, kind: Kept) -> None:
        self._ask("PUT", f"{_of(person)}/aside/{kind}/{film}")

    def take_back(self, person: str, film: FilmRef, kind: Kept) -> None:
        self._ask("DELETE", f"{_of(person)}/aside/{kind}/{film}")

    def token(self, person: str, *, minutes: int = 60) -> str:
        """Return a token with which this person's browser may manage their own affairs."""
        made: str = self._ask("POST", f"{_of(person)}/tokens", json={"minutes": minutes})["token"]
        return made

    def link_code(self, person: str, *, minutes: int = 15) -> dict[str, str]:
        """Return a code by which this person becomes one with who says it in the chat: ``say``, ``start``, ``code``."""
        code: dict[str, str] = self._ask("POST", f"{_of(person)}/link", json={"minutes": minutes})
        return code

    def unlink(self, person: str) -> None:
        """Part this person and the one of the chat again."""
        self._ask("DELETE", f"{_of(person)}/link")

    def export(self, person: str) -> dict[str, Any]:
        held: dict[str, Any] = self._ask("GET", f"{_of(person)}/export")
        return held

    def forget(self, person: str) -> None:
        self._ask("DELETE", _of(person))

    def _films(self, method: str, path: str, **request: Any) -> list[Film]:
        films: list[Film] = self._ask(method, path, **request)["films"]
        return films

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        answer = self._http.request(method, path, **request)
        if not answer.is_success:
            is_problem = answer.headers.get("content-type") == "application/problem+json"
            raise MatineeProblem(answer.status_code, answer.json() if is_problem else {})
        return answer.json() if answer.content else None


def _of(person: str) -> str:
    return f"/v1/people/{quote(person, safe='')}"
