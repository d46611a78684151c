"""The page to try the API, and the page of its verbs. Their files are ours; nothing comes from other hosts."""

from collections.abc import Callable
from importlib.resources import files

from fastapi import Response

from api.context import Services, Serving
from api.problems import TITLES
from api.routes import Routes
from api.settings import ApiSettings

router = Routes(include_in_schema=False)

FILES = files("api") / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def _file(name: str, settings: ApiSettings) -> Response:
    images = " ".join(filter(None, ("'self'", "data:", "blob:", settings.poster_site)))
    headers = HEADERS | {"Content-Security-Policy": POLICY.format(images=images)}
    return Response((FILES / name).read_bytes(), headers=headers, media_type=TYPES[name.rpartition(".")[2]])


@router.get("/")
def try_it(services: Serving) -> Response:
    return _file("index.html", services.settings)


@router.get("/docs")
def verbs(services: Serving) -> Response:
    return _file("docs.html", services.settings)


@router.get("/page/problems.json")
def problems() -> dict[str, str]:
    """Return every kind of problem and its title, for the page of the verbs."""
    return TITLES


@router.get("/page/posters.json")
def posters(services: Serving) -> dict[str, str]:
    """Return the form of a poster's address, "" where the page is to draw them."""
    return {"address": services.settings.api_posters}


def _serving(name: str) -> Callable[[Services], Response]:
    def serve(services: Serving) -> Response:
        return _file(name, services.settings)

    return serve


for _name in ("style.css", "page.js", "texts.js", "admin.js", "docs.js", "icon.svg"):
    router.add_api_route(f"/page/{_name}", _serving(_name), name=_name)
