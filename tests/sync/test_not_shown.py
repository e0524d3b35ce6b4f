"""Pipedrive answers 404 for a record that it has only just stored: it is there a second later, and not deleted."""

from typing import Any

import httpx
import pytest
from bench_engine import Bench
from meddler import Meddler

from warmline.crm.book import (
    OrganizationDetails,
    add_contact,
    change_activity,
    change_contact,
    change_organization,
    log_activity,
)
from warmline.crm.models import Organization
from warmline.crm.users import User
from warmline.sandbox import Sandbox
from warmline.sync.models import Notification, NotificationKind

pytestmark = pytest.mark.django_db
NOT_FOUND = httpx.Response(404, json={"success": False, "error": "not found", "code": "ERR_NOT_FOUND"})
LAG = 3.0  # seconds


@pytest.fixture(params=["persons", "organizations", "activities"])
def edited(bench: Bench, alice: User, request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """Return what its records are called there, and a row that is there and was edited just now."""
    mill = OrganizationDetails("North Mill")
    contact = add_contact(alice, name="Vera Holm", email="vera@example.com", warmness_score=8, organization=mill)
    call = log_activity(alice, contact, type="CALL")
    bench.settle()
    contact.refresh_from_db()
    call.refresh_from_db()
    row: Any
    if request.param == "persons":
        row = contact
        change_contact(row, {"name": "Vera Lind"})
    elif request.param == "organizations":
        row = Organization.objects.get()
        change_organization(row, {"name": "South Mill"})
    else:
        row = call
        change_activity(row, {"subject": "A second call"})
    return request.param, row


def test_an_edit_waits_until_it_is_shown(
    bench: Bench, meddler: Meddler, sandbox: Sandbox, edited: tuple[Any, Any]
) -> None:
    """Nobody is told of a deletion, and nothing is made twice."""
    kind, row = edited
    end = bench.clock.monotonic() + LAG
    meddler.always("GET", f"/api/v2/{kind}/1", lambda: NOT_FOUND if bench.clock.monotonic() < end else None)

    bench.settle(30)

    row.refresh_from_db()
    assert (getattr(row, row.LINK), row.pipedrive_revision, row.pipedrive_sync_error_code) == (1, row.revision, "")
    assert list(sandbox.world.records[kind]) == [1]
    assert not Notification.objects.filter(kind=NotificationKind.DELETED_THERE).exists()


def test_what_stays_away_was_deleted(bench: Bench, sandbox: Sandbox, edited: tuple[Any, Any]) -> None:
    """Two looks say so, and then somebody is asked."""
    kind, row = edited
    sandbox.people.delete(kind, 1)
    bench.settle(1)
    row.refresh_from_db()
    assert (getattr(row, row.LINK), row.pipedrive_sync_failed) == (1, False)

    bench.settle(30)

    row.refresh_from_db()
    assert (getattr(row, row.LINK), row.pipedrive_sync_failed) == (None, True)
    assert Notification.objects.filter(kind=NotificationKind.DELETED_THERE).count() == 1


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/api/v2/persons", {"error": "Organization not found", "code": "ERR_NOT_FOUND"}),
        ("/api/v2/persons", {"error": "Validation failed: org_id: no such organization"}),
        ("/api/v2/activities", {"error": "Validation failed: participants: no such person"}),
    ],
)
def test_what_belongs_to_it_waits_as_well(
    bench: Bench, meddler: Meddler, sandbox: Sandbox, alice: User, path: str, answer: dict[str, str]
) -> None:
    """A create that names the record is refused at first; that is no fault of the row, which would wait for a day."""
    status = 404 if "code" in answer else 400
    meddler.once("POST", path, lambda: httpx.Response(status, json={"success": False, **answer}))
    contact = add_contact(alice, name="Vera Holm", warmness_score=8, organization=OrganizationDetails("North Mill"))
    log_activity(alice, contact, type="CALL")

    bench.settle(30)

    assert [len(sandbox.world.records[kind]) for kind in ("organizations", "persons", "activities")] == [1, 1, 1]
    assert not Notification.objects.filter(kind__endswith="failed").exists()


def test_an_update_that_does_not_find_what_was_just_read_is_tried_again(
    bench: Bench, meddler: Meddler, sandbox: Sandbox, edited: tuple[Any, Any]
) -> None:
    """Some servers know it, and some do not yet."""
    kind, row = edited
    meddler.once("PATCH", f"/api/v2/{kind}/1", lambda: NOT_FOUND)

    bench.settle(30)

    row.refresh_from_db()
    assert (getattr(row, row.LINK), row.pipedrive_revision) == (1, row.revision)
    there = sandbox.world.records[kind][1]
    assert there.get("name", there.get("subject")) in {"Vera Lind", "South Mill", "A second call"}
