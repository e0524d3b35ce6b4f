"""What must hold when everything works again and has come to rest, as seen from outside: in PostgreSQL and Pipedrive.

Each broken one is a line; no line is the proof.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from chaos.breach import Breach
from cluster.machines import Machines
from cluster.traffic import Reader, Saved

LINKS = {
    "persons": ("crm_contact", "pipedrive_person_id"),
    "organizations": ("crm_organization", "pipedrive_org_id"),
    "activities": ("crm_activity", "pipedrive_activity_id"),
}
CONTACTS = """
SELECT c.id, c.name, c.email, c.phone, c.warmness_score, c.pipedrive_person_id, o.pipedrive_org_id, o.name,
       c.pipedrive_sync_failed OR c.pipedrive_person_id IS NOT NULL AND c.revision > c.pipedrive_revision
FROM crm_contact c LEFT JOIN crm_organization o ON o.id = c.organization_id
"""
ACTIVITIES = """
SELECT a.id, a.subject, a.replicate, a.pipedrive_activity_id, a.done, c.pipedrive_person_id,
       a.pipedrive_sync_failed OR a.pipedrive_activity_id IS NOT NULL AND a.revision > a.pipedrive_revision
FROM crm_activity a JOIN crm_contact c ON c.id = a.contact_id
"""
UNFINISHED = {
    "jobs": "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'bring'",
    "intents": "SELECT count(*) FROM sync_intent",
    "open transactions": "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    " AND xact_start < now() - interval '90 s'",
}
LEAST_WARM = 4


@dataclass(frozen=True)
class There:
    """What Pipedrive holds: by kind, each record by its id; and which fields and labels."""

    records: dict[str, dict[int, Any]]
    fields: dict[str, Any]

    @classmethod
    def seen(cls, world: dict[str, Any]) -> "There":
        """Return it, as the sandbox's control API shows it."""
        return cls({kind: {each["id"]: each for each in world[kind]} for kind in LINKS}, world["fields"])


def breaches(machines: Machines, saved: Saved, readers: Iterable[Reader]) -> list[Breach]:
    """Return every broken invariant."""
    there = There.seen(machines.sandbox.get("/world").raise_for_status().json())
    return [
        *_doubles(machines, there),
        *_losses(machines, saved, there),
        *_false_states(machines, there),
        *_notices(machines, readers),
        *_unfinished(machines),
        *(Breach("error", text) for text in saved.broken),
    ]


def _doubles(machines: Machines, there: There) -> Iterator[Breach]:
    for kind, (table, link) in LINKS.items():
        rows = Counter(row[0] for row in machines.ask(f"SELECT {link} FROM {table} WHERE {link} IS NOT NULL"))  # noqa: S608 (our own names)
        for number, record in there.records[kind].items():
            if not rows[number]:
                yield Breach("duplicate", f"{kind} {number} is nobody's: {record}")
        for number, count in rows.items():
            if count > 1:
                yield Breach("stranger", f"{count} rows are linked to {kind} {number}")
    yield from _doubles_by_name(there)


def _doubles_by_name(there: There) -> Iterator[Breach]:
    """Of organizations, labels and fields there is one of each name."""
    labels = next(each for each in there.fields["persons"] if each["field_code"] == "label_ids")["options"]
    named = [option["label"] for option in labels]
    named += [f"organization {each['name']}" for each in there.records["organizations"].values()]
    for kind in ("persons", "organizations"):
        named += [f"{kind}: {each['field_name']}" for each in there.fields[kind]]
    for name, count in Counter(named).items():
        if count > 1:
            yield Breach("duplicate", f"{count} times {name}")


def _losses(machines: Machines, saved: Saved, there: There) -> Iterator[Breach]:
    yield from _not_stored(machines, saved)
    for number, name, _, _, score, person_id, *_ in machines.ask(CONTACTS):
        if score >= LEAST_WARM and person_id is None:
            yield Breach("loss", f"contact {number} {name} is warm and not in Pipedrive")
    for number, subject, replicate, activity_id, _, person_id, _ in machines.ask(ACTIVITIES):
        if activity_id is None and (replicate or (replicate is None and person_id is not None)):
            yield Breach("loss", f"activity {number} {subject} is not in Pipedrive")
    for kind, (table, link) in LINKS.items():
        for number, linked in machines.ask(f"SELECT id, {link} FROM {table} WHERE {link} IS NOT NULL"):  # noqa: S608 (our own names)
            if linked not in there.records[kind]:
                yield Breach("loss", f"{kind}: row {number} points at {linked}, which is not there")


