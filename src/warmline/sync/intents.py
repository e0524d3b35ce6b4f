"""Nothing is created twice: what is about to be made is remembered first, and looked for before it is made again.

Pipedrive has no idempotency keys, so a create whose answer never came may or may not have happened, and may even
happen seconds later. The only cure is to look, soon and once more after the longest wait, before making it anew.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from warmline.pipedrive import Pipedrive, PipedriveError, Uncertain
from warmline.sync.claims import Claims
from warmline.sync.models import Intent
from warmline.sync.outcomes import NotYetError

Made = TypeVar("Made")

SETTLED = timedelta(seconds=30)  # a create that is not there by then is taken for not done
OVERLAP = timedelta(seconds=5)  # Pipedrive's times are whole seconds, and its `Date` header may be one behind


class Intents:
    """Begins and ends creates.

    Args:
        pipedrive: Its clock is the one that intents are dated by, never this machine's.
        claims: Renewed before each create, so that it happens under a live claim.
    """

    def __init__(self, pipedrive: Pipedrive, claims: Claims) -> None:
        self._pipedrive = pipedrive
        self._claims = claims

    def begun(self, key: str) -> datetime | None:
        """Return the moment since which a record made by an unfinished create must have changed; None without one."""
        intent = Intent.objects.filter(key=key).first()
        return intent.sent_at - OVERLAP if intent else None

    def make(self, key: str, create: Callable[[], Made]) -> Made:
        """Create a thing, unless an unfinished create of it may still come to be.

        Call it only after a look has shown that the thing is not there. The intent stays until `end`, which belongs
        into the transaction that stores the id.

        Args:
            key: What is made (see models.Intent).
            create: Makes it, with one call.

        Raises:
            NotYetError: While an earlier create is too recent to be taken for not done.
            Uncertain: When the create may have been done; the intent stays.
            PipedriveError: When it was not done; the intent is gone.
        """
        now = self._pipedrive.server_time()
        earlier = Intent.objects.filter(key=key).first()
        if earlier and not earlier.answered and now < earlier.sent_at + SETTLED:
            raise NotYetError(earlier.sent_at + SETTLED - now)
        self._claims.renew()
        Intent.objects.update_or_create(key=key, defaults={"sent_at": now, "answered": False})
        try:
            return create()
        except Uncertain as error:
            Intent.objects.filter(key=key).update(answered=error.answered)
            raise
        except PipedriveError:
            self.end(key)
            raise

    @staticmethod
    def end(key: str) -> None:
        """Forget the intent: the id is stored, or the thing was found, or it is known not to have been made."""
        Intent.objects.filter(key=key).delete()
