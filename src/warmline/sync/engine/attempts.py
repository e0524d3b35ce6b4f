"""An attempt to bring a row to Pipedrive: here alone what went wrong becomes the row's state, or the connection's.

Who is at fault and what follows, `failures.py` decides. Here it is written down, with the history and the notification.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from django.db import InterfaceError, OperationalError
from django.db.models import F

from warmline import storage
from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Clock, Pipedrive, Unavailable
from warmline.sync import attempt_log, happenings, notifications
from warmline.sync.company import Membership, storing
from warmline.sync.failures import NotYetError, Verdict, is_other, judge, longest_wait, trouble, wants_probe
from warmline.sync.happenings import What
from warmline.sync.leases import BusyError
from warmline.sync.models import NotificationKind
from warmline.sync.policy import Policy
from warmline.sync.reconcile import linking
from warmline.sync.reconcile.outcome import StaleLinkError
from warmline.sync.reconcile.update import DeletedThereError
from warmline.sync.remote import connection_health

log = logging.getLogger(__name__)

STALE_LINK_WAIT = timedelta(seconds=1)  # for the other row to be brought in line again


class DisconnectedError(Exception):
    """The connection is at fault and has been reported; the row is left as it is."""


class Attempts:
    """Makes attempts, and records what came of those in vain; those that came to their end, `linking.py` records.

    Args:
        pipedrive: Asked by a probe, where an error does not tell whose fault it is.
        membership: The engine's.
        policy: How failures are tried again.
        clock: Tells when.
        random: Spreads the waits.
    """

    def __init__(
        self, pipedrive: Pipedrive, membership: Membership, policy: Policy, clock: Clock, random: Random
    ) -> None:
        self._pipedrive = pipedrive
        self._membership = membership
        self._policy = policy
        self._clock = clock
        self._random = random

    def make(self, row: Row, bring: Callable[[], None]) -> None:
        """Make an attempt.

        Args:
            row: As it is under its lease.
            bring: Brings it to Pipedrive and stores the link.

        Raises:
            BusyError: When another worker is at what it needs; it was no attempt.
            NotYetError: When it has to wait; it was no attempt, and the row is due then.
            DisconnectedError: When the connection is at fault; it was no attempt.
            OperationalError: When our own database is, and InterfaceError likewise; it was no attempt.
        """
        try:
            bring()
        except (BusyError, DisconnectedError):
            raise
        except (OperationalError, InterfaceError):
            raise  # our own database is at fault, and no row: whoever asked waits, and makes the attempt again
        except NotYetError as later:
            self.put_off(row, later.wait)
            raise
        except StaleLinkError as stale:
            now = self._clock.now()
            wait = max(linking.look_again(stale.row, now) - now, timedelta(0)) + STALE_LINK_WAIT
            if wait > longest_wait("", failed=False, policy=self._policy):  # the other row has failed, and so does this
                self._fail(row, Unavailable(str(stale)))
                return
            self.put_off(row, wait)
            raise NotYetError(wait) from stale
        except DeletedThereError:
            log.info("sync.deleted_there row=%s/%s", row._meta.model_name, row.pk)  # noqa: SLF001 (as below)
            linking.unlink(row, self._clock.now())
        except Exception as error:
            if storage.noticed(error) is not None:  # nothing could be written of it, and no row is at fault
                raise DisconnectedError from error
            self.blame_the_connection(error)
            self._fail(row, error)

    def put_off(self, row: Row, wait: timedelta) -> None:
        """Let a row be due only later.

        Args:
            row: Which.
            wait: From now.
        """
        rows = type(row)._default_manager.filter(pk=row.pk)  # noqa: SLF001 (documented as public)
        rows.update(next_pipedrive_sync_attempt=self._clock.now() + wait)

    def blame_the_connection(self, error: Exception) -> None:
        """Report the connection if an error is its fault; a probe tells, where the error itself does not.

        Args:
            error: What a call raised.

        Raises:
            DisconnectedError: When it is.
        """
        found = trouble(error)
        if found is None and wants_probe(error):
            found = connection_health.probe(self._pipedrive, self._membership, self._clock)
        if found is not None:
            log.warning("connection.%s error=%s", found.state, error)
            if self._membership.is_in_use():
                connection_health.report(found, self._clock)
            raise DisconnectedError from error

    def _fail(self, row: Row, error: Exception) -> None:
        attempts = row.pipedrive_sync_attempts + 1
        verdict = judge(error, attempts=attempts, policy=self._policy, jitter=self._random.random())
        self._set_aside(row, verdict, error)

    def _set_aside(self, row: Row, verdict: Verdict, error: Exception) -> None:
        now = self._clock.now()
        log.warning(
            "sync.%s row=%s/%s attempts=%s code=%s error=%s",
            "failed" if verdict.failed else "retry",
            row._meta.model_name,  # noqa: SLF001 (Django documents _meta as public)
            row.pk,
            row.pipedrive_sync_attempts + 1,
            verdict.code,
            error,
            exc_info=error if verdict.code == "unexpected" else None,
        )
        values: dict[str, object] = {
            "pipedrive_sync_attempts": F("pipedrive_sync_attempts") + 1,
            "last_pipedrive_sync_attempt": now,
            "next_pipedrive_sync_attempt": now + max(verdict.wait, timedelta(0)),
            "pipedrive_sync_failed": verdict.failed,
            "pipedrive_sync_error_code": verdict.code,
            "pipedrive_sync_error_message": verdict.message,
            "pipedrive_sync_error_field": verdict.field,
        }
        if verdict.candidates:  # a person has to decide, or decide anew; what is no news of them changes nothing
            values |= {**Contact.undecided(), "pipedrive_candidates": list(verdict.candidates)}
        is_news = not row.pipedrive_sync_failed or is_other(row.pipedrive_sync_error_code, verdict.code)
        with storing():
            # An edit, or someone who tries again or chooses, was faster: it is due by that already; this is no news.
            as_read = {**row.as_read(), "pipedrive_sync_attempts": row.pipedrive_sync_attempts}
            rows = type(row)._default_manager.filter(pk=row.pk)  # noqa: SLF001 (documented as public)
            if not rows.select_for_update().exists():
                return  # it was deleted here (see local_deletes.py)
            attempt_log.note(row, verdict.message, ok=False, now=now)
            if rows.filter(**as_read).update(**values) and verdict.failed and is_news:
                _tell_of_failure(row, verdict, now)


def _tell_of_failure(row: Row, verdict: Verdict, now: datetime) -> None:
    """Tell whose row it is. Of an organization that contacts wait for, their users hear with them."""
    text = f"Could not sync {row}. {verdict.message}"
    match row:
        case Organization() if row.is_linked or row.pipedrive_asked_for:
            user = linking.user_of(row)
            notifications.tell(NotificationKind.ORGANIZATION_FAILED, text, now=now, user=user, row_id=row.pk)
        case Contact():
            notifications.tell(
                NotificationKind.CONTACT_FAILED, text, now=now, user=row.owner, contact=row, row_id=row.pk
            )
            error = {"code": verdict.code, "message": verdict.message, "field": verdict.field or None}
            happenings.tell(What.CONTACT_FAILED, row, error=error)
        case Activity():
            text = f"Could not sync “{row.subject}”. {verdict.message}"
            kind, contact = NotificationKind.ACTIVITY_FAILED, row.contact
            notifications.tell(kind, text, now=now, user=contact.owner, contact=contact, row_id=row.pk)
