"""Checks all links after a restore, a hundred at a time, before anything is sent (see remote/reconcile_first.py).

A record that is there by its id, and that our mark, an e-mail or its name confirms, keeps its link. One that is gone is
looked for by the mark, and by the e-mail with an agreeing name, as for any update. How far it got is stored with what
was found, so it goes on there after a restart, in any process. It only reads.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import F

from warmline.crm.activities import Activity, Row
from warmline.crm.keys import email_key, key
from warmline.crm.models import Contact, Organization
from warmline.crm.name_agreement import agree
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Clock, Page, Person, Pipedrive, PipedriveError, with_ids
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync import notifications
from warmline.sync.call_counts import Purpose, made_for
from warmline.sync.company import storing
from warmline.sync.installation_models import LinkCheck
from warmline.sync.lease_keys import row_key
from warmline.sync.leases import Leases
from warmline.sync.models import NotificationKind
from warmline.sync.reconcile import linking
from warmline.sync.reconcile.candidates import bears
from warmline.sync.reconcile.matching import Finder
from warmline.sync.reconcile.merged_or_deleted_there import DeletedThereError, LinkedRecords
from warmline.sync.remote import reconcile_first
from warmline.sync.retries import NotYetError, trouble

LEASE = "links"  # the key of the lease for checking some
AT_ONCE = 100  # ids that one call takes
AGAIN_AFTER = timedelta(seconds=10)  # after a failure that is not the connection's
TRIES = 5  # to read the same; then it counts as unreadable
MOST_NAMED = 10_000  # rows that are remembered by name
FEW = 10  # links that may lead to nothing in any case; beyond that, a tenth of all
DONE = "All links to Pipedrive were checked after a restore. Sending goes on; the Sync page says what was found."
KEPT, MOVED, GONE, DOUBTFUL, UNREADABLE = "kept", "moved", "gone", "doubtful", "unreadable"

Record = Person | PipedriveOrganization | PipedriveActivity


@dataclass
class _Found:
    """What was found of some rows.

    Attributes:
        outcomes: The outcome of each row, by its id.
        moved: The ids of the records to which links now lead, by the row's id.
    """

    outcomes: dict[int, str] = field(default_factory=dict)
    moved: dict[int, int] = field(default_factory=dict)


class LinkChecks:
    """Checks links, for one piece of work.

    Args:
        pipedrive: The client.
        finder: Finds what a record was merged into, or made anew as.
        leases: This worker's.
        clock: Tells the time.
    """

    def __init__(self, pipedrive: Pipedrive, finder: Finder, leases: Leases, clock: Clock) -> None:
        self._records = LinkedRecords(pipedrive, finder)
        self._leases = leases
        self._clock = clock
        self._lists: Mapping[str, Callable[..., Page[Any]]] = {
            "organization": pipedrive.organizations_page,
            "contact": pipedrive.persons_page,
            "activity": pipedrive.activities_page,
        }

    def step(self) -> bool:
        """Check some links, if that was begun and is due; return whether there is more to do now.

        Raises:
            PipedriveError: When they could not be read; nothing is stored then.
            BusyError: When another worker is reading the same.
        """
        if not is_due(self._clock):
            return False
        with made_for(Purpose.LINKS), self._leases.hold(LEASE):
            check = reconcile_first.present()
            if check is None:
                return False
            rows = _next(check)
            if not rows:
                return self._go_on(check)
            try:
                found = self._found(check, rows)
            except NotYetError as later:
                put_off(str(later), self._clock)
                return False
            self._store(check, rows, found)
            return True

    def _found(self, check: LinkCheck, rows: Sequence[Row]) -> _Found:
        ids = sorted({getattr(row, row.LINK) for row in rows})
        try:
            page = self._lists[check.stage](None, with_ids(ids))
        except PipedriveError as error:
            if not _is_given_up(check, error):
                raise
            page = Page([], None)  # each is asked for by itself
        there = {record.id: record for record in page.records if not record.is_deleted}
        odd = {each.id for each in page.unreadable}
        found = _Found()
        for row in rows:
            record_id = getattr(row, row.LINK)
            if record_id in odd:
                found.outcomes[row.pk] = UNREADABLE
            elif record_id in there:
                found.outcomes[row.pk] = KEPT if is_confirmed(row, there[record_id]) else DOUBTFUL
            else:
                self._look_elsewhere(check, row, found)
        return found

    def _look_elsewhere(self, check: LinkCheck, row: Row, found: _Found) -> None:
        try:
            record = self._records.record_of(row)
        except DeletedThereError:
            found.outcomes[row.pk] = GONE
            return
        except PipedriveError as error:
            if not _is_given_up(check, error):
                raise
            found.outcomes[row.pk] = UNREADABLE
            return
        found.outcomes[row.pk] = KEPT if record.id == getattr(row, row.LINK) else MOVED
        found.moved[row.pk] = record.id

    def _store(self, check: LinkCheck, rows: Sequence[Row], found: _Found) -> None:
        with storing():
            present = LinkCheck.objects.select_for_update().get(pk=check.pk)
            if (present.stage, present.after) != (check.stage, check.after):
                return  # another worker has checked them meanwhile
            figures = present.figures.setdefault(check.stage, {})
            for row in rows:
                outcome = found.outcomes[row.pk]
                figures[outcome] = figures.get(outcome, 0) + 1
                if outcome == MOVED:
                    _move(row, found.moved[row.pk])
            present.gone = _named(present.gone, check.stage, found, GONE)
            present.doubtful = _named(present.doubtful, check.stage, found, DOUBTFUL)
            present.after, present.checked = rows[-1].pk, present.checked + len(rows)
            present.retry_at, present.problem, present.failures = None, "", 0
            present.save()

    def _go_on(self, check: LinkCheck) -> bool:
        """Begin with the next table, or end."""
        stages = list(reconcile_first.TABLES)
        following = stages[stages.index(check.stage) + 1 :]
        with storing():
            rows = LinkCheck.objects.filter(pk=check.pk, stage=check.stage, after=check.after)
            if following:
                rows.update(stage=following[0], after=0)
                return True
            if rows.update(ended_at=self._clock.now()):
                self._unlink_few(check)
                notifications.tell(NotificationKind.LINKS_CHECKED, DONE, now=self._clock.now())
        return False

    def _unlink_few(self, check: LinkCheck) -> None:
        """Unlink the rows whose records are gone, unless they are many: then the token may just not show them."""
        if len(check.gone) > max(FEW, check.total // 10):
            return
        for name in check.gone:
            kind, _, row_id = name.partition(" ")
            row = _rows(kind).filter(pk=row_id).first()
            if row is not None and row.is_linked:
                linking.unlink(row, self._clock.now())


def put_off(problem: str, clock: Clock) -> None:
    """Go on after a while: what was to be read cannot be read at present.

    Args:
        problem: What failed.
        clock: Tells the time.
    """
    again = {"retry_at": clock.now() + AGAIN_AFTER, "problem": problem, "failures": F("failures") + 1}
    LinkCheck.objects.filter(pk=1, ended_at=None).update(**again)


def is_due(clock: Clock) -> bool:
    """Tell whether links are to be checked now."""
    check = reconcile_first.present()
    now = clock.now()
    return check is not None and (check.retry_at is None or not now < check.retry_at <= now + AGAIN_AFTER)


def is_confirmed(row: Row, record: Any) -> bool:
    """Tell whether a record that a row is linked to looks like the row's: by our mark, an e-mail or its name.

    Args:
        row: The row; an activity with its contact.
        record: As Pipedrive returned it.
    """
    ours, theirs = (row.pipedrive_agreed.get(side, {}) for side in ("ours", "theirs"))
    match row:
        case Contact():
            known = {email_key(each) for each in (row.email, ours.get("email"), theirs.get("email")) if each}
            emails = [each.value for each in record.emails]
            names = [each for each in (row.name, ours.get("name"), theirs.get("name")) if each]
            return (
                bears(record, str(row.warmline_id))
                or not known.isdisjoint(map(email_key, emails))
                or any(agree(name, record.name, [row.email, *emails]) for name in names)
            )
        case Organization():
            names = [each for each in (row.name, ours.get("name"), theirs.get("name")) if each]
            return bears(record, str(row.warmline_id)) or key(record.name) in map(key, names)
    subjects = {key(each) for each in (row.subject, ours.get("subject"), theirs.get("subject")) if each}
    return record.person_id == row.contact.pipedrive_person_id or key(record.subject or "") in subjects


def _is_given_up(check: LinkCheck, error: PipedriveError) -> bool:
    """Tell whether something could not be read so often, although the connection works, that it is left out."""
    return check.failures >= TRIES and trouble(error) is None


def _next(check: LinkCheck) -> list[Row]:
    rows = _rows(check.stage).filter(pk__gt=check.after)
    model = reconcile_first.TABLES[check.stage]
    return list(rows.filter(**{f"{model.LINK}__isnull": False}).order_by("pk")[:AT_ONCE])


def _rows(kind: str) -> Any:
    model = reconcile_first.TABLES[kind]
    beside = {Contact: ("owner", "organization"), Activity: ("contact__owner",)}.get(model, ())
    return model._default_manager.select_related(*beside)  # noqa: SLF001 (documented as public)


def _move(row: Row, record_id: int) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**{row.LINK: record_id})  # noqa: SLF001 (documented as public)


def _named(before: list[str], kind: str, found: _Found, outcome: str) -> list[str]:
    more: Iterable[str] = (row_key(kind, pk) for pk, each in found.outcomes.items() if each == outcome)
    return [*before, *more][:MOST_NAMED]
