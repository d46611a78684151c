"""The pictures of our pages and of the chat: numbers in, an SVG or a PNG out.

A page's SVG takes its colours and its font from the page around it: it is drawn in stand-in colours, which become the
stylesheet's variables, so that one picture reads well on light and on dark. Text stays text: it can be searched and
copied. A PNG stands alone, on white; those for the chat are drawn smaller, so that their text is large on a phone. No
window is opened, and matplotlib's settings are ours only while we draw.
"""

import functools
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import astuple, dataclass
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from engine.store import Course


@dataclass(frozen=True, slots=True)
class Colours:
    """The few colours of a picture. ``accent`` and ``second`` are told apart by every kind of colour vision."""

    ink: str
    muted: str
    pale: str
    line: str
    accent: str
    second: str


STAND_INS = Colours("#010203", "#020304", "#030405", "#040506", "#050607", "#060708")
PAPER = Colours("#1f2328", "#5d6873", "#a9afb5", "#dcd8cf", "#1f6f9f", "#b8620f")
"""The colours of a picture that stands alone, on white."""

PIXEL = (63, 138, 186)
"""A filled cell of a bitmap, which cannot take the page's colours: readable on light and on dark."""

WIDTH = 9.0
"""Inches. At 72 units to the inch a picture is drawn for a column of about 900 pixels."""

PHONE_WIDTH = 5.0
"""Inches of a picture for the chat: there a point of text is about a point of the phone's."""

PHONE_CHART = 4.4
"""Inches of a chart on a page that a phone shows: at 350 of its pixels, letters have some nine."""

PHONE_PIXELS = 1000

COUNT = FuncFormatter(lambda value, _: f"{value:,.0f}")
PERCENT = FuncFormatter(lambda value, _: f"{value:.0%}")
FEWEST_RATINGS = 20
"""A mean of fewer ratings is not drawn."""

STEPS = [1, 2, 2.5, 5, 10]
"""Round numbers for ticks."""

Row = dict[str, Any]


def style(colours: Colours) -> Any:
    """Return our settings for matplotlib, which spells out the type of their names differently in each release."""
    axes = {
        "edgecolor": colours.line,
        "labelcolor": colours.muted,
        "titlecolor": colours.ink,
        "titlesize": 9.5,
        "titleweight": "bold",
        "titlelocation": "left",
        "titlepad": 10,
        "spines.top": False,
        "spines.right": False,
        "spines.left": False,
        "grid": True,
        "grid.axis": "y",
        "axisbelow": True,
        "facecolor": "none",
    }
    ticks = {"color": colours.line, "labelcolor": colours.muted, "major.size": 0, "minor.size": 0}
    return {
        "svg.fonttype": "none",
        "text.parse_math": False,  # "$9.99" is a film
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "text.color": colours.ink,
        "figure.facecolor": "none",
        "grid.color": colours.line,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "legend.labelcolor": colours.ink,
        **{f"axes.{name}": value for name, value in axes.items()},
        **{f"{axis}tick.{name}": value for axis in "xy" for name, value in ticks.items()},
    }


def percent(share: float) -> str:
    """Return a share with enough digits to tell a small one from none: 58%, 7.6%, 0.03%."""
    value = 100 * share
    digits = 0 if value >= 10 or value == 0 else 1 if value >= 1 else 2
    return f"{value:.{digits}f}%"


def at_most(median: float) -> str:
    """Return the text of a median of counts, which is never below 1."""
    return f"half have {median:,.0f} or fewer" if median > 1 else "half have only 1"


P = ParamSpec("P")

_narrow: ContextVar[bool] = ContextVar("narrow", default=False)
"""Whether the current drawing is for a phone."""


def _for_desk_and_phone(draw: Callable[P, Markup]) -> Callable[P, Markup]:
    """Draw a picture twice: as wide as the page, and as narrow as a phone with its panels one below the other.

    The style sheet shows one of the two. Shrunk to a phone, a wide picture could not be read; scrolled, it hides bars.
    """

    @functools.wraps(draw)
    def both(*args: P.args, **named: P.kwargs) -> Markup:
        wide = draw(*args, **named)
        token = _narrow.set(True)
        try:
            narrow = draw(*args, **named)
        finally:
            _narrow.reset(token)
        return Markup('<div class="desk">{}</div><div class="phone">{}</div>').format(wide, narrow)

    return both


