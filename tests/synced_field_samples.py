"""A change of every field that goes over, on either side: tests walk them, and one looks that none is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from bench_engine import Bench

from warmline.crm import book
from warmline.crm.activities import Activity, Row
from warmline.crm.emails_phones import Labelled
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Sandbox, World

CHANGE: Mapping[type[Row], Any] = {
    Contact: book.change_contact,
    Organization: book.change_organization,
    Activity: book.change_activity,
}
KINDS: Mapping[type[Row], Literal["persons", "organizations", "activities"]] = {
    Contact: "persons",
    Organization: "organizations",
    Activity: "activities",
}
NOTHING: Any = object()


@dataclass(frozen=True)
class Sample:
    """A change of one field.

    Attributes:
        model: Whose.
        field: Its name, as in snapshots.
        here: The change here, as the book takes it.
        arrives: What the record holds once it went over.
        there: A colleague's change of the same field.
        becomes: What ours becomes where a colleague's value is taken over; NOTHING where it is only told.
    """

    model: type[Row]
    field: str
    here: dict[str, Any]
    arrives: dict[str, Any]
    there: dict[str, Any]
    becomes: Any = NOTHING

    def __str__(self) -> str:
        return f"{self.model.__name__}.{self.field}"

    @property
    def kind(self) -> Literal["persons", "organizations", "activities"]:
        """What Pipedrive calls the records."""
        return KINDS[self.model]

    @staticmethod
    def id_in(row: Row) -> int:
        """Return the record's id."""
        return int(getattr(row, row.LINK))

    def record(self, world: World, row: Row) -> dict[str, Any]:
        """Return the row's record."""
        return dict(world.records[self.kind][self.id_in(row)])

    def change(self, row: Row) -> None:
        """Change the row, as it is stored."""
        CHANGE[self.model](row, self.here)

    def value(self, row: Row) -> Any:
        """Return what the row holds."""
        return row.due_date if isinstance(row, Activity) and self.field == "due" else getattr(row, self.field)


SAMPLES = [
    Sample(Contact, "name", {"name": "Jordan P. Ames"}, {"name": "Jordan P. Ames"}, {"name": "J. Ames"}, "J. Ames"),
    Sample(
        Contact,
        "email",
        {"email": "j@example.org"},
        {"emails": [{"value": "j@example.org"}]},
        {"emails": [{"value": "there@example.net"}]},
        "there@example.net",
    ),
    Sample(Contact, "phone", {"phone": "+2"}, {"phones": [{"value": "+2"}]}, {"phones": [{"value": "+3"}]}, "+3"),
    *(
        Sample(
            Contact,
            f"{kind}s",
            {f"{kind}s": (Labelled(value, "home"), Labelled(second))},
            {f"{kind}s": [{"value": value, "label": "home"}, {"value": second, "label": "work"}]},
            {f"{kind}s": [{"value": value, "label": "other"}, {"value": second, "label": "work"}]},
            (Labelled(value, "other"), Labelled(second)),
        )
        for kind, value, second in (("email", "jordan@example.com", "second@example.org"), ("phone", "+1", "+2"))
    ),
    Sample(
        Contact,
        "organization",
        {"organization": book.OrganizationDetails("Tern Optics")},
        {"org_id": 3},
        {"org_id": 2},
    ),
    Sample(
        Organization, "name", {"name": "Larkspur AG"}, {"name": "Larkspur AG"}, {"name": "Larkspur SE"}, "Larkspur SE"
    ),
    Sample(Organization, "sector", {"sector": "Software"}, {"industry": 36}, {"industry": 31}, "Consulting"),
    Sample(
        Organization,
        "country",
        {"country": "France"},
        {"address": {"country": "France"}},
        {"address": {"value": "Peru", "country": "Peru"}},
        "Peru",
    ),
    Sample(Activity, "subject", {"subject": "Ours"}, {"subject": "Ours"}, {"subject": "Theirs"}, "Theirs"),
    Sample(Activity, "type", {"type": "MEETING"}, {"type": "meeting"}, {"type": "email"}),
    Sample(Activity, "note", {"note": "Ours"}, {"note": "Ours"}, {"note": "<p>Theirs</p>"}, "Theirs"),
    Sample(
        Activity,
        "due",
        {"due_date": date(2026, 12, 2)},
        {"due_date": "2026-12-02"},
        {"due_date": "2026-12-03"},
    ),
    Sample(Activity, "done", {"done": True}, {"done": True}, {"done": True}),
]
# Of a field that knows but two values, both sides can only have changed to the same one.
CONFLICTS = [sample for sample in SAMPLES if sample.arrives != sample.there]


def added(owner: User) -> Mapping[type[Row], Any]:
    """Return a contact, its organization and a call, all of them on their way to Pipedrive."""
    firm = book.OrganizationDetails("Larkspur Mills", sector="Manufacturing", country="Germany")
    contact = book.add_contact(
        owner, name="Jordan Ames", email="jordan@example.com", phone="+1", organization=firm, warmness_score=5
    )
    book.log_activity(owner, contact, type="CALL", due_date=date(2026, 12, 1), done=False)
    return _rows()


def linked(bench: Bench, sandbox: Sandbox, owner: User) -> Mapping[type[Row], Any]:
    """Return the same once they are in Pipedrive, beside an organization (id 2) that only Pipedrive has."""
    added(owner)
    bench.settle()
    sandbox.add("organizations", name="Osprey & Sons")
    rows = _rows()
    assert all(row.is_linked for row in rows.values())
    return rows


def _rows() -> Mapping[type[Row], Any]:
    rows: list[Row] = [Contact.objects.get(), Organization.objects.get(), Activity.objects.get()]
    return {type(row): row for row in rows}


def holds(found: Any, expected: Any) -> bool:
    """Tell whether a record, or a part of it, has all that is expected of it; it may have more."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(holds(found.get(name), value) for name, value in expected.items())
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(holds, found, expected))
    return bool(found == expected)
