"""The ids that other programs have for our rows, under which they can send the same thing again and again.

An id is one row's in the whole installation; a row may have several, from several sources. Who puts a contact for the
first time gets the contact that they have already, if there is exactly one with one of its e-mails and a name that
agrees.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import IntegrityError, models, transaction

from warmline.crm import book
from warmline.crm.activities import Activity, Row
from warmline.crm.keys import email_key, key
from warmline.crm.models import Contact, Organization
from warmline.crm.name_agreement import agree
from warmline.crm.users import User

RowType = TypeVar("RowType", Contact, Organization, Activity)

SOURCE_LENGTH, ID_LENGTH = 64, 255
TRIES = 5  # of who loses the race for a new id; the next try finds it


class AnothersError(Exception):
    """The id is that of a row which is not the caller's."""


class OtherContactError(Exception):
    """The id is that of an activity with another contact."""


class NameTakenError(Exception):
    """The name is that of another organization."""


@dataclass(frozen=True)
class ExternalName:
    """What another program calls a row.

    Attributes:
        source: The program, such as `n8n` or `website`: 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`.
        id: Its id there, 1 to 255 characters, compared letter by letter.
    """

    source: str
    id: str


class ExternalId(models.Model):
    """What one program calls one row.

    Attributes:
        kind: "contact", "organization" or "activity"; the field of that name holds the row.
        source, external_id: See `ExternalName`.
    """

    kind = models.CharField(max_length=20)
    source = models.CharField(max_length=SOURCE_LENGTH)
    external_id = models.CharField(max_length=ID_LENGTH)
    contact = models.ForeignKey(Contact, null=True, on_delete=models.CASCADE, related_name="external_ids")
    organization = models.ForeignKey(Organization, null=True, on_delete=models.CASCADE, related_name="external_ids")
    activity = models.ForeignKey(Activity, null=True, on_delete=models.CASCADE, related_name="external_ids")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "source", "external_id"], name="external_id_once"),
            models.CheckConstraint(
                condition=models.Q(kind="contact", contact__isnull=False, organization=None, activity=None)
                | models.Q(kind="organization", contact=None, organization__isnull=False, activity=None)
                | models.Q(kind="activity", contact=None, organization=None, activity__isnull=False),
                name="external_id_of_one_row",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.source}/{self.external_id}"


def find(model: type[RowType], name: ExternalName) -> RowType | None:
    """Return the row that a program calls so, whoever's it is; None when there is none.

    Args:
        model: Contact, Organization or Activity.
        name: What the program calls it.
    """
    kind = _kind(model)
    found = ExternalId.objects.filter(kind=kind, source=name.source, external_id=name.id).select_related(kind).first()
    row: RowType | None = getattr(found, kind, None)
    return row


def put_contact(caller: User, owner: User, name: ExternalName, values: Mapping[str, Any]) -> tuple[Contact, bool]:
    """Make the contact that a program calls so, or change it.

    Args:
        caller: Who puts it.
        owner: Whose it becomes if it is new; whose it must be if it is not.
        name: What the program calls it.
        values: By field, as `book.add_contact` takes them. Fields that are left out stay as they are.

    Returns:
        The contact, and whether it was made.

    Raises:
        AnothersError: When it is not the owner's, or the caller may not see it.
        ValidationError: When a field is not valid; nothing is written then.
    """

    def put() -> tuple[Contact, bool]:
        # What one user is sent comes in turn, so that of two leads with one e-mail the second finds the first.
        User.objects.select_for_update().get(pk=owner.pk)
        contact = find(Contact, name)
        if contact is not None and (contact.owner_id != owner.pk or not _may_see(caller, contact)):
            raise AnothersError
        present = contact or _same_person(owner, values)
        if present is None:
            # Named before it is told of, so that who hears that it is warm knows which of theirs it is.
            return book.add_contact(owner, once_saved=lambda made: _named(made, name), **values), True
        if contact is None:
            _named(present, name)
        book.change_contact(present, values)
        return present, False

    return _settled(put)


def put_organization(name: ExternalName, values: Mapping[str, Any]) -> tuple[Organization, bool]:
    """Make the team's organization that a program calls so, or change it; one that has its name is that organization.

    Args:
        name: What the program calls it.
        values: Its name, and what is given of `Organization.DETAILS`.

    Returns:
        The organization, and whether it was made.

    Raises:
        NameTakenError: When the name is another organization's.
        ValidationError: When a field is not valid; nothing is written then.
    """

    def put() -> tuple[Organization, bool]:
        present = find(Organization, name)
        if present is None:
            present, is_new = book.find_or_make_organization(book.OrganizationDetails(**values))
            _named(present, name)
            if is_new:
                return present, True
        if Organization.objects.filter(name_key=key(values["name"])).exclude(pk=present.pk).exists():
            raise NameTakenError
        book.change_organization(present, values)
        return present, False

    return _settled(put)


def put_activity(
    caller: User, contact: Contact, name: ExternalName, values: Mapping[str, Any], *, by: User
) -> tuple[Activity, bool]:
    """Log the activity that a program calls so, or change it.

    Args:
        caller: Who puts it.
        contact: With whom.
        name: What the program calls it.
        values: By field, as `book.log_activity` takes them. Fields that are left out stay as they are.
        by: Who logs it if it is new; due date and time are meant in their time zone.

    Returns:
        The activity, and whether it was made.

    Raises:
        AnothersError: When the caller may not see it.
        OtherContactError: When it is one with another contact.
        ValidationError: When a field is not valid; nothing is written then.
    """

    def put() -> tuple[Activity, bool]:
        User.objects.select_for_update().get(pk=caller.pk)
        present = find(Activity, name)
        if present is None:
            return _named(book.log_activity(by, contact, **values), name), True
        if not _may_see(caller, present):
            raise AnothersError
        if present.contact_id != contact.pk:
            raise OtherContactError
        # An activity that is logged without a subject gets one; later that is as good as none being given.
        given = {field: value for field, value in values.items() if field != "subject" or key(value)}
        book.change_activity(present, given)
        return present, False

    return _settled(put)


def _settled(put: Callable[[], tuple[RowType, bool]]) -> tuple[RowType, bool]:
    """Put in one transaction, and again if another one took the id at the same moment."""
    for _ in range(TRIES - 1):
        try:
            with transaction.atomic():
                return put()
        except IntegrityError:  # the next try finds what was taken, or tells what else is the matter
            continue
    with transaction.atomic():
        return put()


def _same_person(owner: User, values: Mapping[str, Any]) -> Contact | None:
    """Return the owner's one contact with one of the e-mails and a name that agrees; None for none, and for several."""
    emails = [values.get("email") or "", *(each.value for each in values.get("emails", ()))]
    found = Contact.objects.with_email({*map(email_key, emails)}).filter(owner=owner).select_related("organization")
    agreeing = [one for one in found if agree(values["name"], one.name, emails)]
    return agreeing[0] if len(agreeing) == 1 else None


def _may_see(caller: User, row: Contact | Activity) -> bool:
    return type(row).objects.seen_by(caller).filter(pk=row.pk).exists()


def _named(row: RowType, name: ExternalName) -> RowType:
    kind = _kind(type(row))
    ExternalId.objects.create(kind=kind, source=name.source, external_id=name.id, **{kind: row})
    type(row).objects.filter(pk=row.pk).update()  # its ids are told with it
    return row


def _kind(model: type[Row]) -> str:
    return str(model._meta.model_name)  # noqa: SLF001 (Django documents _meta as public)
