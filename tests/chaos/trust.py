"""A simulated run that trusts reports: what was reported is known, and of what was not, an audit names the double."""

from collections.abc import Iterator, Mapping
from typing import Any

from chaos.breach import Breach
from chaos.journal import Journal, agree
from django.conf import settings

from warmline.crm.keys import email_key, key
from warmline.crm.models import Contact, Organization
from warmline.sync.audit_models import Finding, Problem

KNOWN_AFTER = 120.0  # seconds after its report came: no create takes longer from its look to its end
ENTITIES = {"person": "persons", "organization": "organizations"}
MODELS: dict[str, Any] = {"persons": Contact, "organizations": Organization}


class Trust:
    """Follows what is reported of the records that people make, and what is created although they are there.

    Args:
        journal: Who made what.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._came: dict[tuple[str, int], float] = {}
        self._doubled: list[tuple[str, int, int]] = []  # kind, what people made, what we made in spite of it

    def came(self, meta: Mapping[str, Any]) -> None:
        """Note a report that has reached the door."""
        if meta["entity"] in ENTITIES and meta["action"] == "create":
            name = (ENTITIES[meta["entity"]], int(meta["entity_id"]))
            self._came.setdefault(name, self._journal.world.now())

    def created(self, name: tuple[str, int], body: Mapping[str, Any], row: tuple[str, int]) -> None:
        """Hold that nobody was reported who is the same as what a call of ours has just made.

        Args:
            name: The new record.
            body: Of the call.
            row: For which it was made.
        """
        kind, world = name[0], self._journal.world
        if not settings.TRUST_EVENTS or kind not in MODELS or row in self._journal.chosen:
            return
        for other in self._journal.by_hand:
            if other[0] != kind or not world.alive(*other) or other in self._journal.touched:
                continue
            there = world.records[kind][other[1]]
            if not _are_one(kind, body, there, self._journal.names[other]):
                continue
            if world.now() - self._came.get(other, world.now()) > KNOWN_AFTER:
                text = f"{name} was made for {row}, although {other} was reported long before"
                self._journal.breaches.append(Breach("duplicate", text))
            self._doubled.append((kind, other[1], name[1]))

    def unnamed(self) -> Iterator[Breach]:
        """Return doubles of which an audit that was just made says nothing; the audit's findings are not decided on."""
        for kind, theirs, ours in self._doubled:
            rows = MODELS[kind].objects.filter(**{MODELS[kind].LINK: ours})
            here = rows.first()
            touched = {(kind, theirs), (kind, ours)} & (self._journal.touched | self._journal.merged)
            if here is None or touched or MODELS[kind].objects.filter(**{MODELS[kind].LINK: theirs}).exists():
                continue
            if self._journal.edited[here._meta.model_name, here.pk]:
                continue
            doubles = Finding.objects.filter(problem=Problem.DOUBLE, row_id=here.pk, kind=here._meta.model_name)
            if not any(theirs in each.others for each in doubles):
                yield Breach("audit", f"{kind} {theirs} and {ours} are one, and the audit does not say so")


def _are_one(kind: str, body: Mapping[str, Any], there: Mapping[str, Any], names: set[str]) -> bool:
    if kind == "organizations":
        return key(str(body["name"])) == key(str(there["name"]))
    ours, theirs = ({email_key(each["value"]) for each in side.get("emails", ())} for side in (body, there))
    return not ours.isdisjoint(theirs) and agree({str(body["name"])}, names | {str(there["name"])})
