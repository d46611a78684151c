"""Cells of CSV files for spreadsheets: text that looks like a formula stays text."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_GUARD = "'"
"""Spreadsheets read a cell that begins with this sign as text, and hide the sign."""


def guarded(cell: object) -> object:
    """Return a cell that no spreadsheet evaluates as a formula: titles come from untrusted data sets."""
    return _GUARD + cell if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def unguarded(text: str) -> str:
    """Undo ``guarded``."""
    return text[1:] if text.startswith(_GUARD) and text[1:].startswith(_FORMULA) else text