@contextmanager
def _drawing(
    rows: int = 1,
    columns: int = 1,
    *,
    height: float,
    width: float = WIDTH,
    colours: Colours = STAND_INS,
    **named: Any,
) -> Iterator[tuple[Figure, Any]]:
    """Give a figure and its axes, in the house style. Sizes are in inches.

    On a phone, panels that are side by side on a page are one below the other; ``grid.flat`` has them in either case.
    """
    if _narrow.get():
        width, height, rows, columns = PHONE_CHART, height * columns, rows * columns, 1
    with mpl.rc_context(style(colours)):
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.06, wspace=0.06, hspace=0.08)
        yield figure, figure.subplots(rows, columns, **named)


def _name_columns(axes: Axes, names: Sequence[str], **text: Any) -> None:
    """Name columns at 0, 1, 2 …; on a phone the names slant, so that they do not overlap."""
    slants = _narrow.get() and len(names) > 4
    slant: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slants else {}
    axes.set_xticks(np.arange(len(names)), names, **slant, **text)


def _svg(figure: Figure, label: str) -> Markup:
    """Return a figure as an ``<svg>`` element; ``label`` tells a screen reader what it shows."""
    target = io.StringIO()
    with mpl.rc_context(
        style(STAND_INS) | {"svg.hashsalt": f"{label} {_narrow.get()}"}
    ):  # ids that no other picture of a page has
        figure.savefig(target, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = target.getvalue()
    text = re.sub(r"<(metadata|style)\b.*?</\1>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    opening = f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" role="img" aria-label="{escape(label)}" '
    text = opening + text[text.index("viewBox") :]
    text = text.replace("'DejaVu Sans'", "var(--sans)")
    for name, stand_in in zip(Colours.__dataclass_fields__, astuple(STAND_INS), strict=True):
        text = text.replace(stand_in, f"var(--{name})")
    return Markup(text)  # noqa: S704 - matplotlib escapes every text that it draws


def _png(figure: Figure, *, pixels_per_inch: float) -> bytes:
    """Return a figure as a PNG, on white."""
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=pixels_per_inch, facecolor="white")
    return target.getvalue()


# --- The data set -----------------------------------------------------------------------------------------------------


@_for_desk_and_phone
def star_columns(rows: Sequence[Row], *, label: str) -> Markup:
    """Draw how often each value was given. ``rows``: stars, ratings, share."""
    with _drawing(height=2.9) as (figure, axes):
        _star_columns(axes, rows, STAND_INS)
    return _svg(figure, label)


def _star_columns(axes: Axes, rows: Sequence[Row], colours: Colours) -> None:
    at = np.arange(len(rows))
    bars = axes.bar(at, [row["ratings"] for row in rows], color=colours.accent, width=0.72)
    axes.bar_label(bars, [percent(row["share"]) for row in rows], padding=3, color=colours.ink)
    axes.set_xticks(at, [f"{row['stars']:g}" for row in rows])
    axes.yaxis.set_major_formatter(COUNT)
    axes.set_xlabel("stars")
    axes.set_ylabel("ratings")
    axes.margins(x=0.02, y=0.12)


@_for_desk_and_phone
def log_histograms(panels: Sequence[tuple[str, str, str, Row]], *, label: str) -> Markup:
    """Draw distributions over a log scale side by side.

    Args:
        panels: title, label of x, label of y, and the distribution: ``edges`` (n + 1), ``counts`` (n), ``median``.
    """
    with _drawing(1, len(panels), height=2.9, squeeze=False) as (figure, grid):
        for axes, (title, x, y, spread) in zip(grid.flat, panels, strict=True):
            _log_histogram(axes, spread, STAND_INS)
            axes.set(title=title, xlabel=x, ylabel=y)
    return _svg(figure, label)


def _log_histogram(axes: Axes, spread: Row, colours: Colours) -> None:
    edges, counts = np.array(spread["edges"]), np.array(spread["counts"])
    axes.bar(edges[:-1], counts, np.diff(edges) * 0.94, align="edge", color=colours.accent)
    axes.set_xscale("log")
    _log_ticks(axes, edges[0], edges[-1])
    axes.yaxis.set_major_formatter(COUNT)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True, steps=STEPS))
    axes.margins(y=0.18)
    _mark(axes, spread["median"], at_most(spread["median"]), colours)


