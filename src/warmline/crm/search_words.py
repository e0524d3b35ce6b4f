"""Splits texts into the words of the search index, and searches into terms. Pure.

A word runs from the start of any part of a piece of text to the end of that piece: `dana.diaz@example.org` has the
words `dana.diaz@example.org`, `diaz@example.org`, `example.org` and `org`. So a term finds the text from the start of
each of its parts. Letters are without accents, in words and terms alike.
"""

import re

from warmline.crm.keys import key, plain, readable_domains

WORD_BYTES = 64  # of each word and term; the rest is not compared, to keep the index small
_PART = re.compile(r"(?<![^\W_])[^\W_]")  # the first letter or digit in a run of them


def words_of(*texts: str) -> set[bytes]:
    """Return the words of texts.

    Args:
        texts: Keys (see `crm.keys`).
    """
    words = set()
    for piece in map(_read, " ".join(texts).split()):
        # A piece without any letter or digit, such as an emoji, is one word.
        starts = {0} | {part.start() for part in _PART.finditer(piece)}
        words |= {_cut(piece[start:]) for start in starts}
    return words


def terms_of(text: str) -> list[bytes]:
    """Return the terms of a search, the longest first; a row must match all of them.

    Args:
        text: The search as typed.
    """
    terms = set()
    for piece in map(_read, key(text).split()):
        start = _PART.search(piece)
        # `@example.org` should find an e-mail, whose parts start after the "@".
        terms.add(_cut(piece[start.start() :] if start else piece))
    return sorted(terms, key=lambda term: (-len(term), term))


def _read(piece: str) -> str:
    return plain(readable_domains(piece))


def _cut(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")[:WORD_BYTES]
