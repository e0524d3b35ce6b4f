"""Comparison keys of names and e-mails, used alike for uniqueness, search and matching with Pipedrive.

Invisible characters make no difference. The two joiners, which shape Persian and Indic letters, count as visible only
where they change a letter's shape. The rules are those of domain names (RFC 5892), plus one for Bengali.
"""

import hashlib
import unicodedata

import idna

JOINERS = "\u200c\u200d"
# Unicode format characters (category Cf) that are visible nevertheless: signs over numbers.
SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
# Letters and marks without a shape: Hangul fillers, the grapheme joiner, two Khmer vowels.
UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
# Variation selectors choose between two shapes of one character, such as a black heart and a red one.
VARIATIONS = dict.fromkeys([*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
VARIATIONS.pop(0x180E)  # a vowel separator, not a selector; of category Cf
FLAG, TAGS = "\U0001f3f4", "".join(map(chr, range(0xE0020, 0xE0080)))  # tags after a flag name its region
VIRAMA = 9  # the combining class of the sign that joins two Indic letters
# Characters of a key. NFKC can turn one character into eighteen, and an index entry of PostgreSQL holds 2,704 bytes, of
# which a character can take four.
KEY_LENGTH, EMAIL_KEY_LENGTH = 600, 254
# Letters that Unicode does not decompose.
PLAIN = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i", "ħ": "h"}
)
NEAR = 16  # characters around a joiner that are considered
WIDE = str.maketrans("\uff20\u3002\uff0e\uff61", "@...")  # the signs of an address, as East Asian keyboards write them


def key(text: str) -> str:
    """Return the form in which two spellings of one name are equal.

    NFKC, casefolded, trimmed, white space collapsed, invisible characters removed. Each step can make another one
    necessary, and the key of a key must be the same key, so the steps repeat until nothing changes.

    Args:
        text: A name as a person typed it.

    Returns:
        The key; empty if nothing in the text is visible.
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
        The key; if the text is not an address, its key as a name.
    """
    local, at, domain = without_unseen(unicodedata.normalize("NFKC", text)).strip().rpartition("@")
    return _bounded(f"{key(local)}@{_domain_key(domain)}" if at else key(domain), EMAIL_KEY_LENGTH)


def email_spellings(text: str) -> list[str]:
    """Return the spellings of an address for a program that compares character by character.

    Args:
        text: An address.

    Returns:
        The address with its domain in Unicode and in ASCII; only the address itself if both are the same.
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
    """Return a key with ASCII domain labels (`xn--...`) in Unicode, as in the keys of e-mails."""
    if "xn--" not in text:
        return text
    return ".".join(map(_readable, text.split(".")))


def plain(text: str) -> str:
    """Return a key without accents, if its script has capitals; in other scripts, marks make different letters."""
    if text.isascii():
        return text
    letters: list[str] = []
    for letter in unicodedata.normalize("NFD", text.translate(PLAIN)):
        if not unicodedata.combining(letter) or (letters and not has_case(letters[-1])):
            letters.append(letter)
    return unicodedata.normalize("NFC", "".join(letters))


def has_case(text: str) -> bool:
    """Tell whether a text is in a script with capitals."""
    return text.upper() != text.lower()


def without_unseen(text: str) -> str:
    """Return a text without invisible characters."""
    if text.isascii():
        return text
    return "".join(character for place, character in enumerate(text) if not is_unseen(text, place))


def is_unseen(text: str, place: int) -> bool:
    """Tell whether a character in a text is invisible and does not change how its neighbours look.

    Args:
        text: The text.
        place: The index of the character.
    """
    character = text[place]
    if character in JOINERS:
        return not _shapes(text, place)
    if character in TAGS:
        return text[:place].rstrip(TAGS)[-1:] != FLAG
    return (unicodedata.category(character) == "Cf" and character not in SEEN) or character in UNSEEN


def _shapes(text: str, place: int) -> bool:
    """Tell whether a joiner changes how the letters around it look."""
    if VIRAMA in map(unicodedata.combining, text[max(0, place - 1) : place + 2]):
        return True
    start = max(0, place - NEAR)
    try:
        return idna.valid_contextj(text[start : place + NEAR], place - start)
    except ValueError:  # next to an unassigned character
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
