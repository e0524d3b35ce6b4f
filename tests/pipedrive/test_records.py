"""Records: lenient in what is read, exact in what is written."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from pydantic import ValidationError

from warmline.pipedrive import (
    Activity,
    ActivityType,
    Address,
    Email,
    Field,
    FoundOrganization,
    FoundPerson,
    NewActivity,
    NewOrganization,
    NewPerson,
    Option,
    Organization,
    OrganizationChanges,
    Person,
    PersonChanges,
    Phone,
    User,
)

MORNING = datetime(2026, 1, 1, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answered", "person"),
    [
        ({"id": 1}, Person(id=1)),
        ({"id": 1, "name": None, "emails": None, "label_ids": None, "org_id": None}, Person(id=1)),
        ({"id": 1, "emails": [{"value": "", "primary": True}], "phones": [{"value": None}]}, Person(id=1)),
        ({"id": 1, "favourite_color": "green", "custom_fields": {}}, Person(id=1)),
        ({"id": "1", "emails": [None], "label_ids": [None, "5"]}, Person(id=1, label_ids=(5,))),
        ({"id": 1, "name": 1860, "phones": [{"value": 30}]}, Person(id=1, name="1860", phones=(Phone(value="30"),))),
        (
            {
                "id": 1,
                "name": "Ada Alder",
                "owner_id": 2,
                "emails": [{"value": "ada@example.com", "primary": False, "label": "home"}, {"value": "a@example.org"}],
                "phones": [{"value": "+41 44 000 00 00", "primary": True, "label": None}],
                "label_ids": [5, 6],
                "add_time": "2026-01-01T08:30:00Z",
                "update_time": "2026-01-01T10:30:00+02:00",
                "is_deleted": True,
                "custom_fields": {"abc": 1, "empty": None},
            },
            Person(
                id=1,
                name="Ada Alder",
                owner_id=2,
                emails=(
                    Email(value="ada@example.com", primary=False, label="home"),
                    Email(value="a@example.org"),
                ),
                phones=(Phone(value="+41 44 000 00 00", primary=True, label="work"),),
                label_ids=(5, 6),
                add_time=MORNING,
                update_time=MORNING,
                is_deleted=True,
                custom_fields={"abc": 1},
            ),
        ),
    ],
)
def test_a_person_is_read(answered: dict[str, Any], person: Person) -> None:
    """Absent, null and unknown fields are survived, and times are in UTC."""
    assert Person.model_validate(answered) == person


@pytest.mark.parametrize(
    ("answered", "person_id"),
    [
        ({}, None),
        ({"person_id": 6, "participants": [{"person_id": 7, "primary": True}]}, 6),
        ({"person_id": None, "participants": [{"person_id": 7, "primary": True}]}, 7),
        ({"participants": [{"person_id": 7, "primary": False}, {"person_id": 8, "primary_flag": True}]}, 8),
        ({"participants": [{"person_id": 7, "primary": False}]}, None),
        ({"participants": None}, None),
        ({"participants": 5}, None),
        ({"participants": ["somebody", {"person_id": 8, "primary": True}]}, 8),
    ],
)
def test_the_person_of_an_activity_is_its_primary_participant(answered: dict[str, Any], person_id: int | None) -> None:
    """Both spellings that answers have been seen with are read."""
    assert Activity.model_validate({"id": 1, **answered}).person_id == person_id


@pytest.mark.parametrize(
    ("text", "moment"),
    [("15:45", time(15, 45)), ("15:45:00", time(15, 45)), ("", None), (None, None)],
)
def test_the_due_time_of_an_activity_is_read_in_every_form(text: str | None, moment: time | None) -> None:
    """The documents show it with and without seconds."""
    activity = Activity.model_validate({"id": 1, "due_date": "2026-02-28", "due_time": text})
    assert (activity.due_date, activity.due_time) == (date(2026, 2, 28), moment)


@pytest.mark.parametrize(
    ("answered", "active"),
    [
        ({"active_flag": True, "is_deleted": False}, True),
        ({"active_flag": True}, True),
        ({"active_flag": True, "is_deleted": True}, False),
        ({"active_flag": False, "is_deleted": False}, False),
    ],
)
def test_a_user_is_active_unless_deactivated_or_deleted(answered: dict[str, Any], active: bool) -> None:  # noqa: FBT001 -- a table's column
    """Either flag alone makes a user useless as an owner."""
    assert User.model_validate({"id": 1, **answered}).active is active


def test_an_organization_shows_its_address() -> None:
    """Each part may be missing, and what we do not know of it is kept: it has to go back."""
    address = {"value": "1 Main St", "country": None, "locality": "Tartu", "floor": "3rd", "street_number": 1}
    organization = Organization.model_validate({"id": 1, "name": "Alder & Finch", "industry": 2, "address": address})
    assert (organization.industry, organization.address.value, organization.address.country) == (2, "1 Main St", None)
    for nothing in ({"value": "", "country": ""}, {}, None):
        assert Organization.model_validate({"id": 1, "address": nothing}).address == Address()
    changed = organization.address.model_copy(update={"country": "Estonia"})
    assert OrganizationChanges(address=changed).body() == {
        "address": {
            "value": "1 Main St",
            "country": "Estonia",
            "locality": "Tartu",
            "floor": "3rd",
            "street_number": "1",
        }
    }


def test_what_is_not_known_of_an_e_mail_goes_back() -> None:
    """All of a person's e-mails and phones are replaced by those that are sent."""
    entry = {"value": "a@example.com", "primary": False, "label": "home", "checked": True}
    person = Person.model_validate({"id": 1, "emails": [entry], "phones": [entry]})
    changes = PersonChanges(emails=person.emails, phones=person.phones)
    assert changes.body() == {"emails": [entry], "phones": [entry]}


