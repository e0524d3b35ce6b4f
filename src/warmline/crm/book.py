"""How people change the contact book: add, change and log. Used by the API, the pages and imports alike.

Each function validates the whole row, writes it in one short transaction, and never waits for Pipedrive: saving is
what makes a row wanted, and `sync/` hears of it after the commit. A change is made to the row as it is stored by then,
and writes only the fields that it names, so that it never overwrites what the engine, or a colleague, stored meanwhile.
A row that was deleted meanwhile raises Django's `DoesNotExist`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from warmline.crm.chunks import in_pieces
from warmline.crm.fields import NAME_LENGTH
from warmline.crm.keys import key
from warmline.crm.models import NOT_CONTACTED, Activity, ActivityType, Contact, Organization, Row
from warmline.crm.signals import row_changing, rows_deleted
from warmline.crm.sync_columns import DELETED_THERE, Findable
from warmline.crm.uniqueness import told_if_taken
from warmline.crm.users import User

SUBJECTS = {
    ActivityType.CALL: "Call with {}",
    ActivityType.EMAIL: "E-mail to {}",
    ActivityType.MEETING: "Meeting with {}",
    ActivityType.LINKEDIN: "LinkedIn message to {}",
    ActivityType.REFERRAL: "Referral by {}",
    ActivityType.CONFERENCE: "Conference with {}",
}
KEPT_IN_STEP = {"name": "name_key", "email": "email_key", "due_date": "day"}


@dataclass(frozen=True)
class OrganizationDetails:
    """An organization as named beside a contact: found among the team's by its key, else made.

    Beside the name it has each of `Organization.DETAILS`.
    """

    name: str
    sector: str = ""
    country: str = ""


def add_contact(
    owner: User,
    *,
    name: str,
    email: str = "",
    phone: str = "",
    organization: OrganizationDetails | None = None,
    warmness_score: int = 0,
) -> Contact:
    """Add a contact of a user's.

    Args:
        owner: Whose contact it becomes.
        name: At most 255 characters.
        email: Empty when not known.
        phone: In any form, at most 64 characters; empty when not known.
        organization: Found by its name among the team's and completed, else made; None for none.
        warmness_score: 0 to 10.

    Returns:
        The saved contact.

    Raises:
        ValidationError: When a field is not valid; nothing is written then.
    """
    contact = Contact(owner=owner, name=name, email=email, phone=phone, warmness_score=warmness_score)
    with transaction.atomic():
        validate(contact)
        contact.organization = _organization(organization)
        contact.save()
    return contact


def change_contact(contact: Contact, changes: Mapping[str, Any]) -> None:
    """Change some fields of a contact; what Pipedrive is told of, it is told again, with fresh attempts.

    Args:
        contact: The row, as read; it shows the outcome afterwards.
        changes: Of name, email, phone, warmness_score and organization (OrganizationDetails or None).

    Raises:
        ValidationError: When a field is not valid; nothing is written then.
    """
    with transaction.atomic():
        changes = dict(changes)
        if "organization" in changes:
            changes["organization"] = _organization(changes["organization"], contact.organization)
        _change(contact, changes)


def change_organization(organization: Organization, changes: Mapping[str, Any]) -> None:
    """Change some fields of an organization; what Pipedrive is told of, it is told again, with fresh attempts.

    Args:
        organization: The row, as read; it shows the outcome afterwards.
        changes: Of its name and `Organization.DETAILS`.

    Raises:
        ValidationError: When a field is not valid or the name is another organization's; nothing is written then.
            TakenError is one, for a name that was taken at this moment.
    """
    with told_if_taken(), transaction.atomic():
        _change(organization, changes)


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
) -> Activity:
    """Log an activity with a contact.

    Args:
        user: Who logs it; the due date and time are meant in their time zone.
        contact: With whom.
        type: One of ActivityType.
        subject: Without anything to see in it for "Call with NAME" and the like.
        note: Text of several lines.
        due_date: The day; None for none.
        due_time: The time of that day; None for none.
        done: None means: done unless it is due in the future.

    Returns:
        The saved activity.

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
        done=done is not False,
    )
    with transaction.atomic():
        validate(activity)
        if done is None:
            activity.done = is_past(activity, timezone.now())
        # The contact may be linked at this very moment. Holding its row here makes the two happen one after the
        # other, so that either this sees the link or the link sees the activity (SQLite: one writer at a time).
        activity.contact = contact = Contact.objects.select_for_update().get(pk=contact.pk)
        activity.logged_while_warm = contact.is_warm
        activity.replicate = True if contact.pipedrive_person_id else None
        activity.pipedrive_in_bulk = contact.pipedrive_in_bulk and not contact.is_linked
        activity.save()
        _keep_last_contacted(activity)
    return activity


