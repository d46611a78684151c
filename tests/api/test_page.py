"""The pages in a real browser: films are rated, picks follow, nothing is fetched from elsewhere, all can use it."""

import json
import re
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from api.context import Services
from api.settings import ApiSettings
from engine.domain import RunKind, RunState
from engine.serving.library import Library
from engine.store import Scope, Store
from tests import world
from tests.api.conftest import new_key, served
from tests.system.browser import CHROMIUM, Browser, open_browser

needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium on this machine (Debian: apt install chromium)"
)

PAGE = files("api") / "page"
AXE = files("axe_core_python") / "axe.min.js"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def open_address(services: Services) -> Iterator[str]:
    """The API as `make run` starts it: open to whoever is at this machine."""
    settings = services.settings.model_copy(update={"api_open": True})
    with served(replace(services, settings=settings, library=Library(services.store))) as address:
        yield address


@pytest.fixture
def browser(chromium: Browser, open_address: str) -> Browser:
    """A browser that has never been here, looking at the page."""
    chromium.open(open_address)
    chromium.evaluate("localStorage.clear(); sessionStorage.clear()")
    chromium.complaints.clear()
    chromium.requests.clear()
    chromium.open(open_address)
    chromium.wait_for("document.querySelectorAll('#picks li').length")
    return chromium


def rate(browser: Browser, title: str, stars: int) -> None:
    """Search a film as one does, and give it stars."""
    rated = browser.evaluate("document.querySelectorAll('#rated li').length")
    browser.evaluate("document.getElementById('q').value = ''; document.getElementById('q').focus()")
    browser.type(title)
    heading = f"document.querySelector('#found h3')?.textContent === {json.dumps(title)}"
    browser.wait_for(heading)
    browser.evaluate(f"document.querySelectorAll('#found li:first-child input')[{stars - 1}].click()")
    browser.wait_for(f"document.getElementById('picks').dataset.ratings === '{rated + 1}'")


def shown(browser: Browser) -> list[str]:
    titles: list[str] = browser.evaluate(
        "[...document.querySelectorAll('#picks h3')].map((title) => title.textContent)"
    )
    return titles


@needs_browser
def test_five_films_are_rated_and_picks_appear_and_one_more_changes_them(browser: Browser, open_address: str) -> None:
    assert "most people" in browser.evaluate("document.getElementById('picks-status').textContent")
    loved = ["High Noon", "Rio Bravo", "Unforgiven", "Once Upon a Time in the West"]
    for title in loved:
        rate(browser, title, 5)
    rate(browser, "Scream", 1)
    first = shown(browser)
    assert len(first) == 10
    assert not {*loved, "Scream"} & {*first}
    assert "True Grit" in first[:3]
    assert "because of" in browser.evaluate("document.querySelector('#picks .why').textContent")

    rate(browser, "Alien", 5)
    assert shown(browser) != first

    browser.open(open_address)  # and all of it is still there tomorrow
    browser.wait_for("document.getElementById('picks').dataset.ratings === '6'")
    assert browser.evaluate("document.getElementById('count').textContent") == "6"
    assert browser.complaints == []
    fetched = [url for url in browser.requests if not url.startswith(("data:", "blob:"))]
    assert all(url.startswith(open_address) for url in fetched)


@needs_browser
def test_the_next_page_repeats_nothing_and_similar_films_open_in_a_dialog(browser: Browser) -> None:
    before = len(shown(browser))
    browser.evaluate("document.getElementById('more').click()")
    browser.wait_for(f"document.querySelectorAll('#picks li').length > {before}")
    assert len(set(shown(browser))) >= len(shown(browser)) - 1  # there are two films named True Grit
    browser.evaluate("document.querySelector('#picks .link').click()")
    browser.wait_for(
        "document.getElementById('similar-dialog').open && document.querySelectorAll('#similar li').length"
    )
    browser.press("Escape", 27)
    browser.wait_for("!document.getElementById('similar-dialog').open")


@needs_browser
def test_the_keyboard_is_enough(browser: Browser) -> None:
    """Tab reaches the stars of a film that was found, and the arrows choose them."""
    browser.evaluate("document.getElementById('q').focus()")
    browser.type("heat")
    browser.wait_for("document.querySelector('#found h3')?.textContent === 'Heat'")
    for _ in range(2):  # past the search button
        browser.press("Tab", 9)
    assert browser.evaluate("document.activeElement.closest('fieldset').querySelector('legend').textContent") == (
        "Your stars for Heat"
    )
    browser.press("ArrowRight", 39)
    browser.wait_for("document.getElementById('picks').dataset.ratings === '1'")
    assert browser.evaluate("document.querySelector('#rated h3').textContent") == "Heat"


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_axe_finds_nothing_to_object_to(
    browser: Browser, open_address: str, path: str, width: int, scheme: str
) -> None:
    if path == "/":
        rate(browser, "Heat", 4)
    browser.open(open_address + path, width=width, scheme=scheme)
    browser.wait_for("document.querySelectorAll('#rated li').length || document.body.dataset.ready")
    browser.evaluate("document.querySelectorAll('details').forEach((part, at) => { part.open = at < 6 })")
    browser.evaluate(AXE.read_text())
    rules = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
    found = browser.evaluate(
        f"axe.run(document, {{runOnly: {json.dumps(rules)}}}).then((done) => done.violations.map((rule) => "
        "[rule.id, rule.nodes.slice(0, 3).map((node) => node.html + node.failureSummary)]))"
    )
    assert found == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.complaints == []


