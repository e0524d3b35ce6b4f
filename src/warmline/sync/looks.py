"""One look at what changed in Pipedrive serves everyone who has to look at that moment.

After a lost burst each row must look for what it may have made. The list of what changed since (10 tokens a page) holds
them all, so the first one asks and the others read along, as long as the look was late enough for them.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from warmline.pipedrive import Activity, Clock, Organization, Person, Pipedrive
from warmline.sync.intents import OVERLAP
from warmline.sync.models import Intent

BURST = timedelta(seconds=30)


@dataclass(frozen=True)
class _Look:
    since: datetime
    at: datetime
    records: Sequence[Any]


class Looks:
    """The last look at each kind of record. Shared by the threads of an engine.

    Args:
        clock: Ours, by which the moment of a look is told.
        lock: One that may be held while a request is under way.
    """

    def __init__(self, clock: Clock, lock: AbstractContextManager[Any]) -> None:
        self._clock = clock
        self._lock = lock
        self._last: dict[str, _Look] = {}

    def persons(self, pipedrive: Pipedrive, intent: Intent, after: datetime) -> Sequence[Person]:
        """Return the persons that changed since a create of one was sent.

        Args:
            pipedrive: Who is asked.
            intent: The create.
            after: The look must not be older than this, by our clock.
        """
        return self._since("persons", pipedrive.persons, intent, after)

    def organizations(self, pipedrive: Pipedrive, intent: Intent, after: datetime) -> Sequence[Organization]:
        """Return the organizations that changed since a create of one was sent; see `persons`."""
        return self._since("organizations", pipedrive.organizations, intent, after)

    def activities(self, pipedrive: Pipedrive, intent: Intent, after: datetime) -> Sequence[Activity]:
        """Return the activities that changed since a create of one was sent; see `persons`."""
        return self._since("activities", pipedrive.activities, intent, after)

    def _since(self, kind: str, ask: Callable[..., Sequence[Any]], intent: Intent, after: datetime) -> Sequence[Any]:
        since = intent.sent_at - OVERLAP
        with self._lock:
            last = self._last.get(kind)
            if last is None or last.since > since or last.at < after:
                # A little further back, so that this look serves all that was lost in the same burst.
                since -= BURST
                at = self._clock.now()
                last = self._last[kind] = _Look(since, at, ask(updated_since=since))
            return last.records