def change_activity(activity: Activity, changes: Mapping[str, Any]) -> None:
    """Change some fields of an activity; what Pipedrive is told of, it is told again, with fresh attempts.

    Args:
        activity: The row, as read; it shows the outcome afterwards.
        changes: Of type, subject, note, due_date, due_time and done.

    Raises:
        ValidationError: When a field is not valid; nothing is written then.
    """
    with transaction.atomic():
        _change(activity, changes)
        _keep_last_contacted(activity)


def delete_contacts(contacts: QuerySet[Contact]) -> int:
    """Delete contacts with their activities, here, some at a time; their records in Pipedrive stay.

    Args:
        contacts: Any that were chosen.

    Returns:
        How many there were.
    """

    def delete(ids: Sequence[int]) -> int:
        # Chosen again under the lock: what was handed to someone else meanwhile may be none of these any more.
        held = list(contacts.filter(pk__in=ids).order_by().select_for_update().values_list("pk", flat=True))
        some = Contact.objects.filter(pk__in=held)
        rows_deleted.send(Contact, rows=list(some.select_related("owner")))
        rows_deleted.send(Activity, rows=list(Activity.objects.filter(contact__in=held).select_related("contact")))
        some.delete()
        return len(held)

    return in_pieces(list(contacts.order_by().values_list("pk", flat=True)), delete)


def hand_over(contacts: QuerySet[Contact], to: User) -> int:
    """Make contacts and their activities a colleague's, here, some at a time; in Pipedrive they keep their owner.

    Args:
        contacts: Any that were chosen.
        to: Whose they become.

    Returns:
        How many were not theirs before.

    Raises:
        User.DoesNotExist: When the colleague has left meanwhile; what was theirs by then is.
    """
    User.objects.get(pk=to.pk, is_active=True)
    others = contacts.exclude(owner=to).order_by()

    def hand(ids: Sequence[int]) -> int:
        User.objects.select_for_update().get(pk=to.pk, is_active=True)  # who leaves meanwhile gets no more
        # Locked, so that what is logged meanwhile goes along (see `log_activity`).
        some = list(others.filter(pk__in=ids).select_for_update().values_list("pk", flat=True))
        Contact.objects.filter(pk__in=some).update(owner=to)
        Activity.objects.filter(contact__in=some).update(owner=to)
        return len(some)

    return in_pieces(list(others.values_list("pk", flat=True)), hand)


def take_over(row: Row, values: Mapping[str, Any]) -> frozenset[str]:
    """Write values that come from Pipedrive: they are no changes that it would have to be told of.

    Args:
        row: The row, as it is stored; it shows the outcome afterwards.
        values: By field.

    Returns:
        The fields that were written. The others' values are none that we could hold, and ours stay.
    """
    refused = set()
    for name, value in values.items():
        before = getattr(row, name)
        setattr(row, name, value)
        try:
            validate(row)
        except ValidationError:
            refused.add(name)
            setattr(row, name, before)
    if written := frozenset(values.keys() - refused):
        row.save(update_fields=_with_keys(row, written))
    if written and isinstance(row, Activity):
        _keep_last_contacted(row)
    return written


