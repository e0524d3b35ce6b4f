"""How people change the contact book: add, change and log. Used by the API, the pages and imports alike.

Each function validates the whole row, writes it in one short transaction, says that it changed (see signals.py), and
never waits for Pipedrive. A change is made to the row as it is stored by then,
and writes only the fields that it names, so that it never overwrites what the engine, or a colleague, stored meanwhile.
A row that was deleted meanwhile raises Django's `DoesNotExist`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from warmline.crm import following
from warmline.crm.activities import Activity, default_subject
from warmline.crm.chunks import in_pieces
from warmline.crm.keys import key
from warmline.crm.models import Contact, Organization
from warmline.crm.row_changes import as_given, change_row, hold_contact, keep_last_contacted, validate
from warmline.crm.signals import AT_ONCE, activity_logging, contact_adding, contacts_warmed, rows_deleted
from warmline.crm.uniqueness import told_if_taken
from warmline.crm.users import User

Some = TypeVar("Some")
Keep = Callable[[Some], object]


@dataclass(frozen=True)
class OrganizationDetails:
    """An organization as named beside a contact: found among the team's by its key, else made.

    Beside the name it has each of `Organization.DETAILS`.
    """

    name: str
    sector: str = ""
    country: str = ""

    def __str__(self) -> str:
        return self.name


def add_contact(
    owner: User,
    *,
    name: str,
    organization: OrganizationDetails | None = None,
    warmness_score: int = 0,
    grace: timedelta = AT_ONCE,
    once_saved: Callable[[Contact], object] = lambda _: None,
    **values: Any,
) -> Contact:
    """Add a contact of a user's.

    Args:
        owner: Whose contact it becomes.
        name: At most 255 characters.
        organization: Found by its name among the team's and completed, else made; None for none.
        warmness_score: 0 to 10.
        grace: How long it waits before it is sent, if it is warm.
        once_saved: Does what belongs to it, before anybody is told of it.
        values: Its e-mail and phone, or all of them as `emails` and `phones` (see `change_contact`); its details.

    Returns:
        The saved contact.

    Raises:
        ValidationError: When a field is not valid; nothing is written then.
    """
    contact = Contact(owner=owner, name=name, warmness_score=warmness_score, **values)
    with transaction.atomic():
        with as_given(values):
            validate(contact)
        contact.organization = _organization(organization)
        contact_adding.send(Contact, contact=contact, grace=grace)
        contact.save()
        once_saved(contact)
        if contact.is_warm:
            contacts_warmed.send(Contact, contacts=[contact])
    return contact


def change_contact(
    contact: Contact,
    changes: Mapping[str, Any],
    shown: Mapping[str, Any] | None = None,
    grace: timedelta = AT_ONCE,
) -> None:
    """Change some fields of a contact.

    Args:
        contact: The row, as read; it shows the outcome afterwards.
        changes: Of name, warmness_score and organization (OrganizationDetails or None); of emails and phones, each a
            list of `Labelled`, the primary one first; of email and phone, which is the primary one alone; of
            email_label and more_emails and the same of phones: its label and all others; of `Contact.DETAILS`.
        shown: What the person saw of these, an organization by its name; None if it does not matter.
        grace: How long it waits before it is sent, if it becomes warm by this.

    Raises:
        ValidationError: When a field is not valid; nothing is written then.
        ChangedMeanwhileError: When somebody else has changed the same; nothing is written then.
    """
    with transaction.atomic():
        changes = dict(changes)
        if "organization" in changes:
            changes["organization"] = _organization(changes["organization"], contact.organization)
            if contact.organization is not None and contact.organization != changes["organization"]:
                # Whether the one that it leaves is wanted may depend on it.
                Organization.objects.filter(pk=contact.organization.pk).update()
        with as_given(changes):
            change_row(contact, changes, shown=shown, grace=grace)


def change_organization(
    organization: Organization, changes: Mapping[str, Any], shown: Mapping[str, Any] | None = None
) -> None:
    """Change some fields of an organization.

    Args:
        organization: The row, as read; it shows the outcome afterwards.
        changes: Of its name and `Organization.DETAILS`.
        shown: See `change_contact`.

    Raises:
        ChangedMeanwhileError: See `change_contact`.
        ValidationError: When a field is not valid or the name is another organization's; nothing is written then.
            TakenError is one, for a name that was taken at this moment.
    """
    with told_if_taken(), transaction.atomic():
        change_row(organization, changes, shown=shown)


def log_activity(
    user: User,
    contact: Contact,
    *,
    type: str,
    subject: str = "",
    note: str = "",
    due_date: date | None = None,
    due_time: time | None = None,
    done: bool | None = None,
    logged_at: datetime | None = None,
) -> Activity:
    """Log an activity with a contact, and return it.

    Args:
        user: Who logs it; the due date and time are meant in their time zone.
        contact: With whom.
        type: One of ActivityType.
        subject: Without anything to see in it for "Call with NAME" and the like.
        note: Text of several lines.
        due_date: The day; None for none.
        due_time: The time of that day; None for none.
        done: None means: done unless it is due in the future.
        logged_at: When the person entered it; None for now.

    Raises:
        ValidationError: When a field is not valid; nothing is written then.
    """
    activity = Activity(
        contact=contact,
        type=type,
        subject=subject if key(subject) else default_subject(type, contact.name),
        note=note,
        due_date=due_date,
        due_time=due_time,
        time_zone=user.time_zone,
        created_at=logged_at or timezone.now(),
    )
    with transaction.atomic():
        validate(activity)
        activity.done = is_past(activity, timezone.now()) if done is None else done
        _add_activity(activity)
    return activity


def _add_activity(activity: Activity) -> None:
    # The contact may be linked at this very moment. Locking its row here makes the two happen one after the other, so
    # that either this sees the link or the link sees the activity (SQLite: one writer at a time).
    activity.contact = Contact.objects.select_for_update().get(pk=activity.contact_id)
    activity.logged_while_warm = activity.contact.is_warm
    activity_logging.send(Activity, activity=activity)
    activity.save()
    keep_last_contacted(activity)


def change_activity(activity: Activity, changes: Mapping[str, Any], shown: Mapping[str, Any] | None = None) -> None:
    """Change some fields of an activity.

    Args:
        activity: The row, as read; it shows the outcome afterwards.
        changes: Of type, subject, note, due_date, due_time and done.
        shown: See `change_contact`.

    Raises:
        ChangedMeanwhileError: See `change_contact`.
        ValidationError: When a field is not valid; nothing is written then.
    """
    with transaction.atomic():
        hold_contact(activity)
        change_row(activity, changes, shown=shown)
        keep_last_contacted(activity)


def delete_contacts(contacts: QuerySet[Contact], keep: Keep[QuerySet[Contact]] = lambda _some: None) -> int:
    """Delete contacts with their activities, here, some at a time; their records in Pipedrive stay.

    Args:
        contacts: Any that were chosen.
        keep: Called with some of them in the transaction that is about to delete these.

    Returns:
        How many there were.
    """

    def delete(ids: Sequence[int]) -> int:
        # Chosen again under the lock: what was handed to someone else meanwhile may be none of these any more.
        held = list(contacts.filter(pk__in=ids).order_by("pk").select_for_update().values_list("pk", flat=True))
        some = Contact.objects.filter(pk__in=held)
        keep(some)
        rows_deleted.send(Contact, rows=list(some.select_related("owner")))
        rows_deleted.send(Activity, rows=list(Activity.objects.filter(contact__in=held).select_related("contact")))
        following.gone("contact", dict(some.values_list("pk", "owner_id")), is_deleted=True)
        following.gone("activity", _activities_of(held), is_deleted=True)
        # Whether an organization is wanted may depend on them.
        Organization.objects.filter(pk__in=some.values("organization")).update()
        some.delete()
        return len(held)

    return in_pieces(list(contacts.order_by().values_list("pk", flat=True)), delete)


def hand_over(contacts: QuerySet[Contact], to: User, keep: Keep[dict[int, int]] = lambda _some: None) -> int:
    """Make contacts and their activities a colleague's, here, some at a time; in Pipedrive they keep their owner.

    Args:
        contacts: Any that were chosen.
        to: Whose they become.
        keep: Called with whose some of them were, by their ids, in the transaction that hands these over.

    Returns:
        How many were not theirs before.

    Raises:
        User.DoesNotExist: When the colleague has left meanwhile; what was theirs by then is.
    """
    User.objects.people().get(pk=to.pk)
    others = contacts.exclude(owner=to).order_by()

    def hand(ids: Sequence[int]) -> int:
        # Who leaves meanwhile gets no more.
        User.objects.people().select_for_update(no_key=True).get(pk=to.pk)
        # Locked, so that what is logged meanwhile goes along (see `log_activity`).
        held = others.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True)
        some = dict(held.values_list("pk", "owner_id"))
        keep(some)
        activities = _activities_of(some)
        for kind, rows in (("contact", some), ("activity", activities)):
            following.gone(kind, rows, is_deleted=False)
            following.back(kind, rows, to)
        Contact.objects.filter(pk__in=some).update(owner=to)
        Activity.objects.filter(contact__in=some).update(owner=to)
        return len(some)

    return in_pieces(list(others.values_list("pk", flat=True)), hand)


def _activities_of(contacts: Iterable[int]) -> dict[int, int]:
    """Return the activities with contacts: whose each is, by its id."""
    return dict(Activity.objects.filter(contact__in=list(contacts)).values_list("pk", "owner_id"))


def is_past(activity: Activity, now: datetime) -> bool:
    """Tell whether an activity's due moment has come, as a day its beginning; one without a due date counts as past."""
    if activity.due_date is None:
        return True
    if activity.due_time is None:
        return activity.due_date <= now.astimezone(activity.zone).date()
    return datetime.combine(activity.due_date, activity.due_time, activity.zone) <= now


