"""The directory's entries: the names under which each record in Pipedrive is found, as keyed hashes.

A record that cannot be read is not treated as missing: it is entered under every text in it that may be its name. A row
that it may belong to then gets it, fails because it cannot be read, and is not created a second time.
"""

import hashlib
import hmac
import logging
from collections.abc import Iterable, Sequence

from django.conf import settings

from warmline.crm.chunks import in_pieces
from warmline.crm.keys import email_key, key
from warmline.pipedrive import Organization, Person, Unreadable
from warmline.sync.company import storing
from warmline.sync.lease_keys import is_mark
from warmline.sync.models import DirectoryEntry, DirectoryKind, DirectoryState
from warmline.sync.remote import other_installations

log = logging.getLogger(__name__)

MOST_UNREADABLE = 1000  # ids of unreadable records that are kept

Records = Sequence[Person] | Sequence[Organization]


def hashed(text: str) -> str:
    """Return a hash of a text that cannot be computed without the installation's secret key."""
    own = hashlib.sha256(f"directory {settings.SECRET_KEY}".encode()).digest()
    return hmac.digest(own, text.encode(), "sha256").hex()[:32]


def absorb(kind: DirectoryKind, records: Records, unreadable: Sequence[Unreadable]) -> None:
    """Store the names under which records are found, some at a time. The caller then stores how far it has got.

    Args:
        kind: The kind of record.
        records: As Pipedrive lists them now.
        unreadable: Those that cannot be read.

    Raises:
        StartedAnewError: When the work was begun in an earlier generation.
    """
    names: dict[int, set[str]] = {}  # a record that changed while it was listed comes twice: then both versions' names
    for record in records:
        names.setdefault(record.id, set()).update(() if record.is_deleted else names_of(record))
    for odd in unreadable:
        if odd.id is not None:
            names.setdefault(odd.id, set()).update(_possible_names(kind, odd))

    def store(some: Sequence[int]) -> None:
        with storing():
            if DirectoryState.objects.select_for_update().filter(kind=kind).first() is None:
                return  # the directory was deleted meanwhile
            DirectoryEntry.objects.filter(kind=kind, record_id__in=some).delete()
            DirectoryEntry.objects.bulk_create(
                [DirectoryEntry(kind=kind, key=hashed(name), record_id=each) for each in some for name in names[each]]
            )

    in_pieces(list(names), store)
    other_installations.notice(kind, records)


def note_unreadable(kind: DirectoryKind, records: Records, unreadable: Sequence[Unreadable]) -> None:
    """Store the ids of the records that cannot be read, and log each once, without its contents.

    Args:
        kind: The kind of record.
        records: The readable records, as Pipedrive lists them now.
        unreadable: The others.
    """
    state = DirectoryState.objects.select_for_update().filter(kind=kind).first()
    if state is None:
        return  # the directory was deleted meanwhile
    known = set(state.unreadable)
    ids = known - {record.id for record in records}
    for each in unreadable:
        if (record_id := each.id or 0) not in ids and len(ids) < MOST_UNREADABLE:
            log.warning("directory.unreadable kind=%s record=%s why=%s", state.kind, each.id, each.why)
            ids.add(record_id)
    if ids != known:
        DirectoryState.objects.filter(pk=state.pk).update(unreadable=sorted(ids))


def add(kind: DirectoryKind, record: Person | Organization) -> None:
    """Store the names under which a record is found that was read by itself; nothing else is forgotten.

    A list that was read before may still be stored after this: then a name that it does not have would be lost, so
    whoever adds one that no report will tell again holds the lease of those who look (see known_by_reports.py).

    Args:
        kind: The kind of record.
        record: As Pipedrive returned it.
    """
    entries = [DirectoryEntry(kind=kind, key=hashed(name), record_id=record.id) for name in sorted(names_of(record))]
    with storing():
        DirectoryEntry.objects.bulk_create(entries, ignore_conflicts=True)


def has_names(kind: DirectoryKind, record_id: int, names: Iterable[str]) -> bool:
    """Tell whether a record is found under all of these names."""
    keys = {hashed(name) for name in names}
    known = DirectoryEntry.objects.filter(kind=kind, record_id=record_id, key__in=keys)
    return known.count() == len(keys)


def names_of(record: Person | Organization) -> set[str]:
    """Return the names under which a record is found: its e-mails or its name, and our own mark."""
    own = (
        [key(record.name)] if isinstance(record, Organization) else [email_key(email.value) for email in record.emails]
    )
    marks = [value for value in record.custom_fields.values() if isinstance(value, str) and is_mark(value)]
    return {name for name in (*own, *marks) if name}


def _possible_names(kind: DirectoryKind, record: Unreadable) -> set[str]:
    """Return the names that a record that cannot be read may have."""
    if kind == DirectoryKind.ORGANIZATION:
        own = {key(text) for text in record.texts}
    else:
        own = {email_key(text) for text in record.texts if "@" in text}
    return own - {""} | {text for text in record.texts if is_mark(text)}
