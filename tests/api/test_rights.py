"""What a token lets a program do, for how long, and how often."""

from datetime import timedelta

import pytest
from api.caller import Caller
from django.utils import timezone
from pytest_django import Settings

from warmline.api.rate import Rates, TooManyCallsError
from warmline.crm.book import hand_over
from warmline.crm.models import Contact
from warmline.crm.tokens import ApiToken, Rights
from warmline.crm.users import User

HOOK = {"url": "https://example.com/hook", "events": ["contact.synced"]}


def test_a_token_that_only_reads(bob: Caller) -> None:
    """It reads what its user sees, and changes nothing; nor does a batch with it."""
    contact = bob.add()["id"]
    reader = Caller(bob.user, rights=Rights.READ)
    assert reader.get(f"/contacts/{contact}").status == 200
    for answer in (
        reader.post("/contacts", {"name": "Eli"}),
        reader.post("/contacts", {"name": "Eli"}, key="k"),
        reader.patch(f"/contacts/{contact}", {"name": "Eli"}),
        reader.put("/contacts/external/form/1", {"name": "Eli"}),
        reader.delete("/webhooks/1"),
        reader.post("/sync/retry"),
    ):
        assert answer.problem == (403, "forbidden", None)
    items = [{"method": "GET", "path": "/contacts"}, {"method": "POST", "path": "/contacts", "body": {"name": "Eli"}}]
    assert [each["status"] for each in reader.post("/batch", {"items": items}).body["items"]] == [200, 403]
    assert Contact.objects.get().name == "Dana Diaz"


def test_what_only_admins_may(alice: Caller, bob: Caller) -> None:
    """It takes an admin, and a token with all rights."""
    writer = Caller(alice.user, rights=Rights.WRITE)
    assert writer.post("/contacts", {"name": "Dana"}).status == 201
    for caller in (bob, writer):
        for answer in (caller.get("/webhooks"), caller.post("/webhooks", HOOK), caller.delete("/webhooks/1")):
            assert answer.problem == (403, "forbidden", None)
    assert alice.get("/webhooks").body == {"items": []}


def test_a_token_that_was_there_before_keeps_its_rights(alice: Caller) -> None:
    """One of which nothing else is said has all of its user's."""
    assert ApiToken.objects.get().rights == Rights.ADMIN


def test_a_token_expires(bob: Caller) -> None:
    """From that moment on it opens nothing, and says so; this is no guess at one."""
    later = Caller(bob.user, expires_at=timezone.now() + timedelta(hours=1))
    assert later.get("/contacts").status == 200
    ApiToken.objects.filter(expires_at__isnull=False).update(expires_at=timezone.now())
    for _ in range(30):
        refused = later.get("/contacts")
    assert refused.problem == (401, "unauthorized", None)
    assert "expired" in refused.body["error"]["message"]
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert later.post("/contacts", {"name": "Dana"}, key="k").status == 401


def test_how_often(bob: Caller, settings: Settings) -> None:
    """Each answer tells what is left; who calls more often waits. A batch is one call."""
    settings.API_RATE = (3, 60.0)
    first = bob.get("/contacts")
    assert first.headers["RateLimit-Policy"] == '"token";q=3;w=60'
    assert first.headers["RateLimit"].startswith('"token";r=2;t=')
    items = [{"method": "GET", "path": "/contacts"}] * 5
    assert [each["status"] for each in bob.post("/batch", {"items": items}).body["items"]] == [200] * 5
    assert bob.post("/contacts", {"name": "Dana"}, key="k").headers["RateLimit"].startswith('"token";r=0;')
    refused = bob.post("/contacts", {"name": "Dana"}, key="k")
    assert refused.problem == (429, "rate_limited", None)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit"].startswith('"token";r=0;')
    assert Caller(bob.user).get("/contacts").status == 200
    settings.API_RATE = None
    assert "RateLimit" not in bob.get("/contacts").headers


def test_windows(settings: Settings) -> None:
    """A new window begins when the old one is over; tokens do not share one."""
    now = 0.0
    rates = Rates(lambda: now)
    settings.API_RATE = (2, 10.0)
    assert [rates.count("a").remaining for _ in range(2)] == [1, 0]  # type: ignore[union-attr]
    now = 9.5
    with pytest.raises(TooManyCallsError) as error:
        rates.count("a")
    assert error.value.rate.resets_in == 1
    assert rates.count("b").remaining == 1  # type: ignore[union-attr]
    now = 10.0
    assert rates.count("a").remaining == 1  # type: ignore[union-attr]


@pytest.fixture
def machine(db: None) -> Caller:
    """Return a program of the team's, whose token can write."""
    user = User.objects.create_user("forms@example.com", "Forms", is_machine=True, time_zone="UTC")
    return Caller(user, rights=Rights.WRITE)


def test_a_program_names_the_owner(machine: Caller, bob: Caller, charlie: Caller) -> None:
    """It adds contacts of others, sees them all, and has none of its own."""
    made = machine.post("/contacts", {"name": "Dana", "owner": "BOB@example.com"})
    assert (made.status, made.body["owner"]["email"]) == (201, "bob@example.com")
    at = "/contacts/external/form/1"
    for status in (201, 200):
        assert machine.put(at, {"name": "Eli", "owner": "charlie@example.com"}).status == status
    assert machine.put(at, {"name": "Eli", "owner": "bob@example.com"}).problem == (409, "anothers", None)
    assert bob.get(at).status == 404
    assert charlie.get(at).body["name"] == "Eli"
    assert len(machine.get("/contacts").body["items"]) == 2
    imported = machine.post("/contacts/import", {"contacts": [{"name": "Fay"}], "owner": "bob@example.com"})
    assert imported.body["outcomes"][0]["result"] == "added"
    for body in ({"name": "Dana"}, *({"name": "Dana", "owner": f"{who}@example.com"} for who in ("nobody", "a\0"))):
        assert machine.post("/contacts", body).problem == (422, "invalid", "owner")
    assert machine.post("/contacts", {"name": "Dana", "owner": "forms@example.com"}).status == 422


def test_a_program_logs_in_the_owners_time_zone(machine: Caller, bob: Caller) -> None:
    """A moment is meant as the contact's owner means it."""
    contact = bob.add()["id"]
    machine.log(contact, due_date="2999-01-01", due_time="10:00")
    assert Contact.objects.get().activities.get().time_zone == "Europe/Berlin"


def test_others_name_nobody_else(alice: Caller, bob: Caller) -> None:
    """A member and an admin's narrower token cannot; an admin's with all rights can; oneself can always be named."""
    other, own = {"name": "Dana", "owner": "alice@example.com"}, {"name": "Dana", "owner": "bob@example.com"}
    assert bob.post("/contacts", other).problem == (403, "forbidden", "owner")
    assert bob.post("/contacts", {"name": "Dana", "owner": "nobody@example.com"}).status == 403
    assert bob.post("/contacts", own).status == 201
    assert Caller(alice.user, rights=Rights.WRITE).post("/contacts", own).problem == (403, "forbidden", "owner")
    assert alice.post("/contacts", own).body["owner"]["name"] == "Bob"


def test_a_program_gets_no_contacts(machine: Caller, bob: Caller) -> None:
    """Nobody hands any over to it."""
    bob.add()
    with pytest.raises(User.DoesNotExist):
        hand_over(Contact.objects.all(), machine.user)
