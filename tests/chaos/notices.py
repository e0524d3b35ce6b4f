"""What people were told: each thing once, and nothing that is not so."""

import re
from collections import Counter
from collections.abc import Iterator

from chaos.breach import Breach
from chaos.journal import RowName
from chaos.simulation import Simulation

from warmline.crm.models import Contact
from warmline.sync.models import Notification

KEPT = re.compile(r"(\w+): Pipedrive's “(.*?)” was kept, not “")
# By a label's last word, what the journal calls an edit of that field; other labels are its own words.
EDITED = {"title": "job_title", "note": "details", "tags": "details", "emails": "email", "phones": "phone"}
OF_ANOTHER = "The API token belongs to"
TROUBLE = range(400, 600)


def false_ones(run: Simulation) -> Iterator[Breach]:
    """Return what was told falsely, or twice, or to nobody."""
    told = list(Notification.objects.order_by("pk"))
    yield from _of_the_connection(run, [each for each in told if each.kind.startswith("connection_")])
    yield from _of_contacts(told)
    for notice in told:
        if notice.kind == "change_kept":
            yield from _kept(run, notice)
        if notice.kind == "not_renamed" and not any("name" in run.journal.edited[row] for row in _about(notice)):
            yield Breach("notice", f"“{notice.text}”, and nobody renamed it here")


def _of_the_connection(run: Simulation, told: list[Notification]) -> Iterator[Breach]:
    """Each loss has its cause and an end; nothing is back that was not lost."""
    is_lost = False
    for notice in told:
        if notice.kind == "connection_back" and not is_lost:
            yield Breach("notice", "The connection is back that was not lost.")
        is_lost = notice.kind == "connection_lost"
        has_cause = run.met_others if OF_ANOTHER in notice.text else _was_trouble(run)
        if is_lost and not has_cause:
            yield Breach("notice", f"“{notice.text}”, and nothing was wrong")
    if is_lost:
        yield Breach("notice", "The connection was lost and never came back.")


def _was_trouble(run: Simulation) -> bool:
    calls = (*run.world.calls, *run.other.world.calls)
    return any(call.fault or call.status in TROUBLE or call.status == 0 for call in calls)


def _of_contacts(told: list[Notification]) -> Iterator[Breach]:
    """That a contact is there is told once, and once more each time that it was deleted there before."""
    there = Counter(each.contact_id for each in told if each.kind == "contact_synced")
    deleted = Counter(each.contact_id for each in told if each.kind == "deleted_there" and "” with " not in each.text)
    for contact in Contact.objects.all():
        if there[contact.pk] > 1 + deleted[contact.pk]:
            yield Breach("notice", f"It was told {there[contact.pk]} times that contact {contact.pk} is there.")
        if contact.is_linked and not there[contact.pk]:
            yield Breach("notice", f"Nobody was told that contact {contact.pk} is there.")


def _about(notice: Notification) -> list[RowName]:
    """Return the rows that a notice may be about: of an organization's, it names the contact alone."""
    contact = Contact.objects.filter(pk=notice.contact_id or 0).first()
    return [] if contact is None else [("contact", contact.pk), ("organization", contact.organization_id or 0)]


def _kept(run: Simulation, notice: Notification) -> Iterator[Breach]:
    """Only what a person wrote there is kept against ours, or with another contact of ours that is this person.

    A merge there brings another record's values.
    """
    contact = Contact.objects.filter(pk=notice.contact_id or 0, pipedrive_person_id__isnull=False).first()
    if run.journal.merged if contact is None else ("persons", contact.pipedrive_person_id) in run.journal.merged:
        return  # of a contact that is not linked any more, nobody knows which person it was
    twins = Contact.objects.filter(pipedrive_person_id=contact.pipedrive_person_id) if contact else ()
    with_twins = {name for twin in twins if twin != contact for name in run.journal.edited["contact", twin.pk]}
    for name, value in KEPT.findall(notice.text):
        some = value.split(", ") if name in {"emails", "phones"} else [value]
        if not run.journal.said_there.issuperset(some) and EDITED.get(name, name) not in with_twins:
            yield Breach("notice", f"“{notice.text}”, and nobody wrote that {name} there")
