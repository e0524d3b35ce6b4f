"""What all forms share: their look, the wording of errors, and forms that change only what the person edited.

`{{ form }}` shows any form: `form.html` all of it, `form_field.html` each field with its label, hint and errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import DjangoTemplates
from django.forms.utils import flatatt
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from warmline.crm.validation_messages import reworded

MINE, THEIRS = "mine", "theirs"
LONGEST_CHOICE = 200  # characters of a value that is shown to choose from
NO_ZONES = ("Etc/", "SystemV/", "posix/", "right/")


class Renderer(DjangoTemplates):
    """Renders forms and fields with our templates (the setting FORM_RENDERER)."""

    form_template_name = "web/parts/form.html"
    field_template_name = "web/parts/form_field.html"


@cache
def zones() -> list[tuple[str, str]]:
    """Return the time zones to choose from: those named after a place, and UTC."""
    names = {name for name in available_timezones() if "/" in name and not name.startswith(NO_ZONES)}
    return [(name, name.replace("_", " ")) for name in ["UTC", *sorted(names)]]


class LongSelect(forms.Select):
    """A select with hundreds of options; Django's own renders a template for each, which takes 60 ms in total."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:  # noqa: ARG002 (Django's signature)
        """Return the select's HTML."""
        chosen = "" if value is None else str(value)
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            ((o, " selected" * (o == chosen), words) for o, words in self.choices),
        )
        return format_html(
            "<select{}>{}</select>", flatatt({**self.build_attrs(self.attrs, attrs), "name": name}), options
        )


class WordedForm(forms.BaseForm):
    """Base of all our forms: errors are in our own words and contain the label of the field."""

    def add_error(self, field: str | None, error: Any) -> None:
        """Add an error to a field, or to the form."""
        if not isinstance(error, ValidationError):
            error = ValidationError(error)
        super().add_error(field, reworded(error, self._naming, field))

    def _naming(self, name: str) -> tuple[str, Any]:
        shown = self[name] if name in self.fields else None
        return (str(shown.label), shown.field) if shown else (name, None)


@dataclass(frozen=True)
class Choice:
    """Two values of one field, between which a person chooses.

    Attributes:
        name: Of the control.
        mine: What this person typed, in words.
        theirs: What is stored by now, in words.
    """

    name: str
    mine: str
    theirs: str


class EditForm(WordedForm, forms.Form):
    """Changes something existing: only what the person edited, so that concurrent changes to other fields survive.

    Each field has a hidden companion with the value that the person was shown. If a client, such as a script, does not
    send these, the current values are assumed.
    """

    def __getitem__(self, name: str) -> forms.BoundField:
        """Return a field, with its hidden initial value."""
        shown = super().__getitem__(name)
        shown.field.show_hidden_initial = not self.is_bound or shown.html_initial_name in self.data
        return shown

    def values(self) -> dict[str, Any]:
        """Return the changed values by field, but for those where the other's were chosen; call it after validation."""
        return {name: self.cleaned_data[name] for name in self.changed_data if self._choice(name) != THEIRS}

    def shown(self) -> dict[str, Any]:
        """Return the values that the person was shown, by changed field, as the fields clean them."""
        found = {}
        for name in self.changed_data:
            bound = self[name]
            # A label has no place of its own where one could be asked about it.
            if bound.field.show_hidden_initial and not bound.is_hidden:
                text = self._widget_data_value(bound.field.hidden_widget(), bound.html_initial_name)  # type: ignore[attr-defined]  # Django's own
                found[name] = bound.field.to_python(text)
        return found

    def ask(self, present: Mapping[str, Any]) -> None:
        """Tell what others have changed meanwhile, and ask which values to keep.

        Args:
            present: What is stored by now, by field.
        """
        self.data = self.data.copy()  # type: ignore[attr-defined]  # what a browser sends is a QueryDict
        for name, value in present.items():
            bound = self[name]
            # From now on the person knows it: saving theirs over it is a choice.
            self.data[bound.html_initial_name] = bound.field.hidden_widget().format_value(value) or ""  # type: ignore[index]
            bound.field.choice = Choice(  # type: ignore[attr-defined]  # for form_field.html
                name=f"{bound.html_name}-choice",
                mine=_worded(bound.field, self.cleaned_data[name]),
                theirs=_worded(bound.field, value),
            )
        for name in present:
            self.add_error(
                name, "This was changed while you were editing. Choose which value to keep, then save again."
            )

    def _choice(self, name: str) -> str:
        return str(self.data.get(f"{self[name].html_name}-choice", MINE))


def _worded(field: forms.Field, value: Any) -> str:
    """Return a value as a person reads it, cut short."""
    if isinstance(value, list):  # several values, each with its label
        value = ", ".join(f"{text} ({label})" for text, label in value)
    words = dict(getattr(field, "choices", ())).get(value, value)
    text = date_format(words, "j M Y") if isinstance(words, date) else str("" if words is None else words)
    return Truncator(text).chars(LONGEST_CHOICE) or "(empty)"
