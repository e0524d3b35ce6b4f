"""Details of contacts that go to fields of Pipedrive's, in half of the simulated runs: edited here and there.

Its chance is its own, so that everything else that people do stays as it was.
"""

from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from chaos.breach import Breach
from chaos.journal import Journal

from warmline.crm import book, preferences
from warmline.crm.models import Contact
from warmline.pipedrive import Field, Person
from warmline.sandbox import Sandbox, World
from warmline.sandbox.seed_data import field
from warmline.sync import mapping, normal_forms, tag_options
from warmline.sync.remote import detail_fields
from warmline.sync.row_state import SyncState, with_state
from warmline.sync.synced_fields import Chosen, Codes

if TYPE_CHECKING:
    from chaos.simulation import Simulation

HERE = {
    "job_title": ("", "Buyer", "Head of  Buying"),
    "note": ("", "Met at the fair.\nLikes <tea> & cake.", "n"),
    "tags": ("", "fair", "fair, board", "board, fair"),
}
THERE = {"job_title": "Chief", "note": "Written there\nby hand", "tags": "vip"}
OPTIONS = {1: "fair", 2: "vip"}  # of the field for tags, if that offers some
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
        made = {name: field(f"Our {name}", code, "text", custom=True) for name, code in CODES.items() if name != code}
        self.offers = random.random() < 0.5
        if self.offers:
            options = [{"id": number, "label": label} for number, label in OPTIONS.items()]
            made["tags"] |= {"field_type": "set", "options": options}
        sandbox.world.fields["persons"] += made.values()
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
        there: Any = value or None
        if name == "tags" and self.offers:
            there = self._random.choice((None, [1], [2], [1, 2]))
            value = ", ".join(OPTIONS[number] for number in there or ())
        change = {"job_title": value} if name == "job_title" else {"custom_fields": {CODES[name]: there}}
        self._sandbox.people.change("persons", number, **change)
        self._journal.said_there |= {value, " ".join(value.split())}  # as a server's cleaning may leave it
        self._journal.note(f"there: person {number} has {name} {value!r}")

    def end(self) -> None:
        """Leave the preferences as they were found."""
        preferences.change({"detail_fields": {}})

    def _is_time(self) -> bool:
        return bool(self.chosen) and self._random.random() < 0.5


def chosen_in(world: World) -> Chosen:
    """Return the details that go over, as the company has their fields."""
    fields = [Field.model_validate(each) for each in world.fields["persons"]]
    return detail_fields.usable(preferences.current().detail_fields, fields)


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
        chosen, record = chosen_in(run.world), Person.model_validate(person)
        for detail, target in chosen.items():
            there, ours = mapping.detail_there(record, target), getattr(contact, detail)
            field_name = f"{detail}@{target.code}"
            ours = ours if target.options is None else tag_options.words(ours, target, "", "")
            if normal_forms.theirs(field_name, there) != normal_forms.theirs(field_name, ours):
                yield Breach("false state", f"contact {contact.pk}'s {detail} {ours!r} is not {there!r}")