@_for_desk_and_phone
def long_tail(rows: Sequence[Row], *, half: float, text: str, x: str, y: str, label: str) -> Markup:
    """Draw which share of all ratings the best known films have.

    Args:
        rows: films and ratings, both shares from 0 to 1, ascending.
        half: the share of films that have half of the ratings.
        text: says so beside the place.
    """
    with _drawing(height=2.7) as (figure, axes):
        films, ratings = [row["films"] for row in rows], [row["ratings"] for row in rows]
        axes.fill_between(films, ratings, color=STAND_INS.accent, alpha=0.14, linewidth=0)
        axes.plot(films, ratings, color=STAND_INS.accent, linewidth=2)
        axes.plot([0, half, half], [0.5, 0.5, 0], color=STAND_INS.second, linewidth=1, dashes=(3, 2))
        axes.plot([half], [0.5], "o", color=STAND_INS.second, markersize=5)
        axes.annotate(text, (half, 0.5), (10, -4), textcoords="offset points", va="top", color=STAND_INS.ink)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=x, ylabel=y)
        axes.set_yticks([0.25, 0.5, 0.75, 1])  # the zero would overlap that of the other axis
        axes.xaxis.set_major_formatter(PERCENT)
        axes.yaxis.set_major_formatter(PERCENT)
    return _svg(figure, label)


@_for_desk_and_phone
def filled_cells(panels: Sequence[tuple[str, NDArray[np.bool_]]], *, x: str, y: str, label: str) -> Markup:
    """Draw blocks of the grid of people (down) by films (across): a dot where there is a rating."""
    tallest = max(cells.shape[0] / cells.shape[1] for _, cells in panels)
    with _drawing(1, len(panels), height=0.8 + 3.8 * tallest, squeeze=False) as (figure, grid):
        for axes, (title, cells) in zip(grid.flat, panels, strict=True):
            pixels = np.zeros((*cells.shape, 4), np.uint8)
            pixels[..., :3] = PIXEL
            pixels[..., 3] = 255 * cells
            axes.imshow(pixels, interpolation="none", extent=(0, cells.shape[1], cells.shape[0], 0))
            axes.set(title=title, xlabel=x, ylabel=y)
            axes.grid(visible=False)
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=STEPS))
            axes.yaxis.set_major_locator(MaxNLocator(4, integer=True, steps=STEPS))
            axes.spines[:].set(visible=True, color=STAND_INS.line)
    return _svg(figure, label)


@_for_desk_and_phone
def named_rows(
    names: Sequence[str], counts: Sequence[int], means: Sequence[float | None], *, mean: float | None, label: str
) -> Markup:
    """Draw for each name, down the page, a count as a bar and beside it the mean stars as a dot.

    Args:
        means: null where there is none.
        mean: of everything, as a line to compare with; null leaves the second panel out.
    """
    panels = 1 if mean is None else 2
    height = 0.9 + 0.22 * len(names)
    with _drawing(1, panels, height=height, sharey=True, squeeze=False) as (figure, grid):
        at = np.arange(len(names))[::-1]
        left = grid.flat[0]
        bars = left.barh(at, counts, color=STAND_INS.accent, height=0.66)
        left.bar_label(bars, [f"{count:,}" for count in counts], padding=4, color=STAND_INS.muted)
        left.set_yticks(at, names, color=STAND_INS.ink)
        left.xaxis.set_major_formatter(COUNT)
        left.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=STEPS))
        left.margins(x=0.12, y=0.02)
        left.set(xlabel="films")
        left.grid(visible=False)
        if mean is not None:
            right = grid.flat[1]
            known = [(y, value) for y, value in zip(at, means, strict=True) if value is not None]
            right.grid(visible=True, axis="y")
            right.axvline(mean, color=STAND_INS.muted, linewidth=0.8, dashes=(3, 2))
            right.hlines([y for y, _ in known], mean, [value for _, value in known], STAND_INS.second, linewidth=1.4)
            right.plot([value for _, value in known], [y for y, _ in known], "o", color=STAND_INS.second, markersize=5)
            right.annotate(
                f"all ratings: {mean:.2f}", (mean, 1), (4, 2), xycoords=("data", "axes fraction"),
                textcoords="offset points", color=STAND_INS.muted,
            )  # fmt: skip
            right.set(xlabel="mean stars")
    return _svg(figure, label)


