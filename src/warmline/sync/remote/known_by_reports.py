"""Lets a lead go over without a look, as long as Pipedrive's reports are proven to tell what there is to know.

A report is never believed: what it names under an e-mail or a name that the directory does not know for it is read
first, with one get, or many with one list. What was reported and not read yet counts as well when a lead goes over, if
it is said to have one of its names. `trusted_reports.py` has the proof that reports come. Without it, or before a look
has shown what happened until then, leads are looked for as ever.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError

from warmline.pipedrive import Clock, NotFound, Organization, Person, Pipedrive, PipedriveError, Unavailable
from warmline.sync import trusted_reports
from warmline.sync.account_models import ChangeReport, ReportIntake
from warmline.sync.leases import PATIENCE, BusyError, Leases
from warmline.sync.models import DirectoryKind, DirectoryState
from warmline.sync.remote import directory_entries
from warmline.sync.remote.directory import Directory
from warmline.sync.remote.listing_outages import is_out
from warmline.sync.reported_changes import open_gap
from warmline.sync.single_flight import ask_key

log = logging.getLogger(__name__)

PROVEN_FOR = timedelta(hours=1)  # after the last report: whatever ended in a long silence, the next lead is looked for
A_FEW = 10  # gets that cost as much as a page of a list
MOST_WAITING = 200  # reports that were not read yet; more are not gone through for each lead
TELLING = {DirectoryKind.PERSON: "emails", DirectoryKind.ORGANIZATION: "name"}


class KnownByReports:
    """What reports tell of records. Shared by the threads of an engine.

    Args:
        directory: Where their names are kept.
        clock: On which all machines agree.
    """

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def reported(self, kind: DirectoryKind, names: Collection[str]) -> set[int] | None:
        """Return what was reported under one of some names and not read yet; None if a look has to be made.

        Args:
            kind: The kind of record.
            names: The keys of e-mails, or of an organization's name.
        """
        if why_looked(self._clock.now()):
            return None
        waiting = list(ChangeReport.objects.filter(kind=kind, is_deleted=False)[: MOST_WAITING + 1])
        if len(waiting) > MOST_WAITING:
            return None
        found = set()
        for each in waiting:
            said = _names_in(each)
            if said is None:
                return None
            if not said.isdisjoint(names):
                found.add(each.record_id)
        return found

    def made(self, kind: DirectoryKind, record: Person | Organization, sent_at: datetime | None) -> None:
        """Note the names of a record that we have just written, and await the report of one that we created.

        Args:
            kind: The kind of record.
            record: As Pipedrive returned it.
            sent_at: When its create was sent; None if it was not created just now.
        """
        directory_entries.add(kind, record)
        if sent_at is not None:
            trusted_reports.await_report(kind, record.id, sent_at)

    def hear(self, pipedrive: Pipedrive, reports: Sequence[ChangeReport]) -> None:
        """Read what reports name under names that are not known; then see which of ours have come back.

        Args:
            pipedrive: The client.
            reports: All that came since, before any of them is forgotten.

        Raises:
            BusyError: When another worker is looking; the reports have to be heard again.
        """
        if trusted_reports.proven_from() is not None:
            try:
                # While a kind is not indexed as a whole, it is searched, and what is reported of it helps nobody.
                for kind in DirectoryState.objects.filter(is_full=True).values_list("kind", flat=True):
                    about = [each for each in reports if each.kind == kind and not each.is_deleted]
                    self._read(pipedrive, DirectoryKind(kind), about)
            except PipedriveError as error:
                log.warning("reports.not_read error=%s", error)
                open_gap(self._clock.now())
        trusted_reports.match(reports, self._clock.now())

    def _read(self, pipedrive: Pipedrive, kind: DirectoryKind, reports: Sequence[ChangeReport]) -> None:
        if not reports:
            return
        get: Callable[[int], Person | Organization] = (
            pipedrive.person if kind == DirectoryKind.PERSON else pipedrive.organization
        )
        # Of those who look meanwhile, none may store a list that is older than what is read or known here.
        with Leases(self._clock).hold(ask_key(f"look:{kind}"), patience=PATIENCE):
            unknown = sorted({each.record_id for each in reports if not _is_known(kind, each)})
            for record_id in unknown if len(unknown) <= A_FEW else ():
                try:
                    directory_entries.add(kind, get(record_id))
                except NotFound:
                    continue
        if len(unknown) > A_FEW:
            try:
                self._directory.freshen(pipedrive, (kind,), self._clock.now())
            except BusyError as error:  # the list cannot be read at present, perhaps for an hour
                raise Unavailable(str(error)) from error


def why_looked(now: datetime) -> str:
    """Return why leads are looked for before they are created, for people; empty if reports are trusted now.

    Args:
        now: The present moment, aware.
    """
    intake = ReportIntake.objects.filter(pk=1).exclude(address="").filter(problem="").first()
    if intake is None:
        return "Pipedrive does not report changes to Warmline."
    full = DirectoryState.objects.filter(is_full=True)
    states = [state for state in full if not is_out(state, now)]
    heard_at, longest = intake.heard_at, trusted_reports.LONGEST_WAIT - trusted_reports.SLACK
    reasons = {
        "Reports may have been lost, and what happened meanwhile is being asked for.": intake.gap_since is not None,
        "No record that Warmline created has come back as a report yet.": intake.proven_from is None,
        "A record that Warmline created did not come back within a minute.": trusted_reports.is_overdue(now),
        "No report has come for an hour.": heard_at is None or not now - PROVEN_FOR < heard_at <= now,
        "Reports take too long to wait for them.": timedelta(seconds=intake.delay) > longest,
        "Not everything that Pipedrive holds is indexed.": len(states) < len(DirectoryKind),
        "The next lead is looked for once more: before, reports were not proven to come.": any(
            state.proven_from != intake.proven_from for state in states
        ),
    }
    return next((reason for reason, is_so in reasons.items() if is_so), "")


def in_words(now: datetime) -> str:
    """Return, for people, whether leads are looked for at this moment; empty if that is not in question.

    Args:
        now: The present moment, aware.
    """
    if not trusted_reports.are_wanted():
        return ""
    why = why_looked(now)
    said = f"Each lead is looked for before it is created. {why}" if why else ""
    return said or "Leads are created without a look first, because Pipedrive's reports are proven to come."


def _names_in(report: ChangeReport) -> set[str] | None:
    """Return the names that a report says its record has; None if it does not say."""
    model: type[Person | Organization] = Person if report.kind == DirectoryKind.PERSON else Organization
    try:
        record = model.model_validate(report.data)
    except ValidationError:
        return None
    said = TELLING[DirectoryKind(report.kind)] in record.model_fields_set
    return directory_entries.names_of(record) if said else None


def _is_known(kind: DirectoryKind, report: ChangeReport) -> bool:
    said = _names_in(report)
    return said is not None and directory_entries.has_names(kind, report.record_id, said)
