"""What must hold when everything has come to rest. Each broken one is a line; no line is the proof."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from chaos import audited, details, notices, values
from chaos.breach import Breach
from chaos.journal import agree
from chaos.reports import not_shown
from chaos.simulation import OURS, Simulation

from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sync import normal_forms
from warmline.sync.deletion_models import ActivityDeletion
from warmline.sync.lease_keys import row_key
from warmline.sync.models import Intent, Notification
from warmline.sync.note_html import to_html
from warmline.sync.row_state import SyncState, describe, with_state

MODELS: tuple[tuple[str, Any, str], ...] = (
    ("persons", Contact, "pipedrive_person_id"),
    ("organizations", Organization, "pipedrive_org_id"),
    ("activities", Activity, "pipedrive_activity_id"),
)


def breaches(run: Simulation) -> list[Breach]:
    """Return every broken invariant of a run that has come to rest."""
    found = [
        *run.journal.breaches,
        *_doubles(run),
        *_losses(run),
        *_false_states(run),
        *_left_there(run),
        *values.breaches(run),
        *details.breaches(run),
        *_strangers(run),
        *not_shown(lambda model: _rows(run, model), run.world),
        *notices.false_ones(run),
        *audited.false_findings(run, OURS),
    ]
    return list(dict.fromkeys(found))


def _doubles(run: Simulation) -> Iterator[Breach]:
    """Of what we made, each record is some row's; and of what there is one of, there is one."""
    for kind, model, link in MODELS:
        held = set(model.objects.values_list(link, flat=True))
        for number, record in run.world.records[kind].items():
            name = (kind, number)
            people_did = name in run.journal.by_hand or name in run.journal.touched
            if not people_did and run.world.alive(kind, number) and number not in held:
                maker = run.journal.maker(name, record)
                if not _of_lost(run, kind, number) and not _is_excused(model, link, maker):
                    yield Breach("duplicate", f"{kind} {number}, made for {maker}, is nobody's: {record}")
    options = next(f for f in run.world.fields["persons"] if f["field_code"] == "label_ids")["options"]
    named = Counter(option["label"].casefold() for option in options)
    if named["warm lead"] > 1:
        yield Breach("duplicate", f"{named['warm lead']} labels")
    for kind in ("persons", "organizations"):
        for name, count in Counter(f["field_name"] for f in run.world.fields[kind]).items():
            if count > 1:
                yield Breach("duplicate", f"{count} fields {name} of {kind}")


def _is_excused(model: Any, link: str, maker: tuple[str, int] | None) -> bool:
    """Tell whether a record will be found: its row is not linked, and remembers that it began to make it."""
    if maker is None:
        return False
    row = model.objects.filter(pk=maker[1]).first()
    if row is None:  # it was deleted here, and its record stays there
        return True
    return getattr(row, link) is None and Intent.objects.filter(key=row_key(*maker)).exists()


def _left_there(run: Simulation) -> Iterator[Breach]:
    """Of what was deleted here and is to go there, nothing is left there, unless people were told that it stays."""
    told = " ".join(Notification.objects.filter(kind="left_there").values_list("text", flat=True))
    held = set(Activity.objects.values_list("pipedrive_activity_id", flat=True))
    for number, record in run.world.activities.items():
        maker = run.journal.maker(("activities", number), record)
        is_to_go = maker is not None and maker[1] in run.journal.to_go and number not in held
        if is_to_go and not record["is_deleted"] and f"It is activity {number}." not in told:
            yield Breach("loss", f"activity {number} is still there, and {maker} was deleted here")
    for deletion in ActivityDeletion.objects.all():
        yield Breach("loss", f"{deletion} of {deletion.row_id} never came to rest: {deletion.message}")


def _of_lost(run: Simulation, kind: str, number: int) -> bool:
    """Tell whether a record belonged to one that people deleted or merged away, and went its own way with it."""
    record = run.world.records[kind].get(number)
    if kind == "activities" and record is not None:
        return any(("persons", each["person_id"]) in run.journal.touched for each in record["participants"])
    return False


def _waits_for_its_contact(row: Any) -> bool:
    """Tell whether an activity follows a contact that a person has to decide about first."""
    return isinstance(row, Activity) and row.contact.pipedrive_person_id is None


