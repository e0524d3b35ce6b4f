"""How a contact is reached: the columns of its e-mails and phones, of which the first one is the primary.

The primary one has columns of its own, since most contacts have no other. Whatever is stored was settled before (see
emails_phones.py): if the first one is taken away, the next one takes its place.
"""

from collections.abc import Collection, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from warmline.crm import emails_phones, fields
from warmline.crm.emails_phones import Label, Labelled
from warmline.crm.keys import email_key

# By a field that people give, the columns that are stored with it.
COLUMNS = {
    name: (kind, f"{kind}_label", f"more_{kind}s")
    for kind in emails_phones.KEYS
    for name in (kind, f"{kind}_label", f"more_{kind}s", f"{kind}s")
}


class Reachable(models.Model):
    """A row with e-mails and phones.

    Attributes:
        email, phone: The primary one, as it was typed; empty for none.
        email_label, phone_label: What it is for.
        more_emails, more_phones: The others in their order, each as `[value, label]`.
    """

    email = models.EmailField(max_length=fields.EMAIL_LENGTH, blank=True, default="")
    email_key = models.TextField(blank=True, default="", editable=False)
    email_label = models.CharField(max_length=10, choices=Label.choices, default=Label.WORK)
    more_emails = models.JSONField(default=list, blank=True)
    phone = models.CharField(
        max_length=fields.PHONE_LENGTH, blank=True, default="", validators=[fields.no_control_characters]
    )
    phone_label = models.CharField(max_length=10, choices=Label.choices, default=Label.WORK)
    more_phones = models.JSONField(default=list, blank=True)

    class Meta:
        abstract = True

    @property
    def emails(self) -> tuple[Labelled, ...]:
        """All e-mails, the primary one first."""
        return self._values("email")

    @emails.setter
    def emails(self, values: Iterable[Any]) -> None:
        self._set("email", emails_phones.read(values))

    @property
    def phones(self) -> tuple[Labelled, ...]:
        """All phones, the primary one first."""
        return self._values("phone")

    @phones.setter
    def phones(self, values: Iterable[Any]) -> None:
        self._set("phone", emails_phones.read(values))

    @property
    def email_keys(self) -> tuple[str, ...]:
        """The keys of all e-mails, that of the primary one first."""
        return tuple(dict.fromkeys(found for each in self.emails if (found := email_key(each.value))))

    def with_first(self, kind: str, value: Any) -> list[Labelled] | None:
        """Return all values with one of the further ones in the first place; None when it is none of them.

        Args:
            kind: "email" or "phone"; of anything else there is none.
            value: As it is given.
        """
        if kind not in emails_phones.KEYS or not isinstance(value, str):
            return None
        first, *more = self._values(kind) or (Labelled(""),)
        wanted = emails_phones.KEYS[kind](value)
        found = next((each for each in more if wanted and emails_phones.KEYS[kind](each.value) == wanted), None)
        return None if found is None else [Labelled(value, found.label), first, *more]

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Settle the values, and check them.

        Raises:
            ValidationError: With messages at `emails` and `phones` for those beyond the first one.
        """
        for kind in emails_phones.KEYS:
            self._set(kind, emails_phones.settled(kind, self._values(kind)))
        errors: dict[str, Any] = {}
        try:
            super().clean_fields(exclude)
        except ValidationError as error:
            errors = error.error_dict
        for kind in emails_phones.KEYS:
            try:
                emails_phones.check(kind, emails_phones.read(getattr(self, f"more_{kind}s")))
            except ValidationError as error:
                errors[f"{kind}s"] = error.error_list
        if errors:
            raise ValidationError(errors)

    def _values(self, kind: str) -> tuple[Labelled, ...]:
        first, label = getattr(self, kind), getattr(self, f"{kind}_label")
        more = emails_phones.read(getattr(self, f"more_{kind}s"))
        return (Labelled(first, label), *more) if first else more

    def _set(self, kind: str, values: Iterable[Labelled]) -> None:
        first, *more = list(values) or [Labelled("")]
        setattr(self, kind, first.value)
        setattr(self, f"{kind}_label", first.label)
        setattr(self, f"more_{kind}s", emails_phones.as_json(more))