def default_subject(type: str, name: str) -> str:
    """Return the subject of an activity for which none was given, cut to the field's length."""
    # A type that there is not is refused when the activity is checked, at its own field.
    pattern = SUBJECTS[ActivityType(type)] if type in ActivityType.values else "Activity with {}"
    return pattern.format(name)[:NAME_LENGTH]


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
        in_bulk: Whether by a bulk import.
    """
    missing = {
        name: getattr(given, name) for name in Organization.DETAILS if getattr(given, name) and not getattr(found, name)
    }
    if missing:
        _change(found, missing, in_bulk=in_bulk)


def validate(row: Row) -> None:
    """Check what people gave of a row.

    Raises:
        ValidationError: With the messages of each field that is not valid.
    """
    # The keys are made of what is validated, and the rest is set by us and not by people. What the database's
    # constraints say of people's fields, the validators say as well; asking the database would be a query each time.
    row.full_clean(
        exclude={"name_key", "email_key", "warmline_id", "owner", "contact", "organization"},
        validate_constraints=False,
    )


def _organization(details: OrganizationDetails | None, present: Organization | None = None) -> Organization | None:
    """Find the team's organization of that name and fill its empty fields, else make it.

    Where two have the name, because they are two records in Pipedrive, the one that a contact has already is meant.
    """
    if details is None:
        return None
    given = given_organization(details)
    is_present = present is not None and key(present.name) == given.name_key
    found, made = Organization.objects.get_or_create(
        name_key=present.name_key if present and is_present else given.name_key,
        defaults={name: getattr(given, name) for name in ("name", *Organization.DETAILS)},
    )
    if not made:
        fill_empty_fields(found, given)
    return found


def _change(row: Row, changes: Mapping[str, Any], *, in_bulk: bool = False) -> None:
    # Someone else, or the engine, may have written the row since it was read. So the change is made of the row as it
    # is stored: what is valid, and what is made of its fields, is told by all of them.
    stored = _locked(row).get(pk=row.pk)
    row_changing.send(type(stored), row=stored)
    was_warm = isinstance(stored, Contact) and stored.is_warm
    before = {name: getattr(stored, name) for name in changes}
    for name, value in changes.items():
        setattr(stored, name, value)
    validate(stored)
    changed = {name for name, value in before.items() if getattr(stored, name) != value}
    told = not changed.isdisjoint(stored.TOLD)
    in_line = stored.is_linked and stored.revision == stored.pipedrive_revision
    # An import does not put off what a person waits for already.
    follows: dict[str, Any] = {"pipedrive_in_bulk": in_bulk and (in_line or stored.pipedrive_in_bulk)}
    if told:
        follows["revision"] = stored.revision + 1
    is_another = isinstance(stored, Findable) and not changed.isdisjoint(stored.FOUND_BY)
    if isinstance(stored, Findable) and is_another:
        follows |= stored.undecided()
    # One that is found by something else is due from now on: a look that began before knows nothing of it.
    starts_again = stored.pipedrive_sync_failed or (told and stored.is_linked) or is_another
    is_deleted_there = stored.pipedrive_sync_error_code == DELETED_THERE
    if (starts_again and not is_deleted_there) or (_is_untried_lead(stored) and not was_warm):
        follows |= stored.fresh_attempts(timezone.now())
    for name, value in follows.items():
        setattr(stored, name, value)
    stored.save(update_fields=[*_with_keys(stored, changes), *follows])
    for field in stored._meta.concrete_fields:  # noqa: SLF001 (documented as public)
        setattr(row, field.attname, getattr(stored, field.attname))


def _is_untried_lead(row: Row) -> bool:
    """Tell whether a contact is wanted that nobody has tried to bring over yet: once warm, it is due from now on."""
    untried = not (row.is_linked or row.pipedrive_sync_attempts or row.pipedrive_sync_error_code)
    return untried and isinstance(row, Contact) and row.is_warm


def _keep_last_contacted(activity: Activity) -> None:
    """Note when an activity's contact was contacted last, after the activity was written."""
    done = Activity.objects.filter(contact=activity.contact_id, done=True)
    latest = done.aggregate(latest=Max("day"))["latest"] or NOT_CONTACTED
    # What is done before the day that it was meant for, was not done later than today.
    latest = min(latest, timezone.localdate(timezone=activity.zone))
    Contact.objects.filter(pk=activity.contact_id).exclude(last_contacted_on=latest).update(last_contacted_on=latest)


def _with_keys(row: Row, names: Iterable[str]) -> list[str]:
    """Return the names of fields with those of what is made of them."""
    names = list(names)
    made = [KEPT_IN_STEP[name] for name in names if name in KEPT_IN_STEP]
    return [*names, *(name for name in made if hasattr(row, name))]


def _locked(row: Row) -> QuerySet[Any]:
    return type(row)._default_manager.select_for_update()  # noqa: SLF001 (documented as public)
