"""Makes an attempt to send a row, and stores what went wrong, on the row or on the connection. Only this module does.

`retries.py` decides what is at fault and what follows. Here that is stored, together with the log and a notification.
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
from warmline.crm.sync_columns import ERROR_FIELD_LENGTH
from warmline.pipedrive import Clock, Pipedrive, Unavailable
from warmline.sync import attempt_log, domain_events, notifications
from warmline.sync.after_change import no_choice
from warmline.sync.company import Membership, storing
from warmline.sync.domain_events import What
from warmline.sync.leases import BusyError
from warmline.sync.models import NotificationKind
from warmline.sync.policy import Policy
from warmline.sync.reconcile import linking
from warmline.sync.reconcile.merged_or_deleted_there import NOT_SHOWN, NOT_SHOWN_TEXT, DeletedThereError
from warmline.sync.reconcile.outcome import StaleLinkError
from warmline.sync.remote import connection_health
from warmline.sync.retries import NotYetError, Verdict, is_other, judge, longest_wait, trouble, wants_probe

log = logging.getLogger(__name__)

STALE_LINK_WAIT = timedelta(seconds=1)  # for the other row to be brought in line again
UNTIL_SHOWN = timedelta(seconds=5)  # before a record is looked for again that was not there; then it counts as deleted


class DisconnectedError(Exception):
    """The connection is at fault and has been reported; the row is left as it is."""


class Attempts:
    """Makes attempts, and stores the failed ones; `linking.py` stores the successful ones.

    Args:
        pipedrive: The client, for a probe when an error does not show whose fault it is.
        membership: The engine's.
        policy: How failures are tried again.
        clock: Tells the time.
        random: Varies the waits.
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
            row: The row, read under its lease.
            bring: Sends it and stores the outcome.

        Raises:
            BusyError: When another worker holds what it needs. This does not count as an attempt.
            NotYetError: When the row has to wait; it becomes due then. This does not count as an attempt.
            DisconnectedError: When the connection is at fault. This does not count as an attempt.
            OperationalError: When our own database is at fault, like InterfaceError. This does not count as an attempt.
        """
        try:
            bring()
        except (BusyError, DisconnectedError):
            raise
        except NotYetError as later:
            self.put_off(row, later.wait)
            raise
        except StaleLinkError as stale:
            now = self._clock.now()
            wait = max(linking.look_again(stale.row, now) - now, timedelta(0)) + STALE_LINK_WAIT
            if wait > longest_wait("", failed=False, policy=self._policy):  # the other row has failed, and so has this
                self._fail(row, Unavailable(str(stale)))
                return
            self.put_off(row, wait)
            raise NotYetError(wait) from stale
        except DeletedThereError as gone:
            if row.pipedrive_sync_error_code != NOT_SHOWN:  # a new record may not be shown everywhere at once
                self._set_aside(
                    row, Verdict(failed=False, wait=UNTIL_SHOWN, code=NOT_SHOWN, message=NOT_SHOWN_TEXT), gone
                )
                return
            log.info("sync.deleted_there row=%s/%s", row._meta.model_name, row.pk)  # noqa: SLF001 (as below)
            linking.unlink(row, self._clock.now())
        except Exception as error:
            if isinstance(error, OperationalError | InterfaceError) and not storage.is_unstorable(error):
                raise  # our own database is at fault, and not the row: the caller waits and tries again
            if storage.noticed(error) is not None:  # the disk is at fault, and not the row
                raise DisconnectedError from error
            self.blame_the_connection(error)
            self._fail(row, error)

    def put_off(self, row: Row, wait: timedelta) -> None:
        """Make a row due later.

        Args:
            row: The row.
            wait: How long from now.
        """
        rows = type(row)._default_manager.filter(pk=row.pk)  # noqa: SLF001 (documented as public)
        with storing():
            rows.update(next_pipedrive_sync_attempt=self._clock.now() + wait)

    def blame_the_connection(self, error: Exception) -> None:
        """Store the trouble if an error is the connection's fault. A probe finds out if the error does not show it.

        Args:
            error: What a call raised.

        Raises:
            DisconnectedError: When the connection is at fault.
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
            "pipedrive_sync_error_field": verdict.field[:ERROR_FIELD_LENGTH],  # Pipedrive may name any
        }
        if verdict.candidates:  # a person has to choose, perhaps once more
            values |= {**no_choice(), "pipedrive_candidates": list(verdict.candidates)}
        is_news = not row.pipedrive_sync_failed or is_other(row.pipedrive_sync_error_code, verdict.code)
        with storing():
            # If the row was edited, retried or decided on meanwhile, it is due already, and this failure is outdated.
            as_read = {**row.as_read(), "pipedrive_sync_attempts": row.pipedrive_sync_attempts}
            rows = type(row)._default_manager.filter(pk=row.pk)  # noqa: SLF001 (documented as public)
            if not rows.select_for_update().exists():
                return  # it was deleted here (see deleted_while_sent.py)
            attempt_log.note(row, verdict.message, ok=False, now=now)
            if rows.filter(**as_read).update(**values) and verdict.failed and is_news:
                _tell_of_failure(row, verdict, now)


def _tell_of_failure(row: Row, verdict: Verdict, now: datetime) -> None:
    """Notify the row's owner. If contacts wait for an organization, their owners hear about the contacts instead."""
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
            domain_events.tell(What.CONTACT_FAILED, row, error=error)
        case Activity():
            text = f"Could not sync “{row.subject}”. {verdict.message}"
            kind, contact = NotificationKind.ACTIVITY_FAILED, row.contact
            notifications.tell(kind, text, now=now, user=contact.owner, contact=contact, row_id=row.pk)
