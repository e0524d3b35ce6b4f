"""Links rows to the records that creates made whose responses never arrived.

What such a record was like in the beginning is known from the create's intent. If people changed it before it was
found, the row is not yet in line, and its next attempt merges what they did.
"""

from dataclasses import replace
from typing import Any

from warmline.crm.models import Contact
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.pipedrive import Person
from warmline.sync import normal_forms
from warmline.sync.models import Intent
from warmline.sync.reconcile import snapshots
from warmline.sync.reconcile.outcome import Brought
from warmline.sync.reconcile.three_way_merge import Values
from warmline.sync.synced_fields import Chosen, Form, detail, form_of, is_detail

TEXTS = {Form.LINE, Form.LINES, Form.TAGS, Form.NOTE}


def link_to_person(contact: Contact, person: Person, intent: Intent, chosen: Chosen) -> Brought:
    """Return the link of a contact to its person; a detail that the create did not say stays unknown.

    Args:
        contact: The contact.
        person: The person.
        intent: The create.
        chosen: The details that go over.
    """
    said = {column: field for column, field in chosen.items() if detail(column, field.code) in intent.ours}
    there = snapshots.of_person(person, contact, chosen=said)
    sent = snapshots.as_options(intent.ours, said)
    return replace(_link(person.id, intent, sent, there), record=person)


def link_to_organization(theirs: PipedriveOrganization, sector: str, intent: Intent) -> Brought:
    """Return the link of an organization to its record.

    Args:
        theirs: The record.
        sector: What it has as its sector.
        intent: The create.
    """
    there = snapshots.of_their_organization(theirs, sector)
    return replace(_link(theirs.id, intent, intent.ours, there), record=theirs)


def link_to_activity(theirs: PipedriveActivity, intent: Intent) -> Brought:
    """Return the link of an activity to its record, which is of another type if the wished one was not active."""
    there = snapshots.of_their_activity(theirs)
    return _link(theirs.id, intent, {**intent.ours, "type": intent.body.get("type", there["type"])}, there)


def _link(record_id: int, intent: Intent, sent: Values, theirs: Values) -> Brought:
    made = _as_created(sent, theirs)
    # An earlier version, which stored the intent, may not have known all fields.
    ours = {**{name: normal_forms.in_our_words(name, value) for name, value in theirs.items()}, **intent.ours}
    return Brought(record_id, snapshots.agreed(ours, made), intent.revision - (made != theirs))


def _as_created(sent: Values, theirs: Values) -> dict[str, Any]:
    """Return Pipedrive's side as the create made it, whatever people have done to its texts since.

    A text that is empty now may not have been stored in the first place (a sector whose field is missing), so only that
    of a detail counts as emptied. Other values are as they are now: Pipedrive says them in ways of its own.
    """
    texts = {
        name for name in sent.keys() & theirs.keys() if form_of(name) in TEXTS and (theirs[name] or is_detail(name))
    }
    changed = {
        name for name in texts if normal_forms.theirs(name, theirs[name]) != normal_forms.theirs(name, sent[name])
    }
    return {**theirs, **{name: sent[name] for name in changed}}
