"""What is wrong with a value is said in the product's own sentences, each with the name of the field."""

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.crm.row_changes import validate
from warmline.crm.users import User
from warmline.crm.validation_messages import reworded

pytestmark = pytest.mark.django_db

STOCK = ("This field", "This value", "Ensure this", "Select a valid", "Enter a valid", "“%", "already exists.")
ROWS: dict[str, Any] = {
    "contact": lambda **given: Contact(**{"name": "Kim", **given}),
    "organization": lambda **given: Organization(**{"name": "Larkspur Mills", **given}),
    "activity": lambda **given: Activity(**{"type": "CALL", "subject": "Call", "time_zone": "UTC", **given}),
}


@pytest.mark.parametrize(
    ("kind", "field", "value", "says"),
    [
        ("contact", "name", " ", "Enter the name."),
        ("contact", "name", "\u200b", "Enter the name."),
        ("contact", "name", 256 * "x", "Name can have at most 255 characters; this has 256. Shorten it."),
        ("contact", "name", "Kim\nReed", "Name must not contain line breaks or other control characters. Remove them."),
        ("contact", "email", "kim", "Enter an e-mail address such as kim@example.com."),
        ("contact", "phone", 65 * "1", "Phone can have at most 64 characters; this has 65. Shorten it."),
        ("contact", "warmness_score", 11, "Warmness must be a whole number from 0 to 10."),
        ("contact", "warmness_score", -1, "Warmness must be a whole number from 0 to 10."),
        ("contact", "warmness_score", "hot", "Warmness must be a whole number from 0 to 10."),
        ("contact", "warmness_score", None, "Warmness must be a whole number from 0 to 10."),
        ("organization", "name", "", "Enter the organization name."),
        ("organization", "sector", 256 * "x", "Sector can have at most 255 characters; this has 256. Shorten it."),
        ("activity", "type", "DANCE", "Choose one of the listed options for “Type”."),
        ("activity", "subject", "", "Enter the subject."),
        ("activity", "note", 50_001 * "x", "Note can have at most 50000 characters; this has 50001. Shorten it."),
        ("activity", "due_date", date(1899, 12, 31), "Due date must be 1900-01-01 or later."),
        ("activity", "due_date", date(3000, 1, 1), "Due date must be 2999-12-31 or earlier."),
        ("activity", "due_date", "soon", "Enter the due date as YYYY-MM-DD."),
        ("activity", "due_time", "noon", "Enter the due time as HH:MM."),
        ("activity", "done", "maybe", "Done must be yes or no."),
        ("activity", "time_zone", "Mars/Base", "This is not a time zone. Enter one such as Europe/Berlin."),
    ],
)
def test_a_row_that_is_refused(kind: str, field: str, value: Any, says: str) -> None:
    """The same words for pages, API and imports, because all of them ask the row."""
    with pytest.raises(ValidationError) as caught:
        validate(ROWS[kind](**{field: value}))
    assert caught.value.message_dict[field][:1] == [says]


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"name": ""}, "name", "Enter the name."),
        ({"email": "bob"}, "email", "Enter an e-mail address such as kim@example.com."),
        ({"email": "ALICE@example.com"}, "email", "A user with this e-mail already exists. Use another e-mail."),
        ({"time_zone": "Mars/Base"}, "time_zone", "This is not a time zone. Enter one such as Europe/Berlin."),
    ],
)
def test_a_user_who_is_refused(alice: User, given: dict[str, str], field: str, says: str) -> None:
    """As on the page of invitations and on the command line."""
    with pytest.raises(ValidationError) as caught:
        User.objects.create_user(**{"email": "dave@example.com", "name": "Dave", **given})
    assert caught.value.message_dict[field] == [says]
    assert User.objects.get() == alice


def test_what_stays_as_it_is() -> None:
    """A message that was written for one case, with its code; and an error of no field."""
    own = ValidationError("This code is not right.", code="guessed")
    assert (reworded(own).messages, reworded(own).error_list[0].code) == (["This code is not right."], "guessed")
    assert reworded(ValidationError({"name": ["As it was."]})).message_dict == {"name": ["As it was."]}
