"""Splits texts into the words of the search index, and searches into terms. Pure.

A word runs from the start of any part of a piece of text to the end of that piece: `dana.diaz@example.org` has the
words `dana.diaz@example.org`, `diaz@example.org`, `example.org` and `org`. So a term finds the text from the start of
each of its parts. Letters are without accents, in words and terms alike.

Each run of letters is a word as well, its stem: here `dana`, `diaz`, `example` and `org`. A term of three letters finds
the stems that have it anywhere, by their endings: `iaz` begins an ending of `diaz`.
"""

import re
import unicodedata
from hashlib import sha256
from itertools import groupby

from warmline.crm.keys import key, plain, readable_domains

WORD_BYTES = 64  # of each word and term; the rest is not compared, to keep the index small
SHORTEST = 3  # letters of a term that is found anywhere in a word; a shorter one is found at its beginning
_PART = re.compile(r"(?<![^\W_])[^\W_]")  # the first letter or digit in a run of them
_PLAIN_RUN = re.compile(r"[a-z]+")


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
        words |= {_cut(run) for run in _runs(piece) if len(run) >= SHORTEST}
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


def whole_word(kind: str, text: str) -> bytes:
    """Return the word under which rows are found that have just this text, such as a tag; no term begins it.

    Args:
        kind: What the text is.
        text: As typed.
    """
    return f"\x01{kind}:{sha256(key(text).encode('utf-8', 'surrogatepass')).hexdigest()[:32]}".encode()


def is_stem(word: bytes) -> bool:
    """Tell whether a word, or a term, is nothing but letters, and enough of them to be looked for within words."""
    text = word.decode("utf-8", "surrogatepass" if len(word) < WORD_BYTES else "ignore")
    return len(text) >= SHORTEST and _runs(text) == [text]


def endings_of(stem: bytes) -> set[bytes]:
    """Return the ends of a stem, itself among them, that are long enough for a term to begin one.

    Args:
        stem: One of `words_of` that is a stem.
    """
    text = stem.decode("utf-8", "ignore")  # where it was cut, its last letter may be half
    return {_cut(text[start:]) for start in range(len(text) - SHORTEST + 1)} | {stem}


def _runs(piece: str) -> list[str]:
    """Return the runs of letters in a piece, with the marks on them."""
    if piece.isascii():
        return _PLAIN_RUN.findall(piece)
    return ["".join(run) for is_run, run in groupby(piece, _is_letter) if is_run]


def _is_letter(sign: str) -> bool:
    return sign.isalpha() or unicodedata.category(sign).startswith("M")


def _read(piece: str) -> str:
    return plain(readable_domains(piece))


def _cut(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")[:WORD_BYTES]
