"""How a text file was written that does not say so: found by the headings that are known then, and by odd letters.

Nearly every file can be read as Windows-1252, but one that Excel wrote in Polish, Czech or Russian, on an old Mac or
for DOS, has signs in the midst of its words then: "Pawe³" is Paweł. Pure: no database.
"""

import codecs
import re

from warmline.crm.imports import headings

SAMPLE = 300_000  # characters in which odd letters show themselves
FEW, RARE = 10, 0.01  # bytes of a text that may be zero, and the part of a long one: a broken line or two
LATIN = 0.4  # of the characters of a file in UTF-16, at least: e-mails, digits and delimiters, whatever the script
# Of several that fit equally well the first one counts.
_OLD = {
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "mac_roman": "Mac OS Roman",
    "cp850": "MS-DOS",
}
_LETTER = r"[^\W\d_]"
_HIGH_CAPITAL = "[\u00c0-\u00d6\u00d8-\u00de\u0152\u0160\u0178\u017d]"
_ODD = re.compile(
    rf"(?<={_LETTER})(?:[^\w\s\x00-\x7f\u00a0\u00ad\u00b4\u00b7\u2010-\u2015\u2018\u2019]|[\u00b9\u00b3])(?={_LETTER})"
    rf"|(?<={_LETTER}{_LETTER})[\u00a3\u00af\u00b3\u00bf](?!\w)"
    rf"|(?<!\w)[\u00a3\u00a5\u00af\u00b3](?={_LETTER})"
    rf"|(?<=[a-z]){_HIGH_CAPITAL}"
    rf"|(?<=\b[A-Z]){_HIGH_CAPITAL}(?=[a-z])"
    r"|[\u00c0-\u017f]{4,}"
    r"|[a-z][\u0400-\u04ff]|[\u0400-\u04ff][a-z]",
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b]")
_CELL = re.compile(r"[,;\t|]")


def decoded(content: bytes) -> tuple[str, str] | None:
    """Return the text of a file, and how it was written; None when it is no text.

    Args:
        content: All of it.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        found = [("UTF-16", _text(content, "utf-16"))]
    elif (text := _text(content, "utf-8-sig")) is not None and "\0" not in text:
        return text, "UTF-8"
    elif b"\0" in content:
        found = [("UTF-16", _text(content, each)) for each in ("utf-16-le", "utf-16-be")]
    else:
        return _old(content)
    as_utf_16 = ((text, name) for name, text in found if text is not None and _is_text(text))
    return next(as_utf_16, None) or _without_zeros(content.rstrip(b"\0"))


def _without_zeros(content: bytes) -> tuple[str, str] | None:
    """Return the text of a file with a few zero bytes in it, which stand for nothing; None when it is no text."""
    if content.count(0) > max(FEW, RARE * len(content)):
        return None
    found = decoded(content.replace(b"\0", b""))
    return found if found and not _CONTROL.search(found[0]) else None


def _old(content: bytes) -> tuple[str, str] | None:
    texts = {encoding: text for encoding in _OLD if (text := _text(content, encoding)) is not None}
    fits = {encoding: _fit(text) for encoding, text in texts.items()}
    if "cp1252" not in texts:  # what is no text at all, another one may read as odd letters
        fits = {encoding: fit for encoding, fit in fits.items() if not fit[1] and not _CONTROL.search(texts[encoding])}
    best = max(fits, key=lambda encoding: fits[encoding], default=None)
    return (texts[best], _OLD[best]) if best else None


def _fit(text: str) -> tuple[int, int]:
    """Return how many headings are known, and how few letters are odd: none or less."""
    lines = [_CELL.split(line) for line in text[:SAMPLE].splitlines()[: headings.WITHIN]]
    known = max((headings.known([cell.strip("\"' ") for cell in cells]) for cells in lines), default=0)
    return known, -len(_ODD.findall(text[:SAMPLE]))


def _is_text(text: str) -> bool:
    # Bytes in the wrong order, or of another encoding, are letters of scripts that hardly a delimiter stands between.
    return "\0" not in text and sum(sign.isascii() for sign in text) > LATIN * len(text)


def _text(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None
