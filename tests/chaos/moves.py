"""Colleagues who give persons another organization in Pipedrive, and activities another type."""

from random import Random
from typing import Any

from chaos.journal import Journal

from warmline.crm.keys import key
from warmline.crm.models import Organization
from warmline.sandbox import Sandbox
from warmline.sync import mapping
from warmline.sync.reconcile.changed_org_or_type import type_here

TYPES = ("call", "email", "meeting", "task", "lunch")


class Moves:
    """What they do, by a chance of its own, so that other deeds stay as they were.

    Args:
        sandbox: Where.
        random: Draws what they do.
        journal: Who did what.
    """

    def __init__(self, sandbox: Sandbox, random: Random, journal: Journal) -> None:
        self._sandbox, self._random, self._journal = sandbox, random, journal

    def sometimes(self) -> None:
        """Move something after one deed in ten."""
        world = self._sandbox.world
        if self._random.random() >= 0.1:
            return
        kind: Any = self._random.choice(("persons", "persons", "activities"))
        alive = [number for number in world.records[kind] if world.alive(kind, number)]
        organizations = [number for number in world.organizations if world.alive("organizations", number)]
        if not alive:
            return
        number = self._random.choice(alive)
        active = {one["key_string"] for one in world.activity_types if one["active_flag"]}
        change = (
            {"org_id": self._random.choice([None, *organizations])}
            if kind == "persons"
            else {"type": self._random.choice([each for each in TYPES if each in active])}
        )
        self._sandbox.people.change(kind, number, **change)
        self._journal.touched.add((kind, number))
        self._journal.note(f"there: {kind} {number} gets {change}")


def can_be_said(world: Any, then: int | None, now: int | None) -> bool:
    """Tell whether another organization of a person can be shown here.

    Args:
        world: What is there.
        then: The one that it had.
        now: The one that it has.
    """
    if then is not None and not world.alive("organizations", then):
        return False
    if now is None:
        return True
    if not world.alive("organizations", now):
        return False
    namesake = Organization.objects.filter(name_key=key(str(world.organizations[now]["name"]))).first()
    return namesake is None or namesake.pipedrive_org_id in {None, now}


def is_ours(there: str) -> bool:
    """Tell whether a type of theirs is one of ours."""
    return type_here(there, mapping.TYPES) is not None
