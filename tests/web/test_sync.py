"""The Sync page: is the connection well, is anything missing, and why; and trying again."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from web.pages import look

from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sync import engine_health
from warmline.sync.installation_models import LinkCheck, OtherInstallation
from warmline.sync.models import Attempt, Connection, ConnectionState, DirectoryKind, DirectoryState
from warmline.sync.remote import reconcile_first
from warmline.sync.status.attempts_by_hour import SPANS, Hour
from warmline.web.presentation.charts import HEIGHT, last_day, scale, span_in_words

pytestmark = pytest.mark.django_db


def failing(row: Any, message: str = "Pipedrive refuses it: the name is too long.", code: str = "rejected") -> None:
    """Have a row failed."""
    type(row).objects.filter(pk=row.pk).update(
        pipedrive_sync_failed=True, pipedrive_sync_error_code=code, pipedrive_sync_error_message=message
    )


def test_an_empty_book(alices: Client) -> None:
    """Every part says that there is nothing, in words."""
    html = look(alices.get("/sync"))
    for words in ("Not connected to Pipedrive yet", "Nothing is missing", "Nothing was sent", "No calls are made"):
        assert words in html
    assert "Failed, and why" not in html


@pytest.mark.parametrize(
    ("state", "heading"),
    [
        (ConnectionState.OK, "Connected to Pipedrive"),
        (ConnectionState.DOWN, "Pipedrive is not responding"),
        (ConnectionState.UNAUTHORIZED, "Pipedrive rejects the token"),
        (ConnectionState.BUDGET_SPENT, "Today&#x27;s API tokens are used up"),
        (ConnectionState.ANOTHER_COMPANY, "The token belongs to another company"),
    ],
)
def test_the_connection(alices: Client, settings: Settings, state: ConnectionState, heading: str) -> None:
    """In one sentence, with what follows."""
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"
    Connection.objects.create(pk=1, state=state, since=timezone.now(), message="Somebody has to look.")
    html = look(alices.get("/sync"))
    assert heading in html
    assert ("Somebody has to look. You can keep working" in html) == (state != ConnectionState.OK)
    assert "calls in the last 2 seconds" in html


def test_an_engine_that_stands_still(alices: Client, alice: User, settings: Settings, tmp_path: Path) -> None:
    """Whatever the connection's row says, nobody reads that all is well; nor on the page of what waits."""
    settings.PIPEDRIVE_API_TOKEN, settings.DATA_DIR = "sandbox-token", tmp_path
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    Connection.objects.create(pk=1, state=ConnectionState.OK, since=timezone.now())
    engine_health.begin()
    html = look(alices.get("/sync"))
    assert "The sync engine is not running" in html
    assert "Connected to Pipedrive" not in html
    assert "Try now" not in html
    assert "engine has stopped" in look(alices.get(f"/contacts/{contact.pk}"))
    since = engine_health.since()
    engine_health.begin()
    assert engine_health.since() == since
    engine_health.end()
    assert "Connected to Pipedrive" in look(alices.get("/sync"))


def test_what_is_no_token(alices: Client, bobs: Client, settings: Settings) -> None:
    """No page breaks; an admin is led to the settings, and nobody can try it again by pressing a button."""
    settings.PIPEDRIVE_API_TOKEN = "two “words”"
    html = look(alices.get("/sync"))
    assert "This is not an API token" in html
    assert "everything is sent once an admin has fixed this" in html
    assert 'href="/settings">Connect Pipedrive in Settings' in html
    assert 'id="try-now"' not in html
    assert "words" not in html
    assert "Connect Pipedrive in Settings" not in look(bobs.get("/sync"))
    html = look(alices.get("/settings"))
    assert "PIPEDRIVE_API_TOKEN is not an API token" in html
    assert "Copy the token again" in html
    assert "words" not in html


