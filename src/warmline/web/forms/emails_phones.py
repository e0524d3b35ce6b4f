"""Fields for e-mails and phones with their labels: the primary one, and a list of any others.

A list has a row for each that is there and some empty ones, so it works without a script. Whoever needs more of them
than that saves in between, or presses “Add another”, which a script shows.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from warmline.crm.emails_phones import Label

EMPTY_ROWS = 2
PAIR = 2  # a text and its label


def _row(control: SafeString, name: str, label: str, what: str) -> SafeString:
    """Return a control with the choice of a label beside it.

    Args:
        control: The control, as HTML.
        name: Of the choice.
        label: The one that is chosen.
        what: What the label is of, for those who do not see it.
    """
    options = format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        ((one, " selected" * (one == label), text) for one, text in Label.choices),
    )
    return format_html(
        '<div class="labelled">{}<select name="{}" aria-label="Label of {}">{}</select></div>',
        control,
        name,
        what,
        options,
    )


def _spoken(name: str) -> str:
    """Return the name of a field as pages write it."""
    return "e-mail" if name == "email" else name


class WithLabel(forms.TextInput):
    """A text with the choice of its label beside it, which is a field of its own.

    Attributes:
        label: The label that is chosen.
    """

    label: str = Label.WORK

    def __init__(self, attrs: Mapping[str, Any], type: str) -> None:
        super().__init__({"autocomplete": "off", **attrs})
        self.input_type = type

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Return the HTML of both."""
        return _row(super().render(name, value, attrs, renderer), f"{name}_label", self.label, f"the {_spoken(name)}")


class BesideIt(forms.HiddenInput):
    """The choice of a label, which is shown beside its text."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:  # noqa: ARG002 (Django's signature)
        """Return nothing: see WithLabel."""
        return SafeString("")


class Several(forms.Widget):
    """Rows of texts, each with a label; the first empty ones are for more."""

    def __init__(self, attrs: Mapping[str, Any], type: str) -> None:
        super().__init__({"autocomplete": "off", **attrs, "type": type})

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:  # noqa: ARG002 (Django's signature)
        """Return the HTML of all rows, closed while there is nothing in them."""
        pairs = pairs_of(value)
        one = _spoken(name.removeprefix("more_").removesuffix("s"))
        built = self.build_attrs(self.attrs, attrs)
        rows = []
        for place, (text, label) in enumerate([*pairs, *([("", Label.WORK)] * EMPTY_ROWS)]):
            what = f"{one} {place + 2}"  # the primary one is the first
            named = {**built, "id": f"{built.get('id', name)}_{place}", "aria-label": what.capitalize()}
            if place:
                named.pop("autofocus", None)
            control = format_html("<input{}>", flatatt({**named, "name": name, "value": text}))
            rows.append(_row(control, f"{name}_label", label, what))
        return format_html(
            '<details class="several"{}><summary>{}</summary><div class="rows">{}'
            '<button class="button button-quiet button-small" type="button" data-add-row hidden>Add another</button>'
            "</div></details>",
            SafeString(" open" if pairs else ""),
            f"More {one}s",
            format_html_join("", "{}", ((row,) for row in rows)),
        )

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:  # noqa: ARG002 (Django's signature)
        """Return the pairs that were sent; None when there was no such field."""
        if name not in data:
            return None
        texts, labels = data.getlist(name), data.getlist(f"{name}_label")
        labels += [Label.WORK] * (len(texts) - len(labels))
        return [[text, label] for text, label in zip(texts, labels, strict=False) if text.strip()]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:  # noqa: ARG002 (Django's signature)
        """Tell whether there was no such field."""
        return name not in data


class AsJson(forms.HiddenInput):
    """What was shown at first, hidden."""

    def format_value(self, value: Any) -> str:
        """Return it as text."""
        return json.dumps(pairs_of(value))


class SeveralField(forms.Field):
    """A list of texts with labels. Which of them are valid is decided by the model."""

    hidden_widget = AsJson

    def __init__(self, label: str, type: str, length: int) -> None:
        widget = Several({"maxlength": str(length)}, type)
        super().__init__(label=label, required=False, widget=widget, template_name="web/parts/form_field_several.html")

    def to_python(self, value: Any) -> list[list[str]]:
        """Return pairs of text and label."""
        return pairs_of(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Tell whether other pairs were sent than were shown; nothing at all is no change."""
        return data is not None and pairs_of(initial) != pairs_of(data)


def pairs_of(value: Any) -> list[list[str]]:
    """Return pairs of text and label, of a list or of its JSON; none of anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    pairs = value if isinstance(value, Iterable) else ()
    return [[str(each[0]), str(each[1])] for each in pairs if isinstance(each, list | tuple) and len(each) == PAIR]
