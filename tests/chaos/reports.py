"""Pipedrive's webhooks in a simulated run: they reach the door or do not, and all is shown at the end."""

from collections.abc import Iterator
from random import Random
from typing import Any

from chaos import details, moves
from chaos.breach import Breach
from chaos.journal import Journal
from chaos.trust import Trust
from django.conf import settings

from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Person
from warmline.sandbox import Fault, Sandbox
from warmline.sandbox.outgoing import Outgoing
from warmline.sandbox.records import shown
from warmline.sync import mapping, reported_changes, trusted_reports
from warmline.sync.reconcile import snapshots
from warmline.sync.reconcile.three_way_merge import changed_there
from warmline.sync.row_state import SyncState

HERE = "http://127.0.0.1:8000"
ON_THE_WAY = ("event_late", "event_twice", "event_out_of_order", "event_lost")


class Reports:
    """What is between Pipedrive's webhooks and the door of a run.

    Args:
        sandbox: Reports.
        random: Draws what breaks.
        journal: Who made what.
    """

    def __init__(self, sandbox: Sandbox, random: Random, journal: Journal) -> None:
        self._sandbox, self._random = sandbox, random
        self._closed_until: float | None = None
        self.trust = Trust(journal)
        journal.on_create = self.trust.created
        self.is_reached = random.random() < 0.5
        settings.TRUST_EVENTS = self.is_reached and random.random() < 0.7
        settings.PUBLIC_URL = HERE if self.is_reached else ""
        settings.PIPEDRIVE_BASE_URL = "http://sandbox"

    def deliver(self) -> None:
        """Carry what is due to the door; one in ten finds it closed."""
        if self._closed_until is not None and self._sandbox.world.now() >= self._closed_until:
            self._closed_until = None
            trusted_reports.after_a_pause()
        if self._sandbox.world.outgoing:
            self._sandbox.deliver(self._door)

    def break_the_way_sometimes(self) -> None:
        """Break it after one deed in eight."""
        if self._random.random() < 0.125:
            self.break_the_way()

    def break_the_way(self) -> None:
        """Have reports come late, twice, out of order or not at all for a while, or end the webhooks."""
        webhooks = list(self._sandbox.world.webhooks)
        kind: Any = self._random.choice((*ON_THE_WAY, "ban", "remove", "closed"))
        if kind in ON_THE_WAY:
            delay = self._random.uniform(1, 120) if kind in {"event_late", "event_out_of_order"} else 0.0
            self._sandbox.faults.add(Fault(kind=kind, delay=delay, seconds=600.0, probability=0.5))
        elif kind == "closed":
            self._closed_until = self._sandbox.world.now() + self._random.choice((2.0, 60.0, 400.0))
        elif webhooks:
            chosen = self._random.choice(webhooks)
            deed = self._sandbox.people.ban_webhook if kind == "ban" else self._sandbox.people.remove_webhook
            deed(chosen)

    def end(self) -> None:
        """Give the settings back."""
        settings.PUBLIC_URL, settings.TRUST_EVENTS = "", False

    def _door(self, one: Outgoing) -> int:
        if self._closed_until is not None or self._random.random() < 0.1:
            return 0
        self.trust.came(one.body["meta"])
        reported_changes.note([one.content])
        return 200


def not_shown(rows: Any, world: Any) -> Iterator[Breach]:
    """What was changed only in Pipedrive is shown here, once everything has come to rest."""
    for model, link, kind in (
        (Contact, "pipedrive_person_id", "persons"),
        (Activity, "pipedrive_activity_id", "activities"),
    ):
        for row in rows(model):
            number = getattr(row, link)
            if row.sync_state != SyncState.SYNCED or not world.alive(kind, number):
                continue
            missed = _missed(row, shown(world, world.records[kind][number]), world)
            if missed:
                yield Breach("false state", f"{kind} {number} of row {row.pk} was changed there: {missed}")


def _missed(row: Contact | Organization | Activity, record: Any, world: Any) -> dict[str, Any]:
    if isinstance(row, Activity):
        ours = snapshots.of_our_activity(row, mapping.TYPES[row.type])
        words = snapshots.words_of_activity(row, mapping.TYPES[row.type])
        theirs = snapshots.of_their_activity(PipedriveActivity.model_validate(record))
        return {
            name: value
            for name, value in changed_there(ours, theirs, row.pipedrive_agreed, words).items()
            if name != "type" or moves.is_ours(str(value))
        }
    if isinstance(row, Contact):
        person, chosen = Person.model_validate(record), details.chosen_in(world)
        # Of several contacts that are one person, an e-mail there may be another one's.
        alone = Contact.objects.filter(pipedrive_person_id=person.id).count() == 1
        found = changed_there(
            snapshots.of_contact(row, chosen),
            snapshots.of_person(person, row, chosen=chosen),
            row.pipedrive_agreed,
            snapshots.words_of_contact(row, chosen),
            is_shared=not alone,
        )
        then = row.pipedrive_agreed.get("theirs", {}).get("organization")
        if not moves.can_be_said(world, then, found.get("organization")):
            found.pop("organization", None)
        return {name: value for name, value in found.items() if alone or name in {"name", "organization"}}
    return {}