def _losses(run: Simulation) -> Iterator[Breach]:
    """Each warm contact, its organization and its activities are there; the ids point at what is there."""
    for kind, model, link in MODELS:
        for row in _rows(run, model):
            record_id, state = getattr(row, link), row.sync_state
            if state in {SyncState.WANTED, SyncState.IN_PROGRESS} and not _waits_for_its_contact(row):
                yield Breach("loss", f"{kind} of {row.pk} never came to rest: {state} {describe(row)}")
            if state == SyncState.FAILED and not _has_cause(run, row):
                yield Breach("loss", f"{kind} of {row.pk} failed, and its cause is gone: {describe(row)}")
            gone = record_id is not None and (kind, record_id) not in run.journal.touched
            if gone and not run.world.alive(kind, record_id) and not _of_lost(run, kind, record_id):
                yield Breach("loss", f"{kind} of {row.pk} points at {record_id}, which is not there")
    for activity in Activity.objects.filter(contact__pipedrive_person_id__isnull=False, replicate=None):
        yield Breach("loss", f"activity {activity.pk} of a linked contact was never decided")


def _has_cause(run: Simulation, row: Any) -> bool:
    """Tell whether what a row failed for is still so; all faults are over, so only people's deeds can be the cause."""
    match row.pipedrive_sync_error_code:
        case "ambiguous":
            alive = [run.world.alive(_kind_of(row), each["pipedrive_id"]) for each in row.pipedrive_candidates]
            return any(alive) and (len(alive) > 1 or isinstance(row, Contact))
        case "organization_failed":
            organization = _rows(run, Organization).filter(pk=row.organization_id).first()
            return organization is not None and organization.pipedrive_sync_failed
        case "deleted":
            return True
        case "rejected":  # the one thing that our calls say and this server refuses: nobody documents it
            return (
                isinstance(row, Contact) and row.organization_id is None and row.pipedrive_sync_error_field == "org_id"
            )
    return False


def _kind_of(row: Any) -> str:
    return next(kind for kind, model, _ in MODELS if isinstance(row, model))


def _false_states(run: Simulation) -> Iterator[Breach]:
    """What is synced is as it was saved here, unless people changed it there; what failed says why and when."""
    for _, model, _ in MODELS:
        for row in _rows(run, model):
            told = row.pipedrive_sync_error_message and row.last_pipedrive_sync_attempt
            if row.sync_state == SyncState.FAILED and not told:
                yield Breach("false state", f"{row._meta.model_name} {row.pk} failed without reason or time")
    yield from _false_contacts(run)
    for name, maker in run.journal.made.items():
        if maker[0] == "contact" and maker[1] in run.journal.kept_cold:
            yield Breach("false state", f"contact {maker[1]} was undone in time, and is {name} in Pipedrive")
    for activity in _rows(run, Activity):
        record = run.world.activities.get(activity.pipedrive_activity_id)
        if activity.sync_state == SyncState.SYNCED and record is not None and not record["is_deleted"]:
            ours = (*_as_compared(subject=activity.subject, note=to_html(activity.note)), activity.done)
            theirs = (*_as_compared(subject=record["subject"], note=record.get("note")), record["done"])
            if ours != theirs:
                yield Breach("false state", f"activity {activity.pk} {ours} is not {theirs}")


def _false_contacts(run: Simulation) -> Iterator[Breach]:
    for contact in _rows(run, Contact):
        person = run.world.persons.get(contact.pipedrive_person_id)
        if contact.sync_state != SyncState.SYNCED or person is None:
            continue
        name = ("persons", person["id"])
        if name in run.journal.by_hand or name in run.journal.touched:
            continue
        if run.journal.maker(name, person) != ("contact", contact.pk):
            continue  # who was there keeps what they have; two contacts may be one person
        if Contact.objects.filter(pipedrive_person_id=person["id"]).count() > 1 or name in run.journal.left_there:
            continue
        ours, theirs = _as_compared(name=contact.name), _as_compared(name=person["name"])
        if ours != theirs:
            yield Breach("false state", f"contact {contact.pk} {ours} is not {theirs}")


def _strangers(run: Simulation) -> Iterator[Breach]:
    """No contact is linked to somebody else, unless a person said so; and whom a person chose is kept."""
    journal = run.journal
    for contact in Contact.objects.exclude(pipedrive_person_id=None):
        person = ("persons", contact.pipedrive_person_id or 0)
        if ("contact", contact.pk) in journal.chosen or person in journal.merged:
            continue
        ours, theirs = journal.names["contact", contact.pk], journal.names[person]
        if theirs and not agree(ours, theirs):
            yield Breach("stranger", f"contact {contact.pk} {ours} is linked to {person} {theirs}")
    for pk, user_id in journal.users.items():
        now = User.objects.get(pk=pk).pipedrive_user_id
        if now != user_id and run.world.users[user_id].active:
            yield Breach("stranger", f"user {pk} was said to be {user_id} in Pipedrive and is {now}")


def _as_compared(**values: Any) -> list[Any]:
    """Return values in the form in which a server's cleaning makes no difference."""
    return [normal_forms.theirs(name, value) for name, value in values.items()]


def _rows(run: Simulation, model: type[Any]) -> Any:
    return with_state(model.objects.order_by("pk"), threshold=run.policy.threshold, now=run.clock.now())
