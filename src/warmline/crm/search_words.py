"""The words of a text by which rows are found, and the beginnings of words that a search asks for. Pure.

A word is the rest of a piece of text from the start of one of its parts on: `dana.diaz@example.org` has the words
`dana.diaz@example.org`, `diaz@example.org`, `example.org` and `org`. So the beginning of a word finds it from each
part on, and with what follows.
"""

import re

from warmline.crm.keys import key, readable_domains

WORD_BYTES = 64  # of each word and term, more are not compared: an index has short entries
_PART = re.compile(r"(?<![^\W_])[^\W_]")  # the first letter or digit of several


def words_of(*texts: str) -> set[bytes]:
    """Return the words of texts.

    Args:
        texts: Keys, see `crm.keys`.
    """
    words = set()
    for piece in map(readable_domains, " ".join(texts).split()):
        # A piece without any letter or digit, such as an emoji, is one word.
        starts = {0} | {part.start() for part in _PART.finditer(piece)}
        words |= {_cut(piece[start:]) for start in starts}
    return words


def terms_of(text: str) -> list[bytes]:
    """Return the beginnings of words that a search asks for, the longest first; each of them must be found.

    Args:
        text: As a person typed it.
    """
    terms = set()
    for piece in map(readable_domains, key(text).split()):
        start = _PART.search(piece)
        # `@example.org` is meant to find an e-mail, whose parts begin after the sign.
        terms.add(_cut(piece[start.start() :] if start else piece))
    return sorted(terms, key=lambda term: (-len(term), term))


def _cut(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")[:WORD_BYTES]
