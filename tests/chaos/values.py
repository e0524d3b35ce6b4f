"""What must hold of several e-mails and phones when everything has come to rest, whoever changed them on which side."""

from collections.abc import Iterator
from typing import Any

from chaos.breach import Breach
from chaos.simulation import Simulation

from warmline.crm.emails_phones import label_of
from warmline.crm.models import Contact
from warmline.sync import normal_forms
from warmline.sync.row_state import SyncState, with_state

KINDS = (("emails", "email"), ("phones", "phone"))


def breaches(run: Simulation) -> Iterator[Breach]:
    """Return what is lost of what was added here or there, and what is said to be in line and is not."""
    for contact in with_state(Contact.objects.order_by("pk"), threshold=run.policy.threshold, now=run.clock.now()):
        person = run.world.persons.get(contact.pipedrive_person_id)
        name = ("persons", contact.pipedrive_person_id or 0)
        if person is None or person["is_deleted"] or name in run.journal.merged:
            continue
        if contact.sync_state == SyncState.SYNCED and run.journal.maker(name, person) == ("contact", contact.pk):
            yield from _of_ours(run, contact, person)
    for name, added in run.journal.added_there.items():
        person = run.world.persons[name[1]]
        if name not in run.journal.merged and not person["is_deleted"]:
            yield from _of_theirs(run, name, person, added)


def _of_ours(run: Simulation, contact: Contact, person: dict[str, Any]) -> Iterator[Breach]:
    """Hold that what a contact has is there, if people there let it be, with its label; and nothing that it gave up."""
    name = ("persons", person["id"])
    is_shared = Contact.objects.filter(pipedrive_person_id=person["id"]).count() > 1
    for kind, one in KINDS:
        there = {normal_forms.theirs(one, each["value"]): each for each in person[kind]}
        gone, labelled, added = (
            {normal_forms.theirs(one, each) for each in some[name]}
            for some in (run.journal.gone_there, run.journal.labelled_there, run.journal.added_there)
        )
        ours = {normal_forms.theirs(one, each.value): each for each in getattr(contact, kind)}
        for form, each in ours.items():
            if form not in there and form not in gone:
                yield Breach("loss", f"{each} of contact {contact.pk} is not there: {person[kind]}")
            is_ours = form in there and not is_shared and form not in labelled | added | gone
            if is_ours and label_of(there[form]["label"]) != each.label:
                yield Breach("false state", f"{each} of contact {contact.pk} is not {there[form]}")
        left_there = name in run.journal.left_there or name in run.journal.touched or is_shared
        for form in there.keys() - ours.keys() - gone - labelled - added:
            if not left_there:
                yield Breach("false state", f"{form} is there, and contact {contact.pk} has {list(ours)} alone")


def _of_theirs(run: Simulation, name: tuple[str, int], person: dict[str, Any], added: set[str]) -> Iterator[Breach]:
    """Hold that what people added there stays, unless they took it away, or somebody here had it and gave it up."""
    for kind, one in KINDS:
        there, gone, had = (
            {normal_forms.theirs(one, each) for each in some}
            for some in ([each["value"] for each in person[kind]], run.journal.gone_there[name], run.journal.had_here)
        )
        for value in added:
            is_of_kind = ("@" in value) == (kind == "emails")
            if is_of_kind and normal_forms.theirs(one, value) not in there | gone | had:
                yield Breach("loss", f"{value}, which people gave to {name}, is gone: {person[kind]}")
