"""Recognises files that hold no ratings, so that people are told the kind of file instead of that it "cannot be
read"."""

from bot.features.ratings_file import zipped
from bot.speech.language import marked

NOTHING = marked("there is nothing in it")
PICTURE = marked("it is a picture, and I read tables: export your ratings, and send that file")
VIDEO = marked("it is a video")
SOUND = marked("it is a sound recording")
PDF = marked("it is a PDF, and I read tables: look for an export as CSV")
WORKBOOK = marked("it is an Excel workbook: save it as CSV, and send that")
OLD_OFFICE = marked("it is a file of an older Excel or Word: save it as CSV, and send that")
OTHER_OFFICE = marked("it is a file of another office program: save it as CSV, and send that")
DOCUMENT = marked("it is a text document: save it as CSV, and send that")
PAGE = marked("it is a web page: the file with your ratings is behind a link on it")
OTHER_ARCHIVE = marked("it is an archive that I can't unpack: send the file that is in it, or a zip")
DATABASE = marked("it is a database")

BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", PICTURE),
    (b"\xff\xd8\xff", PICTURE),
    (b"GIF8", PICTURE),
    (b"BM", PICTURE),
    (b"II*\0", PICTURE),
    (b"MM\0*", PICTURE),
    (b"%PDF-", PDF),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLD_OFFICE),
    (b"Rar!\x1a\x07", OTHER_ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", OTHER_ARCHIVE),
    (b"\x1f\x8b\x08", OTHER_ARCHIVE),
    (b"BZh", OTHER_ARCHIVE),
    (b"\xfd7zXZ\0", OTHER_ARCHIVE),
    (b"SQLite format 3\0", DATABASE),
    (b"ID3", SOUND),
    (b"OggS", SOUND),
    (b"fLaC", SOUND),
    (b"\x1aE\xdf\xa3", VIDEO),
)
"""The first bytes of files, and their kinds."""

CONTAINERS = {b"WEBP": PICTURE, b"WAVE": SOUND, b"AVI ": VIDEO}
"""The kinds of RIFF files, by the bytes at position eight."""

BRANDS = {b"heic": PICTURE, b"heix": PICTURE, b"mif1": PICTURE, b"avif": PICTURE, b"M4A ": SOUND}
"""The kinds of MP4-like files; all others are videos."""

INSIDE = (
    ("xl/workbook", WORKBOOK),
    ("word/document", DOCUMENT),
    ("ppt/presentation", DOCUMENT),
    ("Index/Document.iwa", OTHER_OFFICE),  # Apple's
    ("META-INF/manifest.xml", OTHER_OFFICE),  # LibreOffice's
)
"""Files inside archives that are really documents of a program."""

PAGES = (b"<!doctype html", b"<html", b"<?xml", b"<svg")


def named_for_what_it_is(content: bytes) -> str | None:
    """Return the reason why a file cannot hold ratings, as a text to be translated; None if it may hold some."""
    if not content.strip():
        return NOTHING
    for beginning, what in BEGINNINGS:
        if content.startswith(beginning) and not (len(beginning) < 4 and _is_text(content)):
            return what
    if content.startswith(b"RIFF"):
        return CONTAINERS.get(content[8:12])
    if content[4:8] == b"ftyp":
        return BRANDS.get(content[8:12], VIDEO)
    if content.lstrip()[:14].lower().startswith(PAGES):
        return PAGE
    if zipped.is_archive(content):
        inside = zipped.names(content)
        return next((what for start, what in INSIDE if any(name.startswith(start) for name in inside)), None)
    return None


def _is_text(content: bytes) -> bool:
    """Say whether a file is a text, which may begin with any three letters."""
    head = content[:512]
    return head.isascii() and b"\0" not in head
