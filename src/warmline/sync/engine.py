"""The engine: takes what is due, claims it, brings Pipedrive in line, and records what came of it.

It holds no queue and no state of its own. Killed anywhere, the row is still wanted and the next run finishes it.
Clock and randomness are handed in, so that a simulation can replay a run exactly. No transaction of the database is
open while a request is under way.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random

from django.db import transaction
from django.db.models import F

from warmline.crm.models import Activity, Contact, Organization
from warmline.pipedrive import Clock, Pipedrive, PipedriveError, SystemClock
from warmline.sync import connection, credentials, history, links, notify, wanted
from warmline.sync.claims import BusyError, Claims, is_claimed
from warmline.sync.client import directory_allowance, pipedrive_with
from warmline.sync.directory import Directory, forget_another_account
from warmline.sync.keys import organization_key
from warmline.sync.looks import Looks
from warmline.sync.models import NotificationKind
from warmline.sync.outcomes import NotYetError, OrganizationFailedError, Verdict, is_other, judge, trouble, wants_probe
from warmline.sync.policy import Policy
from warmline.sync.steps import Brought, StaleLinkError, Steps
from warmline.sync.together import Together, in_turn, side_by_side
from warmline.sync.updates import DeletedThereError, Updates
from warmline.sync.wanted import Work

log = logging.getLogger(__name__)

STALE_LINK_WAIT = timedelta(seconds=1)  # for the other row to be brought in line again

DIRECTORY = "directory"  # the claim of who lists what Pipedrive holds

Row = Contact | Organization | Activity


class DisconnectedError(Exception):
    """The connection is at fault and has been reported; the row is left as it is."""


class Engine:
    """Brings what is due to Pipedrive.

    Args:
        pipedrive: The client, with its limiter.
        policy: What is wanted, and how failures are tried again.
        clock: Tells what is due.
        random: Spreads the waits.
        directory_allowance: How many tokens it may cost to list once what Pipedrive holds.
        together: How two calls that do not need each other are made.
    """

    def __init__(
        self,
        pipedrive: Pipedrive,
        policy: Policy,
        clock: Clock,
        random: Random,
        *,
        directory_allowance: int = 1000,
        together: Together = in_turn,
    ) -> None:
        self._pipedrive = pipedrive
        self._policy = policy
        self._clock = clock
        self._random = random
        self._looks = Looks(clock)
        self._directory = Directory(clock, directory_allowance, together)

    @classmethod
    def from_settings(cls) -> "Engine":
        """Return the engine that settings and preferences describe; there must be a token."""
        pipedrive = pipedrive_with(credentials.token())
        forget_another_account(pipedrive, credentials.token())
        chance = Random()  # noqa: S311 (spreads waits, hides nothing)
        return cls(
            pipedrive,
            Policy.current(),
            SystemClock(),
            chance,
            directory_allowance=directory_allowance(),
            together=side_by_side,
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
        """Tell whether there is a page to be listed of what Pipedrive holds, and nothing is in the way."""
        return self._directory.wants_filling() and connection.is_well() and self._pipedrive.has_tokens_for_batch()

    def fill_directory(self) -> bool:
        """List one page more of what Pipedrive holds, if one is missing and nothing is in the way.

        Returns:
            Whether another page is to be listed after this one, now.
        """
        if not self.wants_filling():
            return False
        pipedrive = self._pipedrive.in_batch()
        try:
            with Claims(self._clock).hold(DIRECTORY):
                return self._directory.fill(pipedrive)
        except BusyError:
            return False
        except PipedriveError as error:
            with suppress(DisconnectedError):
                self._blame_the_connection(error)
            return False

    def due(self, now: datetime, limit: int = 100) -> list[Work]:
        """Return what is due, oldest first; nothing while the connection is not well.

        Args:
            now: The moment, aware.
            limit: How many of each kind at the most.
        """
        if not connection.is_open(self._pipedrive, self._clock):
            return []
        works = wanted.due(now, self._policy.threshold, limit)
        return works if self._pipedrive.has_tokens_for_batch() else [work for work in works if not work.batch]

    def bring(self, work: Work) -> bool:
        """Bring one row to Pipedrive, or record why that did not work.

        Args:
            work: Which row; it is read afresh here.

        Returns:
            False when nothing could be done: another worker is at it, or at what it needs, or the connection is lost.
        """
        if not connection.is_well():
            return False
        claims = Claims(self._clock)
        pipedrive = self._pipedrive.in_batch() if work.batch else self._pipedrive
        steps = Steps(
            pipedrive,
            directory=self._directory,
            looks=self._looks,
            claims=claims,
            policy=self._policy,
            clock=self._clock,
        )
        try:
            match work.kind:
                case "contact":
                    self._bring_contact(work, claims, steps)
                case "organization":
                    self._bring_organization(work, claims, steps)
                case "activity":
                    self._bring_activity(work, claims, steps)
        except (BusyError, DisconnectedError):
            return False
        except NotYetError:
            pass
        return True

    def _bring_contact(self, work: Work, claims: Claims, steps: Steps) -> None:
        with claims.hold_row(work.kind, work.row_id, work.claim):
            contact = wanted.contact(work, self._policy.threshold, self._clock.now())  # as it is under the claim
            if contact is None:
                return

            def organization_id() -> int | None:
                return self._organization_in_line(contact, claims, steps)

            def bring() -> None:
                if contact.pipedrive_person_id is not None:
                    updates = Updates(steps.pipedrive, steps)
                    links.align(contact, updates.update_person(contact, organization_id), now=self._clock.now())
                    return
                if not work.batch:  # somebody waits; one look too many, where the person is found, is worth it
                    steps.finder.look_ahead(contact)
                brought = steps.ensure_person(contact, organization_id)
                self._recognize_organization(contact, brought, claims, steps)
                links.link_contact(contact, brought, policy=self._policy, now=self._clock.now())

            if contact.organization is not None and contact.pipedrive_person_id is None:
                self._wait_for(contact.organization, contact)
            self._attempt(contact, bring)

    def _wait_for(self, organization: Organization, contact: Contact) -> None:
        """Go on only if a contact's organization is there or can be brought now: looking for the person costs tokens.

        Raises:
            BusyError: When another worker is bringing it.
            NotYetError: When it waits for its next attempt.
        """
        if organization.is_linked or organization.pipedrive_sync_failed:
            return
        wait = organization.next_pipedrive_sync_attempt - self._clock.now()
        if wait > timedelta(0):
            _write(contact, next_pipedrive_sync_attempt=self._clock.now() + wait)
            raise NotYetError(wait)
        if is_claimed(organization_key(organization), self._clock.now()):
            raise BusyError("Another worker is bringing the organization.")

    def _recognize_organization(self, contact: Contact, brought: Brought, claims: Claims, steps: Steps) -> None:
        """Link a contact's organization, if an adopted person works for it already and nobody is at it."""
        organization = contact.organization
        recognized = steps.own_organization(contact, brought.org_id)
        if recognized is None or organization is None:
            return
        with (
            suppress(BusyError),
            claims.hold_row("organization", organization.pk, organization_key(organization)),
        ):
            links.link_organization(organization, recognized, now=self._clock.now())

    def _bring_organization(self, work: Work, claims: Claims, steps: Steps) -> None:
        with claims.hold_row(work.kind, work.row_id, work.claim):
            organization = wanted.organization(work, self._clock.now())
            if organization is None:
                return
            user = links.user_of(organization)

            def bring() -> None:
                if organization.is_linked:
                    updates = Updates(steps.pipedrive, steps)
                    links.align(organization, updates.update_organization(organization, user), now=self._clock.now())
                elif user is not None:
                    brought = steps.ensure_organization(organization, user, organization.next_pipedrive_sync_attempt)
                    links.link_organization(organization, brought, now=self._clock.now())

            self._attempt(organization, bring)

    def _bring_activity(self, work: Work, claims: Claims, steps: Steps) -> None:
        with claims.hold_row(work.kind, work.row_id, work.claim):
            activity = wanted.activity(work, self._clock.now())
            if activity is None:
                return
            person_id = activity.contact.pipedrive_person_id

            def bring() -> None:
                if activity.pipedrive_activity_id is not None:
                    brought = Updates(steps.pipedrive, steps).update_activity(activity)
                    links.align(activity, brought, now=self._clock.now())
                elif person_id is not None:
                    brought = steps.ensure_activity(activity, person_id)
                    links.link_activity(activity, brought, now=self._clock.now())

            self._attempt(activity, bring)

    def _organization_in_line(self, contact: Contact, claims: Claims, steps: Steps) -> int | None:
        """Return a contact's organization's id in Pipedrive, bringing it there first; None for one that has none.

        It has attempts of its own: the contacts that wait for it spend none of theirs.
        """
        organization, wanted_since = contact.organization, contact.next_pipedrive_sync_attempt
        if organization is None:
            return None
        if organization.pipedrive_org_id is None:
            with claims.hold_row("organization", organization.pk, organization_key(organization)):
                organization.refresh_from_db()  # as it is under the claim
                now = self._clock.now()
                if organization.pipedrive_org_id is None and organization.next_pipedrive_sync_attempt <= now:

                    def bring() -> None:
                        brought = steps.ensure_organization(organization, contact.owner, wanted_since)
                        links.link_organization(organization, brought, now=self._clock.now())

                    self._attempt(organization, bring)
        organization.refresh_from_db()
        wait = organization.next_pipedrive_sync_attempt - self._clock.now()
        if organization.pipedrive_org_id is None and organization.pipedrive_sync_failed:
            raise OrganizationFailedError(organization.pipedrive_sync_error_message, wait)
        if organization.pipedrive_org_id is None:
            raise NotYetError(wait)
        return organization.pipedrive_org_id

    def _attempt(self, row: Row, bring: Callable[[], None]) -> None:
        """Make an attempt; the one place where what went wrong becomes a row's or the connection's state."""
        try:
            bring()
        except (BusyError, DisconnectedError):
            raise
        except NotYetError as later:
            _write(row, next_pipedrive_sync_attempt=self._clock.now() + later.wait)
            raise
        except StaleLinkError as stale:
            now = self._clock.now()
            wait = max(links.look_again(stale.row, now) - now, timedelta(0)) + STALE_LINK_WAIT
            _write(row, next_pipedrive_sync_attempt=now + wait)
            raise NotYetError(wait) from stale
        except DeletedThereError:
            log.info("sync.deleted_there row=%s/%s", row._meta.model_name, row.pk)  # noqa: SLF001 (as below)
            links.unlink(row, self._clock.now())
        except Exception as error:  # noqa: BLE001 (house rule: set the row aside, and let the others go on)
            self._blame_the_connection(error)
            verdict = judge(
                error,
                attempts=row.pipedrive_sync_attempts + 1,
                policy=self._policy,
                jitter=self._random.random(),
            )
            self._set_aside(row, verdict, error)

    def _blame_the_connection(self, error: Exception) -> None:
        """Report the connection if the error is its fault; a probe tells, where the error itself does not.

        Raises:
            DisconnectedError: When it is.
        """
        found = trouble(error)
        if found is None and wants_probe(error):
            found = connection.probe(self._pipedrive)
        if found is not None:
            log.warning("connection.%s error=%s", found.state, error)
            connection.report(found, self._clock)
            raise DisconnectedError from error

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
        if not isinstance(row, Activity):
            values["pipedrive_candidates"] = list(verdict.candidates)
        is_news = not row.pipedrive_sync_failed or is_other(row.pipedrive_sync_error_code, verdict.code)
        with transaction.atomic():
            # An edit, or someone who tries again, was faster: the row is due by that already, and this is no news.
            as_read = {"revision": row.revision, "pipedrive_sync_attempts": row.pipedrive_sync_attempts}
            rows = type(row)._default_manager.filter(pk=row.pk)  # noqa: SLF001 (documented as public)
            if not rows.select_for_update().exists():
                return  # it was deleted here (see deleted.py)
            history.note(row, verdict.message, ok=False, now=now)
            if rows.filter(**as_read).update(**values) and verdict.failed and is_news:
                _tell_of_failure(row, verdict, now)


def _write(row: Row, **values: object) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**values)  # noqa: SLF001 (documented as public)


def _tell_of_failure(row: Row, verdict: Verdict, now: datetime) -> None:
    """Tell whose row it is. Of an organization that contacts wait for, their users hear with them."""
    match row:
        case Organization() if row.is_linked or row.pipedrive_asked_for:
            text = f"{row.name} could not be brought to Pipedrive. {verdict.message}"
            notify.tell(NotificationKind.ORGANIZATION_FAILED, text, now=now, user=links.user_of(row))
        case Contact():
            text = f"{row.name} could not be brought to Pipedrive. {verdict.message}"
            notify.tell(NotificationKind.CONTACT_FAILED, text, now=now, user=row.owner, contact=row)
        case Activity():
            text = f"“{row.subject}” with {row.contact.name} could not be brought to Pipedrive. {verdict.message}"
            contact = row.contact
            notify.tell(NotificationKind.ACTIVITY_FAILED, text, now=now, user=contact.owner, contact=contact)
