"""Activities as JSON: logging, changing, reading, retrying, and who may."""

from datetime import UTC, datetime
from typing import Any

import pytest
from api.caller import Caller
from django.utils import timezone
from meanwhile import meanwhile

from warmline.crm.activities import Activity
from warmline.crm.book import hand_over
from warmline.crm.models import Contact


@pytest.fixture
def dana(bob: Caller) -> int:
    """Return the id of Bob's warm contact."""
    return int(bob.add("Dana Diaz", warmness_score=5)["id"])


def test_an_activity_of_a_type_alone_is_done_and_has_a_subject(bob: Caller, dana: int) -> None:
    """What is left out is filled in, and the fields of the mission are there by their names."""
    activity = bob.log(dana, "CALL")
    assert activity["sync"].pop("next_attempt_at")
    assert activity == {
        "id": activity["id"],
        "contact_id": dana,
        "type": "CALL",
        "subject": "Call with Dana Diaz",
        "note": None,
        "due_date": None,
        "due_time": None,
        "done": True,
        "pipedrive_activity_id": None,
        "replicated_to_pipedrive": False,
        "pipedrive_sync_attempts": 0,
        "last_pipedrive_sync_attempt": None,
        "external_ids": [],
        "sync": {"state": "wanted", "attempts": 0, "last_attempt_at": None, "error": None, "candidates": []},
    }


@pytest.mark.parametrize(
    ("due", "done"),
    [
        ({"due_date": "2020-02-29"}, True),
        ({"due_date": "2020-02-29", "due_time": "09:30"}, True),
        ({"due_date": "2999-01-01"}, False),
        ({"due_date": "2999-01-01", "due_time": "23:59:59"}, False),
        ({"due_date": "2999-01-01", "done": True}, True),
        ({"due_date": "2020-02-29", "done": False}, False),
    ],
)
def test_it_is_done_unless_it_is_to_come(bob: Caller, dana: int, due: dict[str, Any], done: bool) -> None:  # noqa: FBT001 (a table's column)
    """Without a word, what is due in the past is done; date and time come back as they were given."""
    activity = bob.log(dana, **due)
    assert activity["done"] is done
    assert {name: activity[name] for name in due} == due


def test_a_contact_that_is_handed_over_meanwhile(alice: Caller, bob: Caller, dana: int) -> None:
    """What was logged is logged, for whom has the contact now; and the answer says so, or it would be sent again."""
    with meanwhile(lambda: hand_over(Contact.objects.all(), alice.user)):
        answer = bob.post("/activities", {"contact_id": dana, "type": "CALL"})
    assert answer.status == 201
    assert Activity.objects.get(pk=answer.body["id"]).owner == alice.user


@pytest.mark.parametrize(
    ("due", "done"),
    [
        ({"due_date": "2026-03-11"}, True),
        ({"due_date": "2026-03-12"}, False),
        ({"due_date": "2026-03-11", "due_time": "00:30"}, True),
        ({"due_date": "2026-03-11", "due_time": "00:31"}, False),
    ],
)
def test_what_is_due_today(
    bob: Caller,
    dana: int,
    monkeypatch: pytest.MonkeyPatch,
    due: dict[str, Any],
    done: bool,  # noqa: FBT001 (a table's column)
) -> None:
    """Today where the user is: there the 11th has begun half an hour ago. A time that is still to come is not done."""
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 3, 10, 23, 30, tzinfo=UTC))
    assert bob.log(dana, **due)["done"] is done


def test_the_user_s_time_zone_is_remembered(bob: Caller, dana: int) -> None:
    """The time is meant where the user is, and is given back as it was meant."""
    activity = bob.log(dana, "MEETING", due_date="2999-01-01", due_time="00:30", note="Line 1\nLine 2", subject="Hi")
    assert (activity["due_date"], activity["due_time"]) == ("2999-01-01", "00:30")
    assert (activity["note"], activity["subject"]) == ("Line 1\nLine 2", "Hi")
    assert Activity.objects.get().time_zone == "Europe/Berlin"


def test_a_change_writes_the_given_fields_only(bob: Caller, dana: int) -> None:
    """A PATCH leaves alone what it does not name, and null takes the due date and time away."""
    activity = bob.log(dana, due_date="2999-01-01", due_time="10:00", note="Ask again")
    address = f"/activities/{activity['id']}"
    assert bob.patch(address, {}).body == activity
    assert bob.patch(address, {"done": True, "type": "EMAIL"}).body == {**activity, "done": True, "type": "EMAIL"}
    cleared = bob.patch(address, {"due_date": None, "due_time": None, "note": None})
    assert cleared.status == 200
    assert (cleared.body["due_date"], cleared.body["due_time"], cleared.body["note"]) == (None, None, None)


