"""Decides whether two names can belong to the same person, judging by their spelling. Pure.

It is careful: a wrong "yes" changes a stranger's record, while a wrong "no" only makes a person decide. So each word of
the shorter name must be in the longer one, in full or as an initial, and at least one in full. Nicknames, such as Bob
for Robert, are not recognized, unless they are written beside the name: "Robert (Bob) Smith".
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import permutations, product

from warmline.crm.keys import has_case, key, plain

Words = tuple[str, ...]

# Titles before or after a name. They do not tell people apart, but a few are also names ("Mag"): see `_untitled`.
TITLES = frozenset(
    """
    dr prof professor doctor doktor mag maga mgr ing dipl dipling dring hc med jur phil mr mrs ms mx miss mister
    herr frau hr fr mme mlle madame monsieur sr sra srta senor senora sig signor signora dott dottssa avv sir rev
    dhr mevr drs phd mba msc bsc beng meng md dds esq cpa cfa llm llb jd pmp
    """.split()  # noqa: SIM905 (a list would fill a page)
)
GENERATIONS = {"jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr", "ii": "ii", "iii": "iii", "iv": "iv"}
# A couple can share an initial and a mailbox: "Mr J Ames" and "Mrs J Ames".
SALUTATIONS = dict.fromkeys(
    ["mr", "mister", "herr", "hr", "monsieur", "sir", "senor", "signor", "dhr"], "m"
) | dict.fromkeys(
    ["mrs", "ms", "miss", "frau", "mme", "mlle", "madame", "sra", "srta", "senora", "signora", "mevr"], "f"
)

APOSTROPHES = re.compile("['`\u2018\u2019\u02bb\u02bc\u2032]")  # as people type them
ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]|<[^>]*>|\"[^\"]*\"|[“„][^“”]*[“”]|«[^»]*»")  # in brackets or in quotes
COMPANY = re.compile("\\s[-\u2013\u2014·•@]\\s.*|[|].*")  # as in "Ana Reis - Acme"
BESIDE = re.compile("\\s[-\u2013\u2014·•@]\\s|[|,/]")  # before or after a company
FORM = re.compile(r"\b(?:gmbh|ag|kg|ohg|inc|ltd|llc|corp|plc|sarl|bv|oy|oü|aps|srl|spa|pty)\b")  # of a company
SEVERAL = re.compile(r"[&+/;]|\b(?:and|und|et)\b")  # as in "Petra & Klaus Maier"
# How umlauts and similar letters are written in ASCII. "ue" after some vowels is not an umlaut, as in "Bauer".
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})
SPELLED_OUT = re.compile(r"ae|oe|aa|dj|(?<![aeq])ue")
TOO_SHORT = 3  # letters; words up to this length are compared exactly: "Joe" is not "Jo"
REMEMBERED = 1024  # names; those of one mailbox are compared with each other again and again
MOST_ORDERED = 4  # words; up to this number, all orders are tried


def agree(one: str, other: str, emails: Iterable[str] = ()) -> bool:
    """Tell whether two names can belong to the same person.

    Args:
        one: A name, in any order, case and spelling.
        other: Another name.
        emails: The e-mail addresses in question; a name that is just one of them agrees with every name.
    """
    keys = {key(one), key(other)}
    if len(keys) == 1 or not keys.isdisjoint(key(each) for each in emails if each):
        return True
    one, other = _person(one), _person(other)
    if _differ(one, other, GENERATIONS) or _differ(one, other, SALUTATIONS):
        return False
    is_exact = _is_several(one) or _is_several(other)
    return any(
        _fit(*sorted(pair, key=len))
        for pair in product(_readings(one), _readings(other))
        if not is_exact or len(pair[0]) == len(pair[1])
    )


@lru_cache(REMEMBERED)
def _readings(name: str) -> frozenset[Words]:
    """Return the ways to read a name: with and without titles, and with a single word in brackets beside it."""
    name = COMPANY.sub("", name)
    beside = ASIDE.findall(name)
    if not _words(ASIDE.sub(" ", name)):  # the whole name is in quotes
        name, beside = ASIDE.sub(lambda found: found[0][1:-1], name), []
    aside = [words[0] for words in map(_words, beside) if len(words) == 1]
    readings = set()
    alone = [_parts(ASIDE.sub(" ", each)) for each in {name, name.translate(UMLAUTS)}]
    for parts in (*alone, *([*each, *aside] for each in alone)):
        for some in (parts, _untitled(parts)):
            words = [word for part in some for word in _divided(part)]
            readings |= {tuple(words), tuple(letter for word in words for letter in _initials(word))}
    return frozenset(words for words in readings if words)


@lru_cache(REMEMBERED)
def _person(name: str) -> str:
    """Return the key of a name without a company before or after it, if a legal form such as "GmbH" shows one."""
    name = key(name)
    parts = [part for part in BESIDE.split(name) if not FORM.search(part)]
    return name if not FORM.search(name) or not parts else ", ".join(parts)


def _untitled(parts: list[str]) -> list[str]:
    """Return the parts of a name that are not titles, unless fewer than two are left: "Mag Ruffman" may be a name."""
    rest = [part for part in parts if "".join(_divided(part)) not in TITLES | GENERATIONS.keys()]
    return rest if len(rest) > 1 else parts


def _fit(shorter: Words, longer: Words) -> bool:
    """Tell whether each word of the shorter name is in the longer one, in full or as an initial."""
    if len(shorter) < len(longer) <= MOST_ORDERED and _run_together(shorter) & _run_together(longer):
        return True
    some, others = Counter(map(_form, shorter)), Counter(map(_form, longer))
    if some == others:
        return True
    common = some & others
    is_sure = any((len(word) > 1 or not has_case(word)) and word not in TITLES for word in common)
    return is_sure and _are_initials(some - common, others - common)


def _are_initials(some: Counter[str], others: Counter[str]) -> bool:
    """Tell whether each word can be paired with one of the others, one being the initial of the other."""
    initials, words = _by_initial(some)
    their_initials, their_words = _by_initial(others)
    return all(
        words[letter] <= their_initials[letter]
        and initials[letter] + words[letter] <= their_initials[letter] + their_words[letter]
        for letter in initials | words
    )


def _by_initial(words: Counter[str]) -> tuple[Counter[str], Counter[str]]:
    """Count initials and words by their first letter. Only scripts with capitals have initials."""
    initials, others = Counter[str](), Counter[str]()
    for word, count in words.items():
        (initials if len(word) == 1 else others)[word[0] if has_case(word) else word] += count
    return initials, others


def _run_together(words: Words) -> set[str]:
    """Return the words joined in every order: for "Delacruz", and for scripts without spaces."""
    return {_form("".join(order)) for order in permutations(words)}


def _form(word: str) -> str:
    """Return one form for "Müller", "Mueller" and "Muller"."""
    form = plain(word)
    return form if len(form) <= TOO_SHORT else SPELLED_OUT.sub(lambda found: found[0][0], form)


@lru_cache(REMEMBERED)
def _words(name: str) -> Words:
    return tuple(word for part in _parts(name) for word in _divided(part))


def _parts(name: str) -> list[str]:
    """Return the parts between spaces and commas that contain a letter or a digit."""
    whole = "".join(each for each in APOSTROPHES.sub("", name) if unicodedata.category(each) != "Cf")
    return [part for part in re.split(r"[\s,]+", whole) if _divided(part)]


def _divided(part: str) -> list[str]:
    """Split a part at hyphens, dots and similar signs into words without accents."""
    spaced = "".join(each if unicodedata.category(each)[0] in "LMN" else " " for each in part)
    return [plain(word) for word in spaced.split() if any(map(str.isalnum, word))]


def _initials(word: str) -> Iterator[str]:
    """Yield the letters of two joined initials, as in "JP Ames", and any other word unchanged."""
    is_run = re.fullmatch(r"[b-df-hj-np-tv-xz]{2}", word) and word not in TITLES
    yield from word if is_run else (word,)


@lru_cache(REMEMBERED)
def _is_several(name: str) -> bool:
    """Tell whether a name names several people, or a person and a company: "Petra Maier, Klaus Petersen"."""
    long: Sequence[str] = [part for part in name.split(",") if len(_untitled(_parts(part))) > 1]
    return bool(SEVERAL.search(name)) or len(long) > 1


def _differ(one: str, other: str, said: Mapping[str, str]) -> bool:
    """Tell whether both names have a word of one kind but with different meanings: senior and junior, or Mr and Mrs."""
    ours, theirs = ({said[word] for word in _words(name) if word in said} for name in (one, other))
    return bool(ours and theirs and ours != theirs)
