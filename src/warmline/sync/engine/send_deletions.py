"""Deletes in Pipedrive what was deleted here, if the team wants that (see reconcile/pending_deletions.py).

It is called where the directory is filled: by one thread at a time, as background work. Before a record is deleted it
is read, and stays if somebody changed it there since. What may have been created is looked for first. That it is gone
already is a success, so all of this can safely run again.
"""

import logging
from contextlib import suppress
from datetime import timedelta
from random import Random

from django.db import InterfaceError, OperationalError
from django.db.models import F

from warmline import storage
from warmline.crm.activities import Activity
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Clock, NotFound, Pipedrive
from warmline.sync.company import make_sure, storing
from warmline.sync.deletion_models import ActivityDeletion
from warmline.sync.engine.attempts import Attempts, DisconnectedError
from warmline.sync.intents import Intents
from warmline.sync.lease_keys import row_key
from warmline.sync.leases import BusyError, Leases
from warmline.sync.policy import Policy
from warmline.sync.reconcile import pending_deletions, snapshots
from warmline.sync.reconcile.create import Steps
from warmline.sync.reconcile.three_way_merge import differs, grant
from warmline.sync.remote import reconcile_first
from warmline.sync.retries import NotYetError, judge

log = logging.getLogger(__name__)

LEASE = "deletions"
CHANGED = "it was changed in Pipedrive, and Warmline had not seen that yet."


class Deletions:
    """Carries out what is due. Shared by the threads of an engine.

    Args:
        attempts: Tells whether the connection is at fault.
        clock: On which all machines agree.
        policy: How failures are tried again.
        random: Varies the waits.
    """

    def __init__(self, attempts: Attempts, clock: Clock, policy: Policy, random: Random) -> None:
        self._attempts, self._clock, self._policy, self._random = attempts, clock, policy, random

    def is_time(self, pipedrive: Pipedrive) -> bool:
        """Tell whether something is due now, within the tokens for background work."""
        is_any = pending_deletions.due(self._clock.now(), self._policy).exists()
        return is_any and not reconcile_first.is_on() and pipedrive.has_tokens_for_background()

    def carry_out(self, steps: Steps, leases: Leases) -> bool:
        """Carry out one deletion that is due.

        Args:
            steps: Knows what was begun.
            leases: This worker's.

        Returns:
            Whether there may be more to do now.

        Raises:
            StartedAnewError: When somebody has started over with another company.
        """
        if not self.is_time(steps.pipedrive):
            return False
        with suppress(BusyError, DisconnectedError), leases.hold(LEASE):
            deletion = pending_deletions.due(self._clock.now(), self._policy).first()
            if deletion is not None:
                self._try(deletion, steps)
                return True
        return False

    def _try(self, deletion: ActivityDeletion, steps: Steps) -> None:
        try:
            self._delete(deletion, steps)
        except NotYetError as later:
            self._put_off(deletion, later.wait)
        except (BusyError, OperationalError, InterfaceError):
            raise  # somebody else is at it, or our own database is at fault
        except Exception as error:
            if storage.noticed(error) is not None:
                raise DisconnectedError from error
            self._attempts.blame_the_connection(error)
            self._set_aside(deletion, error)

    def _delete(self, deletion: ActivityDeletion, steps: Steps) -> None:
        now = self._clock.now()
        if deletion.record_id is None and not self._is_found(deletion, steps):
            return
        record_id = deletion.record_id or 0
        theirs = _there(steps.pipedrive, record_id)
        if theirs is not None and Activity.objects.filter(pipedrive_activity_id=record_id).exists():
            theirs = None  # it is some activity's here
        elif theirs is not None and _was_changed(deletion, theirs):
            pending_deletions.leave(deletion, CHANGED, now)
            return
        elif theirs is not None:
            if not pending_deletions.begin(deletion, now):
                return
            make_sure()
            with suppress(NotFound):
                steps.pipedrive.delete_activity(record_id)
            log.info("sync.deleted_in_pipedrive row=activity/%s record=%s", deletion.row_id, record_id)
        with storing():
            ActivityDeletion.objects.filter(pk=deletion.pk).delete()

    def _is_found(self, deletion: ActivityDeletion, steps: Steps) -> bool:
        """Find out whether a create that was under way has made a record; if it has not, nothing is to be deleted."""
        key = row_key("activity", deletion.row_id)
        found = steps.finder.made_activity(key)
        if found is None:
            for intent in steps.intents.unfinished(key, key):
                steps.intents.wait_until_settled(intent)
        with storing():
            of_it = ActivityDeletion.objects.filter(pk=deletion.pk, record_id=None)
            if found is None:
                if of_it.delete()[0]:
                    Intents.end(key)
                return False
            deletion.record_id = found.record.id
            deletion.agreed = snapshots.agreed({}, snapshots.of_their_activity(found.record))
            if not of_it.update(record_id=deletion.record_id, agreed=deletion.agreed):
                return False  # it was restored, or is known by now
            Intents.end(key)
        return True

    def _put_off(self, deletion: ActivityDeletion, wait: timedelta) -> None:
        with storing():
            ActivityDeletion.objects.filter(pk=deletion.pk).update(due_at=self._clock.now() + wait)

    def _set_aside(self, deletion: ActivityDeletion, error: Exception) -> None:
        attempts = deletion.attempts + 1
        verdict = judge(error, attempts=attempts, policy=self._policy, jitter=self._random.random())
        log.warning(
            "sync.%s row=activity/%s deletion attempts=%s code=%s error=%s",
            "failed" if verdict.failed else "retry",
            deletion.row_id,
            attempts,
            verdict.code,
            error,
            exc_info=error if verdict.code == "unexpected" else None,
        )
        now = self._clock.now()
        with storing():
            of_it = ActivityDeletion.objects.filter(pk=deletion.pk)
            of_it.update(
                attempts=F("attempts") + 1,
                failed=verdict.failed,
                message=verdict.message,
                due_at=now + max(verdict.wait, timedelta(0)),
            )
            if verdict.failed and not deletion.failed and of_it.exists():
                pending_deletions.tell_of_failure(deletion, verdict.message, now)


def _there(pipedrive: Pipedrive, record_id: int) -> PipedriveActivity | None:
    try:
        theirs = pipedrive.activity(record_id)
    except NotFound:
        return None
    return None if theirs.is_deleted else theirs


def _was_changed(deletion: ActivityDeletion, theirs: PipedriveActivity) -> bool:
    """Tell whether somebody changed a record there since both sides were in line; what we sent is no such change."""
    values, agreed = snapshots.of_their_activity(theirs), deletion.agreed
    for ours, as_there in deletion.said:
        agreed = grant(agreed, values, ours, as_there)
    return differs(values, agreed)
