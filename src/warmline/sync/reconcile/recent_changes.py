"""The recent changes in Pipedrive: one look at them serves everyone who has to look at that moment.

After a burst of creates whose responses were lost, each row has to look for what it may have made. The list of changes
since then (10 tokens a page) contains all of it. So the first row asks, and the others use its answer if the look was
late enough for them. A record in it that cannot be read delays only the rows that it may belong to.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from warmline.crm.keys import email_key, key
from warmline.pipedrive import Activity, Clock, Organization, Person, Pipedrive, Unavailable, Unreadable
from warmline.sync.elapsed import Ages
from warmline.sync.intents import OVERLAP, emails_in
from warmline.sync.lease_keys import is_mark
from warmline.sync.models import Intent

BURST = timedelta(seconds=30)


@dataclass(frozen=True)
class _Look:
    since: datetime
    at: float
    records: Sequence[Any]
    unreadable: Sequence[Unreadable]


class Looks:
    """The last look at each kind of record. Shared by the threads of an engine.

    Args:
        clock: This machine's; dates the looks.
        lock: A lock that may be held during a request.

    Attributes:
        ages: How long ago creates were sent.
    """

    def __init__(self, clock: Clock, lock: AbstractContextManager[Any]) -> None:
        self.ages = Ages(clock)
        self._clock = clock
        self._lock = lock
        self._last: dict[str, _Look] = {}

    def persons(self, pipedrive: Pipedrive, intent: Intent, after: float) -> Sequence[Person]:
        """Return the persons that changed since a create of one was sent.

        Args:
            pipedrive: The client.
            intent: The create.
            after: The look must not be older than this, in monotonic seconds.

        Raises:
            Unavailable: A record that the create may have made cannot be read.
        """
        return self._since("persons", pipedrive.persons, intent, after)

    def organizations(self, pipedrive: Pipedrive, intent: Intent, after: float) -> Sequence[Organization]:
        """Return the organizations that changed since a create of one was sent; see `persons`."""
        return self._since("organizations", pipedrive.organizations, intent, after)

    def activities(self, pipedrive: Pipedrive, intent: Intent, after: float) -> Sequence[Activity]:
        """Return the activities that changed since a create of one was sent; see `persons`."""
        return self._since("activities", pipedrive.activities, intent, after)

    def _since(self, kind: str, ask: Callable[..., Sequence[Any]], intent: Intent, after: float) -> Sequence[Any]:
        since = intent.looked_for_since - OVERLAP
        with self._lock:
            last = self._last.get(kind)
            if last is None or last.since > since or last.at < after:
                # A little further back, so that this look serves all creates that were lost in the same burst.
                since -= BURST
                at, unreadable = self._clock.monotonic(), list[Unreadable]()
                records = ask(updated_since=since, unreadable=unreadable)
                last = self._last[kind] = _Look(since, at, records, unreadable)
        refuse_if_among(last.unreadable, kind, intent.body)
        return last.records


def refuse_if_among(unreadable: Iterable[Unreadable], kind: str, body: Mapping[str, Any]) -> None:
    """Return if none of the records that cannot be read can have been made by a create with this body.

    Raises:
        Unavailable: When one of them can.
    """
    telling = _telling(body)
    for each in unreadable:
        if not telling.isdisjoint({spelled for text in each.texts for spelled in (key(text), email_key(text))}):
            raise Unavailable(f"One of the {kind} (id {each.id}) may be this one, and cannot be read: {each.why}")


def _telling(body: Mapping[str, Any]) -> set[str]:
    """Return the keys that best identify what was created: our mark, else e-mails, else name or subject."""
    marks = {text for text in body.get("custom_fields", {}).values() if isinstance(text, str) and is_mark(text)}
    return marks or emails_in(body) or {key(body.get("name") or body.get("subject") or "")} - {""}