def test_what_is_on_its_way_and_what_failed(alices: Client, bobs: Client, alice: User, bob: User) -> None:
    """An admin sees everyone's, a member their own, with the reason and whose it is."""
    add_contact(alice, name="Waiting One", warmness_score=5)
    his = add_contact(bob, name="Jordan Ames", warmness_score=5)
    call = log_activity(bob, his, type="CALL")
    Contact.objects.filter(pk=his.pk).update(pipedrive_person_id=7)
    Activity.objects.filter(pk=call.pk).update(replicate=True)
    failing(call)
    hers = add_contact(alice, name="Kim Castell", warmness_score=5)
    failing(hers, "Two persons have this e-mail.", "ambiguous")

    html = look(bobs.get("/sync"))
    assert "Call with Jordan Ames" in html
    assert "Kim Castell" not in html
    assert 'href="/sync/failed/activity">1 activity</a>' in html
    html = look(alices.get("/sync"))
    assert "Two persons have this e-mail." in html
    assert "Bob\u2019s." in html
    assert '?show=waiting">1 contact</a>' in html
    assert "Kim Castell" in look(alices.get("/sync/failed/contact"))
    assert "Nothing failed" in look(bobs.get("/sync/failed/contact"))
    assert alices.get("/sync/failed/nonsense").status_code == 404


def test_a_fragment_for_htmx(alices: Client) -> None:
    """What changes by itself, without the frame."""
    html = look(alices.get("/sync", headers={"HX-Request": "true"}))
    assert "<main" not in html
    assert "The last 24 hours" in html


def test_very_many_failures(alices: Client, alice: User) -> None:
    """The overview shows a few and says how many; the rest has pages."""
    contacts = [Contact(owner=alice, name=f"Contact {number:03}", warmness_score=5) for number in range(120)]
    Contact.objects.bulk_create(contacts)
    Contact.objects.update(pipedrive_sync_failed=True, pipedrive_sync_error_code="rejected")
    html = look(alices.get("/sync"))
    assert html.count("badge-failed") == 5
    assert "Show all 120 failed contacts" in html
    page = look(alices.get("/sync/failed/contact"))
    assert page.count("badge-failed") == 50
    assert "Contact 049" in page
    page = look(alices.get(f"/sync/failed/contact?after={contacts[99].pk}"))
    assert page.count("badge-failed") == 20
    assert ">More<" not in page


def test_what_is_left_out(alices: Client, bobs: Client, alice: User, bob: User) -> None:
    """How many, why, and examples; a colleague's are an admin's business only."""
    cold = add_contact(bob, name="Cold One")
    call = log_activity(bob, cold, type="CALL", subject="The first call")
    Activity.objects.filter(pk=call.pk).update(replicate=False)
    gone = add_contact(bob, name="Gone One", warmness_score=5)
    failing(gone, "Deleted in Pipedrive.", "deleted")
    for client in (alices, bobs):
        html = " ".join(look(client.get("/sync")).split())
        assert "<strong>1 contact</strong> is not warm: warmness is below 4." in html
        assert "<strong>1 activity</strong> was logged before the contact was warm" in html
        assert "The first call" in html
        assert "<strong>1 record</strong> was deleted in Pipedrive" in html
    Contact.objects.update(owner=alice)
    Activity.objects.update(owner=alice)
    assert "The first call" not in look(bobs.get("/sync"))


def test_how_far_the_directory_is(alices: Client, bobs: Client, settings: Settings) -> None:
    """For admins: it is being listed, or known; a member is not bothered."""
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"
    assert "Indexing Pipedrive" in look(alices.get("/sync"))
    assert "Indexing Pipedrive" not in look(bobs.get("/sync"))
    for kind in DirectoryKind:
        DirectoryState.objects.create(kind=kind, is_full=True, since=timezone.now(), looked_at=timezone.now())
    assert "everyone in Pipedrive is indexed" in look(alices.get("/sync"))