@_for_desk_and_phone
def decade_columns(rows: Sequence[Row], *, mean: float | None, label: str) -> Markup:
    """Draw films and mean stars by decade, of decades with ``FEWEST_RATINGS``. ``rows``: decade, films, ratings,
    mean_stars."""
    panels = 1 if mean is None else 2
    with _drawing(panels, 1, height=1.2 + 1.6 * panels, sharex=True, squeeze=False) as (figure, grid):
        above = grid[0][0]
        _film_columns(above, rows, STAND_INS)
        above.set(title="Films made", ylabel="films")
        if mean is not None:
            below = grid[1][0]
            known = [(x, row["mean_stars"]) for x, row in enumerate(rows) if row["ratings"] >= FEWEST_RATINGS]
            below.axhline(mean, color=STAND_INS.muted, linewidth=0.8, dashes=(3, 2))
            below.plot(
                [x for x, _ in known], [y for _, y in known], "o-", color=STAND_INS.second, linewidth=1.6, markersize=5
            )
            below.annotate(
                f"all ratings: {mean:.2f}", (0, mean), (2, 3), xycoords=("axes fraction", "data"),
                textcoords="offset points", color=STAND_INS.muted,
            )  # fmt: skip
            below.set(title="What they are given", ylabel="mean stars")
        _name_columns(grid.flat[-1], [f"{row['decade']}s" for row in rows])
    return _svg(figure, label)


def _film_columns(axes: Axes, rows: Sequence[Row], colours: Colours, *, only_most: bool = False) -> None:
    """Draw films by decade, with figures at all or at the largest; naming the decades is left to the caller."""
    films = [row["films"] for row in rows]
    bars = axes.bar(np.arange(len(rows)), films, color=colours.accent, width=0.72)
    figures = [f"{count:,}" if not only_most or count == max(films) else "" for count in films]
    axes.bar_label(bars, figures, padding=3, color=colours.muted)
    axes.yaxis.set_major_formatter(COUNT)
    axes.margins(x=0.02, y=0.16)


@_for_desk_and_phone
def activity(
    starts: Sequence[np.datetime64], ratings: Sequence[int], people: Sequence[int], *, unit: str, label: str
) -> Markup:
    """Draw ratings and active people for each stretch of time; ``starts`` (at least 2) in order, without gaps."""
    with _drawing(2, 1, height=4.0, sharex=True) as (figure, grid):
        ends = [*starts, starts[-1] + (starts[-1] - starts[-2])]  # where the last stretch ends
        times = np.array(ends, "datetime64[D]").astype("datetime64[s]").astype(object)
        for axes, title, values, colour in (
            (grid[0], f"Ratings a {unit}", ratings, STAND_INS.accent),
            (grid[1], f"People who rated, a {unit}", people, STAND_INS.second),
        ):
            heights = [*values, values[-1]]
            axes.fill_between(times, heights, step="post", color=colour, alpha=0.18, linewidth=0)
            axes.step(times, heights, where="post", color=colour, linewidth=1.4)
            axes.set(title=title, ylabel=title.split()[0].lower())
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_formatter(COUNT)
            axes.yaxis.set_major_locator(MaxNLocator(4, integer=True, steps=STEPS))
            axes.margins(x=0.01)
    return _svg(figure, label)


# --- A model ----------------------------------------------------------------------------------------------------------


@_for_desk_and_phone
def compared_bars(names: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]], *, label: str) -> Markup:
    """Draw groups of bars: for each name one bar a series, the first in grey, the last in the accent."""
    with _drawing(height=0.9 + 0.21 * len(names) * (len(series) + 0.6)) as (figure, axes):
        colours = [STAND_INS.pale, STAND_INS.second, STAND_INS.accent]
        chosen = colours[:1] + colours[-(len(series) - 1) :] if len(series) > 1 else colours[-1:]
        thick = 0.78 / len(series)
        for number, ((name, values), colour) in enumerate(zip(series, chosen, strict=True)):
            at = -np.arange(len(names)) - (number - (len(series) - 1) / 2) * thick
            shown = [(y, value) for y, value in zip(at, values, strict=True) if value is not None]
            widths = [value for _, value in shown]
            bars = axes.barh([y for y, _ in shown], widths, thick * 0.86, color=colour, label=name)
            axes.bar_label(bars, [f"{value:.3f}" for _, value in shown], padding=4, color=STAND_INS.ink)
        axes.set_yticks(-np.arange(len(names)), names, color=STAND_INS.ink)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.1, y=0.04)
        axes.set(xlabel="0 is worst, 1 is best")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=1 if _narrow.get() else len(series))
    return _svg(figure, label)


