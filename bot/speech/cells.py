"""Cells of a table that spreadsheets open: text that looks like a formula stays text."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_GUARD = "'"
"""Spreadsheets take what follows it as text, and do not show it."""


def guarded(cell: object) -> object:
    """Return a cell so that a spreadsheet works nothing out: a title comes from somebody's data set."""
    return _GUARD + cell if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def unguarded(text: str) -> str:
    """Return what ``guarded`` was given."""
    return text[1:] if text.startswith(_GUARD) and text[1:].startswith(_FORMULA) else text
