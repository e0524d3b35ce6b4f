"""What all forms share: how they look, the words of their errors, and how a form changes only what was edited.

`{{ form }}` shows any form: `form.html` all of it, `form_field.html` each field with its label, hint and errors.
"""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import DjangoTemplates
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from warmline.crm.validation_messages import reworded

NO_ZONES = ("Etc/", "SystemV/", "posix/", "right/")


class Renderer(DjangoTemplates):
    """Shows forms and fields in our shape (the setting FORM_RENDERER)."""

    form_template_name = "web/parts/form.html"
    field_template_name = "web/parts/form_field.html"


@cache
def zones() -> list[tuple[str, str]]:
    """Return the time zones to choose from: those that are named for a place, and UTC."""
    names = {name for name in available_timezones() if "/" in name and not name.startswith(NO_ZONES)}
    return [(name, name.replace("_", " ")) for name in ["UTC", *sorted(names)]]


class LongSelect(forms.Select):
    """A select with hundreds of options; Django's own renders a template for each of them, and takes 60 ms for it."""

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
    """Any form of ours: what is wrong is said in our sentences, with the label of the field."""

    def add_error(self, field: str | None, error: Any) -> None:
        """Note what is wrong with a field, or with the form."""
        if not isinstance(error, ValidationError):
            error = ValidationError(error)
        super().add_error(field, reworded(error, self._naming, field))

    def _naming(self, name: str) -> tuple[str, Any]:
        shown = self[name] if name in self.fields else None
        return (str(shown.label), shown.field) if shown else (name, None)


class EditForm(WordedForm, forms.Form):
    """Changes something that is there: only what the person changed, so that what came meanwhile stays.

    Each field brings along, hidden, what the person was shown. Who sends none of that, such as a script, is taken to
    have been shown what is there now.
    """

    def __getitem__(self, name: str) -> forms.BoundField:
        """Return a field as it is shown."""
        shown = super().__getitem__(name)
        shown.field.show_hidden_initial = not self.is_bound or shown.html_initial_name in self.data
        return shown

    def values(self) -> dict[str, Any]:
        """Return what the person changed, by field, once it is valid."""
        return {name: self.cleaned_data[name] for name in self.changed_data}
