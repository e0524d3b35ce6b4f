"""The forms of contacts, organizations and activities. The models decide which values are valid."""

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import chain
from typing import Any, Self

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.text import normalize_newlines

from warmline.crm.activities import Activity, ActivityType
from warmline.crm.book import OrganizationDetails, is_past
from warmline.crm.emails_phones import Label
from warmline.crm.emails_phones_columns import COLUMNS
from warmline.crm.fields import EMAIL_LENGTH, NAME_LENGTH, PHONE_LENGTH
from warmline.crm.models import WARMEST, Contact, Organization
from warmline.crm.row_changes import ChangedMeanwhileError
from warmline.web.forms.base import EditForm, WordedForm
from warmline.web.forms.emails_phones import BesideIt, SeveralField, WithLabel

SCORES = [(score, str(score)) for score in range(WARMEST + 1)]
TYPE_ICONS = {
    ActivityType.CALL: "phone",
    ActivityType.EMAIL: "mail",
    ActivityType.MEETING: "calendar",
    ActivityType.LINKEDIN: "link",
    ActivityType.REFERRAL: "referral",
    ActivityType.CONFERENCE: "conference",
}
TYPE_BUTTONS = [(each.value, TYPE_ICONS[each], each.label) for each in ActivityType]  # in the form for logging


class BookForm(WordedForm, forms.Form):
    """A form whose values `crm.book` checks.

    Attributes:
        stored: What storing them returned.
    """

    stored: Any = None

    def save(self, store: Callable[[dict[str, Any]], object]) -> bool:
        """Store the values, or add the errors to the form.

        Args:
            store: Called with the values by field; stores them by `crm.book`.

        Returns:
            Whether they were stored.
        """
        if self.is_valid():
            try:
                self.stored = store(self.values())
            except ChangedMeanwhileError as error:
                self.ask(error.present)
            except ValidationError as error:
                for name, texts in error.message_dict.items():
                    field = name.split(".")[0]
                    field = f"more_{field}" if f"more_{field}" in self.fields else field
                    self.add_error(field if field in self.fields else None, texts)
        for wrong in [name for name in self.fields if name in self.errors][:1]:
            self.begin_at(wrong)
        return not self.errors

    def ask(self, present: Mapping[str, Any]) -> None:
        """Ask which values to keep; see EditForm, for only an existing row can have been changed meanwhile."""
        raise NotImplementedError

    def begin_at(self, name: str) -> Self:
        """Put the focus into a field, because the form replaces the button that had it."""
        for field in self.fields.values():
            field.widget.attrs.pop("autofocus", None)
        self.fields[name].widget.attrs["autofocus"] = True
        return self

    def values(self) -> dict[str, Any]:
        """Return the values, by field."""
        return dict(self.cleaned_data)


def _text(label: str, length: int, *, required: bool = False, **attributes: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"maxlength": str(length), "autocomplete": "off", **attributes})
    return forms.CharField(label=label, required=required, widget=widget)


class NoteField(forms.CharField):
    """Multi-line text; browsers send its line ends in different forms."""

    widget = forms.Textarea(attrs={"rows": "3"})

    def to_python(self, value: Any) -> str:
        """Normalize line ends as `crm.book` does, so that they do not count as a change."""
        return normalize_newlines(super().to_python(value) or "")


def _label_choice() -> forms.ChoiceField:
    return forms.ChoiceField(label="Label", choices=Label.choices, required=False, initial=Label.WORK, widget=BesideIt)


def _detail(name: str) -> forms.CharField:
    label, length = Contact.label(name), Contact.length(name)
    hint = {"tags": "Separated by commas."}.get(name, "")
    field = _text(label, length) if length else NoteField(label=label, required=False)
    field.help_text = hint
    return field