def test_a_list_that_cannot_be_had_is_told(alices: Client, bobs: Client, settings: Settings) -> None:
    """Why, and when it is tried again; and which records cannot be read."""
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"
    now = timezone.now()
    DirectoryState.objects.create(
        kind=DirectoryKind.PERSON,
        since=now,
        looked_at=now,
        failures=3,
        retry_at=now + timedelta(minutes=5),
        problem="GET /api/v2/persons: 500: Internal server error",
        unreadable=[12],
    )
    html = look(alices.get("/sync"))
    assert (
        "Could not index Pipedrive's persons (GET /api/v2/persons: 500: Internal server error). Next attempt at" in html
    )
    assert "1 of Pipedrive's persons could not be read and is not indexed: id 12." in html
    assert "Could not index" not in look(bobs.get("/sync"))


def test_trying_one_again(bobs: Client, alice: User, bob: User) -> None:
    """Its attempts begin anew; a colleague's is as good as none; what has not failed is left alone."""
    his, hers = (add_contact(user, name="Jordan Ames", warmness_score=5) for user in (bob, alice))
    for row in (his, hers):
        failing(row)
    assert "Trying again: Jordan Ames." in look(bobs.post("/sync/retry", {"contact": his.pk}, follow=True))
    assert bobs.post("/sync/retry", {"contact": hers.pk}).status_code == 404
    assert list(Contact.objects.filter(pipedrive_sync_failed=True)) == [hers]
    html = look(bobs.post("/sync/retry", {"contact": his.pk}, follow=True))
    assert "Nothing has failed, so there is nothing to retry" in html
    assert bobs.get("/sync/retry").status_code == 302


def test_trying_a_contacts_activities_again(bobs: Client, bob: User) -> None:
    """As a toast does, which names the contact only; it gets a sentence back."""
    his = add_contact(bob, name="Jordan Ames", warmness_score=5)
    call = log_activity(bob, his, type="CALL")
    failing(call)
    answer = bobs.post("/sync/retry", {"contact": his.pk, "with_activities": "1"}, headers={"X-Live": "1"})
    assert answer.content == b"Trying again: Jordan Ames."
    assert not Activity.objects.filter(pipedrive_sync_failed=True).exists()


def test_trying_all_again(bobs: Client, alice: User, bob: User) -> None:
    """All of one's own, and the team's organizations."""
    mills = OrganizationDetails("Larkspur Mills")
    his = add_contact(bob, name="Jordan Ames", organization=mills, warmness_score=5)
    hers = add_contact(alice, name="Kim Castell", warmness_score=5)
    for row in (his, hers, his.organization):
        failing(row)
    assert "Trying again: 2 records." in look(bobs.post("/sync/retry", follow=True))
    assert list(Contact.objects.filter(pipedrive_sync_failed=True)) == [hers]
    assert not Organization.objects.filter(pipedrive_sync_failed=True).exists()


