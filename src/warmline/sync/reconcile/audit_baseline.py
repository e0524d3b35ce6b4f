"""What the audit compares with later: how a record was when it was linked, as far as the row does not keep it.

It is stored with the link. For links of earlier versions, and for records into which ours were merged, the audit takes
what it finds first.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from warmline import database_time
from warmline.crm.activities import Row
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Field, Person
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync import mapping, normal_forms
from warmline.sync.audit_models import AuditedLink, Finding, Problem
from warmline.sync.policy import Policy
from warmline.sync.reconcile.outcome import Brought
from warmline.sync.remote.account_cache import remembered
from warmline.sync.remote.labels_owners_fields import LABELS

COLUMNS = (
    *("record_id", "is_ours", "owner_id", "owner_here", "label_id", "email_key", "apart"),
    *("accepted", "linked_at", "looked_at", "seen_in"),
)


def note_link(row: Contact | Organization, brought: Brought, now: datetime, policy: Policy | None = None) -> None:
    """Store how a record was when it was linked; within the transaction that stores the link.

    Args:
        row: The row, as read before it was linked.
        brought: Its record.
        now: When it was linked, aware.
        policy: Names the label of persons.
    """
    if brought.record is None:
        return
    known = of_record(row, brought.record, label_id=None if policy is None else own_label(policy))
    known |= {"is_ours": not brought.was_there, "apart": _told_apart(row), "linked_at": now, "accepted": {}}
    store_links([AuditedLink(kind=kind_of(row), row_id=row.pk, **known)])


def of_record(
    row: Contact | Organization, record: Person | PipedriveOrganization, *, label_id: int | None
) -> dict[str, Any]:
    """Return the columns that say how a record is now.

    Args:
        row: The row that is linked to it.
        record: As Pipedrive returned it.
        label_id: The id of our label; None if it does not exist.
    """
    has_label = isinstance(record, Person) and label_id in record.label_ids
    return {
        "record_id": record.id,
        "is_ours": str(row.warmline_id) in record.custom_fields.values(),
        "owner_id": record.owner_id,
        "owner_here": row.owner_id if isinstance(row, Contact) else None,
        "label_id": label_id if has_label else None,
        "email_key": row.email_key if isinstance(row, Contact) else "",
        "apart": None,
        "looked_at": None,
        "seen_in": 0,
    }


def store_links(links: Sequence[AuditedLink]) -> None:
    """Store what is known of links, in the place of what was known of them before."""
    AuditedLink.objects.bulk_create(
        links, update_conflicts=True, unique_fields=["kind", "row_id"], update_fields=list(COLUMNS)
    )


def accepted(row: Row, brought: Brought) -> frozenset[str]:
    """Return the fields of which a person has accepted that Pipedrive has another value, the one that it has now.

    Args:
        row: The row.
        brought: Its record.
    """
    link = AuditedLink.objects.filter(kind=kind_of(row), row_id=row.pk).first()
    values = {} if link is None else link.accepted
    theirs = brought.agreed["theirs"]
    return frozenset(
        name
        for name in theirs.keys() & values.keys()
        if normal_forms.theirs(name, theirs[name]) == normal_forms.theirs(name, values[name])
    )


def notice(row: Row, brought: Brought, names: Collection[str]) -> Collection[str]:
    """Store, as the audit would, that Pipedrive has values that cannot be said in our terms; return their fields.

    Args:
        row: The row.
        brought: Its record.
        names: The fields.
    """
    for name in sorted(names):
        problem = Problem.ORGANIZATION if name == "organization" else Problem.ACTIVITY
        values = {name: [brought.agreed["ours"][name], brought.changed_there[name]]}
        found = {"record_id": brought.record_id, "fields": [name], "values": values}
        Finding.objects.update_or_create(
            kind=kind_of(row),
            row_id=row.pk,
            problem=problem,
            defaults=found,
            create_defaults={**found, "found_at": database_time.now()},
        )
    return names


def forget_findings(row: Row, names: Collection[str]) -> None:
    """Drop what the audit found, if it is about nothing but values that were taken over since."""
    for finding in Finding.objects.filter(kind=kind_of(row), row_id=row.pk, wish=False).exclude(values={}):
        if finding.values.keys() <= set(names):
            finding.delete()


def own_label(policy: Policy) -> int | None:
    """Return the id of our label as Pipedrive's fields were when they were asked for last; None if it was not there."""
    fields = remembered("person_fields", Field) or []
    options = next((field.options for field in fields if field.code == LABELS), ())
    return mapping.option_named(policy.label, options)


def kind_of(row: Row | type[Row]) -> str:
    """Return the kind of a row, or of a class of rows: "contact", "organization" or "activity"."""
    return str(row._meta.model_name)  # noqa: SLF001 (Django documents _meta as public)


def _told_apart(row: Contact | Organization) -> list[int]:
    """Return the records that somebody told apart from the row by having a new one created."""
    return [each["pipedrive_id"] for each in row.pipedrive_candidates] if row.pipedrive_make_new else []
