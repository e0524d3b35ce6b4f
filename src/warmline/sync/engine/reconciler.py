"""The engine: takes what is due, leases it, and makes an attempt to bring Pipedrive in line with it.

It holds no queue and no state of its own. Killed anywhere, the row is still wanted and the next run finishes it.
Clock and randomness are handed in, so that a simulation can replay a run exactly. No transaction of the database is
open while a request is under way.
"""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random

from warmline import storage
from warmline.crm.models import Contact, Organization
from warmline.crm.preferences import Preferences
from warmline.pipedrive import Clock, Pipedrive, PipedriveError, SystemClock
from warmline.sync import deferred_deletes, pending
from warmline.sync.company import Membership
from warmline.sync.concurrency import Together, one_by_one, side_by_side
from warmline.sync.engine.attempts import Attempts, DisconnectedError
from warmline.sync.engine.clock_jumps import Moments, left
from warmline.sync.failures import NotYetError, OrganizationFailedError
from warmline.sync.lease_keys import activities_key, organization_key, person_key, row_key
from warmline.sync.leases import BusyError, Leases, is_leased
from warmline.sync.policy import Policy
from warmline.sync.reconcile import linking
from warmline.sync.reconcile.create import Steps
from warmline.sync.reconcile.outcome import Brought
from warmline.sync.reconcile.recent_changes import Looks
from warmline.sync.reconcile.update import Updates
from warmline.sync.remote import connection_health
from warmline.sync.remote.client import directory_allowance, pipedrive_with
from warmline.sync.remote.directory import Directory
from warmline.sync.scheduling import Kind, Lane, Served, Work, in_turn, is_backlog
from warmline.threads import SYSTEM_THREADS, Threads

AT_ONCE = 16  # leases of one person, kind and lane that are looked at together


