"""The picture of somebody's taste: a sheet of panels in, a PNG out. It knows neither people nor films."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from engine.pages.drawing import COUNT, PAPER, phone_panels, phone_png
from engine.store import Bar, Sheet

MOST_PANELS, MOST_BARS, NAME_LENGTH = 4, 12, 24
"""More than that no phone shows, and no bot of ours asks for."""

BAR_INCHES, PANEL_INCHES, TITLE_INCHES = 0.24, 0.62, 0.42


def draw(sheet: Sheet) -> bytes:
    """Return a sheet as a PNG for a phone; of too many panels or bars the first are drawn."""
    panels = [panel for panel in sheet.panels if panel.bars][:MOST_PANELS]
    heights = [PANEL_INCHES + BAR_INCHES * min(len(panel.bars), MOST_BARS) for panel in panels]
    with phone_panels(
        max(len(panels), 1), height=TITLE_INCHES + sum(heights), gridspec_kw={"height_ratios": heights or [1]}
    ) as (figure, grid):
        figure.suptitle(_clip(sheet.title, 2 * NAME_LENGTH), x=0.02, ha="left", fontsize=12, fontweight="bold")
        for axes, panel in zip(grid, panels, strict=False):
            bars = panel.bars[:MOST_BARS]
            (_dots if panel.stars else _columns)(axes, bars)
            axes.set_title(_clip(panel.title, 2 * NAME_LENGTH))
            axes.set_yticks(range(len(bars)), [_clip(bar.name, NAME_LENGTH) for bar in bars])
            axes.set_ylim(len(bars) - 0.4, -0.6)  # the first on top
            axes.grid(visible=panel.stars, axis="x")
            axes.grid(visible=False, axis="y")
            if panel.stars and any(bar.everyone is not None for bar in bars):
                _legend(axes, sheet)
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        return phone_png(figure)


def _dots(axes: Axes, bars: Sequence[Bar]) -> None:
    """Draw stars: a dot for one's own, a ring for everyone's, a line between them."""
    for place, bar in enumerate(bars):
        if bar.everyone is not None:
            axes.plot([bar.value, bar.everyone], [place, place], color=PAPER.pale, linewidth=2, zorder=2)
            axes.plot(bar.everyone, place, "o", color=PAPER.second, markerfacecolor="white", markersize=6, zorder=3)
        axes.plot(bar.value, place, "o", color=PAPER.accent, markersize=7, zorder=4)
    values = [value for bar in bars for value in (bar.value, bar.everyone) if value is not None]
    low, high = max(0.5, np.floor(min(values) * 2 - 0.5) / 2), min(5.0, np.ceil(max(values) * 2 + 0.5) / 2)
    axes.set_xlim(low - 0.1, high + 0.1)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[5, 10]))


def _columns(axes: Axes, bars: Sequence[Bar]) -> None:
    """Draw counts, each with its number behind it."""
    axes.barh(range(len(bars)), [bar.value for bar in bars], height=0.7, color=PAPER.accent)
    most = max(bar.value for bar in bars)
    for place, bar in enumerate(bars):
        axes.text(bar.value + 0.01 * most, place, COUNT(bar.value, 0), va="center", color=PAPER.muted)
    axes.set_xlim(0, 1.12 * max(most, 1))
    axes.set_xticks([])


def _legend(axes: Axes, sheet: Sheet) -> None:
    """Say which is whose, above the panel at its right."""
    marks = [
        Line2D([], [], marker="o", linestyle="", color=PAPER.accent, markersize=7, label=_clip(sheet.mine, 12)),
        Line2D(
            [], [], marker="o", linestyle="", color=PAPER.second, markerfacecolor="white", markersize=6,
            label=_clip(sheet.everyone, 12),
        ),
    ]  # fmt: skip
    axes.legend(handles=marks, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, handletextpad=0.2, columnspacing=1)


def _clip(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
