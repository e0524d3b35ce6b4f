"""Changes that a server may make to values before storing them; undocumented, so the sandbox can do them all.

It trims names, collapses spaces, lowercases e-mails, spaces phone numbers, sanitizes notes and wraps them in
paragraphs, and turns empty values into null. Cleaning twice changes nothing more.
"""

import re
import unicodedata
from html import escape
from html.parser import HTMLParser

from warmline.sandbox.answers import Json

KEPT_TAGS = frozenset({"b", "strong", "i", "em", "u", "ul", "ol", "li", "a"})
PARAGRAPHS = frozenset({"p", "div", "br"})
UNSEEN = re.compile("[\u00ad\u200b\u2060\ufeff]")
PHONE = re.compile(r"\+?[\d\s().\-/]*\d")
ONE_LINE = frozenset({"name", "subject", "job_title", "website", "linkedin"})


def cleaned(values: Json) -> Json:
    """Return what is stored of the values that were sent.

    Args:
        values: Of a record of any kind, checked.
    """
    return {name: _cleaned(name, value) for name, value in values.items()}


def line(text: str) -> str:
    """Return a text of one line: trimmed, with single spaces, without what is not seen, composed."""
    return " ".join(UNSEEN.sub("", unicodedata.normalize("NFC", text)).split())


def _cleaned(name: str, value: object) -> object:
    if isinstance(value, str) and name in ONE_LINE:
        return line(value) or (value if name == "subject" else None)
    if isinstance(value, str) and name == "note":
        return _note(value)
    if name in {"emails", "phones"} and isinstance(value, list):
        clean = _email if name == "emails" else _phone
        return [entry | {"value": clean(entry["value"])} for entry in value]
    if isinstance(value, dict):
        return {part: (line(text) or None) if isinstance(text, str) else text for part, text in value.items()}
    return None if value == "" else value


def _email(text: str) -> str:
    return line(text).lower()


def _phone(text: str) -> str:
    if not PHONE.fullmatch(text.strip()):
        return line(text)
    digits = re.sub(r"\D", "", text)
    spaced = " ".join(digits[start : start + 3] for start in range(0, len(digits), 3))
    return f"+{spaced}" if text.strip().startswith("+") else spaced


def _note(text: str) -> str | None:
    sanitizer = _Sanitizer()
    sanitizer.feed(text)
    sanitizer.close()
    return sanitizer.paragraphs() or None


class _Sanitizer(HTMLParser):
    """Keeps a few tags and all text; each line becomes a paragraph."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines = [""]
        self._is_dropped = False

    def paragraphs(self) -> str:
        """Return what is left."""
        lines = (" ".join(one.split()) or "<br>" for one in self._lines)
        return "".join(f"<p>{one}</p>" for one in lines).removesuffix("<p><br></p>")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag, with the address of a link and nothing else."""
        if tag in PARAGRAPHS:
            self._end_line(is_break=tag == "br")
        elif tag in KEPT_TAGS:
            address = dict(attrs).get("href") or ""
            self._lines[-1] += f'<{tag} href="{escape(address)}">' if address.startswith("http") else f"<{tag}>"
        self._is_dropped = self._is_dropped or tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        """Keep its end."""
        if tag in PARAGRAPHS:
            self._end_line(is_break=False)
        elif tag in KEPT_TAGS:
            self._lines[-1] += f"</{tag}>"
        self._is_dropped = self._is_dropped and tag not in {"script", "style"}

    def handle_data(self, data: str) -> None:
        """Keep text."""
        if not self._is_dropped:
            self._lines[-1] += escape(data, quote=False)

    def _end_line(self, *, is_break: bool) -> None:
        if is_break or self._lines[-1].strip():
            self._lines.append("")
