"""What people can do about the audit: begin one, and have a problem repaired, or accept it. Calls nothing.

What is to be repaired is only noted here: the audit's worker does it, because it may have to call Pipedrive.
"""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from warmline import database_time
from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.sync.audit_models import Audit, AuditedLink, AuditState, Finding, Problem
from warmline.sync.company import generation
from warmline.sync.synced_fields import first_of

BY_HAND = frozenset({Problem.DOUBLE})  # what only a person can repair, in Pipedrive


def begin(now: datetime | None = None) -> bool:
    """Begin an audit, or let one that pauses go on now.

    Args:
        now: The present moment, aware; None for the clock's.

    Returns:
        Whether it was begun; False while one runs.
    """
    moment = now or database_time.now()
    with transaction.atomic():
        going_on = Audit.objects.filter(is_open=True)
        going_on.exclude(go_on_at=None).update(go_on_at=None)
        paused = going_on.filter(state=AuditState.PAUSED)
        if paused.update(state=AuditState.RUNNING, message="", night_at=None):
            return True
    try:
        with transaction.atomic():
            Audit.objects.create(started_at=moment, generation=generation())
    except IntegrityError:
        return False
    return True


def repair(finding: Finding) -> bool:
    """Have a problem repaired soon; return whether that can be done here."""
    if finding.problem in BY_HAND:
        return False
    return bool(Finding.objects.filter(pk=finding.pk).update(wish=True, said=""))


def repair_what_needs_nobody() -> int:
    """Have everything repaired that needs no person's decision; return how much that is."""
    return Finding.objects.filter(mends_itself=True).update(wish=True, said="")


def accept(finding: Finding) -> None:
    """Accept a problem as it is: it counts again only when it has changed."""
    model: Any = {"contact": Contact, "organization": Organization, "activity": Activity}[finding.kind]
    with transaction.atomic():
        row = model._default_manager.filter(pk=finding.row_id).first()  # noqa: SLF001 (Django documents it as public)
        if row is not None:
            link = AuditedLink.objects.select_for_update().filter(kind=finding.kind, row_id=finding.row_id).first()
            if link is None:
                moment = database_time.now()
                link = AuditedLink(kind=finding.kind, row_id=finding.row_id, record_id=None, linked_at=moment)
            accepted = _as_it_is(finding, row)
            for name in filter(first_of, accepted):  # each value by itself, so those of before stay accepted
                accepted[name] = [*accepted[name], *link.accepted.get(name, ())]
            link.accepted = {**link.accepted, **accepted}
            link.save()
        Finding.objects.filter(pk=finding.pk).delete()


def _as_it_is(finding: Finding, row: Contact | Organization | Activity) -> dict[str, Any]:
    """Return what is accepted, by field or problem, with what it is now."""
    values: dict[str, list[Any]] = finding.values
    match finding.problem:
        case Problem.MISSING:
            return {Problem.MISSING.value: row.revision}
        case Problem.DOUBLE:
            return {Problem.DOUBLE.value: finding.others}
        case Problem.LABEL:
            return {Problem.LABEL.value: values["label"][0]}
        case Problem.OWNER:
            return {Problem.OWNER.value: values["owner"][1]}
    if not values:  # its record is gone
        return {Problem.GONE.value: finding.record_id}
    return {name: theirs for name, (_, theirs) in values.items()}