class Engine:
    """Brings what is due to Pipedrive.

    Args:
        pipedrive: The client, with its limiter.
        policy: What is wanted, and how failures are tried again.
        clock: Tells what is due.
        random: Spreads the waits.
        directory_allowance: How many tokens it may cost to list once what Pipedrive holds.
        together: How two calls that do not need each other are made.
        threads: Makes what its threads wait on.
        membership: Of which company the client's token is; left out, nobody can change that token meanwhile.
    """

    def __init__(
        self,
        pipedrive: Pipedrive,
        policy: Policy,
        clock: Clock,
        random: Random,
        *,
        directory_allowance: int = 1000,
        together: Together = one_by_one,
        threads: Threads = SYSTEM_THREADS,
        membership: Membership | None = None,
    ) -> None:
        self._pipedrive = pipedrive
        self._policy = policy
        self._clock = clock
        self._membership = membership or Membership()
        self._attempts = Attempts(pipedrive, self._membership, policy, clock, random)
        self._looks = Looks(clock, threads.lock())
        self._moments = Moments(clock, policy)
        self._directory = Directory(clock, directory_allowance, together, random)

    @classmethod
    def of(cls, token: str, decided: Preferences) -> "Engine":
        """Return the engine that the settings describe, for a token and some preferences."""
        chance = Random()  # noqa: S311 (spreads waits, hides nothing)
        return cls(
            pipedrive_with(token),
            Policy.of(decided),
            SystemClock(),
            chance,
            directory_allowance=directory_allowance(),
            together=side_by_side,
            membership=Membership(token),
        )

    def close(self) -> None:
        """Let the client go, when no work is under way any more."""
        self._pipedrive.close()

    def step(self, now: datetime) -> int:
        """Do what is due at this moment, one after the other, and then a page of the directory.

        Args:
            now: The moment, aware.

        Returns:
            How many rows were worked on.
        """
        done = sum(self.bring(work) for work in self.due(now))
        self.fill_directory()
        return done

    def wants_filling(self) -> bool:
        """Tell whether a page of what Pipedrive holds is to be listed, or is to be asked first whose the token is."""
        if not connection_health.is_well() or self._membership.is_refused():
            return False
        return self._may_list() or not self._membership.is_confirmed()

    def fill_directory(self) -> bool:
        """List one page more of what Pipedrive holds, if one is missing and nothing is in the way.

        Returns:
            Whether another page is to be listed after this one, now.
        """
        if not self.wants_filling() or not self._is_open() or not self._may_list():
            return False
        pipedrive = self._pipedrive.in_batch()
        try:
            with self._membership.at_work():
                return self._directory.fill(pipedrive)
        except BusyError:
            return False
        except PipedriveError as error:
            with suppress(DisconnectedError):
                self._attempts.blame_the_connection(error)
            return False

    def due(
        self, now: datetime, held: Collection[Work] = (), *, batch: bool = True, limit: int = AT_ONCE
    ) -> list[Work]:
        """Return what is due, one row of each lease, as it is to go; nothing while the connection is not well.

        Args:
            now: The moment, aware.
            held: Rows that are left out.
            batch: Whether what nobody waits for is asked for as well.
            limit: How many of each person, kind and lane at the most, beside the newest.
        """
        if storage.present() is not None:
            return []  # what Pipedrive answered could not be written down
        deferred_deletes.clear()
        self._moments.heed()
        if not connection_health.is_well() and not self._is_open():
            return []
        works = pending.due(now, self._policy.threshold, limit, batch=batch, held=held)
        if not works or not self._is_open():
            return []
        if not self._pipedrive.has_tokens_for_batch():
            works = [work for work in works if not work.batch]
        return in_turn(works, Served())

    def work_of(self, kind: Kind, row_id: int) -> Work | None:
        """Return the work that a row is, read afresh; None when it is not due (see `pending.work_of`)."""
        return pending.work_of(kind, row_id, self._policy.threshold, self._clock.now())

    def lane_of(self, work: Work) -> Lane:
        """Return which way a work goes, as `due` tells it: a person's row, or one of a backlog."""
        if work.lane is not Lane.PERSON or work.owner is None:
            return work.lane
        now = self._clock.now()
        others = pending.since_of(work.owner, self._policy.threshold, now)
        return Lane.BACKLOG if is_backlog(work.since, others, now) else Lane.PERSON

    def next_of_lease(self, work: Work) -> Work | None:
        """Return what is due under the same lease as a work that is done; None when nothing is."""
        return pending.next_of_lease(work, self._policy.threshold, self._clock.now())

    def is_busy(self, work: Work) -> bool:
        """Tell whether some worker holds the lease to a work."""
        return is_leased([work.lease, row_key(work.kind, work.row_id)], self._clock.now())

    def bring(self, work: Work) -> bool:
        """Bring one row to Pipedrive, or record why that did not work.

        Args:
            work: Which row; it is read afresh here.

        Returns:
            False when nothing could be done: another worker is at it, or at what it needs, or the connection is lost.
        """
        if not connection_health.is_well() or not self._is_open():
            return False
        leases = Leases(self._clock)
        pipedrive = self._pipedrive.in_batch() if work.batch else self._pipedrive
        steps = Steps(
            pipedrive,
            directory=self._directory,
            looks=self._looks,
            leases=leases,
            policy=self._policy,
            clock=self._clock,
        )
        try:
            with self._membership.at_work():
                match work.kind:
                    case "contact":
                        self._bring_contact(work, leases, steps)
                    case "organization":
                        self._bring_organization(work, leases, steps)
                    case "activity":
                        self._bring_activity(work, leases, steps)
        except (BusyError, DisconnectedError):
            return False
        except NotYetError:
            pass
        return True

    def _is_open(self) -> bool:
        if storage.present() is not None:
            return False  # what Pipedrive answered could not be written down
        return connection_health.is_open(self._pipedrive, self._clock, self._membership)

    def _may_list(self) -> bool:
        return self._directory.wants_filling() and self._pipedrive.has_tokens_for_batch()

    def _bring_contact(self, work: Work, leases: Leases, steps: Steps) -> None:
        with leases.hold_row(work.kind, work.row_id, work.lease):
            contact = pending.contact(work, self._policy.threshold, self._clock.now())  # as it is under the lease
            if contact is None:
                return
            _check_lease(work, person_key(contact))

            def organization_id() -> int | None:
                return self._organization_in_line(contact, leases, steps)

            def bring() -> None:
                if contact.pipedrive_person_id is not None:
                    updates = Updates(steps.pipedrive, steps)
                    linking.align(contact, updates.update_person(contact, organization_id), now=self._clock.now())
                    return
                steps.wait_for_twins(contact)
                if not work.batch:  # somebody waits; one look too many, where the person is found, is worth it
                    steps.finder.look_ahead(contact)
                brought = steps.ensure_person(contact, organization_id)
                self._recognize_organization(contact, brought, leases, steps)
                linking.link_contact(contact, brought, policy=self._policy, now=self._clock.now())

            if contact.organization is not None and contact.pipedrive_person_id is None:
                self._wait_for(contact.organization, contact)
            self._attempts.make(contact, bring)

    def _wait_for(self, organization: Organization, contact: Contact) -> None:
        """Go on only if a contact's organization is there or can be brought now: looking for the person costs tokens.

        Raises:
            BusyError: When another worker is bringing it.
            NotYetError: When it waits for its next attempt.
        """
        if organization.is_linked or organization.pipedrive_sync_failed:
            return
        wait = left(organization, self._clock.now(), self._policy)
        if wait > timedelta(0):
            self._attempts.put_off(contact, wait)
            raise NotYetError(wait)
        if is_leased([organization_key(organization)], self._clock.now()):
            raise BusyError("Another worker is bringing the organization.")

    def _recognize_organization(self, contact: Contact, brought: Brought, leases: Leases, steps: Steps) -> None:
        """Link a contact's organization, if an adopted person works for it already and nobody is at it."""
        organization = contact.organization
        if organization is None or organization.is_linked or brought.org_id is None:
            return
        what = organization_key(organization)
        with suppress(BusyError), leases.hold_row("organization", organization.pk, what):
            organization.refresh_from_db()  # as it is under the lease
            recognized = steps.own_organization(organization, brought.org_id)
            if recognized is not None and organization_key(organization) == what:
                linking.link_organization(organization, recognized, now=self._clock.now())

    def _bring_organization(self, work: Work, leases: Leases, steps: Steps) -> None:
        with leases.hold_row(work.kind, work.row_id, work.lease):
            organization = pending.organization(work, self._clock.now())
            if organization is None:
                return
            _check_lease(work, organization_key(organization))
            user = linking.user_of(organization)

            def bring() -> None:
                if organization.is_linked:
                    updates = Updates(steps.pipedrive, steps)
                    linking.align(organization, updates.update_organization(organization, user), now=self._clock.now())
                elif user is not None:
                    brought = steps.ensure_organization(organization, user, organization.next_pipedrive_sync_attempt)
                    linking.link_organization(organization, brought, now=self._clock.now())

            self._attempts.make(organization, bring)

    def _bring_activity(self, work: Work, leases: Leases, steps: Steps) -> None:
        with leases.hold_row(work.kind, work.row_id, work.lease):
            activity = pending.activity(work, self._clock.now())
            if activity is None:
                return
            _check_lease(work, activities_key(activity.contact))
            person_id = activity.contact.pipedrive_person_id

            def bring() -> None:
                if activity.pipedrive_activity_id is not None:
                    brought = Updates(steps.pipedrive, steps).update_activity(activity)
                    linking.align(activity, brought, now=self._clock.now())
                elif person_id is not None:
                    brought = steps.ensure_activity(activity, person_id)
                    linking.link_activity(activity, brought, now=self._clock.now())

            self._attempts.make(activity, bring)

    def _organization_in_line(self, contact: Contact, leases: Leases, steps: Steps) -> int | None:
        """Return a contact's organization's id in Pipedrive, bringing it there first; None for one that has none.

        It has attempts of its own: the contacts that wait for it spend none of theirs.
        """
        organization, wanted_since = contact.organization, contact.next_pipedrive_sync_attempt
        if organization is None:
            return None
        if organization.pipedrive_org_id is None:
            what = organization_key(organization)
            with leases.hold_row("organization", organization.pk, what):
                organization.refresh_from_db()  # as it is under the lease
                if organization_key(organization) != what:
                    raise BusyError("The organization was renamed while it was leased.")
                is_due = left(organization, self._clock.now(), self._policy) <= timedelta(0)
                if organization.pipedrive_org_id is None and is_due:

                    def bring() -> None:
                        brought = steps.ensure_organization(organization, contact.owner, wanted_since)
                        linking.link_organization(organization, brought, now=self._clock.now())

                    self._attempts.make(organization, bring)
        organization.refresh_from_db()
        wait = organization.next_pipedrive_sync_attempt - self._clock.now()
        if organization.pipedrive_org_id is None and organization.pipedrive_sync_failed:
            raise OrganizationFailedError(organization.pipedrive_sync_error_message, wait)
        if organization.pipedrive_org_id is None:
            raise NotYetError(wait)
        return organization.pipedrive_org_id


def _check_lease(work: Work, what: str) -> None:
    """Go on only if what a row makes is what was leased; it may have been edited between the look and the lease.

    Args:
        work: As it was found due.
        what: What the row makes, as it is under the lease.

    Raises:
        BusyError: When it is something else; the next look leases that.
    """
    if what != work.lease:
        raise BusyError("The row was edited before it was leased.")
