"""Both pages, looked at in a real browser: no picture may be empty, nothing may be fetched, nothing may complain."""

import base64
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from engine.datasets import load
from engine.domain import FactorRows
from engine.pages.explore import RatingArrays, explore, loaded_ratings
from engine.pages.report import report
from engine.settings import EngineSettings
from engine.store import Store
from tests.system.browser import CHROMIUM, Browser, open_browser

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine (Debian: apt install chromium)"),
]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
PARAMETERS = {
    "preference": {"rank": 4, "reg": 0.2, "alpha": 1.0, "iterations": 15, "neutral": 3.0},
    "rating": {"rank": 4, "reg": 0.15, "iterations": 15, "user_damping": 8.0, "movie_damping": 3.0},
    "blend": 0.2,
    "mean_stars": 3.5,
    "average_taste": [0.1, 0.1, 0.1, 0.1],
}
METRICS = {
    "ndcg_at_10": 0.31, "precision_at_10": 0.24, "recall_at_10": 0.22, "map_at_10": 0.2, "f1_at_10": 0.18,
    "rmse_all": 0.85, "rmse_warm": 0.84, "coverage_at_10": 0.07, "novelty_at_10": 9.6, "roem": 0.11,
}  # fmt: skip


@dataclass(frozen=True)
class Pages:
    explore: Path
    report: Path


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Pages:
    """Both pages of the demo, with two made-up models of genres, and all files that a run leaves."""
    home = tmp_path_factory.mktemp("reports")
    settings = EngineSettings(_env_file=None, home=home, dataset="demo")
    settings.folder.mkdir()
    (settings.folder / "matinee.db").write_bytes(migrated_sqlite.read_bytes())
    store = Store(settings.url)
    load("demo", store, settings.folder, home, now=NOW)
    catalogue, ratings = loaded_ratings(store, settings)
    for day, gain in ((1, 1.0), (2, 1.02)):
        version = publish(store, datetime(2026, 3, day, tzinfo=UTC), gain)
    measured(settings.folder / "models" / str(version), ratings)
    for rank, reg, alpha in product((32, 64), (0.1, 0.2, 0.4), (0.5, 1.0)):
        store.save_trial(
            search=f"{catalogue.fingerprint[:12]} preference sample=0.3 folds=1 #1",
            setting=f"1: {rank} {reg} {alpha}",
            model="preference",
            phase=1,
            hyperparameters={"rank": rank, "reg": reg, "alpha": alpha},
            metrics={"ndcg_at_10": 0.3 - abs(reg - 0.2) + rank / 1000},
            seconds=1.0,
            now=NOW,
        )
    found = Pages(explore(store, settings)[0], report(store, settings)[0])
    store.close()
    return found


def publish(store: Store, now: datetime, gain: float) -> int:
    """Enter a model in which a film is its genres, and lists that everybody could have."""
    films = store.films()
    catalogue = store.catalogue()
    assert catalogue
    genres = ("Drama", "Comedy", "Action", "Horror")
    taste = np.array([[genre in film.genres for genre in genres] for film in films], np.float32)
    bias = np.array([(film.mean_stars or 3.5) - 3.5 for film in films], np.float32)
    ids = np.array([film.id for film in films], np.int32)
    metrics = {name: value * gain for name, value in METRICS.items()}
    version = store.create_version(
        dataset="demo",
        dataset_fingerprint=catalogue.fingerprint,
        hyperparameters=PARAMETERS,
        metrics=metrics | {"popularity": {name: value / 2 for name, value in METRICS.items()}},
        counts={"ratings": catalogue.rating_count, "movies": len(films), "chat_ratings": 12},
        now=now,
    )
    store.write_item_factors(version, FactorRows(ids, taste + 0.1, 0.3 * taste, bias))
    best = np.argsort(-bias, kind="stable")
    known = sorted(films, key=lambda film: -film.rating_count)[:20]
    places = range(1, 9)
    likes = [
        (film.id, place, int(ids[best[place]]), 0.9 - place / 20, None, None) for film in known for place in places
    ]
    store.write_similar(version, likes)
    people = store.dataset_users(np.arange(1, catalogue.user_count + 1))
    store.write_recommendations(
        version,
        (
            (int(user), place, int(ids[best[(place * 7 + int(user)) % 300]]), 3.0 - place / 10, 4.0)
            for user in people
            for place in range(1, 11)
        ),
    )
    store.publish(version, event_ids=np.array([], np.int64), now=now)
    return version


