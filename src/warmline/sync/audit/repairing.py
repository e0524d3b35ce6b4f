"""Repairs what somebody wants to be repaired.

Most of it is making the row due again, with snapshots that say what is to be sent: the engine then does it, with all
its precautions. Owner and label are not among what it sends, so they are sent here. Doing the same again does no harm.
"""

from datetime import datetime
from typing import Any

from django.db.models import F

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.crm.row_changes import locked
from warmline.pipedrive import (
    Clock,
    NotFound,
    OrganizationChanges,
    PersonChanges,
    Pipedrive,
    Rejected,
)
from warmline.sync import normal_forms, wakeups
from warmline.sync.after_change import fresh_attempts
from warmline.sync.audit.checking import record_there
from warmline.sync.audit.judging import alike, was_handed_over
from warmline.sync.audit.missing_rows import undecided
from warmline.sync.audit.rows import MODELS
from warmline.sync.audit_models import AuditedLink, Finding, Problem
from warmline.sync.company import make_sure, storing
from warmline.sync.policy import Policy
from warmline.sync.reconcile import emails_phones_merge, linking, snapshots
from warmline.sync.reconcile.three_way_merge import is_changed
from warmline.sync.synced_fields import FIELDS, first_of

SEVERAL = {field.name for fields in FIELDS.values() for field in fields if field.several}


class Repairs:
    """Repairs, one after the other.

    Args:
        pipedrive: The client.
        policy: Whether earlier activities follow.
        clock: Tells the time.
    """

    def __init__(self, pipedrive: Pipedrive, policy: Policy, clock: Clock) -> None:
        self._pipedrive, self._policy, self._clock = pipedrive, policy, clock

    def repair_all(self) -> None:
        """Repair everything that is wished.

        Raises:
            PipedriveError: When a call could not be made; the wish stays.
            StartedAnewError: When somebody has started over with another company.
        """
        for finding in Finding.objects.filter(wish=True).order_by("pk"):
            self.repair(finding)

    def repair(self, finding: Finding) -> None:
        """Repair one problem; see `repair_all` for what it raises."""
        rows = MODELS[finding.kind]._default_manager  # noqa: SLF001 (Django documents it as public)
        row: Any = rows.filter(pk=finding.row_id).first()
        is_the_same = row is not None and getattr(row, row.LINK) == finding.record_id
        try:
            if is_the_same:
                self._repair(row, finding)
        except (Rejected, NotFound) as refused:
            said = f"Pipedrive refused: {refused.message}"
            Finding.objects.filter(pk=finding.pk).update(wish=False, said=said)
            return
        with storing():
            Finding.objects.filter(pk=finding.pk).delete()
        wakeups.now()

    def _repair(self, row: Any, finding: Finding) -> None:
        now = self._clock.now()
        match finding.problem:
            case Problem.MISSING:
                self._send_now(row, now)
            case Problem.OWNER if _was_handed_over(row):
                pass  # since it was found: who owns it there is the new owner's business
            case Problem.OWNER:
                self._give_back(row, finding.values["owner"][0])
            case Problem.LABEL if not row.is_warm:
                pass  # it has become cold since
            case Problem.LABEL:
                self._label(row, finding.values["label"][0])
            case Problem.DOUBLE:
                pass  # only people merge records
            case _ if finding.values:
                _send_ours(row, finding.values, now)
            case _ if finding.mends_itself:
                linking.look_again(row, now)
            case _ if record_there(self._pipedrive, finding.kind, getattr(row, row.LINK)) is not None:
                linking.look_again(row, now)  # somebody has restored it since
            case _:
                _create_again(row, now)

    def _send_now(self, row: Any, now: datetime) -> None:
        if isinstance(row, Activity):
            follows = True if self._policy.earlier_activities else F("logged_while_warm")
            undecided().filter(pk=row.pk).update(replicate=follows)
        with storing():
            type(row)._default_manager.filter(pk=row.pk).update(**fresh_attempts(now))  # noqa: SLF001 (as above)

    def _give_back(self, row: Contact | Organization, owner_id: int) -> None:
        make_sure()
        if isinstance(row, Contact):
            self._pipedrive.update_person(row.pipedrive_person_id or 0, PersonChanges(owner_id=owner_id))
        else:
            self._pipedrive.update_organization(row.pipedrive_org_id or 0, OrganizationChanges(owner_id=owner_id))

    def _label(self, contact: Contact, label_id: int) -> None:
        person = self._pipedrive.person(contact.pipedrive_person_id or 0)
        if label_id not in person.label_ids:
            make_sure()
            self._pipedrive.update_person(person.id, PersonChanges(label_ids=(*person.label_ids, label_id)))


def _was_handed_over(row: Contact | Organization) -> bool:
    link = AuditedLink.objects.filter(kind="contact", row_id=row.pk).first() if isinstance(row, Contact) else None
    return isinstance(row, Contact) and link is not None and was_handed_over(row, link)


def _send_ours(row: Row, values: dict[str, list[Any]], now: datetime) -> None:
    """Have our values sent over those that Pipedrive has now, as if both had agreed on them and ours were newer."""
    with storing():
        stored = locked(row).filter(pk=row.pk, revision=row.revision).first()
        if stored is None:
            return  # somebody has changed it meanwhile: what is sent then is seen by the next audit
        ours, theirs = dict(stored.pipedrive_agreed.get("ours", {})), dict(stored.pipedrive_agreed.get("theirs", {}))
        for name, (here, there) in values.items():
            if first_of(name):  # each by itself, as Pipedrive has it now: ours is added, taken away or labelled
                ours[name], theirs[name] = (
                    emails_phones_merge.changed(name, side.get(name, ()), there) for side in (ours, theirs)
                )
                continue
            is_ours_new = name in ours and is_changed(name, here, ours)
            if is_ours_new and name in theirs and alike(name, there, theirs[name]):
                continue  # nobody changed it there: what we sent last is what ours replaces
            ours[name], theirs[name] = _then(name, here, there), there
        type(row)._default_manager.filter(pk=row.pk).update(  # noqa: SLF001 (Django documents it as public)
            revision=F("revision") + 1, pipedrive_agreed=snapshots.agreed(ours, theirs), **fresh_attempts(now)
        )


def _then(name: str, ours: Any, theirs: Any) -> Any:
    """Return what we say to have had, so that ours is a change now, and nothing else of a colleague's is replaced."""
    if name in SEVERAL:
        return "" if ours else normal_forms.in_our_words(name, theirs)
    return f"record {theirs}" if name == "organization" else normal_forms.in_our_words(name, theirs)


def _create_again(row: Any, now: datetime) -> None:
    """Have a record looked for, and created if it is not there; the old link is dropped."""
    with storing():
        linking.unlink(row, now)
        again: dict[str, Any] = fresh_attempts(now)
        if isinstance(row, Organization):
            again["pipedrive_asked_for"] = True
        type(row)._default_manager.filter(pk=row.pk).update(**again)  # noqa: SLF001 (Django documents it as public)
