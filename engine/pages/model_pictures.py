"""The pictures of models, for their page and for the chat: numbers in, an SVG or a PNG out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from engine.pages.drawing import (
    COUNT,
    PAPER,
    PERCENT,
    STAND_INS,
    STEPS,
    Colours,
    Row,
    add_legend,
    as_png,
    as_svg,
    drawing,
    for_desk_and_phone,
    mark,
    name_columns,
    percent,
    phone_panels,
    phone_png,
)
from engine.store import Course


@for_desk_and_phone
def compared_bars(names: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]], *, label: str) -> Markup:
    """Draw groups of bars: for each name one bar a series, the first in grey, the last in the accent."""
    with drawing(height=0.9 + 0.21 * len(names) * (len(series) + 0.6)) as (figure, axes):
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
        add_legend(figure, len(series))
    return as_svg(figure, label)


@for_desk_and_phone
def share_histogram(values: NDArray[np.float64], *, mean: float, x: str, y: str, label: str) -> Markup:
    """Draw the distribution of values between 0 and 1; those of exactly 0 have a bar of their own."""
    with drawing(height=2.6) as (figure, axes):
        edges = np.linspace(0, 1, 21)
        counts, _ = np.histogram(values[values > 0], edges)
        zero = int((values <= 0).sum())
        axes.bar(edges[:-1], counts, 0.046, align="edge", color=STAND_INS.accent)
        axes.bar([-0.05], [zero], 0.046, align="edge", color=STAND_INS.pale)
        axes.annotate(f"{zero:,} at 0", (-0.027, zero), (0, 3), textcoords="offset points", ha="center")
        mark(axes, mean, f"mean {mean:.3f}")
        axes.set(xlabel=x, ylabel=y)
        axes.yaxis.set_major_formatter(COUNT)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True, steps=STEPS))
        axes.margins(x=0.01, y=0.14)
    return as_svg(figure, label)


@for_desk_and_phone
def class_panels(panels: Sequence[tuple[str, str, str, Sequence[Row]]], *, label: str) -> Markup:
    """Draw a figure for each class, as dots with their interval where there is one, panels side by side.

    Args:
        panels: title, label of x, label of y, and rows: name, n (what it rests on), value, and low and high or null.
    """
    with drawing(1, len(panels), height=3.1, squeeze=False) as (figure, grid):
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
            name_columns(axes, [row["name"] for row in rows], fontsize=8)
            axes.set(title=title, xlabel=x, ylabel=y)
            axes.set_ylim(0, max(tops) * 1.15 or 1)
            axes.margins(x=0.06)
    return as_svg(figure, label)


@for_desk_and_phone
def paired_shares(rows: Sequence[Row], series: Sequence[tuple[str, str]], *, x: str, y: str, label: str) -> Markup:
    """Draw shares of a whole as pairs of columns. ``rows``: name and a share for each series (key, what it is)."""
    with drawing(height=2.9) as (figure, axes):
        at = np.arange(len(rows))
        for number, ((key, name), colour) in enumerate(zip(series, (STAND_INS.pale, STAND_INS.accent), strict=True)):
            bars = axes.bar(at + (number - 0.5) * 0.4, [row[key] for row in rows], 0.37, color=colour, label=name)
            axes.bar_label(bars, [percent(row[key]) for row in rows], padding=2, fontsize=8, color=STAND_INS.ink)
        name_columns(axes, [row["name"] for row in rows])
        axes.yaxis.set_major_formatter(PERCENT)
        axes.set(xlabel=x, ylabel=y)
        axes.margins(x=0.02, y=0.12)
        add_legend(figure, 2)
    return as_svg(figure, label)


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


@for_desk_and_phone
def heat_maps(maps: Sequence[HeatMap], *, label: str) -> Markup:
    """Draw heat maps two abreast; the best cell of each has a frame, the winner's a star."""
    return as_svg(_heat_maps(maps, STAND_INS), label)


def heat_maps_png(maps: Sequence[HeatMap], *, pixels_per_inch: int = 150) -> bytes:
    """Draw heat maps as one PNG, on white."""
    return as_png(_heat_maps(maps, PAPER), pixels_per_inch=pixels_per_inch)


def _heat_maps(maps: Sequence[HeatMap], colours: Colours) -> Figure:
    across = min(len(maps), 2)
    down = -(-len(maps) // across)
    tallest = max(len(one.y_values) for one in maps)
    with drawing(down, across, height=down * (1.3 + 0.38 * tallest), colours=colours, squeeze=False) as (figure, grid):
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


# --- For the chat -----------------------------------------------------------------------------------------------------


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
