"""Compares a page of a list with our rows: notes which links were seen, and suspects those that do not look right."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from warmline.crm.models import Contact
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Field, Person, Unreadable
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync.audit import doubles, judging, rows
from warmline.sync.audit.judging import Verdict
from warmline.sync.audit_models import AuditedLink, Suspect
from warmline.sync.policy import Policy
from warmline.sync.priorities import RowKind
from warmline.sync.reconcile import audit_baseline, snapshots
from warmline.sync.remote import detail_fields
from warmline.sync.remote.account_cache import remembered
from warmline.sync.remote.labels_owners_fields import sector_in

Record = Person | PipedriveOrganization | PipedriveActivity


@dataclass
class Seen:
    """What a page has shown.

    Attributes:
        kind: The kind of our rows.
        row_ids: The rows whose records are on it.
        fresh: What is known of links that no audit has seen before.
        suspects: Rows that do not look right, each with other records that may be the same as its own.
    """

    kind: RowKind
    row_ids: list[int]
    fresh: list[AuditedLink] = field(default_factory=list)
    suspects: dict[int, set[int]] = field(default_factory=dict)

    def store(self, audit_id: int, now: datetime) -> None:
        """Store it; within the transaction that stores how far the audit is.

        Args:
            audit_id: The audit.
            now: The present moment, aware.
        """
        audit_baseline.store_links(self.fresh)
        here = AuditedLink.objects.filter(kind=self.kind, row_id__in=self.row_ids)
        here.update(seen_in=audit_id, looked_at=now)
        suspect(self.kind, self.suspects)


class Comparison:
    """Compares records with rows, by the account's fields as they were when they were asked for last.

    Args:
        policy: The label, and the activity types.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._label = audit_baseline.own_label(policy)
        self._fields = remembered("organization_fields", Field) or []
        self._has_asked = self._has_asked_for_details = False
        fields = remembered("person_fields", Field) if policy.details else None
        self._chosen = detail_fields.usable(policy.details, fields or [])

    def know_fields(self, ask: Callable[[], list[Field]]) -> None:
        """Ask for the account's fields, once: what is remembered may be older than a record."""
        if not self._has_asked:
            self._fields, self._has_asked = ask(), True

    def know_details(self, ask: Callable[[], list[Field]]) -> None:
        """Ask for the account's fields of persons, once: one that is gone by now looks as if it had been emptied."""
        if not self._has_asked_for_details:
            self._chosen = detail_fields.usable(self._policy.details, ask())
            self._has_asked_for_details = True

    def look(self, kind: RowKind, records: Sequence[Any], unreadable: Iterable[Unreadable], now: datetime) -> "Seen":
        """Compare a page with our rows; `Seen.store` stores what that has shown.

        Args:
            kind: The kind of our rows.
            records: As Pipedrive lists them.
            unreadable: Those that cannot be read: they are there, and nothing else can be said of them.
            now: The present moment, aware.
        """
        there = {record.id: record for record in records if not record.is_deleted}
        odd = {each.id for each in unreadable if each.id is not None}
        by_record = rows.linked_to(kind, {*there, *odd})
        links = rows.known_links(kind, [row.pk for some in by_record.values() for row in some])
        restless = rows.restless_records(by_record, now)
        seen = Seen(kind, [row.pk for some in by_record.values() for row in some])
        for record_id, some in by_record.items():
            record = there.get(record_id)
            for row in some if record is not None else ():
                link = links.get(row.pk)
                if link is None or link.record_id != record_id:
                    link = self.first_sight(kind, row, record, now)
                    seen.fresh.append(link)
                if record_id not in restless and self.verdicts(row, record, link, some):
                    seen.suspects[row.pk] = set()
        for found in self._doubles(kind, list(there.values())) if kind != "activity" else ():
            for row_id, others in found.items():
                seen.suspects.setdefault(row_id, set()).update(others)
        return seen

    def verdicts(self, row: Any, record: Any, link: AuditedLink, linked_too: Iterable[Any]) -> list[Verdict]:
        """Return what is wrong with a row and its record, but for doubles.

        Args:
            row: The row.
            record: Its record.
            link: What is known of the link.
            linked_too: All rows that are linked to the record.
        """
        if isinstance(row, Contact):
            others = snapshots.others_of(row, linked_too)
            owner_id = row.owner.pipedrive_user_id
            return judging.of_contact(row, record, link, others=others, owner_id=owner_id, chosen=self._chosen)
        if isinstance(record, PipedriveOrganization):
            return judging.of_organization(row, record, link, sector=sector_in(record, self._fields))
        return judging.of_activity(row, record, link, self._policy.types)

    def first_sight(self, kind: RowKind, row: Any, record: Any, now: datetime) -> AuditedLink:
        """Return what is known of a link that no audit has seen: its record is taken as it is.

        Args:
            kind: The row's kind.
            row: The row.
            record: Its record.
            now: The present moment, aware.
        """
        known: dict[str, Any] = {"record_id": record.id}
        if kind != "activity":
            known = audit_baseline.of_record(row, record, label_id=self._label)
        return AuditedLink(kind=kind, row_id=row.pk, linked_at=now, **known)

    @staticmethod
    def _doubles(kind: RowKind, records: Sequence[Any]) -> Iterable[Mapping[int, set[int]]]:
        yield doubles.with_a_mark(kind, records)
        if kind == "contact":
            yield doubles.with_an_email(records)
        elif kind == "organization":
            yield doubles.with_a_name(records)


def suspect(kind: RowKind, found: Mapping[int, Iterable[int]]) -> None:
    """Have some rows looked at again.

    Args:
        kind: Their kind.
        found: By the row's id, other records that may be the same as its own.
    """
    known = {each.row_id: each for each in Suspect.objects.filter(kind=kind, row_id__in=list(found))}
    suspects = [
        Suspect(kind=kind, row_id=row_id, others=sorted({*others, *(known[row_id].others if row_id in known else ())}))
        for row_id, others in found.items()
    ]
    Suspect.objects.bulk_create(
        suspects, update_conflicts=True, unique_fields=["kind", "row_id"], update_fields=["others"]
    )
