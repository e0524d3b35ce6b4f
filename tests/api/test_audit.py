"""The audit by the API: begun by admins, and read by everyone, each their own."""

from typing import Any

import pytest
from api.caller import Caller
from django.utils import timezone
from pytest_django import Settings

from warmline.sync.audit_models import Audit, AuditState, Finding, Problem

NOTHING = dict.fromkeys([problem.value for problem in Problem], 0)


@pytest.fixture(autouse=True)
def connected(settings: Settings) -> None:
    """Have a token."""
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"


def found(kind: str, row_id: int, problem: str, **more: Any) -> Finding:
    """Have a problem that was found."""
    return Finding.objects.create(kind=kind, row_id=row_id, problem=problem, found_at=timezone.now(), **more)


def test_before_the_first_one(bob: Caller) -> None:
    """There is nothing to tell."""
    assert bob.get("/audit").body == {
        "state": "never",
        "started_at": None,
        "finished_at": None,
        "message": "",
        "compared": 0,
        "problems": NOTHING,
        "items": [],
        "next": None,
    }


def test_only_admins_begin_one_and_one_at_a_time(alice: Caller, bob: Caller) -> None:
    """202, and 409 while it runs; one that pauses goes on."""
    assert bob.post("/audit").problem == (403, "forbidden", None)
    begun = alice.post("/audit")
    assert (begun.status, begun.body["state"]) == (202, "running")
    assert alice.post("/audit").problem == (409, "running", None)
    Audit.objects.update(state=AuditState.PAUSED, message="It waits.")
    assert alice.get("/audit").body["message"] == "It waits."
    assert alice.post("/audit").status == 202
    Audit.objects.update(state=AuditState.DONE, is_open=False, finished_at=timezone.now())
    assert alice.get("/audit").body["state"] == "done"
    assert alice.post("/audit").status == 202
    assert Audit.objects.count() == 2


def test_without_a_token_there_is_nothing_to_compare(alice: Caller, settings: Settings) -> None:
    """It says what to do."""
    settings.PIPEDRIVE_API_TOKEN = ""
    assert alice.post("/audit").problem == (409, "not_connected", None)


def test_members_see_their_own(alice: Caller, bob: Caller) -> None:
    """An admin sees all, a page at a time; a member the problems of their own contacts and activities."""
    hers, his = alice.add("Vera Holm")["id"], bob.add("Bo Lind")["id"]
    call = bob.log(his)["id"]
    found("contact", hers, "gone", record_id=5)
    found("contact", his, "different", record_id=6, fields=["name"])
    found("activity", call, "activity", record_id=7)

    assert bob.get("/audit").body["items"] == [
        {"kind": "contact", "row_id": his, "pipedrive_id": 6, "problem": "different", "fields": ["name"]},
        {"kind": "activity", "row_id": call, "pipedrive_id": 7, "problem": "activity", "fields": []},
    ]
    assert bob.get("/audit").body["problems"] == {**NOTHING, "different": 1, "activity": 1}
    assert alice.get("/audit").body["problems"] == {**NOTHING, "gone": 1, "different": 1, "activity": 1}
    first = alice.get("/audit", limit=2).body
    assert [item["row_id"] for item in first["items"]] == [hers, his]
    second = alice.get("/audit", limit=2, cursor=first["next"]).body
    assert [item["row_id"] for item in second["items"]] == [call]
    assert second["next"] is None


@pytest.mark.parametrize("query", [{"cursor": "abc"}, {"limit": "0"}, {"state": "done"}, {"cursor": "-1"}])
def test_what_is_not_valid(bob: Caller, query: dict[str, str]) -> None:
    """It is named."""
    (name,) = query
    assert bob.get("/audit", **query).problem == (422, "invalid", name)
