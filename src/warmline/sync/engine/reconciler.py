"""The engine: takes a due row, holds its lease, and makes an attempt to bring Pipedrive in line with it.

It has no queue and no state of its own. If it is killed anywhere, the row is still pending and the next run finishes
it. Clock and randomness are passed in, so that a simulation can replay a run exactly. No database transaction is open
during a request.
"""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random

from django.conf import settings

from warmline import storage, tracing
from warmline.crm.models import Contact, Organization
from warmline.crm.preferences import Preferences
from warmline.pipedrive import Clock, Pipedrive
from warmline.sync import due_row, pending, postponed_cleanup
from warmline.sync.company import Membership
from warmline.sync.concurrency import Together, one_by_one, side_by_side
from warmline.sync.database_clock import DatabaseClock
from warmline.sync.engine.account_watch import AccountWatch
from warmline.sync.engine.attempts import Attempts, DisconnectedError
from warmline.sync.engine.clock_jumps import Moments, left
from warmline.sync.engine.housekeeping import Housekeeping
from warmline.sync.engine.send_deletions import Deletions
from warmline.sync.lease_keys import activities_key, organization_key, person_keys, row_key
from warmline.sync.leases import BusyError, Leases, is_leased
from warmline.sync.policy import Policy
from warmline.sync.priorities import RowKind, Served, Work, in_turn
from warmline.sync.reconcile import linking
from warmline.sync.reconcile.create import Steps
from warmline.sync.reconcile.outcome import Brought
from warmline.sync.reconcile.recent_changes import Looks
from warmline.sync.reconcile.update import Updates
from warmline.sync.remote import connection_health, reconcile_first
from warmline.sync.remote.configured_client import directory_allowance, pipedrive_with
from warmline.sync.remote.directory import Directory
from warmline.sync.retries import NotYetError, OrganizationFailedError
from warmline.threads import SYSTEM_THREADS, Threads

AT_ONCE = 16  # leases of one person, kind and lane that are looked at together