@_for_desk_and_phone
def share_histogram(values: NDArray[np.float64], *, mean: float, x: str, y: str, label: str) -> Markup:
    """Draw the distribution of values between 0 and 1; those of exactly 0 have a bar of their own."""
    with _drawing(height=2.6) as (figure, axes):
        edges = np.linspace(0, 1, 21)
        counts, _ = np.histogram(values[values > 0], edges)
        zero = int((values <= 0).sum())
        axes.bar(edges[:-1], counts, 0.046, align="edge", color=STAND_INS.accent)
        axes.bar([-0.05], [zero], 0.046, align="edge", color=STAND_INS.pale)
        axes.annotate(f"{zero:,} at 0", (-0.027, zero), (0, 3), textcoords="offset points", ha="center")
        _mark(axes, mean, f"mean {mean:.3f}")
        axes.set(xlabel=x, ylabel=y)
        axes.yaxis.set_major_formatter(COUNT)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True, steps=STEPS))
        axes.margins(x=0.01, y=0.14)
    return _svg(figure, label)


@_for_desk_and_phone
def class_panels(panels: Sequence[tuple[str, str, str, Sequence[Row]]], *, label: str) -> Markup:
    """Draw a figure for each class, as dots with their interval where there is one, panels side by side.

    Args:
        panels: title, label of x, label of y, and rows: name, n (what it rests on), value, and low and high or null.
    """
    with _drawing(1, len(panels), height=3.1, squeeze=False) as (figure, grid):
        for axes, (title, x, y, rows) in zip(grid.flat, panels, strict=True):
            at = np.arange(len(rows))
            values = [row["value"] for row in rows]
            axes.plot(at, values, "-", color=STAND_INS.accent, linewidth=1, alpha=0.45)
            for place, row in zip(at, rows, strict=True):
                if row.get("low") is not None:
                    axes.plot([place, place], [row["low"], row["high"]], color=STAND_INS.accent, linewidth=1.6)
            axes.plot(at, values, "o", color=STAND_INS.accent, markersize=5)
            tops = [row["high"] if row.get("high") is not None else row["value"] for row in rows]
            for place, top, row in zip(at, tops, rows, strict=True):
                axes.annotate(
                    f"{row['value']:.2f}", (place, top), (0, 5), textcoords="offset points", ha="center",
                    color=STAND_INS.ink, fontsize=8,
                )  # fmt: skip
            _name_columns(axes, [row["name"] for row in rows], fontsize=8)
            axes.set(title=title, xlabel=x, ylabel=y)
            axes.set_ylim(0, max(tops) * 1.15 or 1)
            axes.margins(x=0.06)
    return _svg(figure, label)


@_for_desk_and_phone
def paired_shares(rows: Sequence[Row], series: Sequence[tuple[str, str]], *, x: str, y: str, label: str) -> Markup:
    """Draw shares of a whole as pairs of columns. ``rows``: name and a share for each series (key, what it is)."""
    with _drawing(height=2.9) as (figure, axes):
        at = np.arange(len(rows))
        for number, ((key, name), colour) in enumerate(zip(series, (STAND_INS.pale, STAND_INS.accent), strict=True)):
            bars = axes.bar(at + (number - 0.5) * 0.4, [row[key] for row in rows], 0.37, color=colour, label=name)
            axes.bar_label(bars, [percent(row[key]) for row in rows], padding=2, fontsize=8, color=STAND_INS.ink)
        _name_columns(axes, [row["name"] for row in rows])
        axes.yaxis.set_major_formatter(PERCENT)
        axes.set(xlabel=x, ylabel=y)
        axes.margins(x=0.02, y=0.12)
        figure.legend(loc="outside upper left", ncols=1 if _narrow.get() else 2)
    return _svg(figure, label)