@contextmanager
def picture_site(films: Collection[str]) -> Iterator[str]:
    """A site with pictures of these films alone."""
    icon = (PAGE / "icon.svg").read_bytes()

    class Pictures(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.strip("/") in films
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "image/svg+xml")
            self.end_headers()
            self.wfile.write(icon if found else b"")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pictures) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@needs_browser
def test_posters_come_from_the_site_that_is_set_and_are_drawn_where_it_has_none(
    chromium: Browser, services: Services
) -> None:
    with picture_site({"603"}) as pictures:
        changed = {"api_open": True, "api_posters": pictures + "/{tmdb}"}
        settings = services.settings.model_copy(update=changed)
        with served(replace(services, settings=settings, library=Library(services.store))) as address:
            policy = httpx.get(address).headers["content-security-policy"]
            assert f"img-src 'self' data: blob: {pictures};" in policy
            chromium.open(address)
            chromium.evaluate("localStorage.clear(); document.getElementById('q').focus()")
            chromium.type("the matrix")
            chromium.wait_for("document.querySelector('#found img.poster')?.naturalWidth")
            chromium.evaluate("document.getElementById('q').value = ''; document.getElementById('q').focus()")
            chromium.type("heat")
            chromium.wait_for("document.querySelector('#found h3')?.textContent === 'Heat'")
            chromium.wait_for("document.querySelector('#found canvas.poster') && !document.querySelector('#found img')")
    chromium.complaints.clear()


@pytest.mark.parametrize(
    "address",
    [
        "posters.example/{tmdb}",
        "https://a.example/film.jpg",
        "https://a.example; script-src *//{tmdb}",
        "https://*/{tmdb}",
    ],
)
def test_an_address_of_posters_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match=r"posters\.example"):
        ApiSettings(_env_file=None, api_posters=address)


@needs_browser
def test_without_a_key_the_page_asks_for_one_and_with_it_goes_on(
    chromium: Browser, services: Services, address: str
) -> None:
    chromium.open(address)
    chromium.evaluate("localStorage.clear(); sessionStorage.clear()")
    chromium.open(address)
    assert "key" in chromium.wait_for(
        "!document.getElementById('trouble').hidden && document.getElementById('trouble').textContent"
    )
    use_key(chromium, new_key(services, Scope.READ))
    chromium.wait_for("document.querySelectorAll('#picks li').length === 10")
    chromium.wait_for("document.getElementById('trouble').hidden && document.getElementById('admin').hidden")


def use_key(browser: Browser, key: str) -> None:
    browser.evaluate("document.getElementById('key-button').click()")
    browser.evaluate(f"document.getElementById('key-input').value = {json.dumps(key)}")
    browser.evaluate("document.querySelector('#key-dialog [value=use]').click()")


@needs_browser
def test_an_admin_sees_models_follows_a_run_and_serves_an_earlier_model(
    browser: Browser, services: Services, full: Store
) -> None:
    world.publish(full, [1, 2, 3], ndcg_at_10=0.333)
    use_key(browser, new_key(services, Scope.ADMIN))
    browser.wait_for("document.querySelectorAll('#models tr').length === 2")
    assert browser.evaluate("document.querySelector('#models tr').textContent").startswith("2live0.3330.841")

    browser.evaluate("document.getElementById('retrain').click()")
    browser.wait_for("document.getElementById('run-status').textContent.includes('queued')")
    run = full.claim_run(services.clock())
    assert run is not None
    assert (run.kind, run.asked_by) == (RunKind.TRAIN, "api:test")
    full.report_run(run.id, services.clock(), stage="train", fraction=0.4, detail="iteration 7 of 15")
    browser.wait_for("document.getElementById('run-status').textContent.includes('iteration 7 of 15')")
    assert browser.evaluate("document.getElementById('run-progress').value") == 0.4
    browser.evaluate("document.getElementById('cancel').click()")
    browser.wait_for("document.getElementById('trouble').hidden")
    full.finish_run(run.id, RunState.CANCELLED, services.clock(), error="stopped")
    browser.wait_for("document.getElementById('run-status').textContent.includes('cancelled')")

    browser.wait_for("document.querySelectorAll('#models button').length")
    browser.evaluate("document.querySelector('#models button').click()")
    browser.wait_for("document.querySelectorAll('#models tr')[1].textContent.startsWith('1live')")
    assert full.live_version() == 1
    assert browser.complaints == []


@needs_browser
def test_a_title_is_text_whatever_is_in_it(browser: Browser) -> None:
    browser.evaluate("document.getElementById('q').focus()")
    browser.type("tag & co")
    browser.wait_for("document.querySelector('#found h3')?.textContent.includes('<b>')")
    assert browser.evaluate("document.querySelector('#found b')") is None


def test_every_text_of_the_page_is_there_in_each_language() -> None:
    source = (PAGE / "texts.js").read_text()
    languages = re.findall(r"^  (\w\w): \{(.*?)^  \},", source, re.MULTILINE | re.DOTALL)
    names = {code: re.findall(r"(\w+): \"", body) for code, body in languages}
    assert [*names] == ["en", "de", "es"]
    assert names["en"] == names["de"] == names["es"]
    places = {code: re.findall(r"(\w+): \"(?:[^\"]*?\{(\w+)\})", body) for code, body in languages}
    assert places["en"] == places["de"] == places["es"]
    page = "".join(Path(str(PAGE / name)).read_text() for name in ("index.html", "page.js", "admin.js"))
    used = {*re.findall(r"data-text=\"(\w+)\"", page), *re.findall(r"say\(\"(\w+)\"", page)}
    assert used <= {*names["en"]}
