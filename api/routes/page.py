"""The page to try the API, and the page of its verbs. Their files are ours; nothing comes from other hosts."""

from collections.abc import Callable
from importlib.resources import files

from fastapi import APIRouter, Response

from api.problems import TITLES

router = APIRouter(include_in_schema=False)

FILES = files("api") / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def _file(name: str) -> Response:
    content = (FILES / name).read_bytes()
    return Response(content, headers=HEADERS, media_type=TYPES[name.rpartition(".")[2]])


@router.get("/")
def try_it() -> Response:
    return _file("index.html")


@router.get("/docs")
def verbs() -> Response:
    return _file("docs.html")


@router.get("/page/problems.json")
def problems() -> dict[str, str]:
    """Return every kind of problem and its title, for the page of the verbs."""
    return TITLES


def _serving(name: str) -> Callable[[], Response]:
    return lambda: _file(name)


for _name in ("style.css", "page.js", "texts.js", "admin.js", "docs.js", "icon.svg"):
    router.add_api_route(f"/page/{_name}", _serving(_name), name=_name)