def measured(folder: Path, ratings: RatingArrays) -> None:
    """Write what the evaluation of a run leaves."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    users = np.unique(ratings.user_ids)
    per_user = {
        "user_id": users,
        "n_all": 5.0,
        "squared_all": rng.gamma(4, 1, len(users)),
        "ndcg": rng.random(len(users)),
    }
    pd.DataFrame(per_user).to_parquet(folder / "per_user.parquet")
    cells = [
        (stars, known, 50, 50 * (0.4 + abs(stars - 3.5) / 2), 40.0, 50 * (3.5 - stars) / 2)
        for stars in np.arange(1, 11) / 2
        for known in (0, 1, 2, 5, 10, 20, 50, 100)
    ]
    columns = ["stars", "known_from", "n", "squared", "absolute", "signed"]
    pd.DataFrame(cells, columns=columns).to_parquet(folder / "errors.parquet")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


WITHOUT_FRAME = """figure svg text, figure svg [style*="stroke: var(--line)"] { visibility: hidden }"""
"""Takes words, axes and grid lines out of the pictures: what is left was drawn from numbers."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "pictures"), [("explore", 7), ("report", 6)])
def test_every_picture_shows_something(pages: Pages, browser: Browser, name: str, pictures: int, scheme: str) -> None:
    browser.open(getattr(pages, name), scheme=scheme)
    browser.add_style(WITHOUT_FRAME)
    shares = ink(browser)
    assert len(shares) == pictures
    assert min(shares) > 0.005, shares


def test_an_empty_picture_would_be_noticed(pages: Pages, browser: Browser) -> None:
    browser.open(pages.report)
    browser.add_style(WITHOUT_FRAME + ":root { --accent: transparent; --second: transparent; --pale: transparent }")
    assert max(ink(browser)) < 0.005


def ink(browser: Browser, *, least_width: int = 500) -> list[float]:
    """Return of each picture as it looks in the browser the share of pixels that are not background."""
    boxes = browser.evaluate(
        "[...document.querySelectorAll('figure svg')].filter(s => s.getClientRects().length)"
        ".map(s => s.getBoundingClientRect()).map(b => "
        "[b.left + scrollX, b.top + scrollY, b.right + scrollX, b.bottom + scrollY])"
    )
    page = browser.screenshot()
    pictures = [page.crop([round(edge) for edge in box]) for box in boxes]
    assert all(picture.width > least_width and picture.height > 100 for picture in pictures)
    return [float(drawn(picture).mean()) for picture in pictures]


def drawn(picture: Image.Image) -> "np.ndarray[tuple[int, int], np.dtype[np.bool_]]":
    """Return which pixels clearly differ from the background, the commonest colour."""
    pixels = np.asarray(picture, np.int32)
    packed = pixels @ [1 << 16, 1 << 8, 1]
    colours, counts = np.unique(packed, return_counts=True)
    paper = colours[counts.argmax()]
    different: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = (
        np.abs(pixels - [paper >> 16, paper >> 8 & 255, paper & 255]).max(axis=2) > 24
    )
    return different


