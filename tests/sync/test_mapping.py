"""Our rows in Pipedrive's words."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import ActivityType, Option
from warmline.sync import mapping

AUCKLAND, BERLIN, LIMA = ZoneInfo("Pacific/Auckland"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/Lima")


@pytest.mark.parametrize(
    ("due_date", "due_time", "zone", "expected"),
    [
        (date(2026, 12, 1), time(0, 30), AUCKLAND, (date(2026, 11, 30), time(11, 30))),
        (date(2026, 12, 1), time(23, 0), LIMA, (date(2026, 12, 2), time(4, 0))),
        (date(2026, 7, 1), time(12, 0), BERLIN, (date(2026, 7, 1), time(10, 0))),
        (date(2026, 12, 1), time(12, 0), BERLIN, (date(2026, 12, 1), time(11, 0))),
        (date(2026, 12, 1), time(12, 0, 59), BERLIN, (date(2026, 12, 1), time(11, 0))),
        (date(2026, 12, 1), None, AUCKLAND, (date(2026, 12, 1), None)),
        (None, None, AUCKLAND, (None, None)),
        # The clocks go forward at 02:00: 02:30 does not exist and is taken with the offset before.
        (date(2027, 3, 28), time(2, 30), BERLIN, (date(2027, 3, 28), time(1, 30))),
        # They go back at 03:00: 02:30 comes twice, and the first one is meant.
        (date(2027, 10, 31), time(2, 30), BERLIN, (date(2027, 10, 31), time(0, 30))),
    ],
)
def test_due_in_utc(
    due_date: date | None, due_time: time | None, zone: ZoneInfo, expected: tuple[date | None, time | None]
) -> None:
    """Date and time are converted together; a date alone stays as it is."""
    assert mapping.due_in_utc(due_date, due_time, zone) == expected


@given(
    st.dates(date(1980, 1, 1), date(2080, 1, 1)),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    st.sampled_from([AUCKLAND, BERLIN, LIMA, ZoneInfo("Asia/Kathmandu"), ZoneInfo("UTC")]),
)
def test_due_in_utc_is_the_same_moment(due_date: date, due_time: time, zone: ZoneInfo) -> None:
    """Whatever the zone, what arrives is the moment that was meant."""
    utc_date, utc_time = mapping.due_in_utc(due_date, due_time, zone)
    assert utc_date is not None
    assert utc_time is not None
    assert datetime.combine(utc_date, utc_time, UTC) == datetime.combine(due_date, due_time, zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("wished", "account", "expected"),
    [
        ("call", {"call": True, "task": True}, "call"),
        ("call", {"call": False, "task": True}, "task"),
        ("call", {"task": True}, "task"),
        ("lunch", {"lunch": True}, "lunch"),
    ],
)
def test_activity_type(wished: str, account: dict[str, bool], expected: str) -> None:
    """The wished type where the account has it active, else a task."""
    types = [ActivityType(id=n, key=key, name=key, active=active) for n, (key, active) in enumerate(account.items())]
    assert mapping.activity_type(wished, types) == expected


@pytest.mark.parametrize(
    ("label", "expected"), [("Warm Lead", 7), ("warm  LEAD", 7), ("Cold", None), ("Built in", None)]
)
def test_option_named(label: str, expected: int | None) -> None:
    """Found whatever its case; an option without a number cannot be written."""
    options = [Option(id="built", label="Built in"), Option(id=7, label="WARM lead"), Option(id=8, label="warm lead")]
    assert mapping.option_named(label, options) == expected


def test_a_person_says_only_what_is_known() -> None:
    """No e-mail, phone, organization or label: none is sent."""
    new = mapping.new_person(Contact(name="Jordan"), owner_id=1, org_id=None, label_id=None, custom_fields={})
    assert new.body() == {"name": "Jordan", "owner_id": 1}


def test_an_organization_says_its_country_in_its_address() -> None:
    """The country is the address until someone knows more."""
    organization = Organization(name="Larkspur", country="Germany")
    new = mapping.new_organization(organization, owner_id=1, industry=None, custom_fields={"abc": "Baskets"})
    assert new.body() == {
        "name": "Larkspur",
        "owner_id": 1,
        "address": {"value": "Germany", "country": "Germany"},
        "custom_fields": {"abc": "Baskets"},
    }


SAME = {
    "id": 1,
    "type": "call",
    "subject": "Call",
    "owner_id": 1,
    "person_id": 5,
    "done": True,
    "due_date": "2026-12-01",
    "due_time": "08:30:00",
    "note": "n",
}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"org_id": 3}, True),
        ({"type": "task"}, False),
        ({"subject": "call"}, False),
        ({"owner_id": 2}, False),
        ({"person_id": 6}, False),
        ({"done": False}, False),
        ({"due_date": "2026-12-02"}, False),
        ({"due_time": None}, False),
        ({"note": ""}, False),
        ({"is_deleted": True}, False),
    ],
)
def test_what_counts_as_the_same_activity(change: dict[str, object], *, same: bool) -> None:
    """Everything that we said must be as we said it."""
    activity = Activity(
        subject="Call", type="CALL", note="n", due_date=date(2026, 12, 1), due_time=time(8, 30), time_zone="UTC"
    )
    new = mapping.new_activity(activity, type="call", owner_id=1, person_id=5, org_id=None)
    assert mapping.is_made_from(PipedriveActivity.model_validate({**SAME, **change}), new.body()) is same
