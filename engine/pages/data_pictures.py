"""The pictures of a data set, for its page and for the chat: numbers in, an SVG or a PNG out."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from engine.pages.drawing import (
    COUNT,
    PAPER,
    PERCENT,
    STAND_INS,
    STEPS,
    Colours,
    Row,
    as_svg,
    at_most,
    drawing,
    for_desk_and_phone,
    mark,
    name_columns,
    percent,
    phone_panels,
    phone_png,
)

PIXEL = (63, 138, 186)
"""A filled cell of a bitmap, which cannot take the page's colours: readable on light and on dark."""

FEWEST_RATINGS = 20
"""A mean of fewer ratings is not drawn."""


@for_desk_and_phone
def star_columns(rows: Sequence[Row], *, label: str) -> Markup:
    """Draw how often each value was given. ``rows``: stars, ratings, share."""
    with drawing(height=2.9) as (figure, axes):
        _star_columns(axes, rows, STAND_INS)
    return as_svg(figure, label)


def _star_columns(axes: Axes, rows: Sequence[Row], colours: Colours) -> None:
    at = np.arange(len(rows))
    bars = axes.bar(at, [row["ratings"] for row in rows], color=colours.accent, width=0.72)
    axes.bar_label(bars, [percent(row["share"]) for row in rows], padding=3, color=colours.ink)
    axes.set_xticks(at, [f"{row['stars']:g}" for row in rows])
    axes.yaxis.set_major_formatter(COUNT)
    axes.set_xlabel("stars")
    axes.set_ylabel("ratings")
    axes.margins(x=0.02, y=0.12)


@for_desk_and_phone
def log_histograms(panels: Sequence[tuple[str, str, str, Row]], *, label: str) -> Markup:
    """Draw distributions over a log scale side by side.

    Args:
        panels: title, label of x, label of y, and the distribution: ``edges`` (n + 1), ``counts`` (n), ``median``.
    """
    with drawing(1, len(panels), height=2.9, squeeze=False) as (figure, grid):
        for axes, (title, x, y, spread) in zip(grid.flat, panels, strict=True):
            _log_histogram(axes, spread, STAND_INS)
            axes.set(title=title, xlabel=x, ylabel=y)
    return as_svg(figure, label)


def _log_histogram(axes: Axes, spread: Row, colours: Colours) -> None:
    edges, counts = np.array(spread["edges"]), np.array(spread["counts"])
    axes.bar(edges[:-1], counts, np.diff(edges) * 0.94, align="edge", color=colours.accent)
    axes.set_xscale("log")
    _log_ticks(axes, edges[0], edges[-1])
    axes.yaxis.set_major_formatter(COUNT)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True, steps=STEPS))
    axes.margins(y=0.18)
    mark(axes, spread["median"], at_most(spread["median"]), colours)


@for_desk_and_phone
def long_tail(rows: Sequence[Row], *, half: float, text: str, x: str, y: str, label: str) -> Markup:
    """Draw which share of all ratings the best known films have.

    Args:
        rows: films and ratings, both shares from 0 to 1, ascending.
        half: the share of films that have half of the ratings.
        text: says so beside the place.
    """
    with drawing(height=2.7) as (figure, axes):
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
    return as_svg(figure, label)


@for_desk_and_phone
def filled_cells(panels: Sequence[tuple[str, NDArray[np.bool_]]], *, x: str, y: str, label: str) -> Markup:
    """Draw blocks of the grid of people (down) by films (across): a dot where there is a rating."""
    tallest = max(cells.shape[0] / cells.shape[1] for _, cells in panels)
    with drawing(1, len(panels), height=0.8 + 3.8 * tallest, squeeze=False) as (figure, grid):
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
    return as_svg(figure, label)


@for_desk_and_phone
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
    with drawing(1, panels, height=height, sharey=True, squeeze=False) as (figure, grid):
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
    return as_svg(figure, label)


@for_desk_and_phone
def decade_columns(rows: Sequence[Row], *, mean: float | None, label: str) -> Markup:
    """Draw films and mean stars by decade, of decades with ``FEWEST_RATINGS``. ``rows``: decade, films, ratings,
    mean_stars."""
    panels = 1 if mean is None else 2
    with drawing(panels, 1, height=1.2 + 1.6 * panels, sharex=True, squeeze=False) as (figure, grid):
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
        name_columns(grid.flat[-1], [f"{row['decade']}s" for row in rows])
    return as_svg(figure, label)


def _film_columns(axes: Axes, rows: Sequence[Row], colours: Colours, *, only_most: bool = False) -> None:
    """Draw films by decade, with figures at all or at the largest; naming the decades is left to the caller."""
    films = [row["films"] for row in rows]
    bars = axes.bar(np.arange(len(rows)), films, color=colours.accent, width=0.72)
    figures = [f"{count:,}" if not only_most or count == max(films) else "" for count in films]
    axes.bar_label(bars, figures, padding=3, color=colours.muted)
    axes.yaxis.set_major_formatter(COUNT)
    axes.margins(x=0.02, y=0.16)


@for_desk_and_phone
def activity(
    starts: Sequence[np.datetime64], ratings: Sequence[int], people: Sequence[int], *, unit: str, label: str
) -> Markup:
    """Draw ratings and active people for each stretch of time; ``starts`` (at least 2) in order, without gaps."""
    with drawing(2, 1, height=4.0, sharex=True) as (figure, grid):
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
    return as_svg(figure, label)


def _log_ticks(axes: Axes, low: float, high: float) -> None:
    ticks = [10.0**power for power in range(int(np.ceil(np.log10(low))), int(np.floor(np.log10(high))) + 1)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(COUNT)
    axes.xaxis.set_minor_locator(NullLocator())


# --- For the chat -----------------------------------------------------------------------------------------------------


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
