"""The promise as a whole: counts, retrying everything, the connection, and notifications."""

from pathlib import Path
from typing import Any

import pytest
from api.caller import Caller
from django.utils import timezone
from pytest_django import Settings

from warmline.crm.models import Contact, Organization
from warmline.sync import engine_health
from warmline.sync.models import Connection, ConnectionState, NotificationKind
from warmline.sync.notifications import tell


def _counts(caller: Caller) -> tuple[int, int, int]:
    body = caller.get("/sync").body
    return body["wanted"], body["in_progress"], body["failed"]


def test_each_counts_what_they_see(alice: Caller, bob: Caller, charlie: Caller) -> None:
    """Contacts and activities are a member's own, organizations are the team's; an admin counts all."""
    dana = bob.add("Dana", organization={"name": "Acme"}, warmness_score=5)
    bob.log(dana["id"])
    bob.add("Eli")
    charlie.add("Fay", warmness_score=9)
    Contact.objects.filter(name="Fay").update(pipedrive_sync_failed=True)
    assert (_counts(alice), _counts(bob), _counts(charlie)) == ((3, 0, 1), (3, 0, 0), (1, 0, 1))


def test_everything_of_ones_own_starts_again(alice: Caller, bob: Caller, charlie: Caller) -> None:
    """Bob retries his failed rows and their organizations, and an admin everyone's."""
    bob.add("Dana", organization={"name": "Acme"}, warmness_score=5)
    charlie.add("Fay", warmness_score=9)
    Contact.objects.update(pipedrive_sync_failed=True)
    Organization.objects.update(pipedrive_sync_failed=True)
    assert bob.post("/sync/retry").body == {"retried": 2}
    assert (_counts(bob), _counts(charlie)) == ((2, 0, 0), (1, 0, 1))
    assert alice.post("/sync/retry").body == {"retried": 1}
    assert alice.post("/sync/retry").body == {"retried": 0}


def test_a_missing_token_is_told(bob: Caller) -> None:
    """Without a token for Pipedrive, the connection says what is the matter."""
    connection = bob.get("/sync").body["connection"]
    assert (connection["state"], connection["since"]) == ("no_token", None)
    assert "token" in connection["message"]


def test_an_engine_that_stands_still(bob: Caller, settings: Settings, tmp_path: Path) -> None:
    """It is no good connection, whatever was heard of it last."""
    settings.PIPEDRIVE_API_TOKEN, settings.DATA_DIR = "sandbox-token", tmp_path
    engine_health.begin()
    connection = bob.get("/sync").body["connection"]
    assert connection["state"] == "stopped"
    assert "engine has stopped" in connection["message"]
    assert connection["since"]


def test_a_lost_connection_is_told(bob: Caller, settings: Settings) -> None:
    """State, moment and message are those of the connection's row."""
    settings.PIPEDRIVE_API_TOKEN = "not-to-be-shown"
    assert bob.get("/sync").body["connection"]["state"] == "ok"
    Connection.objects.create(pk=1, state=ConnectionState.DOWN, since=timezone.now(), message="Pipedrive is down.")
    connection = bob.get("/sync").body["connection"]
    assert (connection["state"], connection["message"]) == ("down", "Pipedrive is down.")
    assert connection["since"].endswith("Z")
    assert "not-to-be-shown" not in str(connection)


@pytest.fixture
def told(bob: Caller, charlie: Caller) -> Any:
    """Have three things told to Bob and everyone, and one to Charlie; return Bob's contact."""
    dana = bob.add("Dana")
    now = timezone.now()
    contact = Contact.objects.get()
    tell(NotificationKind.CONTACT_SYNCED, "Dana is there.", now=now, user=bob.user, contact=contact)
    tell(NotificationKind.CONTACT_FAILED, "Fay failed.", now=now, user=charlie.user)
    tell(NotificationKind.CONNECTION_LOST, "The connection is lost.", now=now)
    tell(NotificationKind.OWNER_MISSING, "You are not in Pipedrive.", now=now, user=bob.user)
    return dana


def test_notifications_are_ones_own_and_everyones(bob: Caller, charlie: Caller, told: Any) -> None:
    """The oldest comes first, and what is for another stays with them."""
    mine = bob.get("/notifications").body
    assert [item["text"] for item in mine["items"]] == [
        "Dana is there.",
        "The connection is lost.",
        "You are not in Pipedrive.",
    ]
    first = mine["items"][0]
    assert first.pop("at").endswith("Z")
    assert first == {"id": first["id"], "kind": "contact_synced", "text": "Dana is there.", "contact_id": told["id"]}
    assert mine["next"] is None
    assert [item["kind"] for item in charlie.get("/notifications").body["items"]] == [
        "contact_failed",
        "connection_lost",
    ]


@pytest.mark.usefixtures("told")
def test_notifications_go_on_after_an_id(bob: Caller) -> None:
    """`next` is the id to go on after, and so is the id of the last one that a caller knows."""
    first = bob.get("/notifications", limit=2).body
    assert first["next"] == str(first["items"][-1]["id"])
    rest = bob.get("/notifications", after=first["next"]).body
    assert [item["kind"] for item in rest["items"]] == ["owner_missing"]
    assert bob.get("/notifications", after=rest["items"][-1]["id"]).body == {"items": [], "next": None}
