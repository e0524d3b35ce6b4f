"""The form that says where details of contacts go in Pipedrive."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from warmline.crm import preferences
from warmline.crm.contact_details import ContactDetails
from warmline.crm.models import Contact
from warmline.sync.status import detail_choices
from warmline.web.forms.base import WordedForm


class DetailFieldsForm(WordedForm, forms.Form):
    """For each detail, a field of Pipedrive's, or none: then it stays here."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        decided, known = preferences.current().detail_fields, detail_choices.known()
        for detail in ContactDetails.DETAILS:
            present, offered = decided.get(detail, ""), detail_choices.offered(detail)
            names = dict(offered or ())
            if present and present not in names:
                names[present] = "The chosen field (not usable any more)" if offered is not None else "The chosen field"
            there = known[detail]
            have = "1 contact in Pipedrive has" if there == 1 else f"{there:,} contacts in Pipedrive have"
            self.fields[detail] = forms.ChoiceField(
                label=Contact.label(detail),
                choices=[("", "Stays here"), *names.items()],
                initial=present,
                required=False,
                disabled=offered is None,
                help_text=f"{have} one here.",
            )
        self.fields["adds_options"] = forms.BooleanField(
            label="Add options in Pipedrive for new tags",
            initial=preferences.current().adds_options,
            required=False,
            help_text="Where the field for tags offers options. Without this, a tag that no option has stays here.",
        )

    def clean(self) -> dict[str, Any]:
        """Refuse one field for two details: each would replace the other.

        Raises:
            ValidationError: Beside the second of them.
        """
        chosen: dict[str, str] = {}
        for detail in ContactDetails.DETAILS:
            code = self.cleaned_data.get(detail, "")
            if code and code in chosen:
                wrong = f"This field is already used for the {Contact.called(chosen[code])}. Choose another one."
                self.add_error(detail, ValidationError(wrong))
            chosen.setdefault(code, detail)
        return self.cleaned_data

    def save(self) -> int:
        """Store the choice; return how many contacts are sent because of it."""
        chosen = {detail: code for detail in ContactDetails.DETAILS if (code := self.cleaned_data[detail])}
        return detail_choices.choose(chosen, adds_options=self.cleaned_data["adds_options"])