@pytest.mark.parametrize("text", ["2026-02-28", "2026-02-28T15:45:00Z", "2026-02-28 00:00:00"])
def test_a_due_date_is_a_day(text: str) -> None:
    """Whatever time is written beside it."""
    assert Activity.model_validate({"id": 1, "due_date": text}).due_date == date(2026, 2, 28)


def test_fields_and_activity_types_are_read_under_short_names() -> None:
    """Pipedrive's `field_code` and `key_string` are `code` and `key` here."""
    answered = {"field_name": "Labels", "field_code": "label_ids", "field_type": "set", "is_custom_field": False}
    options = [{"id": 1, "label": "Hot"}, {"id": "b", "label": "Cold"}]
    assert Field.model_validate({**answered, "options": options}) == Field(
        name="Labels",
        code="label_ids",
        type="set",
        options=(Option(id=1, label="Hot"), Option(id="b", label="Cold")),
    )
    assert Field.model_validate({**answered, "options": None}).options == ()
    kind = {"id": 4, "name": "Call", "key_string": "call", "active_flag": False}
    assert ActivityType.model_validate(kind) == ActivityType(id=4, name="Call", key="call", active=False)


def test_search_hits_are_flattened() -> None:
    """Owner and organization come as objects, and may be null."""
    hit = {"id": 1, "name": "Ada", "emails": ["ada@example.com"], "owner": {"id": 2}}
    assert FoundPerson.model_validate({**hit, "organization": {"id": 3, "name": "Alder", "address": None}}) == (
        FoundPerson(
            id=1, name="Ada", emails=("ada@example.com",), owner_id=2, organization_id=3, organization_name="Alder"
        )
    )
    assert FoundPerson.model_validate({**hit, "organization": None}).organization_id is None
    assert FoundOrganization.model_validate({"id": 3, "name": "Alder", "owner": None}) == FoundOrganization(
        id=3, name="Alder"
    )


@pytest.mark.parametrize(
    ("record", "body"),
    [
        (NewPerson(name="Ada", owner_id=2), {"name": "Ada", "owner_id": 2}),
        (
            NewPerson(name="Ada", owner_id=2, org_id=None, emails=(), label_ids=(), custom_fields={}),
            {"name": "Ada", "owner_id": 2},
        ),
        (
            NewPerson(name="Ada", owner_id=2, emails=(Email(value="ada@example.com"),), label_ids=(5,)),
            {
                "name": "Ada",
                "owner_id": 2,
                "emails": [{"value": "ada@example.com", "primary": True, "label": "work"}],
                "label_ids": [5],
            },
        ),
        (PersonChanges(), {}),
        (PersonChanges(label_ids=(5, 6), org_id=None), {"label_ids": [5, 6], "org_id": None}),
        (PersonChanges(label_ids=()), {"label_ids": []}),
        (
            NewOrganization(name="Alder", owner_id=2, industry=3, address=Address(value="Basel", country=None)),
            {"name": "Alder", "owner_id": 2, "industry": 3, "address": {"value": "Basel"}},
        ),
        (
            NewActivity(subject="Tea", type="meeting", owner_id=2, person_id=7, org_id=3, done=False),
            {
                "subject": "Tea",
                "type": "meeting",
                "owner_id": 2,
                "participants": [{"person_id": 7, "primary": True}],
                "org_id": 3,
                "done": False,
            },
        ),
        (
            NewActivity(
                subject="Tea", type="call", owner_id=2, due_date=date(2026, 2, 28), due_time=time(9, 5, 30), note="n"
            ),
            {
                "subject": "Tea",
                "type": "call",
                "owner_id": 2,
                "due_date": "2026-02-28",
                "due_time": "09:05",
                "note": "n",
            },
        ),
    ],
)
def test_what_is_sent(record: NewPerson | PersonChanges | NewOrganization | NewActivity, body: dict[str, Any]) -> None:
    """Only what was set is sent, nothing is sent as null, and an activity never sends `person_id`."""
    assert record.body() == body


def test_a_misspelt_field_is_refused_before_it_is_sent() -> None:
    """A field that Pipedrive doesn't know would be a refusal, or be lost."""
    with pytest.raises(ValidationError):
        NewPerson.model_validate({"name": "Ada", "owner_id": 2, "email": "ada@example.com"})


def test_a_record_that_cannot_be_read_is_not_quoted() -> None:
    """The error names the field and hides the person's data."""
    with pytest.raises(ValidationError) as refused:
        Person.model_validate({"id": "secret-looking"})
    assert "secret-looking" not in str(refused.value)
