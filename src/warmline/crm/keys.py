"""One way to compare names and e-mails, used by uniqueness, search and the look into Pipedrive alike.

What cannot be seen tells nothing apart. Of the two joiners, which shape Persian and Indic letters, those are seen that
stand where they shape something. The rules are those of domain names (RFC 5892), and one more for Bengali.
"""

import hashlib
import unicodedata

import idna

JOINERS = "\u200c\u200d"
# Unicode's format characters (category Cf) that are seen all the same: signs that stand over numbers.
SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
# Letters and marks that have no shape: the fillers of Hangul, the grapheme joiner, two vowels of Khmer.
UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
# They choose between two shapes of one character, such as a black heart and a red one.
VARIATIONS = dict.fromkeys([*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
VARIATIONS.pop(0x180E)  # a vowel separator, and of category Cf
FLAG, TAGS = "\U0001f3f4", "".join(map(chr, range(0xE0020, 0xE0080)))  # tags after a flag say whose it is
VIRAMA = 9  # the combining class of the sign that joins two Indic letters
# Characters of a key. NFKC can make one sign eighteen, and an index entry of PostgreSQL holds 2,704 bytes at the most,
# of which a character can take four.
KEY_LENGTH, EMAIL_KEY_LENGTH = 600, 254
NEAR = 16  # characters around a joiner, among which it shapes something
WIDE = str.maketrans("\uff20\u3002\uff0e\uff61", "@...")  # the signs of an address, as East Asian keyboards write them


def key(text: str) -> str:
    """Return the form in which two spellings of one name are equal.

    NFKC, casefolded, trimmed, runs of white space made one space, without what is not seen. Each of these can make
    another one necessary again, and the key of a key must be that key: so until nothing changes any more.

    Args:
        text: A name as a person typed it.

    Returns:
        The key; empty when there is nothing to see.
    """
    if text.isascii():
        return _bounded(" ".join(text.casefold().split()), KEY_LENGTH)
    before, present = None, text
    while present != before:
        before, present = present, unicodedata.normalize("NFKC", present).casefold()
        present = " ".join(without_unseen(present).translate(VARIATIONS).split())
    return _bounded(present, KEY_LENGTH)


def email_key(text: str) -> str:
    """Return the form in which two spellings of one e-mail address are equal: the domain as IDNA has it, in Unicode.

    Args:
        text: An address as a person or a server wrote it.

    Returns:
        The key; that of a name when it is no address.
    """
    local, at, domain = without_unseen(unicodedata.normalize("NFKC", text)).strip().rpartition("@")
    return _bounded(f"{key(local)}@{_domain_key(domain)}" if at else key(domain), EMAIL_KEY_LENGTH)


def email_spellings(text: str) -> list[str]:
    """Return an address as it may stand in a program that compares letter by letter: with its domain in either form.

    Args:
        text: An address.

    Returns:
        The address alone where its domain has one form.
    """
    local, at, domain = text.rpartition("@")
    present = _domain_key(domain)
    if not at or (domain.isascii() and present == domain.lower()):
        return [text]
    try:
        return sorted({text, f"{local}@{present}", f"{local}@{idna.encode(present).decode()}"})
    except idna.IDNAError:
        return [text]


def readable_domains(text: str) -> str:
    """Return a key with the parts of domains (`xn--...`) in Unicode, as the keys of e-mails have them."""
    if "xn--" not in text:
        return text
    return ".".join(map(_readable, text.split(".")))


def without_unseen(text: str) -> str:
    """Return a text without the characters that cannot be seen, whatever stands around them."""
    if text.isascii():
        return text
    return "".join(character for place, character in enumerate(text) if not is_unseen(text, place))


def is_unseen(text: str, place: int) -> bool:
    """Tell whether the character at a place of a text cannot be seen, nor changes how its neighbours look."""
    character = text[place]
    if character in JOINERS:
        return not _shapes(text, place)
    if character in TAGS:
        return text[:place].rstrip(TAGS)[-1:] != FLAG
    return (unicodedata.category(character) == "Cf" and character not in SEEN) or character in UNSEEN


def _shapes(text: str, place: int) -> bool:
    """Tell whether a joiner changes how letters around it look."""
    if VIRAMA in map(unicodedata.combining, text[max(0, place - 1) : place + 2]):
        return True
    start = max(0, place - NEAR)
    try:
        return idna.valid_contextj(text[start : place + NEAR], place - start)
    except ValueError:  # beside a character that has no name
        return False


def _bounded(text: str, length: int) -> str:
    """Return a text of so many characters at the most: of a longer one the beginning, and a digest of it all."""
    if len(text) <= length:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    start = text[: length - len(digest) - 1]
    return f"{start.rstrip(JOINERS + ' ')} {digest}"


def _domain_key(domain: str) -> str:
    domain = domain.translate(WIDE).strip().rstrip(".")
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower()
    try:
        return idna.decode(idna.encode(domain, uts46=True))
    except idna.IDNAError:
        return key(domain)


def _readable(label: str) -> str:
    before, mark, _ = label.partition("xn--")
    try:
        return before + key(idna.decode(label[len(before) :])) if mark else label
    except idna.IDNAError:
        return label