@dataclass(frozen=True)
class HeatMap:
    """A metric over two hyperparameters; cells that were not tried are null.

    ``values`` has a row for each of ``y_values`` and a column for each of ``x_values``.
    """

    title: str
    x: str
    x_values: Sequence[float]
    y: str
    y_values: Sequence[float]
    values: Sequence[Sequence[float | None]]
    higher_is_better: bool
    winner: tuple[float, float] | None = None
    """The cell of the setting that the whole search chose."""


@_for_desk_and_phone
def heat_maps(maps: Sequence[HeatMap], *, label: str) -> Markup:
    """Draw heat maps two abreast; the best cell of each has a frame, the winner's a star."""
    return _svg(_heat_maps(maps, STAND_INS), label)


def heat_maps_png(maps: Sequence[HeatMap], *, pixels_per_inch: int = 150) -> bytes:
    """Draw heat maps as one PNG, on white."""
    return _png(_heat_maps(maps, PAPER), pixels_per_inch=pixels_per_inch)


def _heat_maps(maps: Sequence[HeatMap], colours: Colours) -> Figure:
    across = min(len(maps), 2)
    down = -(-len(maps) // across)
    tallest = max(len(one.y_values) for one in maps)
    with _drawing(down, across, height=down * (1.3 + 0.38 * tallest), colours=colours, squeeze=False) as (figure, grid):
        for axes, one in zip(grid.flat, maps, strict=False):
            _heat_map(axes, one, colours)
        for axes in grid.flat[len(maps) :]:
            axes.set_visible(False)
    return figure


def _heat_map(axes: Axes, one: HeatMap, colours: Colours) -> None:
    cells = [(x, y, value) for y, row in enumerate(one.values) for x, value in enumerate(row) if value is not None]
    values = [value for _, _, value in cells]
    low, high = min(values), max(values)
    best = high if one.higher_is_better else low
    for x, y, value in cells:
        share = (value - low) / (high - low) if high > low else 1.0
        good = share if one.higher_is_better else 1 - share
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colours.accent, alpha=0.05 + 0.6 * good))
        axes.text(x, y, f"{value:.4f}", ha="center", va="center", fontsize=8)
    x, y, _ = next(cell for cell in cells if cell[2] == best)
    axes.add_patch(Rectangle((x - 0.46, y - 0.44), 0.92, 0.88, fill=False, edgecolor=colours.second, linewidth=1.8))
    if one.winner is not None:
        x, y = one.x_values.index(one.winner[0]), one.y_values.index(one.winner[1])
        axes.plot([x + 0.36], [y + 0.3], "*", color=colours.second, markersize=9)
    axes.set(title=one.title, xlabel=one.x, ylabel=one.y)
    axes.set(xlim=(-0.5, len(one.x_values) - 0.5), ylim=(-0.5, len(one.y_values) - 0.5))
    axes.set_xticks(range(len(one.x_values)), [f"{value:g}" for value in one.x_values])
    axes.set_yticks(range(len(one.y_values)), [f"{value:g}" for value in one.y_values])
    axes.grid(visible=False)


# --- The chat ---------------------------------------------------------------------------------------------------------