BAD = [
    ({"type": "DANCE"}, "type"),
    ({"type": "call"}, "type"),
    ({"type": None}, "type"),
    ({"type": 1}, "type"),
    ({"subject": "x" * 256}, "subject"),
    ({"subject": "a\nb"}, "subject"),
    ({"subject": 5}, "subject"),
    ({"note": "x" * 50_001}, "note"),
    ({"note": "a\x00b"}, "note"),
    ({"note": ["a"]}, "note"),
    ({"due_date": "2023-02-29"}, "due_date"),
    ({"due_date": "tomorrow"}, "due_date"),
    ({"due_date": "20230101"}, "due_date"),
    ({"due_date": "2023-01-01T10:00"}, "due_date"),
    ({"due_date": "٢٠٢٣-01-01"}, "due_date"),
    ({"due_date": 0}, "due_date"),
    ({"due_date": "2023-01-01", "due_time": "24:00"}, "due_time"),
    ({"due_date": "2023-01-01", "due_time": "9:30"}, "due_time"),
    ({"due_date": "2023-01-01", "due_time": "09:30Z"}, "due_time"),
    ({"due_date": "2023-01-01", "due_time": "09:30\n"}, "due_time"),
    ({"due_date": "2023-01-01", "due_time": 930}, "due_time"),
    ({"due_time": "09:30"}, "due_time"),
    ({"done": "true"}, "done"),
    ({"done": 1}, "done"),
    ({"done": None}, "done"),
    ({"owner": 1}, "owner"),
    ({"replicated_to_pipedrive": True}, "replicated_to_pipedrive"),
]


@pytest.mark.parametrize(("body", "field"), BAD)
def test_a_bad_field_is_named_and_nothing_is_written(bob: Caller, dana: int, body: Any, field: str) -> None:
    """Each bad activity is refused with the name of what is wrong."""
    assert bob.post("/activities", {"contact_id": dana, "type": "CALL", **body}).problem == (422, "invalid", field)
    assert not Activity.objects.exists()


@pytest.mark.parametrize(("body", "field"), [*BAD, ({"subject": ""}, "subject"), ({"contact_id": 1}, "contact_id")])
def test_a_bad_change_is_refused_likewise(bob: Caller, dana: int, body: Any, field: str) -> None:
    """A PATCH refuses what a POST refuses; an activity cannot lose its subject, nor move to another contact."""
    activity = bob.log(dana)
    assert bob.patch(f"/activities/{activity['id']}", body).problem == (422, "invalid", field)
    assert bob.get(f"/activities/{activity['id']}").body == activity


@pytest.mark.parametrize("contact_id", ["1", None, 0, -1, 1.5, True, 2**63, [1]])
def test_a_contact_id_must_be_one(bob: Caller, contact_id: Any) -> None:
    """What is no number, or too large for the database, is refused and named."""
    assert bob.post("/activities", {"contact_id": contact_id, "type": "CALL"}).problem == (422, "invalid", "contact_id")


def test_a_date_or_a_time_of_a_due_moment_cannot_be_torn_apart(bob: Caller, dana: int) -> None:
    """To take the date away while a time stays is refused."""
    activity = bob.log(dana, due_date="2999-01-01", due_time="10:00")
    answer = bob.patch(f"/activities/{activity['id']}", {"due_date": None})
    assert answer.problem == (422, "invalid", "due_time")


def test_anothers_contact_is_not_found(alice: Caller, charlie: Caller, dana: int) -> None:
    """Charlie cannot log with Bob's contact; Alice, an admin, can."""
    body = {"contact_id": dana, "type": "CALL"}
    assert charlie.post("/activities", body).problem == (404, "not_found", "contact_id")
    assert not Activity.objects.exists()
    assert alice.post("/activities", body).status == 201


def test_anothers_activity_is_not_found(alice: Caller, bob: Caller, charlie: Caller, dana: int) -> None:
    """Whatever Charlie tries with Bob's activity answers 404; Alice, an admin, sees and changes it."""
    activity = bob.log(dana)
    address = f"/activities/{activity['id']}"
    answers = [charlie.get(address), charlie.patch(address, {"done": False}), charlie.post(f"{address}/retry")]
    assert [answer.problem for answer in answers] == [(404, "not_found", "id")] * 3
    assert charlie.get("/activities", contact_id=dana).body["items"] == []
    assert alice.get(address).body == activity
    assert alice.patch(address, {"done": False}).status == 200


def test_a_failed_activity_starts_again(bob: Caller, dana: int) -> None:
    """A retry gives fresh attempts."""
    activity = bob.log(dana)
    Contact.objects.update(pipedrive_person_id=7)
    Activity.objects.update(replicate=True, pipedrive_sync_failed=True, pipedrive_sync_attempts=3)
    address = f"/activities/{activity['id']}"
    assert bob.get(address).body["sync"]["state"] == "failed"
    again = bob.post(f"{address}/retry")
    assert (again.status, again.body["sync"]["state"], again.body["pipedrive_sync_attempts"]) == (200, "wanted", 0)


def test_a_replicated_activity_says_so(bob: Caller, dana: int) -> None:
    """The id in Pipedrive and the flag come together."""
    activity = bob.log(dana)
    Activity.objects.update(pipedrive_activity_id=9, replicated_to_pipedrive=True)
    seen = bob.get(f"/activities/{activity['id']}").body
    assert (seen["pipedrive_activity_id"], seen["replicated_to_pipedrive"]) == (9, True)
    assert seen["sync"]["state"] == "synced"
