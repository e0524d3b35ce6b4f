"""Looks at a suspect again, by itself, and stores what is wrong with it.

A row to which something happens meanwhile is no problem: it is left to the next audit.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db.models import Q

from warmline.crm.activities import Row
from warmline.crm.models import Contact, Organization
from warmline.crm.name_agreement import agree
from warmline.pipedrive import Clock, NotFound, Pipedrive
from warmline.sync.audit import doubles, judging, rows
from warmline.sync.audit.judging import Verdict
from warmline.sync.audit.reading import Comparison
from warmline.sync.audit_models import AuditedLink, Finding, Problem, Suspect
from warmline.sync.company import storing
from warmline.sync.models import DirectoryEntry, DirectoryKind
from warmline.sync.policy import Policy
from warmline.sync.priorities import RowKind
from warmline.sync.remote.directory_entries import hashed
from warmline.sync.synced_fields import is_detail

MOST_OTHERS = 5  # records that are looked at to tell whether a link can be followed


class Checks:
    """Looks at suspects.

    Args:
        pipedrive: The client.
        policy: The label, and the activity types.
        clock: Tells the time.
    """

    def __init__(self, pipedrive: Pipedrive, policy: Policy, clock: Clock) -> None:
        self._pipedrive, self._policy, self._clock = pipedrive, policy, clock
        self._comparison: Comparison | None = None

    def check(self, suspect: Suspect, audit_id: int) -> None:
        """Look at one suspect, and store what is wrong with it.

        Args:
            suspect: The row; it is no suspect any more afterwards.
            audit_id: The audit.

        Raises:
            PipedriveError: When it could not be looked at.
            StartedAnewError: When somebody has started over with another company.
        """
        kind: RowKind = suspect.kind  # type: ignore[assignment]  # one of the three
        row = rows.linked(kind).filter(pk=suspect.row_id).first()
        linked_too = [] if row is None else rows.linked_to(kind, [getattr(row, row.LINK)])[getattr(row, row.LINK)]
        if row is None or rows.restless(linked_too, self._clock.now()):
            self._leave(suspect)
            return
        record = self._there(kind, getattr(row, row.LINK))
        link = self._known(kind, row, record)
        verdicts = self._verdicts(kind, row, record, link, linked_too, suspect.others)
        with storing():
            if not all(map(rows.is_as_it_was, linked_too)) or rows.restless(linked_too, self._clock.now()):
                self._leave(suspect)
                return
            store_link(link, audit_id, self._clock)
            self._store(row, kind, verdicts)
            Suspect.objects.filter(pk=suspect.pk).delete()

    def _verdicts(  # noqa: PLR0917 (a check is about all of these)
        self, kind: RowKind, row: Any, record: Any, link: AuditedLink, linked_too: Sequence[Any], others: Iterable[int]
    ) -> list[Verdict]:
        ids = {*others} - {link.record_id}
        if record is None:
            return judging.of_nothing(row, link, can_be_followed=self._can_be_followed(kind, row, ids))
        if self._comparison is None:
            self._comparison = Comparison(self._policy)
        found = self._comparison.verdicts(row, record, link, linked_too)
        if isinstance(row, Organization) and any("sector" in each.values for each in found):
            self._comparison.know_fields(self._pipedrive.organization_fields)
            found = self._comparison.verdicts(row, record, link, linked_too)
        if any(is_detail(name) for each in found for name in each.values):
            self._comparison.know_details(self._pipedrive.person_fields)
            found = self._comparison.verdicts(row, record, link, linked_too)
        if isinstance(row, Contact) and any(each.problem == Problem.ORGANIZATION for each in found):
            found = self._without_what_follows(row, found)
        return [*found, *(self._doubles(kind, row, record, link, ids) if ids and kind != "activity" else ())]

    def _doubles(self, kind: RowKind, row: Any, record: Any, link: AuditedLink, ids: Iterable[int]) -> list[Verdict]:
        records = [each for each in (self._there(kind, record_id) for record_id in sorted(ids)) if each is not None]
        marked = {each.id for each in records if judging.bears(each, row)}
        named: set[int] = set()
        if isinstance(row, Contact) and judging.is_named(record, row):
            named = {each.id for each in records if judging.is_named(each, row)}
            if link.apart is None:  # what was there before audits looked is as it is
                link.apart = sorted(named)
            holders = rows.linked_to("contact", named)
            links = rows.known_links("contact", [each.pk for some in holders.values() for each in some])
            named = {each for each in named if doubles.may_be_double(row, link, each, holders.get(each, ()), links)}
        if isinstance(row, Organization) and judging.has_name(record, row):
            named = {each.id for each in records if judging.has_name(each, row)}
            if link.apart is None:  # as above
                link.apart = sorted(named)
            holders = rows.linked_to("organization", named)
            named = {each for each in named if not holders.get(each) and doubles.may_be_second(link, each)}
        return judging.of_doubles(link, marked, named)

    def _can_be_followed(self, kind: RowKind, row: Any, ids: Iterable[int]) -> bool:
        """Tell whether a row's record seems to have been merged into another one, which the engine would find."""
        if kind == "activity":
            return False
        names = [str(row.warmline_id), row.email_key if isinstance(row, Contact) else row.name_key]
        keys = [hashed(name) for name in names if name]
        directory = DirectoryKind.PERSON if kind == "contact" else DirectoryKind.ORGANIZATION
        known = DirectoryEntry.objects.filter(kind=directory, key__in=keys).values_list("record_id", flat=True)
        found = (self._there(kind, each) for each in sorted({*ids, *known} - {getattr(row, row.LINK)})[:MOST_OTHERS])
        return any(each is not None and _may_be(row, each) for each in found)

    def _without_what_follows(self, contact: Contact, found: list[Verdict]) -> list[Verdict]:
        """Leave out an organization that a person has lost together with the organization's own record."""
        known = {contact.pipedrive_agreed.get("theirs", {}).get("organization")}
        known |= {contact.organization.pipedrive_org_id} if contact.organization else set()
        if all(self._there("organization", each) is not None for each in known if each):
            return found
        return [each for each in found if each.problem != Problem.ORGANIZATION]

    def _there(self, kind: RowKind, record_id: int) -> Any:
        return record_there(self._pipedrive, kind, record_id)

    def _known(self, kind: RowKind, row: Any, record: Any) -> AuditedLink:
        """Return what is known of a row's link; of another record than before, what is there now."""
        link = AuditedLink.objects.filter(kind=kind, row_id=row.pk).first()
        if link is not None and link.record_id == getattr(row, row.LINK):
            return link
        now = self._clock.now()
        if record is None:
            fresh = AuditedLink(kind=kind, row_id=row.pk, record_id=getattr(row, row.LINK), linked_at=now)
        else:
            fresh = Comparison(self._policy).first_sight(kind, row, record, now)
        fresh.pk = None if link is None else link.pk
        return fresh

    def _leave(self, suspect: Suspect) -> None:
        """Say nothing of a row to which something is happening."""
        with storing():
            Suspect.objects.filter(pk=suspect.pk).delete()
            here = Finding.objects.filter(kind=suspect.kind, row_id=suspect.row_id)
            here.exclude(problem=Problem.MISSING).delete()

    def _store(self, row: Row, kind: RowKind, verdicts: Iterable[Verdict]) -> None:
        """Replace what was found of a row."""
        found = {verdict.problem: verdict for verdict in verdicts}
        here = Finding.objects.filter(kind=kind, row_id=row.pk)
        here.exclude(Q(problem__in=list(found)) | Q(problem=Problem.MISSING)).delete()
        for problem, verdict in found.items():
            values = {
                "record_id": getattr(row, row.LINK),
                "fields": sorted(verdict.values),
                "values": dict(verdict.values),
                "others": list(verdict.others),
                "mends_itself": verdict.mends_itself,
            }
            first = {**values, "found_at": self._clock.now()}
            Finding.objects.update_or_create(
                kind=kind, row_id=row.pk, problem=problem, defaults=values, create_defaults=first
            )


def record_there(pipedrive: Pipedrive, kind: str, record_id: int) -> Any:
    """Return the record of a kind of row; None when there is none, or it is marked as deleted.

    Args:
        pipedrive: The client.
        kind: "contact", "organization" or "activity".
        record_id: Its id.
    """
    ask: dict[str, Callable[[int], Any]] = {
        "contact": pipedrive.person,
        "organization": pipedrive.organization,
        "activity": pipedrive.activity,
    }
    try:
        record = ask[kind](record_id)
    except NotFound:
        return None
    return None if record.is_deleted else record


def store_link(link: AuditedLink, audit_id: int, clock: Clock) -> None:
    """Store what is known of a link, and that it was looked at.

    Args:
        link: As it is known now.
        audit_id: The audit.
        clock: Tells the time.
    """
    link.seen_in, link.looked_at = audit_id, clock.now()
    link.save()


def _may_be(row: Any, record: Any) -> bool:
    if judging.bears(record, row):
        return True
    if isinstance(row, Contact):
        emails = [row.email, *(each.value for each in record.emails)]
        return judging.is_named(record, row) and agree(row.name, record.name, emails)
    return True  # the directory knows it by its name
