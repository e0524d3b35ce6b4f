"""Runs an audit step by step: one page, or one check. What a step has found is stored with how far the audit is.

So an audit that is killed goes on where it was. Lists are read as a whole if that is cheap enough; otherwise what has
changed since the last audit is read, and as many links by their ids as it takes to look at each one in time.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

from warmline.pipedrive import (
    MOST_IDS,
    Clock,
    MissingScope,
    Page,
    Pipedrive,
    PipedriveError,
    Rejected,
    Unavailable,
    changed_since,
    with_ids,
)
from warmline.sync.audit import rows, token_allowance
from warmline.sync.audit.checking import Checks
from warmline.sync.audit.closing import close, has_settled
from warmline.sync.audit.reading import Comparison, Seen, suspect
from warmline.sync.audit.token_allowance import Reading
from warmline.sync.audit_models import Audit, AuditedLink, AuditState, Finding, Phase, Problem, Suspect
from warmline.sync.call_counts import Purpose, made_for
from warmline.sync.company import Membership, generation, storing
from warmline.sync.intents import OVERLAP
from warmline.sync.leases import BusyError, Leases
from warmline.sync.policy import Policy
from warmline.sync.priorities import RowKind
from warmline.sync.remote import connection_health
from warmline.sync.retries import trouble

log = logging.getLogger(__name__)

LEASE = "audit"
ORDER = (Phase.PERSONS, Phase.ORGANIZATIONS, Phase.ACTIVITIES, Phase.CHECKS)
KINDS: tuple[RowKind, ...] = ("organization", "contact", "activity")
EVERYTHING, CHANGES, SLICES = "everything", "changes", "slices"
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=30)  # after a failure
WITHOUT_TOKENS = timedelta(minutes=30)  # until it is seen whether tokens are left over
TRIES = 5  # to look at a suspect, although the connection works; then it is left out
A_NIGHT = timedelta(days=1)
LONG_AGO = timedelta(days=36500)


class Auditor:
    """Runs audits.

    Args:
        pipedrive: The client.
        policy: What counts as warm, the label, and the activity types.
        clock: Tells the time.
        membership: Whether the client's token belongs to the company of the links.
    """

    def __init__(self, pipedrive: Pipedrive, policy: Policy, clock: Clock, membership: Membership) -> None:
        self._pipedrive, self._policy, self._clock, self._membership = pipedrive, policy, clock, membership
        self._background = pipedrive.in_background()
        self._checks = Checks(self._background, policy, clock)
        self._followed: set[str] = set()
        self._lists: dict[str, Callable[..., Page[Any]]] = {
            "contact": self._background.persons_page,
            "organization": self._background.organizations_page,
            "activity": self._background.activities_page,
        }

    def run(self, is_ending: Callable[[], bool] = lambda: False) -> None:
        """Go on with the audit that is open, until it is done, pauses, or is told to end.

        Args:
            is_ending: Tells whether it is.

        Raises:
            BusyError: When another worker is at it.
        """
        leases = Leases(self._clock)
        with leases.hold(LEASE):
            if not self._is_open():
                return
            with made_for(Purpose.AUDIT), self._membership.at_work(), leases.at_work():
                while not is_ending() and self.step():
                    leases.renew()

    def step(self) -> bool:
        """Do the next piece; return whether there is another one now."""
        audit = Audit.objects.filter(is_open=True).first()
        if audit is None or waits(audit, self._clock.now()):
            return False
        if audit.generation not in {None, generation()} or not self._membership.is_in_use():
            return False
        if not self._may_spend(audit):
            return False
        before = self._background.tokens_spent
        try:
            return self._go_on(audit)
        except (BusyError, Rejected) as error:
            if isinstance(error, BusyError) or audit.phase == Phase.CHECKS or audit.cursor is None:
                self._fail(audit, error)
            else:
                self._begin_list_anew(audit)
            return not isinstance(error, BusyError) and audit.go_on_at is None
        except PipedriveError as error:
            self._fail(audit, error)
            return False
        finally:
            spent = self._background.tokens_spent - before
            self._count(audit, spent)

    def _is_open(self) -> bool:
        """Tell whether calls may be made; let the audit go on later if not."""
        if connection_health.is_open(self._pipedrive, self._clock, self._membership):
            return True
        audit = Audit.objects.filter(is_open=True).first()
        if audit is not None:
            self._pause(audit, f"{connection_health.status().message} The audit goes on by itself.", FIRST_WAIT)
        return False

    def _may_spend(self, audit: Audit) -> bool:
        usage = self._pipedrive.usage()
        if audit.night_at is None:
            audit.night_at, audit.left = self._clock.now(), token_allowance.of_a_night(usage.daily_tokens)
            audit.generation = generation()  # no company may have been known when it was begun
            audit.save(update_fields=["night_at", "left", "generation"])
        price = token_allowance.GET if audit.phase == Phase.CHECKS else token_allowance.PAGE
        if audit.left is not None and audit.left < price:
            wait, audit.night_at = audit.night_at + A_NIGHT - self._clock.now(), None
            self._pause(audit, "It has used the API tokens that one night may cost, and goes on the next night.", wait)
        elif not token_allowance.is_left_over(usage, price):
            self._pause(
                audit, "Few of the day's API tokens are left, so it waits. It goes on by itself.", WITHOUT_TOKENS
            )
        else:
            if audit.state != AuditState.RUNNING or audit.go_on_at is not None:
                audit.state, audit.message, audit.go_on_at = AuditState.RUNNING, "", None
                audit.save(update_fields=["state", "message", "go_on_at"])
            return True
        return False

    def _go_on(self, audit: Audit) -> bool:
        if audit.phase == Phase.CHECKS:
            return self._check(audit)
        if not audit.stage:
            self._choose_stage(audit)
        elif audit.stage == SLICES:
            self._read_slice(audit)
        else:
            self._read_page(audit)
        return True

    def _choose_stage(self, audit: Audit) -> None:
        audit.read_from = audit.read_from or self._pipedrive.server_time()
        before = _before(audit)
        reading = self._reading(audit, before)
        if reading.reads_everything(token_allowance.of_a_night(self._pipedrive.usage().daily_tokens)) and (
            audit.restarted.count(audit.phase) <= 1
        ):
            audit.stage = EVERYTHING
        else:
            audit.stage = CHANGES if before is not None else SLICES
        audit.cursor = str(reading.slice) if audit.stage == SLICES else None
        with storing():
            audit.save(update_fields=["stage", "cursor", "read_from"])

    def _reading(self, audit: Audit, before: Audit | None) -> Reading:
        kind: RowKind = audit.phase  # type: ignore[assignment]  # no check
        since = A_NIGHT if before is None else audit.started_at - before.started_at
        listed = None if before is None else before.listed.get(kind)
        return Reading(listed, rows.linked(kind).count(), since / A_NIGHT)

    def _read_page(self, audit: Audit) -> None:
        before = _before(audit)
        # By Pipedrive's clock: ours may have been ahead.
        since = None if before is None or audit.stage != CHANGES else before.read_from or before.started_at
        only = None if since is None else changed_since(since - OVERLAP)
        page = self._lists[audit.phase](audit.cursor, only)
        if page.next_cursor is not None and (page.next_cursor in self._followed or page.next_cursor == audit.cursor):
            raise Unavailable("The list never ends: a cursor was repeated.")
        self._followed = {*self._followed, page.next_cursor} - {None} if page.next_cursor else set()
        seen = self._compared(audit, page)
        with storing():
            seen.store(audit.pk, self._clock.now())
            if audit.stage == EVERYTHING:
                number = len(page.records) + len(page.unreadable)
                audit.listed[audit.phase] = audit.listed.get(audit.phase, 0) * (audit.cursor is not None) + number
            elif before is not None:
                audit.listed[audit.phase] = before.listed.get(audit.phase, 0)
            audit.cursor = page.next_cursor
            if audit.cursor is None and audit.stage == CHANGES:
                audit.stage, audit.cursor = SLICES, str(self._reading(audit, before).slice)
            elif audit.cursor is None:
                kind: RowKind = audit.phase  # type: ignore[assignment]  # no check
                suspect(kind, dict.fromkeys(rows.unseen(kind, audit.pk, audit.started_at), ()))
                _next_phase(audit)
            audit.save()

    def _read_slice(self, audit: Audit) -> None:
        """Read some links by their ids: those that were not looked at for longest."""
        kind: RowKind = audit.phase  # type: ignore[assignment]  # no check
        left = int(audit.cursor or 0)
        links = AuditedLink.objects.filter(kind=kind)
        # A look in the future was by a clock that was wrong.
        known = links.filter(row_id=OuterRef("pk"), looked_at__lte=self._clock.now()).values("looked_at")[:1]
        oldest = rows.linked(kind).annotate(looked=Coalesce(Subquery(known), Value(audit.started_at - LONG_AGO)))
        unseen = oldest.exclude(pk__in=links.filter(seen_in=audit.pk).values("row_id"))
        some = list(unseen.order_by("looked", "pk")[: min(MOST_IDS, left)])
        link = rows.MODELS[kind].LINK
        page = self._lists[kind](None, with_ids({getattr(row, link) for row in some})) if some else None
        seen = None if page is None else self._compared(audit, page)
        with storing():
            if page is not None and seen is not None:
                seen.store(audit.pk, self._clock.now())
                there = {each.id for each in (*page.records, *page.unreadable)}
                suspect(kind, {row.pk: () for row in some if getattr(row, link) not in there})
            audit.cursor = str(left - len(some)) if some and left > len(some) else None
            if audit.cursor is None:
                _next_phase(audit)
            audit.save()

    def _compared(self, audit: Audit, page: Page[Any]) -> Seen:
        """Compare a page, outside of the transaction that stores it, for which those who save wait."""
        kind: RowKind = audit.phase  # type: ignore[assignment]  # no check
        audit.pages += 1
        audit.failures = 0
        return Comparison(self._policy).look(kind, page.records, page.unreadable, self._clock.now())

    def _check(self, audit: Audit) -> bool:
        """Look at the next suspect; when there is none any more, close the audit."""
        # Organizations first: what a contact has lost with its organization is no problem of its own.
        for kind in KINDS:
            next_one = Suspect.objects.filter(kind=kind).order_by("pk").first()
            if next_one is not None:
                self._check_one(audit, next_one)
                return True
        now, daily_tokens = self._clock.now(), self._pipedrive.usage().daily_tokens
        if not has_settled(audit, self._policy, now, daily_tokens):
            return False
        close(audit, self._policy, now, daily_tokens)
        return False

    def _check_one(self, audit: Audit, suspect: Suspect) -> None:
        try:
            self._checks.check(suspect, audit.pk)
        except PipedriveError as error:
            if not self._is_given_up(audit, error):
                raise
            log.warning("audit.left_out row=%s/%s error=%s", suspect.kind, suspect.row_id, error)
            with storing():
                suspect.delete()
                Audit.objects.filter(pk=audit.pk).update(failures=0)

    def _is_given_up(self, audit: Audit, error: PipedriveError) -> bool:
        """Tell whether only this record cannot be read, so that the audit may go on without it."""
        if isinstance(error, Rejected) and not isinstance(error, MissingScope):
            return True
        if audit.failures < TRIES or trouble(error) is not None:
            return False
        return connection_health.probe(self._pipedrive, self._membership, self._clock) is None

    def _begin_list_anew(self, audit: Audit) -> None:
        """Read a list from its beginning: Pipedrive does not document how long a cursor is valid."""
        log.warning("audit.begins_anew kind=%s", audit.phase)
        audit.restarted.append(audit.phase)
        audit.stage, audit.cursor = "", None
        with storing():
            audit.save(update_fields=["restarted", "stage", "cursor"])

    def _fail(self, audit: Audit, error: Exception) -> None:
        found = trouble(error)
        if found is not None and self._membership.is_in_use():
            connection_health.report(found, self._clock)
        if not isinstance(error, BusyError):
            log.warning("audit.waits error=%s", error)
        audit.failures += 1
        wait = min(FIRST_WAIT * 2 ** min(audit.failures - 1, 10), LONGEST_WAIT)
        said = "Something else was being asked of Pipedrive." if isinstance(error, BusyError) else f"{error}"
        self._pause(audit, f"{said} The audit goes on by itself.", wait)

    def _pause(self, audit: Audit, message: str, wait: timedelta) -> None:
        audit.state, audit.message = AuditState.PAUSED, message
        audit.go_on_at = self._clock.now() + max(wait, timedelta(seconds=1))
        with suppress(BusyError), storing():
            audit.save(update_fields=["state", "message", "go_on_at", "failures", "night_at"])

    def _count(self, audit: Audit, spent: int) -> None:
        if spent:
            left = None if audit.left is None else audit.left - spent
            Audit.objects.filter(pk=audit.pk).update(tokens=audit.tokens + spent, left=left)


def waits(audit: Audit, now: datetime) -> bool:
    """Tell whether an audit pauses. A moment that is further away than any pause comes from a clock that was wrong."""
    return audit.go_on_at is not None and now < audit.go_on_at <= now + A_NIGHT


def _next_phase(audit: Audit) -> None:
    audit.stage, audit.cursor = "", None
    audit.phase = ORDER[ORDER.index(Phase(audit.phase)) + 1]
    if audit.phase == Phase.CHECKS:  # what was found before is looked at again as well
        found = Finding.objects.exclude(problem=Problem.MISSING)
        for kind in KINDS:
            some = found.filter(kind=kind).values_list("row_id", "others")
            suspect(kind, dict(some))


def _before(audit: Audit) -> Audit | None:
    """Return the last audit that was completed before this one."""
    return Audit.objects.filter(state=AuditState.DONE, started_at__lte=audit.started_at).order_by("-pk").first()
