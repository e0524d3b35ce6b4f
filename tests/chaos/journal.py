"""Who did what, written down as it happens: what people do here and there, and what our own calls make and change.

Pipedrive's side alone does not tell whether a change was anybody's wish. This is what the invariants compare it with.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chaos.breach import Breach

from warmline.crm.activities import Activity
from warmline.crm.keys import key
from warmline.crm.models import Contact
from warmline.sandbox import World
from warmline.sync.remote.detail_fields import MARK

KINDS = ("persons", "organizations", "activities")
RowName = tuple[str, int]  # such as ("contact", 12)
RecordName = tuple[str, int]  # such as ("persons", 3)
# Which field of ours stands behind each of theirs; nobody here can edit what is not named.
BEHIND = {
    "contact": {"name": "name", "emails": "email", "phones": "phone", "org_id": "organization"}
    | {"job_title": "job_title", "custom_fields": "details"},
    "organization": {"name": "name", "address": "country", "industry": "sector", "custom_fields": "sector"},
    "activity": {"subject": "subject", "note": "note", "done": "done", "type": "type", "due_date": "due_date"},
}
DERIVED = {"update_time", "first_name", "last_name", "marked_as_done_time", "label_ids", "due_time"}


def agree(ours: set[str], theirs: set[str]) -> bool:
    """Tell whether some name of ours may be the same person as some of theirs; strangers here share no word."""
    return bool({word for name in ours for word in key(name).split()} & {w for n in theirs for w in key(n).split()})


@dataclass
class Journal:
    """What happened.

    Attributes:
        by_hand: Records that people made there.
        touched: Records that people deleted or merged there, or changed.
        said_there: Every value that people wrote there, as text.
        added_there, gone_there, labelled_there: By person, the e-mails and phones that people added, took away or
            labelled there.
        had_here: Every e-mail and phone that a contact had here before somebody changed it.
        merged: Records into or from which people merged.
        left_there: Persons who were a contact that was deleted here; what it had stays with them.
        deleted_here: By the id of each activity that was ever deleted here by itself, its subject.
        to_go: Those of them that nobody restored, and that are to be deleted there too.
        edited: By row, the fields that somebody changed here.
        names: By row and by record, every name that it ever bore.
        chosen: Rows for which somebody chose a record.
        kept_cold: Contacts that were made warm by a slip of the hand which was undone before they were sent.
        users: By our user's id, the Pipedrive user whom somebody chose last.
        made: By record, the row for which a call of ours made it.
        breaches: What was seen to be broken at once.
        deeds: What people did, in order.
        on_create: Is told of each record that a call of ours made, with the call's body and the row.
    """

    world: World
    by_hand: set[RecordName] = field(default_factory=set)
    touched: set[RecordName] = field(default_factory=set)
    said_there: set[str] = field(default_factory=set)
    added_there: defaultdict[RecordName, set[str]] = field(default_factory=lambda: defaultdict(set))
    gone_there: defaultdict[RecordName, set[str]] = field(default_factory=lambda: defaultdict(set))
    labelled_there: defaultdict[RecordName, set[str]] = field(default_factory=lambda: defaultdict(set))
    had_here: set[str] = field(default_factory=set)
    merged: set[RecordName] = field(default_factory=set)
    left_there: set[RecordName] = field(default_factory=set)
    deleted_here: dict[int, str] = field(default_factory=dict)
    to_go: set[int] = field(default_factory=set)
    edited: defaultdict[RowName, set[str]] = field(default_factory=lambda: defaultdict(set))
    names: defaultdict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    chosen: set[RowName] = field(default_factory=set)
    kept_cold: set[int] = field(default_factory=set)
    users: dict[int, int] = field(default_factory=dict)
    made: dict[RecordName, RowName] = field(default_factory=dict)
    breaches: list[Breach] = field(default_factory=list)
    deeds: list[str] = field(default_factory=list)
    on_create: Callable[[RecordName, dict[str, Any], RowName], None] = lambda *_: None
    _late: list[tuple[str, str, RowName]] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Write down what was done."""
        self.deeds.append(f"{self.world.now():.1f} {text}")

    def records(self) -> dict[RecordName, dict[str, Any]]:
        """Return every record as it is at this moment."""
        return {(kind, number): record for kind in KINDS for number, record in self.world.records[kind].items()}

    def called(
        self,
        method: str,
        path: str,
        body: dict[str, Any],
        row: RowName | None,
        before: dict[RecordName, dict[str, Any]],
    ) -> None:
        """Write down what a call of ours has done.

        Args:
            method: Of the call.
            path: Of the call.
            body: Of the call.
            row: The row that is being brought over; None when none is.
            before: The records before the call.
        """
        kind = path.rpartition("/api/v2/")[2].split("/")[0]
        if kind in KINDS and method == "DELETE":
            self._deleted((kind, int(path.rpartition("/")[2])), before)
        if kind not in KINDS or row is None:
            return
        after = self.records()
        row = self._row_behind(kind, row)
        if method == "POST" and path.count("/") == 3:
            new = [name for name in after if name not in before and name[0] == kind and self._is_of(body, after, name)]
            for name in new:
                self.on_create(name, body, row)
                self.made[name] = row
                self.names[name].add(str(after[name].get("name", "")))
            if not new:  # it may be done late
                self._late.append((kind, str(body.get("name", body.get("subject"))), row))
            if kind == "activities" and new:
                self._on_whom(row, after[new[0]])
        elif method == "PATCH":
            name = (kind, int(path.rpartition("/")[2]))
            if name in before and name in after:
                # People may have changed the rest, while the call was on its way.
                self._changed(
                    name, row, before[name], {**before[name], **{each: after[name].get(each) for each in body}}
                )

    def _is_of(self, body: dict[str, Any], after: dict[RecordName, dict[str, Any]], name: RecordName) -> bool:
        """Tell whether a new record is what a call made, and not what another one made beside it."""
        record = after[name]
        codes = [each["field_code"] for each in self.world.fields.get(name[0], ()) if each["field_name"] == MARK]
        marks = [body.get("custom_fields", {}).get(code) for code in codes]
        if any(marks):
            return any(mark in record["custom_fields"].values() for mark in marks if mark)
        said = str(body.get("name", body.get("subject")))
        return name not in self.made and key(said) == key(str(record.get("name", record.get("subject"))))

    def maker(self, name: RecordName, record: dict[str, Any]) -> RowName | None:
        """Return the row for which a record was made by us; None when nobody knows, or people made it."""
        if name not in self.made and name not in self.by_hand:
            said = str(record.get("name", record.get("subject")))
            late = [each for each in self._late if each[0] == name[0] and key(each[1]) == key(said)]
            if late:
                self._late.remove(late[0])
                self.made[name] = late[0][2]
        return self.made.get(name)

    def _deleted(self, name: RecordName, before: dict[RecordName, dict[str, Any]]) -> None:
        """Hold that only an activity is deleted that we made and somebody deleted here, and that is no row's now."""
        kind, number = name
        is_held = kind == "activities" and Activity.objects.filter(pipedrive_activity_id=number).exists()
        subject = before.get(name, {}).get("subject")
        row = self.made.get(name, ("activity", 0))[1]
        # What was made late may be that of any row that is called the same.
        is_ours = row in self.deleted_here if row else subject in self.deleted_here.values()
        if kind != "activities" or is_held or name in self.by_hand or not is_ours:
            text = f"{name} “{subject}” was deleted there, which row {row} had, held by one: {is_held}"
            self.breaches.append(Breach("stranger", text))

    def _row_behind(self, kind: str, row: RowName) -> RowName:
        """Return the row that a call is about: a contact's organization is brought over with it."""
        if kind == "organizations" and row[0] == "contact":
            organization = Contact.objects.filter(pk=row[1]).values_list("organization_id", flat=True).first()
            return ("organization", organization or 0)
        return row

    def _on_whom(self, row: RowName, record: dict[str, Any]) -> None:
        """Hold that an activity stands with its own contact's person, and with no stranger."""
        activity = Activity.objects.select_related("contact").filter(pk=row[1]).first()
        if activity is None:
            return
        contact = activity.contact
        person = ("persons", record["person_id"])
        if ("contact", contact.pk) in self.chosen or person in self.merged:
            return
        known = self.names[person] or {str(self.world.persons[person[1]]["name"])}  # it may have been made late
        if not agree(self.names["contact", contact.pk], known):
            theirs = ", ".join(sorted(known))
            self.breaches.append(Breach("stranger", f"{activity.subject} stands with {theirs} ({person})"))

    def _changed(self, name: RecordName, row: RowName, before: dict[str, Any], after: dict[str, Any]) -> None:
        """Hold that a change of ours is somebody's edit here, and takes no label away."""
        edited = self.edited[row]
        for theirs in {*before, *after} - DERIVED:
            if before.get(theirs) != after.get(theirs) and BEHIND[row[0]].get(theirs) not in edited:
                text = f"{theirs} of {name} was changed from {before.get(theirs)} to {after.get(theirs)} for {row}"
                self.breaches.append(Breach("stranger", f"{text}, where nobody edited it"))
        if lost := set(before.get("label_ids", ())) - set(after.get("label_ids", ())):
            self.breaches.append(Breach("loss", f"{name} lost its labels {lost}"))
        if before.get("name") != after.get("name"):
            is_ours = agree(self.names[row], {str(before["name"])}) or name in self.touched
            if row[0] == "contact" and not is_ours:  # whoever was chosen in spite of their name keeps it
                self.breaches.append(Breach("stranger", f"{before['name']} was renamed to {after['name']} for {row}"))
            self.names[name].add(str(after["name"]))
