"""Returns what an update sends for the fields that were changed here. It covers all of them, or raises.

Most fields need code of their own, because Pipedrive's value contains more than ours: a person's other e-mails, the
rest of an address, an industry that a colleague chose. Nothing is sent here.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Email, NewActivity, Person, Phone
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync import mapping
from warmline.sync.note_html import to_html
from warmline.sync.reconcile import emails_phones_sent, snapshots
from warmline.sync.reconcile.three_way_merge import Values
from warmline.sync.remote.labels_owners_fields import References
from warmline.sync.synced_fields import Chosen, column_of, is_detail


def of_person(
    contact: Contact,
    changed: Values,
    person: Person,
    *,
    then: Values,
    others: snapshots.Others,
    organization_id: Callable[[], int | None],
    chosen: Chosen,
) -> dict[str, Any]:
    """Return what is sent for a contact, by Pipedrive's field.

    Args:
        contact: The contact.
        changed: The fields that were changed here, and of e-mails and phones which ones (see emails_phones_merge.py).
        person: Its person, as Pipedrive has it.
        then: Our values when the two sides last agreed.
        others: E-mails and phones of the other contacts linked to this person.
        organization_id: Sends its organization to Pipedrive and returns its id there.
        chosen: The details that go over.

    Raises:
        LookupError: When a field has no mapping.
    """

    def several(name: str, there: Sequence[Email | Phone], taken: Sequence[str]) -> Callable[[], dict[str, Any]]:
        # The primary one and the others are one list there, so each of the two fields sends all of it.
        return lambda: {name: emails_phones_sent.as_changed(name, there, changed, contact, then=then, others=taken)}

    details = {column_of(name): chosen[column_of(name)] for name in changed if is_detail(name)}
    own_way: dict[str, Callable[[], dict[str, Any]]] = {
        **dict.fromkeys(("email", "emails"), several("emails", person.emails, others.emails)),
        **dict.fromkeys(("phone", "phones"), several("phones", person.phones, others.phones)),
        "organization": lambda: {"org_id": organization_id()},
        # Custom fields are one object in what is sent, so each detail sends all that were changed.
        **dict.fromkeys(filter(is_detail, changed), lambda: mapping.details(contact, details)),
    }
    return {
        name: value
        for name, value in mapping.changes(contact, changed, own_way).items()
        if value != getattr(person, name)
    }


def of_organization(
    organization: Organization,
    names: Iterable[str],
    theirs: PipedriveOrganization,
    *,
    then: Values,
    references: References,
    user: User | None,
) -> dict[str, Any]:
    """Return what is sent for an organization, by Pipedrive's field.

    Args:
        organization: The organization.
        names: The fields that were changed here.
        theirs: The same as Pipedrive has it.
        then: Our values when the two sides last agreed.
        references: Knows where a sector is stored in Pipedrive.
        user: Who is notified if it cannot be stored; None for everyone.

    Raises:
        LookupError: When a field has no mapping.
    """

    def sector() -> dict[str, Any]:
        was, now = then.get("sector", ""), organization.sector
        is_ours = any(references.is_ours(theirs.industry, each) for each in (was, now))
        industry, custom_fields = references.ensure_sector(now, user, may_be_industry=is_ours)
        return {"custom_fields": custom_fields, **({"industry": industry} if is_ours else {})}

    def country() -> dict[str, Any]:
        return {"address": snapshots.with_country(theirs.address, organization.country, then.get("country", ""))}

    return mapping.changes(organization, names, {"sector": sector, "country": country})


def of_activity(
    activity: Activity, names: Iterable[str], theirs: PipedriveActivity, *, new: NewActivity
) -> dict[str, Any]:
    """Return what is sent for an activity, by Pipedrive's field.

    Args:
        activity: The activity.
        names: The fields that were changed here.
        theirs: The same as Pipedrive has it.
        new: The activity as it would be created now.

    Raises:
        LookupError: When a field has no mapping.
    """

    def due() -> dict[str, Any]:
        moment = {"due_date": new.due_date, "due_time": new.due_time}
        return {part: value for part, value in moment.items() if value != getattr(theirs, part)}

    own_way = {
        "type": lambda: {"type": new.type},
        "note": lambda: {"note": to_html(activity.note)},
        "due": due,
    }
    return mapping.changes(activity, names, own_way)
