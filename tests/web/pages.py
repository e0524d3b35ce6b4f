"""What must be true of every page, to be asked of any answer: `look(response)`.

No script or style in the page, nothing from elsewhere, the policy that refuses both, and the least that a screen reader
needs. What only a browser can tell is looked at in a browser.
"""

from collections import Counter
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponseBase
from django.test import Client

PASSWORD = "a-long-enough-password"
LIMIT = 100_000  # bytes
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}
UNSEEN = {"hidden", "submit"}
Attributes = list[tuple[str, str | None]]


class Reader(HTMLParser):
    """Reads a page or a fragment and collects what is wrong with it."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.ids: Counter[str] = Counter()
        self._controls: list[str] = []
        self._labelled: set[str] = set()
        self._open_label = False

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """Look at an element."""
        found = {name: value or "" for name, value in attrs}
        self._look_for_code(tag, found)
        if "id" in found:
            self.ids[found["id"]] += 1
        if tag == "img" and "alt" not in found:
            self.problems.append("an <img> without alt")
        if tag == "label":
            self._open_label = True
            self._labelled.add(found.get("for", ""))
        is_seen = found.get("type") not in UNSEEN and "hidden" not in found
        if tag in {"input", "select", "textarea"} and is_seen and not self._open_label and "aria-label" not in found:
            self._controls.append(found.get("id") or found.get("name", "?"))

    def handle_endtag(self, tag: str) -> None:
        """See a label end."""
        self._open_label = self._open_label and tag != "label"

    def close(self) -> None:
        """Look at what only the whole tells."""
        super().close()
        self.problems += [f"{count} elements with id {name}" for name, count in self.ids.items() if count > 1]
        self.problems += [f"no label for {control}" for control in self._controls if control not in self._labelled]

    def _look_for_code(self, tag: str, found: dict[str, str]) -> None:
        if tag == "style" or (tag == "script" and "src" not in found):
            self.problems.append(f"an inline <{tag}>")
        for name, value in found.items():
            if (
                name == "style"
                or name.startswith(("on", "hx-on"))
                or value.strip().lower().startswith(("javascript:", "js:"))
            ):
                self.problems.append(f"{name}={value!r} in <{tag}>")
            if name in {"src", "action", "href"} and tag != "a" and "//" in value:
                self.problems.append(f"<{tag}> from elsewhere: {value}")


def problems(html: str) -> list[str]:
    """Return what is wrong with a page or a fragment."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader.problems


def look(response: Any, status: int = 200) -> str:
    """Look at the answer of Django's test client, and return its HTML.

    Args:
        response: A page, or a fragment.
        status: What it must have.
    """
    assert isinstance(response, HttpResponseBase)
    assert response.status_code == status
    assert set(response["Content-Security-Policy"].split("; ")) == POLICY
    html: str = response.content.decode()  # type: ignore[attr-defined]
    assert problems(html) == []
    assert len(response.content) < LIMIT  # type: ignore[attr-defined]
    return html


def sign_in(client: Client, email: str = "alice@example.com", password: str = PASSWORD, **more: Any) -> Any:
    """Send the form of the sign-in page; `more` goes into the request."""
    return client.post("/sign-in", {"username": email, "password": password}, **more)