def data_png(stars: Sequence[Row], spreads: Sequence[tuple[str, str, Row]], decades: Sequence[Row]) -> bytes:
    """Draw a data set at a glance, one panel below the other; empty parts are left out.

    Args:
        stars: as ``star_columns`` takes them.
        spreads: title, label of x, and the distribution as ``log_histograms`` takes it.
        decades: decade and films, in order, without gaps.
    """
    panels = bool(stars) + len(spreads) + bool(decades)
    with phone_panels(panels) as (figure, grid):
        left = iter(grid)
        if stars:
            axes = next(left)
            _star_columns(axes, stars, PAPER)
            axes.set(title="Stars given", xlabel="", ylabel="")
        for title, x, spread in spreads:
            axes = next(left)
            _log_histogram(axes, spread, PAPER)
            axes.set(title=title, xlabel=x)
        if decades:
            axes = next(left)
            _film_columns(axes, decades, PAPER, only_most=len(decades) > 11)
            axes.set(title="Films by decade")
            step = -(-len(decades) // 8)  # only as many names as fit
            at = [number for number, row in enumerate(decades) if row["decade"] // 10 % step == 0]
            axes.set_xticks(at, [f"{decades[number]['decade']}s" for number in at])
    return phone_png(figure)


def models_png(names: Sequence[str], courses: Sequence[Course], *, served: Sequence[bool], live: int | None) -> bytes:
    """Draw the metrics of models, one panel for each metric.

    Args:
        names: of the models, in order.
        served: whether each ever went live; a ring marks one that did not.
        live: the place of the one that is live, if it is among them.
    """
    with phone_panels(len(courses)) as (figure, grid):
        for axes, course in zip(grid, courses, strict=True):
            _course(axes, course, served, live)
            axes.set_xlim(-0.5, len(names) - 0.5)
            step = -(-len(names) // 10)
            axes.set_xticks(range(len(names))[::step], names[::step])
        grid[-1].set_xlabel("model" if all(served) else "model; a ring is one that stayed out")
    return phone_png(figure)


def _course(axes: Axes, course: Course, served: Sequence[bool], live: int | None) -> None:
    bars = [(place + side, bar) for place, bar in enumerate(course.bars) if bar is not None for side in (-0.5, 0.5)]
    if bars:
        axes.plot([at for at, _ in bars], [bar for _, bar in bars], color=PAPER.second, linewidth=1.2, dashes=(3, 2))
        axes.annotate(
            f"{course.bar_name}: {bars[-1][1]:.3f}", bars[0], (2, 4), textcoords="offset points", color=PAPER.second
        )  # fmt: skip
    measured = [(place, value) for place, value in enumerate(course.values) if value is not None]
    went_live = [point for point in measured if served[point[0]]]
    axes.plot([at for at, _ in went_live], [value for _, value in went_live], color=PAPER.accent, alpha=0.45)
    for place, value in measured:
        inside = PAPER.accent if served[place] else "white"
        size = 9 if place == live else 6
        axes.plot(place, value, "o", color=PAPER.accent, markerfacecolor=inside, markersize=size, zorder=4)
    few = len(served) <= 5
    for place, value in _worth_saying(measured, live):
        side = "center" if few else "left" if place < len(served) / 2 else "right"
        away = 0 if few else -4 if side == "left" else 4
        axes.annotate(
            f"live: {value:.3f}" if place == live else f"{value:.3f}",
            (place, value),
            (away, 7),
            textcoords="offset points",
            ha=side,
            color=PAPER.ink,
        )
    axes.margins(y=0.25)
    axes.set(title=course.title)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=STEPS))


def _worth_saying(measured: Sequence[tuple[int, float]], live: int | None) -> list[tuple[int, float]]:
    """Return those of the live, last and first model whose labels do not overlap."""
    wanted = [*(point for point in measured if point[0] == live), measured[-1], measured[0]]
    room = len(measured) / 5
    chosen: list[tuple[int, float]] = []
    for point in wanted:
        if all(abs(point[0] - other[0]) > room for other in chosen):
            chosen.append(point)
    return chosen


def phone_png(figure: Figure) -> bytes:
    """Return a figure for the chat as a PNG."""
    return _png(figure, pixels_per_inch=PHONE_PIXELS / PHONE_WIDTH)


@contextmanager
def phone_panels(panels: int, *, height: float | None = None, **named: Any) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a figure for the chat and its panels, one below the other; ``height`` in inches if it matters."""
    height = height or 0.4 + 1.6 * max(panels, 2)
    named |= {"colours": PAPER, "squeeze": False}
    with _drawing(panels, 1, height=height, width=PHONE_WIDTH, **named) as (figure, grid):
        yield figure, list(grid[:, 0])
        for axes in grid[:, 0]:
            for text in axes.texts:
                text.set_path_effects([withStroke(linewidth=3, foreground="white")])  # where the label crosses a line


# --- Odds and ends ----------------------------------------------------------------------------------------------------


def _mark(axes: Axes, x: float, text: str, colours: Colours = STAND_INS) -> None:
    """Mark a place on the x axis with a dashed line and a word beside its top."""
    axes.axvline(x, color=colours.second, linewidth=1.2, dashes=(3, 2))
    axes.annotate(
        text, (x, 0.99), (5, 0), xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
        color=colours.ink,
    )  # fmt: skip


def _log_ticks(axes: Axes, low: float, high: float) -> None:
    ticks = [10.0**power for power in range(int(np.ceil(np.log10(low))), int(np.floor(np.log10(high))) + 1)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(COUNT)
    axes.xaxis.set_minor_locator(NullLocator())
