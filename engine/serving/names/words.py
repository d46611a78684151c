"""Words that titles are made of in any data set: articles, numerals, and words for a part. Standard library only.

The words with which people ask for films are the chat's own, in one file for each of its languages.
"""

_BY_LANGUAGE = {
    "English": "the a an",
    "French": "le la les l' un une des",
    "Italian": "il lo i gli uno una",
    "Spanish": "el los las",
    "Portuguese": "o os as um uma",
    "German": "der die das ein eine",
    "Dutch": "de het",
    "Scandinavian languages": "den det en et ett",
    "slang": "da",  # "Hip Hop Witch, Da"
}
_BEGIN_NAMES = "i lo des o os as um die de den det en et ett da"
_ROMAN = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx"
_ENGLISH = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)

ARTICLES = tuple(word for words in _BY_LANGUAGE.values() for word in words.split())
"""Data sets move them behind the title ("Matrix, The")."""

LEADING_ARTICLES = frozenset(ARTICLES) - frozenset(_BEGIN_NAMES.split())
"""People leave them out, and type "matrix". The other articles begin names: Die Hard, I Robot, As Good as It Gets."""

NUMERALS = {word: number for words in (_ROMAN, _ENGLISH) for number, word in enumerate(words.split(), 1)}
"""Numerals from one to twenty that are not digits, and their numbers."""

PART_WORDS = ("part", "pt", "episode", "ep", "chapter", "volume", "vol")
"""They stand before the number of a part: "Kill Bill: Vol. 2"."""