def test_the_page_costs_the_same_for_many(
    alices: Client, alice: User, settings: Settings, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    """A fixed number of queries, however many rows there are."""
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"
    counted = set()
    for _ in range(2):
        for number in range(8):
            contact = add_contact(
                alice, name=f"Contact {number}", organization=OrganizationDetails(f"Mills {number}"), warmness_score=5
            )
            call = log_activity(alice, contact, type="CALL")
            Activity.objects.filter(pk=call.pk).update(replicate=number % 2 == 0)
            for row in (contact, contact.organization, call):
                failing(row)
        with django_assert_max_num_queries(42) as found:  # one of them on PostgreSQL alone: which workers live
            look(alices.get("/sync"))
        counted.add(len(found))
    assert len(counted) == 1


@pytest.mark.parametrize(
    ("most", "top"), [(0, 4), (4, 4), (5, 10), (20, 20), (21, 50), (50, 50), (51, 100), (399, 500), (100_001, 200_000)]
)
def test_a_scale_ends_at_a_round_number(most: int, top: int) -> None:
    """The least round one that holds the number."""
    assert scale(most) == top


@pytest.mark.parametrize(
    ("waited", "words"),
    [
        (0.5, "1 s"),
        (4, "5 s"),
        (59, "1 min"),
        (200, "5 min"),
        (3000, "1 h"),
        (9e9, "> 1 h"),
    ],
)
def test_spans_in_words(waited: float, words: str) -> None:
    """Seconds, minutes, hours; nothing where nothing arrived."""
    within = tuple(int(waited <= span) for span in SPANS)
    assert span_in_words(Hour(timezone.now(), 1, 0, within), 95) == words
    assert span_in_words(Hour(timezone.now(), 0, 0, (0,) * len(SPANS)), 95) == ""


def test_the_chart(alices: Client, alice: User) -> None:
    """Bars stand on each other and on the ground, the least can be seen, and a table says the same."""
    now = timezone.now()
    for number in range(203):
        at = now - timedelta(hours=2) if number else now
        Attempt.objects.create(kind="contact", row_id=1, owner=alice, at=at, ok=number % 4 > 0, waited=0.5, text="")
    chart = last_day(alice, now)
    for bar in chart.bars:
        assert bar.arrived_y + bar.arrived_height == HEIGHT
        assert bar.failed_y + bar.failed_height == bar.arrived_y
        assert bar.failed_y >= 0
        assert (bar.failed_height >= 2) == (bar.hour.in_vain > 0)
    html = " ".join(look(alices.get("/sync")).split())
    assert "152 arrived; typically 1 s, 95 % within 1 s. 51 failed attempts." in html
    assert html.count('<tr><th scope="row">') == 2


def test_links_are_checked_after_a_restore(alices: Client, alice: User, bob: User) -> None:
    """How far it is; then what it found, with the rows to look at, for those who may see them."""
    contact = add_contact(bob, name="Jordan Ames")
    reconcile_first.begin(reconcile_first.RESTORED)
    LinkCheck.objects.update(total=4212, checked=1100, figures={"contact": {"kept": 1099, "moved": 1}})
    html = look(alices.get("/sync"))
    for words in (
        "Checking all links to Pipedrive",
        "1,100 of 4,212 links checked",
        "1,099 links were right",
        'value="26"',
    ):
        assert words in html
    LinkCheck.objects.update(
        ended_at=timezone.now(), checked=4212, gone=[f"contact {contact.pk}"], left_there=["person 5", "person 6"]
    )
    User.objects.filter(pk=alice.pk).update(is_admin=True)
    html = look(alices.get("/sync"))
    for words in (
        "All links to Pipedrive were checked",
        "2 records are in Pipedrive",
        "Jordan Ames",
        "no longer in Pipedrive",
    ):
        assert words in html
    User.objects.filter(pk=alice.pk).update(is_admin=False)
    assert "Jordan Ames" not in look(alices.get("/sync"))


def test_another_installation_is_shown(alices: Client) -> None:
    """It stays there while it is seen from time to time."""
    now = timezone.now()
    OtherInstallation.objects.create(token="deadbeef", first_seen_at=now, last_seen_at=now, kind="person", record_id=7)
    assert "Another Warmline uses this company" in look(alices.get("/sync"))
    OtherInstallation.objects.update(last_seen_at=now - timedelta(days=40))
    assert "Another Warmline uses this company" not in look(alices.get("/sync"))


def test_whether_leads_are_looked_for_is_said_to_admins(alices: Client, bobs: Client, settings: Settings) -> None:
    """On the Sync page and on the settings page, where reports may be trusted; with the reason."""
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"
    Connection.objects.create(pk=1, state=ConnectionState.OK, since=timezone.now())
    why = "Each lead is looked for before it is created. Pipedrive does not report changes to Warmline."
    assert why not in look(alices.get("/sync"))
    settings.TRUST_EVENTS = True
    assert why in look(alices.get("/sync"))
    assert why not in look(bobs.get("/sync"))