class ContactFields(BookForm):
    """The fields of a contact."""

    name = _text("Name", NAME_LENGTH, required=True)
    email = forms.CharField(label="E-mail", required=False, widget=WithLabel({"maxlength": str(EMAIL_LENGTH)}, "email"))
    email_label = _label_choice()
    more_emails = SeveralField("More e-mails", "email", EMAIL_LENGTH)
    phone = forms.CharField(label="Phone", required=False, widget=WithLabel({"maxlength": str(PHONE_LENGTH)}, "tel"))
    phone_label = _label_choice()
    more_phones = SeveralField("More phones", "tel", PHONE_LENGTH)
    organization = _text("Organization", NAME_LENGTH, list="organization-names")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in ("email", "phone"):
            self.fields[kind].widget.label = self[f"{kind}_label"].value() or Label.WORK
        for name in Contact.DETAILS:
            self.fields[name] = _detail(name)

    @property
    def details(self) -> list[forms.BoundField]:
        """The fields of the contact's details."""
        return [self[name] for name in Contact.DETAILS]

    @property
    def has_details(self) -> bool:
        """Whether any of these has something to see."""
        return any(field.value() or field.errors for field in self.details)

    def clean(self) -> dict[str, Any]:
        """Take a label that was not sent for the usual one."""
        for name in ("email_label", "phone_label"):
            self.cleaned_data[name] = self.cleaned_data.get(name) or Label.WORK.value
        return self.cleaned_data

    def clean_organization(self) -> OrganizationDetails | None:
        """Return the organization by its name."""
        name = self.cleaned_data["organization"]
        return OrganizationDetails(name) if name else None


class ContactForm(EditForm, ContactFields):
    """Changes a contact."""

    @classmethod
    def of(cls, contact: Contact, data: Any = None) -> "ContactForm":
        """Return the form of an existing contact."""
        organization = contact.organization.name if contact.organization else ""
        names = ("name", *chain(*dict.fromkeys(COLUMNS.values())), *Contact.DETAILS)
        initial = {name: getattr(contact, name) for name in names}
        initial["organization"] = organization
        return cls(data, initial=initial).begin_at("name")


class NewContactForm(ContactFields):
    """Adds a contact."""

    warmness_score = forms.TypedChoiceField(label="Warmness", coerce=int, choices=SCORES, initial=0)


class OrganizationForm(EditForm, BookForm):
    """Changes an organization."""

    name = _text("Name", NAME_LENGTH, required=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in Organization.DETAILS:
            self.fields[name] = _text(Organization.label(name), NAME_LENGTH)

    @classmethod
    def of(cls, organization: Organization, data: Any = None) -> "OrganizationForm":
        """Return the form of an existing organization."""
        initial = {name: getattr(organization, name) for name in ("name", *Organization.DETAILS)}
        return cls(data, initial=initial).begin_at("name")


class ActivityFields(BookForm):
    """The fields of an activity."""

    type = forms.ChoiceField(label="Type", choices=ActivityType.choices)
    subject = _text("Subject", NAME_LENGTH)
    note = NoteField(label="Note", required=False, strip=False)
    due_date = forms.DateField(
        label="Date", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    due_time = forms.TimeField(
        label="Time", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M:%S")
    )
    done = forms.BooleanField(label="Done", required=False)


class ActivityForm(EditForm, ActivityFields):
    """Changes an activity."""

    @classmethod
    def of(cls, activity: Activity, data: Any = None) -> "ActivityForm":
        """Return the form of an existing activity."""
        initial = {name: getattr(activity, name) for name in cls.base_fields}
        form = cls(data, initial=initial, prefix=f"a{activity.pk}").begin_at("subject")
        form.fields["due_time"].help_text = f"As in {activity.time_zone.replace('_', ' ')}."
        return form


class NewActivityForm(ActivityFields):
    """Logs an activity; only the type is required.

    Args:
        logged_at: When the person entered it; None for now.
    """

    subject = _text("Subject", NAME_LENGTH, placeholder="Optional, e.g. Call with Kim")

    type = forms.ChoiceField(
        label="Type",
        choices=ActivityType.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a type: call, e-mail, meeting and so on."},
    )
    due_date = forms.DateField(
        label="Date",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Leave empty to use the current time.",
    )
    done = forms.BooleanField(label="Done", required=False, initial=True)

    def __init__(self, *args: Any, logged_at: datetime | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logged_at = logged_at

    def values(self) -> dict[str, Any]:
        """Return the values. Something done without a date was done now, and something in the future is not done."""
        values = super().values()
        now = timezone.localtime(self.logged_at)
        if values["due_time"]:
            values["due_date"] = values["due_date"] or now.date()
        elif values["done"] and not values["due_date"]:
            values["due_date"], values["due_time"] = now.date(), now.time().replace(second=0, microsecond=0)
        given = Activity(due_date=values["due_date"], due_time=values["due_time"], time_zone=str(now.tzinfo))
        values["done"] = values["done"] and is_past(given, now)
        return values