@pytest.mark.parametrize("name", ["explore", "report"])
def test_bitmaps_inside_a_page_are_not_of_one_colour(pages: Pages, name: str) -> None:
    text = getattr(pages, name).read_text()
    bitmaps = re.findall(r"data:image/png;base64,([^\"]+)", text)
    assert len(bitmaps) == (4 if name == "explore" else 0)  # the two blocks of the grid, for desks and for phones
    for bitmap in bitmaps:
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(bitmap))).convert("RGBA"))
        assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 1


@pytest.mark.parametrize("name", ["explore", "report"])
def test_a_page_fetches_nothing_and_nothing_complains(pages: Pages, browser: Browser, name: str) -> None:
    browser.requests.clear()
    page = getattr(pages, name)
    browser.open(page)
    fetched = {address for address in browser.requests if not address.startswith("data:")}
    assert fetched == {page.as_uri()}
    assert browser.complaints == []


@pytest.mark.parametrize("name", ["explore", "report"])
def test_light_and_dark_differ_and_both_can_be_read(pages: Pages, browser: Browser, name: str) -> None:
    """The contrast of text is at least 4.5 to 1, as WCAG asks, also in the pictures."""
    paper = {}
    for scheme in ("light", "dark"):
        browser.open(getattr(pages, name), scheme=scheme)
        style = "getComputedStyle(document.body)"
        paper[scheme] = luminance(browser.evaluate(f"{style}.backgroundColor"))
        card = luminance(browser.evaluate("getComputedStyle(document.querySelector('figure')).backgroundColor"))
        for selector, property_ in (("body", "color"), ("figure svg text", "fill"), (".note, .year", "color")):
            text = luminance(browser.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{property_}"))
            for ground in (paper[scheme], card):
                lighter, darker = max(text, ground), min(text, ground)
                assert (lighter + 0.05) / (darker + 0.05) >= 4.5
    assert paper["dark"] < 0.1 < 0.8 < paper["light"]


def luminance(colour: str) -> float:
    """Return how light "rgb(31, 35, 40)" is, 0 to 1. Source: WCAG 2.2, relative luminance."""
    channels = np.array(re.findall(r"\d+", colour)[:3], float) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("name", ["explore", "report"])
def test_a_phone_scrolls_a_page_down_and_never_sideways(pages: Pages, browser: Browser, name: str) -> None:
    browser.open(getattr(pages, name), width=390)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390


PHONE = "[...document.querySelectorAll('figure .phone svg')]"


@pytest.mark.parametrize(("name", "pictures"), [("explore", 7), ("report", 6)])
def test_a_picture_fits_a_phone_without_losing_anything(
    pages: Pages, browser: Browser, name: str, pictures: int
) -> None:
    """All of it is on the screen, no figure scrolls, letters can be read, and there is as much drawn as on a desk."""
    browser.open(getattr(pages, name), width=390)
    boxes = browser.evaluate(f"{PHONE}.map(s => s.getBoundingClientRect()).map(b => [b.left, b.right, b.height])")
    assert len(boxes) == pictures
    assert all(left >= 0 and right <= 390 and height > 100 for left, right, height in boxes)
    hidden = browser.evaluate("[...document.querySelectorAll('figure')].map(f => f.scrollWidth - f.clientWidth)")
    assert max(hidden) <= 0
    sizes = browser.evaluate(
        f"{PHONE}.flatMap(s => [...s.querySelectorAll('text')].map(t => "
        "parseFloat(getComputedStyle(t).fontSize) * s.getBoundingClientRect().width / s.viewBox.baseVal.width))"
    )
    assert sizes
    assert min(sizes) > 7.5
    shapes = "[...s.querySelectorAll('path')].filter(p => /--(accent|second|pale)/.test(p.getAttribute('style')))"
    drawn_on = [
        browser.evaluate(f"[...document.querySelectorAll('figure .{where} svg')].map(s => {shapes}.length)")
        for where in ("desk", "phone")
    ]
    assert drawn_on[0] == drawn_on[1]
    browser.add_style(WITHOUT_FRAME)
    assert min(ink(browser, least_width=300)) > 0.005
