"""Details of contacts that go to fields of Pipedrive's, in half of the simulated runs: edited here and there.

Its chance is its own, so that everything else that people do stays as it was.
"""

from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING

from chaos.breach import Breach
from chaos.journal import Journal

from warmline.crm import book, preferences
from warmline.crm.models import Contact
from warmline.sandbox import Sandbox
from warmline.sandbox.seed_data import field
from warmline.sync import normal_forms
from warmline.sync.row_state import SyncState, with_state
from warmline.sync.synced_fields import Codes

if TYPE_CHECKING:
    from chaos.simulation import Simulation

HERE = {
    "job_title": ("", "Buyer", "Head of  Buying"),
    "note": ("", "Met at the fair.\nLikes <tea> & cake.", "n"),
    "tags": ("", "fair", "fair, board", "board, fair"),
}
THERE = {"job_title": "Chief", "note": "Written there\nby hand", "tags": "vip"}
CODES = {"job_title": "job_title", "note": "e" * 40, "tags": "f" * 40}


class Details:
    """Who edits them.

    Args:
        random: Its own chance.
        sandbox: Pipedrive.
        journal: Where everything is written down.
    """

    def __init__(self, random: Random, sandbox: Sandbox, journal: Journal) -> None:
        self._random, self._sandbox, self._journal = random, sandbox, journal
        self.chosen: Codes = CODES if random.random() < 0.5 else {}
        sandbox.world.fields["persons"] += [
            field(f"Our {name}", code, "text", custom=True) for name, code in CODES.items() if name != code
        ]
        preferences.change({"detail_fields": dict(self.chosen)})

    def edit(self) -> None:
        """Change one here, perhaps."""
        contacts = list(Contact.objects.order_by("pk")) if self._is_time() else []
        if not contacts:
            return
        row, name = self._random.choice(contacts), self._random.choice(list(HERE))
        value = self._random.choice(HERE[name])
        book.change_contact(row, {name: value})
        self._journal.edited["contact", row.pk].add("job_title" if name == "job_title" else "details")
        self._journal.note(f"contact {row.pk} has {name} {value!r}")

    def work(self) -> None:
        """Change one there, perhaps."""
        world = self._sandbox.world
        alive = [number for number in world.persons if world.alive("persons", number)]
        if not self._is_time() or not alive:
            return
        number, name = self._random.choice(alive), self._random.choice(list(HERE))
        value = self._random.choice(("", f"{THERE[name]} {self._random.randrange(100)}"))
        change = {"job_title": value} if name == "job_title" else {"custom_fields": {CODES[name]: value or None}}
        self._sandbox.people.change("persons", number, **change)
        self._journal.said_there |= {value, " ".join(value.split())}  # as a server's cleaning may leave it
        self._journal.note(f"there: person {number} has {name} {value!r}")

    def end(self) -> None:
        """Leave the preferences as they were found."""
        preferences.change({"detail_fields": {}})

    def _is_time(self) -> bool:
        return bool(self.chosen) and self._random.random() < 0.5


def breaches(run: "Simulation") -> Iterator[Breach]:
    """Return each synced contact that has another detail than its person, which we made for it alone."""
    rows = with_state(Contact.objects.order_by("pk"), threshold=run.policy.threshold, now=run.clock.now())
    for contact in rows if run.details.chosen else ():
        person = run.world.persons.get(contact.pipedrive_person_id)
        if contact.sync_state != SyncState.SYNCED or person is None:
            continue
        name, journal = ("persons", person["id"]), run.journal
        is_ours = journal.maker(name, person) == ("contact", contact.pk)
        is_alone = Contact.objects.filter(pipedrive_person_id=person["id"]).count() == 1
        if not (is_ours and is_alone) or name in journal.touched | journal.by_hand | journal.left_there:
            continue
        for detail, code in run.details.chosen.items():
            there = person.get(code) if code == detail else person["custom_fields"].get(code)
            field_name, ours = f"{detail}@{code}", getattr(contact, detail)
            if normal_forms.theirs(field_name, there) != normal_forms.theirs(field_name, ours):
                yield Breach("false state", f"contact {contact.pk}'s {detail} {ours!r} is not {there!r}")