def given_organization(details: OrganizationDetails) -> Organization:
    """Return an organization as it was named, not stored.

    Args:
        details: As given beside a contact.

    Raises:
        ValidationError: When a field is not valid; it is named as `organization.name` and the like.
    """
    given = Organization(**asdict(details))
    try:
        given.clean_fields(exclude={"name_key"})
    except ValidationError as error:
        raise ValidationError({f"organization.{name}": texts for name, texts in error.error_dict.items()}) from None
    given.complete()
    return given


def fill_empty_fields(found: Organization, given: Organization, *, in_bulk: bool = False) -> None:
    """Take over what an organization had no value for.

    Args:
        found: The team's, as it is stored.
        given: The same, as named beside a contact.
        in_bulk: Whether an import fills them.
    """
    missing = {
        name: getattr(given, name) for name in Organization.DETAILS if getattr(given, name) and not getattr(found, name)
    }
    if missing:
        change_row(found, missing, in_bulk=in_bulk)


def find_or_make_organization(
    details: OrganizationDetails, present: Organization | None = None
) -> tuple[Organization, bool]:
    """Find the team's organization of a name and fill its empty fields, else make it.

    Where two have the name, because they are two records in Pipedrive, the one that a contact has already is meant.

    Args:
        details: As named.
        present: The one that the contact has; None for none.

    Returns:
        The organization, and whether it was made.

    Raises:
        ValidationError: See `given_organization`.
    """
    given = given_organization(details)
    is_present = present is not None and key(present.name) == given.name_key
    found, made = Organization.objects.get_or_create(
        name_key=present.name_key if present and is_present else given.name_key,
        defaults={name: getattr(given, name) for name in ("name", *Organization.DETAILS)},
    )
    if not made:
        fill_empty_fields(found, given)
    return found, made


def _organization(details: OrganizationDetails | None, present: Organization | None = None) -> Organization | None:
    return None if details is None else find_or_make_organization(details, present)[0]