def _not_stored(machines: Machines, saved: Saved) -> Iterator[Breach]:
    """What was answered for is stored, once, and nothing else."""
    contacts = {row[0]: row[1] for row in machines.ask(CONTACTS)}
    activities = {row[0]: row[1] for row in machines.ask(ACTIVITIES)}
    for number in [*(saved.contacts.keys() - contacts.keys()), *(saved.activities.keys() - activities.keys())]:
        yield Breach("loss", f"{number} was answered for, and is not stored")
    for name, count in Counter((*contacts.values(), *activities.values())).items():
        if count > 1:
            yield Breach("duplicate", f"{name} is stored {count} times")
    for name in {*contacts.values()} - {*saved.contacts.values(), *saved.unanswered}:
        yield Breach("stranger", f"contact {name} was never saved")


def _false_states(machines: Machines, there: There) -> Iterator[Breach]:
    for number, name, email, phone, _, person_id, org_id, _, is_behind in machines.ask(CONTACTS):
        person = there.records["persons"].get(person_id)
        if is_behind:
            yield Breach("loss", f"contact {number} was never brought in line")
        elif person is not None:
            theirs = (
                person["name"],
                *([each["value"] for each in person[some]] or [""] for some in ("emails", "phones")),
                person.get("org_id"),
            )
            ours = (name, [email], [phone], org_id)
            if ours != theirs:
                yield Breach("false state", f"contact {number} {ours} is not {theirs}")
    for number, subject, _, activity_id, done, person_id, is_behind in machines.ask(ACTIVITIES):
        record = there.records["activities"].get(activity_id)
        if is_behind:
            yield Breach("loss", f"activity {number} was never brought in line")
        elif record is not None:
            people = [each["person_id"] for each in record["participants"]]
            if (record["subject"], record["done"], people) != (subject, done, [person_id]):
                yield Breach("false state", f"activity {number} {subject} of person {person_id} is not {record}")


def _notices(machines: Machines, readers: Iterable[Reader]) -> Iterator[Breach]:
    """That a contact is there is told once; and whoever reads behind what they have read, reads each thing once."""
    there = machines.ask("SELECT id FROM crm_contact WHERE pipedrive_person_id IS NOT NULL")
    told = Counter(
        row[0] for row in machines.ask("SELECT contact_id FROM sync_notification WHERE kind = 'contact_synced'")
    )
    for (number,) in there:
        if told[number] != 1:
            yield Breach("notice", f"It was told {told[number]} times that contact {number} is there.")
    yield from _of_the_connection(machines)
    read: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for place, reader in enumerate(readers):
        read[place] = Counter(contact for kind, _, contact in reader.told if kind == "contact_synced" and contact)
        for number, count in read[place].items():
            if count > 1:
                yield Breach("notice", f"Reader {place} was told {count} times of contact {number}.")
    missed = {number for (number,) in there} - {number for each in read.values() for number in each}
    for number in missed:
        yield Breach("notice", f"Nobody read that contact {number} is there.")


def _of_the_connection(machines: Machines) -> Iterator[Breach]:
    """Each loss has an end; nothing is back that was not lost."""
    is_lost = False
    for kind, text in machines.ask(
        "SELECT kind, text FROM sync_notification WHERE kind LIKE 'connection%%' ORDER BY place NULLS LAST, id"
    ):
        if (kind == "connection_lost") == is_lost:
            yield Breach("notice", f"twice in a row: {text}")
        is_lost = kind == "connection_lost"
    if is_lost:
        yield Breach("notice", "The connection was lost and never came back.")


def _unfinished(machines: Machines) -> Iterator[Breach]:
    for name, query in UNFINISHED.items():
        ((count,),) = machines.ask(query)
        if count:
            yield Breach("loss", f"{count} {name} are left")


def is_at_rest(machines: Machines) -> str:
    """Return what is still under way; empty when nothing is."""
    ((contacts,),) = machines.ask(
        "SELECT count(*) FROM crm_contact WHERE (pipedrive_person_id IS NULL AND warmness_score >= %s)"
        " OR (pipedrive_person_id IS NOT NULL AND revision > pipedrive_revision)",
        LEAST_WARM,
    )
    ((activities,),) = machines.ask(
        "SELECT count(*) FROM crm_activity a JOIN crm_contact c ON c.id = a.contact_id WHERE CASE"
        " WHEN pipedrive_activity_id IS NOT NULL THEN a.revision > a.pipedrive_revision"
        " ELSE c.pipedrive_person_id IS NOT NULL AND replicate IS NOT FALSE END"
    )
    ((organizations,),) = machines.ask(
        "SELECT count(*) FROM crm_organization WHERE pipedrive_org_id IS NOT NULL AND revision > pipedrive_revision"
    )
    left = {"contacts": contacts, "activities": activities, "organizations": organizations}
    left |= {name: machines.ask(query)[0][0] for name, query in UNFINISHED.items()}
    return ", ".join(f"{count} {name}" for name, count in left.items() if count)
