"""What a browser sends when a person opens a page, changes some fields and saves: hidden fields and all."""

from html.parser import HTMLParser
from typing import Any

Attributes = list[tuple[str, str | None]]


class Forms(HTMLParser):
    """Reads the forms of a page or a fragment, with what each field holds."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """Note what a field holds."""
        has = {name: value or "" for name, value in attrs}
        name = has.get("name", "")
        if tag == "form":
            self.found.append({})
        elif tag == "select":
            self._select = name
        elif tag == "textarea":
            self._textarea = name
            self.found[-1][name] = ""
        elif tag == "option" and (self._select not in self.found[-1] or "selected" in has):
            self.found[-1][self._select] = has.get("value", "")
        elif tag == "input" and name:
            is_box = has.get("type") in {"checkbox", "radio"}
            if not is_box or "checked" in has:
                self.found[-1][name] = has.get("value", "on" if is_box else "")

    def handle_data(self, data: str) -> None:
        """Note a text of several lines."""
        if self._textarea:
            self.found[-1][self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        """See it end; its first line break is none."""
        if tag == "textarea":
            self.found[-1][self._textarea] = self.found[-1][self._textarea].removeprefix("\n")
            self._textarea = ""


def filled(html: str, **changes: Any) -> dict[str, str]:
    """Return what is sent of the form that has the changed fields.

    Args:
        html: The page, or a fragment.
        changes: What the person types, by field; None for a box that is no longer ticked.
    """
    forms = Forms()
    forms.feed(html.replace("\r\n", "\n"))  # as browsers read it
    (form,) = [form for form in forms.found if changes.keys() <= form.keys()]
    sent = {name: value for name, value in {**form, **changes}.items() if value is not None}
    return {name: value.replace("\n", "\r\n") for name, value in sent.items()}
