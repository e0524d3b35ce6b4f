"""What must hold when everything has come to rest. Each broken one is a line; no line is the proof."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from chaos.breach import Breach
from chaos.simulation import Simulation

from warmline.crm.models import Activity, Contact, Organization
from warmline.sync.models import Intent
from warmline.sync.state import SyncState, describe, with_state

# Faults are over: what failed then is for a person to decide, or had to be.
FINAL = {"ambiguous", "rejected", "deleted", "organization_failed"}


def breaches(run: Simulation) -> list[Breach]:
    """Return every broken invariant of a run that has come to rest."""
    return [*_doubles(run), *_losses(run), *_false_states(run), *_harm(run)]


def _doubles(run: Simulation) -> Iterator[Breach]:
    """Of what we made, each record is some row's; and of what there is one of, there is one."""
    held = {
        "persons": set(Contact.objects.values_list("pipedrive_person_id", flat=True)),
        "organizations": set(Organization.objects.values_list("pipedrive_org_id", flat=True)),
        "activities": set(Activity.objects.values_list("pipedrive_activity_id", flat=True)),
    }
    for kind, ids in held.items():
        for record_id in run.world.records[kind]:
            ours = record_id not in run.by_hand[kind] | run.touched[kind] and run.world.alive(kind, record_id)
            if (
                ours
                and record_id not in ids
                and not _of_lost(run, kind, record_id)
                and not _remembered(run, kind, record_id)
            ):
                yield Breach("duplicate", f"{kind} {record_id} is nobody's: {run.world.records[kind][record_id]}")
    options = next(f for f in run.world.fields["persons"] if f["field_code"] == "label_ids")["options"]
    named = Counter(option["label"].casefold() for option in options)
    if named["warm lead"] > 1:
        yield Breach("duplicate", f"{named['warm lead']} labels")
    for kind in ("persons", "organizations"):
        for name, count in Counter(f["field_name"] for f in run.world.fields[kind]).items():
            if count > 1:
                yield Breach("duplicate", f"{count} fields {name} of {kind}")


def _remembered(run: Simulation, kind: str, record_id: int) -> bool:
    """Tell whether a record was made by a create that is unfinished, and will be found when its row is wanted again."""
    record = run.world.records[kind][record_id]
    name = "subject" if kind == "activities" else "name"
    return Intent.objects.filter(**{f"body__{name}": record[name]}).exists()


def _of_lost(run: Simulation, kind: str, record_id: int) -> bool:
    """Tell whether a record belonged to one that people deleted or merged away, and went its own way with it."""
    record = run.world.records[kind][record_id]
    if kind == "activities":
        return bool({p["person_id"] for p in record["participants"]} & run.touched["persons"])
    return False


def _waits_for_its_contact(row: Any) -> bool:
    """Tell whether an activity follows a contact that a person has to decide about first."""
    return isinstance(row, Activity) and row.contact.pipedrive_person_id is None


def _losses(run: Simulation) -> Iterator[Breach]:
    """Each warm contact, its organization and its activities are there; the ids point at what is there."""
    for kind, model, link in (
        ("persons", Contact, "pipedrive_person_id"),
        ("organizations", Organization, "pipedrive_org_id"),
        ("activities", Activity, "pipedrive_activity_id"),
    ):
        for row in _rows(run, model):
            record_id = getattr(row, link)
            state, code = row.sync_state, row.pipedrive_sync_error_code
            if state in {SyncState.WANTED, SyncState.IN_PROGRESS} and not _waits_for_its_contact(row):
                yield Breach("loss", f"{kind} of {row.pk} never came to rest: {state} {describe(row)}")
            if state == SyncState.FAILED and code not in FINAL:
                yield Breach("loss", f"{kind} of {row.pk} failed for good: {describe(row)}")
            gone = record_id is not None and record_id not in run.touched[kind]
            if gone and not run.world.alive(kind, record_id) and not _of_lost(run, kind, record_id):
                yield Breach("loss", f"{kind} of {row.pk} points at {record_id}, which is not there")
    for activity in Activity.objects.filter(contact__pipedrive_person_id__isnull=False, replicate=None):
        yield Breach("loss", f"activity {activity.pk} of a linked contact was never decided")


def _false_states(run: Simulation) -> Iterator[Breach]:
    """What is synced is as it was saved here, unless people changed it there; what failed says why and when."""
    for model in (Contact, Organization, Activity):
        for row in _rows(run, model):
            told = row.pipedrive_sync_error_message and row.last_pipedrive_sync_attempt
            if row.sync_state == SyncState.FAILED and not told:
                yield Breach("false state", f"{row._meta.model_name} {row.pk} failed without reason or time")
    yield from _false_contacts(run)
    for activity in _rows(run, Activity):
        record = run.world.activities.get(activity.pipedrive_activity_id)
        if activity.sync_state == SyncState.SYNCED and record is not None and not record["is_deleted"]:
            ours, theirs = (activity.subject, activity.note, activity.done), _said(record)
            if ours != theirs:
                yield Breach("false state", f"activity {activity.pk} {ours} is not {theirs}")


def _false_contacts(run: Simulation) -> Iterator[Breach]:
    for contact in _rows(run, Contact):
        person = run.world.persons.get(contact.pipedrive_person_id)
        left_alone = run.by_hand["persons"] | run.touched["persons"]
        if contact.sync_state != SyncState.SYNCED or person is None or person["id"] in left_alone:
            continue
        if contact.email_key and Contact.objects.filter(email_key=contact.email_key).count() > 1:
            continue  # two contacts are one person, who cannot be as both of them say
        if Contact.objects.filter(pipedrive_person_id=person["id"]).count() > 1:
            continue
        phones = [phone["value"] for phone in person["phones"]]
        if person["name"] != contact.name or (contact.phone or None) != (phones[0] if phones else None):
            yield Breach("false state", f"contact {contact.pk} {contact.name} {contact.phone} is not {person}")


def _harm(run: Simulation) -> Iterator[Breach]:
    """Records that people made keep their label."""
    for person_id in run.by_hand["persons"]:
        person = run.world.persons[person_id]
        if run.world.alive("persons", person_id) and 11 not in person["label_ids"]:
            yield Breach("loss", f"person {person_id} lost its own label: {person}")


def _said(record: dict[str, Any]) -> tuple[str, str, bool]:
    return record["subject"], record.get("note") or "", record["done"]


def _rows(run: Simulation, model: type[Any]) -> Any:
    return with_state(model.objects.order_by("pk"), threshold=run.policy.threshold, now=run.clock.now())
