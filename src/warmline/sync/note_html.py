"""Converts notes between plain text, as they are here, and HTML, as they are in Pipedrive. Pure.

A note from Pipedrive is read as a person sees it, whatever an editor or the server made of its HTML. What is not
visible (scripts, styles, comments) is left out, so HTML from outside never gets into the contact book.
"""

import re
from html import escape
from html.parser import HTMLParser

LINE_ENDS = re.compile(r"\r\n|[\r\n\u2028\u2029]")
FOLDED = re.compile(r" (?= )")  # HTML would show several spaces as one
SPACES = re.compile(r"[ \t\r\n\f]+")
NO_BREAK = "\u00a0"
TAB = "    "
# Comments and declarations are removed first: Python's parser fails at what office programs put there.
UNSEEN = re.compile(r"<!--.*?(?:-->|\Z)|<[!?][^>]*(?:>|\Z)", re.DOTALL)
# Not every `<` begins a tag: not if nothing closes it (the parser would also spend minutes on those), and not in
# `<e-mail>`.
OPEN = re.compile(r"<(?![^<>]*>)")
TAG = re.compile(r"</?[a-z][a-z0-9]*[\s/>]", re.IGNORECASE)
NAME = re.compile(r"[a-z][a-z0-9]*(?:[:_-][a-z0-9_-]+)*")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
DROPPED = frozenset({"script", "style", "head", "title", "template", "noscript", "iframe", "object", "svg"})
BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    ]
)
LISTS = frozenset({"ul", "ol", "menu"})
ADDRESSES = ("http:", "https:", "mailto:", "tel:")


def to_html(text: str) -> str:
    """Return plain text as HTML that looks the same.

    Args:
        text: One or more lines.
    """
    return LINE_ENDS.sub("<br>", FOLDED.sub(NO_BREAK, escape(text, quote=False)))


def to_text(html: str) -> str:
    """Return HTML as a person reads it, with lines, lists and the addresses of links. Never raises.

    Args:
        html: From any source. Without any tags it is taken as plain text, and its line breaks are kept.
    """
    seen = OPEN.sub("&lt;", UNSEEN.sub("", html))
    reader = _Reader()
    reader.feed(seen if TAG.search(seen) else LINE_ENDS.sub("<br>", seen))
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Collects the visible text, line by line."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line = ""
        self._mark = ""  # what precedes the line: a list item's dash or number
        self._dropped: list[str] = []  # the open elements that are left out
        self._lists: list[int | None] = []  # the number of the last item; None for a list without numbers
        self._links: list[tuple[str, int]] = []  # the open links' addresses, and where in the line they begin
        self._as_it_is = 0

    def text(self) -> str:
        """Return the whole text, without empty lines at its beginning and end."""
        self._break()
        return CONTROL.sub("", "\n".join(self._lines).replace(NO_BREAK, " ")).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        said = {name: value or "" for name, value in attrs}
        if self._dropped or tag in DROPPED:
            self._dropped += [tag] if tag in DROPPED else []
        elif tag == "br":
            self._end_line()
        elif tag == "img":
            self._line += said.get("alt", "")
        elif tag == "a":
            self._links.append((said.get("href", "").strip(), len(self._line)))
        elif tag in {"td", "th"}:
            self._line += NO_BREAK if self._line else ""
        elif tag in BLOCKS:
            self._begin_block(tag)
        elif not NAME.fullmatch(tag):
            self._line += self.get_starttag_text() or ""

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        if self._dropped:
            if tag == self._dropped[-1]:
                self._dropped.pop()
        elif tag == "a" and self._links:
            self._end_link(*self._links.pop())
        elif tag in BLOCKS:
            self._break()
            if tag in LISTS and self._lists:
                self._lists.pop()
            self._as_it_is -= tag == "pre" and self._as_it_is > 0

    def handle_data(self, data: str) -> None:
        """Add text."""
        if self._dropped:
            return
        if self._as_it_is:
            first, *more = LINE_ENDS.split(data.replace("\t", TAB).replace(" ", NO_BREAK))
            self._line += first
            for line in more:
                self._end_line()
                self._line = line
            return
        folded = SPACES.sub(" ", data)
        self._line += folded.lstrip(" ") if not self._line or self._line.endswith(" ") else folded

    def _begin_block(self, tag: str) -> None:
        self._break()
        if tag in LISTS:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            depth = max(0, len(self._lists) - 1)
            number = self._lists[-1] if self._lists else None
            if self._lists and number is not None:
                self._lists[-1] = number + 1
            self._mark = NO_BREAK * 2 * depth + ("-" if number is None else f"{number + 1}.") + NO_BREAK
        self._as_it_is += tag == "pre"

    def _end_link(self, address: str, began: int) -> None:
        shown = self._line[began:].strip()
        if shown and address.lower().startswith(ADDRESSES) and _bare(shown) != _bare(address):
            self._line = f"{self._line.rstrip(' ')} ({address})"

    def _break(self) -> None:
        """End the line if it is not empty."""
        if self._line.strip(" "):
            self._end_line()
        self._line = ""

    def _end_line(self) -> None:
        self._lines.append(self._mark + self._line.rstrip(" "))
        self._mark = self._line = ""
        self._links = [(address, 0) for address, _ in self._links]


def _bare(address: str) -> str:
    """Return an address without what programs add when they turn a text into a link."""
    return re.sub(r"^(https?://|mailto:|tel:)", "", address.strip().lower()).rstrip("/")
