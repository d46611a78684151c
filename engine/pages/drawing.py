"""The house style of every picture: colours and sizes, a figure to draw in, and what becomes of it: an SVG or a PNG.

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
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter


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

WIDTH = 9.0
"""Inches. At 72 units to the inch a picture is drawn for a column of about 900 pixels."""

PHONE_WIDTH = 5.0
"""Inches of a picture for the chat: there a point of text is about a point of the phone's."""

PHONE_CHART = 4.4
"""Inches of a chart on a page that a phone shows: at 350 of its pixels, letters have some nine."""

PHONE_PIXELS = 1000

COUNT = FuncFormatter(lambda value, _: f"{value:,.0f}")
PERCENT = FuncFormatter(lambda value, _: f"{value:.0%}")

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


def for_desk_and_phone(draw: Callable[P, Markup]) -> Callable[P, Markup]:
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
def drawing(
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


def name_columns(axes: Axes, names: Sequence[str], **text: Any) -> None:
    """Name columns at 0, 1, 2 …; on a phone the names slant, so that they do not overlap."""
    slants = _narrow.get() and len(names) > 4
    slant: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slants else {}
    axes.set_xticks(np.arange(len(names)), names, **slant, **text)


def add_legend(figure: Figure, entries: int) -> None:
    """Add a legend above the axes: entries side by side, on a phone one below the other."""
    figure.legend(loc="outside upper left", ncols=1 if _narrow.get() else entries)


def as_svg(figure: Figure, label: str) -> Markup:
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


def as_png(figure: Figure, *, pixels_per_inch: float) -> bytes:
    """Return a figure as a PNG, on white."""
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=pixels_per_inch, facecolor="white")
    return target.getvalue()


def phone_png(figure: Figure) -> bytes:
    """Return a figure for the chat as a PNG."""
    return as_png(figure, pixels_per_inch=PHONE_PIXELS / PHONE_WIDTH)


@contextmanager
def phone_panels(panels: int, *, height: float | None = None, **named: Any) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a figure for the chat and its panels, one below the other; ``height`` in inches if it matters."""
    height = height or 0.4 + 1.6 * max(panels, 2)
    named |= {"colours": PAPER, "squeeze": False}
    with drawing(panels, 1, height=height, width=PHONE_WIDTH, **named) as (figure, grid):
        yield figure, list(grid[:, 0])
        for axes in grid[:, 0]:
            for text in axes.texts:
                text.set_path_effects([withStroke(linewidth=3, foreground="white")])  # where the label crosses a line


def mark(axes: Axes, x: float, text: str, colours: Colours = STAND_INS) -> None:
    """Mark a place on the x axis with a dashed line and a word beside its top."""
    axes.axvline(x, color=colours.second, linewidth=1.2, dashes=(3, 2))
    axes.annotate(
        text, (x, 0.99), (5, 0), xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
        color=colours.ink,
    )  # fmt: skip
