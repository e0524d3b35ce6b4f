"""The directory's entries: under which names each record of Pipedrive's is found, as keyed hashes.

A record that cannot be read is passed over, but not taken for absent: it is found under every text in it that may be
its name. Whoever may be it then gets it, hears that it cannot be read, and is not made a second time.
"""

import hashlib
import hmac
import logging
from collections.abc import Sequence

from django.conf import settings

from warmline.crm.chunks import in_pieces
from warmline.crm.keys import email_key, key
from warmline.pipedrive import Organization, Person, Unreadable
from warmline.sync.company import storing
from warmline.sync.lease_keys import is_mark
from warmline.sync.models import DirectoryEntry, DirectoryKind, DirectoryState

log = logging.getLogger(__name__)

MOST_UNREADABLE = 1000  # of which the ids are kept

Records = Sequence[Person] | Sequence[Organization]


def hashed(text: str) -> str:
    """Return a hash of a text that nobody can make without the installation's own secret key."""
    own = hashlib.sha256(f"directory {settings.SECRET_KEY}".encode()).digest()
    return hmac.digest(own, text.encode(), "sha256").hex()[:32]


def absorb(kind: DirectoryKind, records: Records, unreadable: Sequence[Unreadable]) -> None:
    """Write down under which names records are found now, some at a time; the caller then says how far it came.

    Args:
        kind: Of which kind they are.
        records: As Pipedrive lists them now.
        unreadable: Those among them that cannot be read.

    Raises:
        StartedAnewError: When what is at work was begun in an earlier generation.
    """
    names: dict[int, set[str]] = {}  # of one that changed while it was listed, and comes twice, all of them
    for record in records:
        names.setdefault(record.id, set()).update(() if record.is_deleted else _names(record))
    for odd in unreadable:
        if odd.id is not None:
            names.setdefault(odd.id, set()).update(_possible_names(kind, odd))

    def store(some: Sequence[int]) -> None:
        with storing():
            if DirectoryState.objects.select_for_update().filter(kind=kind).first() is None:
                return  # all of it was forgotten meanwhile
            DirectoryEntry.objects.filter(kind=kind, record_id__in=some).delete()
            DirectoryEntry.objects.bulk_create(
                [DirectoryEntry(kind=kind, key=hashed(name), record_id=each) for each in some for name in names[each]]
            )

    in_pieces(list(names), store)


def note_unreadable(kind: DirectoryKind, records: Records, unreadable: Sequence[Unreadable]) -> None:
    """Keep the ids of the records that cannot be read, and log each once; never what they hold.

    Args:
        kind: Of which kind they are.
        records: As Pipedrive lists them now, readable ones.
        unreadable: The others.
    """
    state = DirectoryState.objects.select_for_update().filter(kind=kind).first()
    if state is None:
        return  # all of it was forgotten meanwhile
    known = set(state.unreadable)
    ids = known - {record.id for record in records}
    for each in unreadable:
        if (record_id := each.id or 0) not in ids and len(ids) < MOST_UNREADABLE:
            log.warning("directory.unreadable kind=%s record=%s why=%s", state.kind, each.id, each.why)
            ids.add(record_id)
    if ids != known:
        DirectoryState.objects.filter(pk=state.pk).update(unreadable=sorted(ids))


def _names(record: Person | Organization) -> set[str]:
    """Return under which names a record is found: e-mails or name, and our own mark."""
    own = (
        [key(record.name)] if isinstance(record, Organization) else [email_key(email.value) for email in record.emails]
    )
    marks = [value for value in record.custom_fields.values() if isinstance(value, str) and is_mark(value)]
    return {name for name in (*own, *marks) if name}


def _possible_names(kind: DirectoryKind, record: Unreadable) -> set[str]:
    """Return under which names a record may have to be found that cannot be read."""
    if kind == DirectoryKind.ORGANIZATION:
        own = {key(text) for text in record.texts}
    else:
        own = {email_key(text) for text in record.texts if "@" in text}
    return own - {""} | {text for text in record.texts if is_mark(text)}
