"""Notices records with a mark that no row has: another installation writes to this company, or a backup forgot them.

Every mark of a running Warmline names its start (see crm/marks.py), and every start of ours is a row. So each list of
records that is read for the directory shows who else creates some. While links are checked after a restore, a start
that nobody knows may be our own, from after the backup; only what it creates later is another installation's.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import transaction

from warmline import database_time
from warmline.crm import marks
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.pipedrive import Person
from warmline.sync import notifications
from warmline.sync.installation_models import LinkCheck, OtherInstallation, Start
from warmline.sync.lease_keys import is_mark
from warmline.sync.models import DirectoryKind, NotificationKind

Record = Person | PipedriveOrganization

ROWS: Mapping[DirectoryKind, type[Contact | Organization]] = {
    DirectoryKind.PERSON: Contact,
    DirectoryKind.ORGANIZATION: Organization,
}
MOST_LEFT_THERE = 10_000  # records that are remembered
SHOWN_FOR = timedelta(days=30)  # since its last record was seen
MARGIN = timedelta(minutes=2)  # between our clock and Pipedrive's
TEXT = (
    "Another Warmline sends to the same company in Pipedrive: {} {} there was created by it. Neither knows the other's "
    "contacts. If one of them is an old copy, stop it; otherwise connect it to another company."
)


def notice(kind: DirectoryKind, records: Iterable[Record]) -> None:
    """Look at the marks of some records.

    Args:
        kind: The kind of the records.
        records: As Pipedrive lists them now.
    """
    marked = {mark: each for each in records if not each.is_deleted for mark in _marks(each)}
    if not marked:
        return
    check = LinkCheck.objects.filter(pk=1).first()
    if check is not None and check.ended_at is None:
        unknown = set(marked) - _known_to_rows(kind, marked)
        _remember_left_there(kind, {marked[mark].id for mark in unknown})
    for mark in _foreign(kind, marked, check):
        _meet(marks.token_of(mark), kind, marked[mark], is_past=_is_from_before(marked[mark], check))


def present(now: datetime) -> OtherInstallation | None:
    """Return the other installation that was seen last, if that was lately; None when there is none.

    Args:
        now: The present moment, aware.
    """
    seen = OtherInstallation.objects.filter(is_past=False, last_seen_at__gt=now - SHOWN_FOR)
    return seen.order_by("-last_seen_at").first()


def words(other: OtherInstallation) -> str:
    """Return what it means that there is another installation, and what to do."""
    return TEXT.format(other.kind, other.record_id)


def _foreign(kind: DirectoryKind, marked: Mapping[str, Record], check: LinkCheck | None) -> set[str]:
    """Return the marks that another installation made.

    A start from before the last check may go on elsewhere, if a backup was restored beside the old installation. What
    it creates then has a mark that is none of our rows'.
    """
    since = _tokens_since(check)
    ever = _tokens_since(None) if check is not None else since
    told = {mark: marks.token_of(mark) for mark in marked}
    doubtful = {
        mark for mark, token in told.items() if token in ever - since and not _is_from_before(marked[mark], check)
    }
    foreign = {mark for mark, token in told.items() if token and token not in ever}
    return foreign | (doubtful - _known_to_rows(kind, doubtful) if doubtful else set())


def _tokens_since(check: LinkCheck | None) -> set[str]:
    """Return the tokens of our starts, of those since a check began if there was one."""
    starts = Start.objects.all() if check is None else Start.objects.filter(at__gte=check.began_at)
    return set(starts.values_list("token", flat=True))


def _known_to_rows(kind: DirectoryKind, some: Iterable[str]) -> set[str]:
    rows = ROWS[kind]._default_manager.filter(warmline_id__in=list(some))  # noqa: SLF001 (documented as public)
    return {str(mark) for mark in rows.values_list("warmline_id", flat=True)}


def _is_from_before(record: Record, check: LinkCheck | None) -> bool:
    return check is not None and record.add_time is not None and record.add_time <= check.began_at + MARGIN


def _marks(record: Record) -> list[str]:
    return [value for value in record.custom_fields.values() if isinstance(value, str) and is_mark(value)]


def _remember_left_there(kind: DirectoryKind, ids: set[int]) -> None:
    if not ids:
        return
    with transaction.atomic():
        check = LinkCheck.objects.select_for_update().get(pk=1)
        known = {*check.left_there, *(f"{kind.value} {each}" for each in ids)}
        check.left_there = sorted(known)[:MOST_LEFT_THERE]
        check.save(update_fields=["left_there"])


def _meet(token: str, kind: DirectoryKind, record: Record, *, is_past: bool) -> None:
    now = database_time.now()
    seen = {"last_seen_at": now, "kind": kind.value, "record_id": record.id}
    with transaction.atomic():
        other, is_new = OtherInstallation.objects.get_or_create(
            token=token, defaults={**seen, "first_seen_at": now, "is_past": is_past}
        )
        if is_past and not is_new:
            return
        OtherInstallation.objects.filter(pk=token).update(**seen, is_past=is_past)
        if not is_past and (is_new or other.is_past):
            other.kind, other.record_id = kind.value, record.id
            once = f"{NotificationKind.OTHER_INSTALLATION}:{token}"
            notifications.tell(NotificationKind.OTHER_INSTALLATION, words(other), now=now, once=once)