class Engine:
    """Brings what is due to Pipedrive.

    Args:
        pipedrive: The client, with its limiter.
        policy: What counts as warm, and how failures are tried again.
        clock: Tells the time.
        random: Varies the waits.
        directory_allowance: How many API tokens the directory's first listing may cost.
        together: Makes independent calls: side by side, or one after the other.
        threads: Makes the locks that its threads share.
        poll_every: How often to ask for what people changed in Pipedrive; None to watch nothing.
        membership: Whether the client's token belongs to the company of the links; None if the token never changes.
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
        poll_every: timedelta | None = None,
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
        self._watch = AccountWatch(clock, poll_every, policy, self._directory)
        self._housekeeping = Housekeeping(
            pipedrive,
            self._membership,
            clock,
            poll_every,
            directory=self._directory,
            watch=self._watch,
            attempts=self._attempts,
            deletions=Deletions(self._attempts, clock, policy, random),
            steps=self._steps,
        )

    @classmethod
    def of(cls, token: str, decided: Preferences) -> "Engine":
        """Return the engine that the settings describe, for a token and some preferences."""
        return cls(
            pipedrive_with(token),
            Policy.of(decided),
            DatabaseClock(),
            Random(),  # noqa: S311 (spreads waits, hides nothing)
            directory_allowance=directory_allowance(),
            together=side_by_side,
            poll_every=timedelta(minutes=settings.POLL_MINUTES),
            membership=Membership(token),
        )

    def close(self) -> None:
        """Close the client. Call it when no row is under way any more."""
        self._pipedrive.close()

    def step(self, now: datetime) -> int:
        """Work on the due rows one after the other, and then do some housekeeping.

        Args:
            now: The present moment, aware.

        Returns:
            How many rows were worked on.
        """
        done = sum(self.bring(work) for work in self.due(now))
        self.do_housekeeping()
        return done

    def has_housekeeping(self) -> bool:
        """Tell whether there is something to do beside the due rows (see housekeeping.py)."""
        return self._housekeeping.is_waiting()

    def do_housekeeping(self) -> bool:
        """Do some of that; return whether there is more to do now."""
        return self.has_housekeeping() and self.is_open() and self._housekeeping.do()

    def due(
        self, now: datetime, held: Collection[Work] = (), *, background: bool = True, limit: int = AT_ONCE
    ) -> list[Work]:
        """Return the due rows, one of each lease, in the order in which they go; none while nobody may call Pipedrive.

        Args:
            now: The present moment, aware.
            held: Rows to leave out.
            background: Whether to include background work.
            limit: How many of each owner, kind and lane at the most, besides the newest.
        """
        if storage.present() is not None:
            return []  # Pipedrive's responses could not be stored
        postponed_cleanup.clear()
        self._moments.heed()
        if not connection_health.is_well() and not self._is_open_to_some():
            return []
        works = pending.due(now, self._policy.threshold, limit, background=background, held=held)
        if not works or reconcile_first.is_on() or not self._is_open_to_some():
            return []
        if not self._pipedrive.has_tokens_for_background():
            works = [work for work in works if not work.is_background]
        return in_turn(works, Served())

    def work_of(self, kind: RowKind, row_id: int) -> Work | None:
        """Return the work that a row is, in its lane; None when it is not due (see due_row.py)."""
        return due_row.work_of(kind, row_id, self._policy.threshold, self._clock.now())

    def next_of_lease(self, work: Work) -> Work | None:
        """Return what is due under the same lease as a work that is done; None when nothing is."""
        return due_row.next_of_lease(work, self._policy.threshold, self._clock.now())

    def is_held(self, work: Work) -> bool:
        """Tell whether some worker holds the lease to a work."""
        return is_leased([work.lease, row_key(work.kind, work.row_id)], self._clock.now())

    def bring(self, work: Work) -> bool:
        """Send one row to Pipedrive, or store why that failed.

        Args:
            work: The row; it is read again here.

        Returns:
            Whether anything could be done. False if another worker holds the row or what it needs, or if the
            connection is lost.
        """
        if reconcile_first.is_on() or not connection_health.is_well() or not self.is_open():
            return False
        leases = Leases(self._clock)
        steps = self._steps(self._pipedrive.in_background() if work.is_background else self._pipedrive, leases)
        try:
            with self._membership.at_work(), leases.at_work(), tracing.following(None):
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

    def _steps(self, pipedrive: Pipedrive, leases: Leases) -> Steps:
        directory, looks, policy, known = self._directory, self._looks, self._policy, self._watch.known
        return Steps(
            pipedrive, directory=directory, looks=looks, leases=leases, policy=policy, clock=self._clock, known=known
        )

    def is_open(self) -> bool:
        """Tell whether calls may be made from here; sends a probe first if one is due."""
        can_store = storage.present() is None  # what Pipedrive responds
        return can_store and connection_health.is_open(self._pipedrive, self._clock, self._membership)

    def _is_open_to_some(self) -> bool:
        return connection_health.is_left_to_others() or self.is_open()

    def _bring_contact(self, work: Work, leases: Leases, steps: Steps) -> None:
        further = due_row.further_leases(work)
        with leases.hold_row(work.kind, work.row_id, work.lease, *further):
            contact = pending.contact(work, self._policy.threshold, self._clock.now())  # as it is under the lease
            if contact is None:
                return
            _go_on(work, *person_keys(contact), further=further, trace=contact.trace)

            def organization_id() -> int | None:
                return self._organization_in_line(contact, leases, steps)

            def bring() -> None:
                if contact.pipedrive_person_id is not None:
                    updates = Updates(steps.pipedrive, steps)
                    self._watch.align(contact, updates.update_person(contact, organization_id))
                    return
                steps.wait_for_twins(contact)
                if not work.is_background:  # somebody waits, which is worth an unneeded look if the person exists
                    steps.finder.look_ahead(contact)
                brought = steps.ensure_person(contact, organization_id)
                self._recognize_organization(contact, brought, leases, steps)
                self._watch.link(contact, brought)

            if contact.organization is not None and contact.pipedrive_person_id is None:
                self._wait_for(contact.organization, contact)
            self._attempts.make(contact, bring)

    def _wait_for(self, organization: Organization, contact: Contact) -> None:
        """Return if a contact's organization is linked or can be sent now, before tokens are spent on the contact.

        Raises:
            BusyError: When another worker is sending it.
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
        """Link a contact's organization, if an adopted person has it already and no other worker holds it."""
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
            _go_on(work, organization_key(organization), trace=organization.trace)
            user = linking.user_of(organization)

            def bring() -> None:
                if organization.is_linked:
                    updates = Updates(steps.pipedrive, steps)
                    self._watch.align(organization, updates.update_organization(organization, user))
                elif user is not None:
                    brought = steps.ensure_organization(organization, user, organization.next_pipedrive_sync_attempt)
                    self._watch.link(organization, brought)

            self._attempts.make(organization, bring)

    def _bring_activity(self, work: Work, leases: Leases, steps: Steps) -> None:
        with leases.hold_row(work.kind, work.row_id, work.lease):
            activity = pending.activity(work, self._clock.now())
            if activity is None:
                return
            _go_on(work, activities_key(activity.contact), trace=activity.trace)
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
        """Return the Pipedrive id of a contact's organization, and send it first if needed; None if it has none.

        The organization has attempts of its own; the contacts that wait for it use up none of theirs.
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
                        self._watch.link(organization, brought)

                    self._attempts.make(organization, bring)
        organization.refresh_from_db()
        wait = organization.next_pipedrive_sync_attempt - self._clock.now()
        if organization.pipedrive_org_id is None and organization.pipedrive_sync_failed:
            raise OrganizationFailedError(organization.pipedrive_sync_error_message, wait)
        if organization.pipedrive_org_id is None:
            raise NotYetError(wait)
        return organization.pipedrive_org_id


def _go_on(work: Work, *keys: str, trace: str | None, further: Collection[str] = ()) -> None:
    """Go on with a row, as it is under its lease, if that is still the right one; its log lines bear the trace's id."""
    due_row.check_lease(work, *keys, further=further)
    tracing.go_on(trace)
