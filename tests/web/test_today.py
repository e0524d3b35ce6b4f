"""Today: what is due, who goes cold, who is nearly warm, and what waits for a decision."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from web.pages import look

from warmline.crm import preferences
from warmline.crm.activities import Activity
from warmline.crm.book import add_contact, change_activity, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync.status import today
from warmline.web.calendar_file import calendar


@pytest.fixture(autouse=True)
def _connected(settings: Settings) -> None:
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"


HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/"}


def day(days: int) -> date:
    """Return a day, counted from today."""
    return timezone.localdate(timezone=UTC) + timedelta(days=days)


def plan(user: User, contact: Contact, days: int | None, subject: str) -> Activity:
    """Plan a call."""
    due = None if days is None else day(days)
    return log_activity(user, contact, type="CALL", subject=subject, due_date=due, done=False)


def parts(html: str) -> dict[str, list[str]]:
    """Return what each part of the page lists, by its heading."""
    sections = re.findall(r"<section.*?<h2[^>]*>(.*?)</h2>(.*?)</section>", html, re.DOTALL)
    return {heading: re.findall(r'class="lead"[^>]*>(.*?)</a>', rest) for heading, rest in sections}


def test_what_is_due(alices: Client, alice: User, bob: User) -> None:
    """By when it is due, in the user's zone; what is done, later, or a colleague's is not shown."""
    contact, his = add_contact(alice, name="Jordan Ames"), add_contact(bob, name="Robin Vale")
    for days, subject in ((-3, "Late"), (0, "Now"), (6, "Soon"), (7, "Later"), (None, "Some day")):
        plan(alice, contact, days, subject)
    plan(bob, his, 0, "His")
    change_activity(plan(alice, contact, 0, "Did it"), {"done": True})
    assert parts(look(alices.get("/"))) == {
        "Overdue": ["Late"],
        "Today": ["Now"],
        "This week": ["Soon"],
        "Without a date": ["Some day"],
    }


def test_nothing_to_do(alices: Client) -> None:
    """It says so."""
    assert "Nothing is due" in look(alices.get("/"))


def contacted(user: User, name: str, score: int, days_ago: int | None, added: int = 100) -> None:
    """Add a contact who was contacted so many days ago, or never."""
    contact = add_contact(user, name=name, warmness_score=score)
    Contact.objects.filter(pk=contact.pk).update(created_at=timezone.now() - timedelta(days=added))
    if days_ago is not None:
        log_activity(user, contact, type="CALL", due_date=day(-days_ago))


def test_who_goes_cold(alices: Client, alice: User) -> None:
    """After as many days as the band of their warmness says; whoever was just added is not cold yet."""
    for name, score, days_ago in (("A", 9, 7), ("B", 9, 6), ("C", 7, 14), ("D", 7, 13), ("E", 4, 31), ("F", 3, 99)):
        contacted(alice, name, score, days_ago)
    contacted(alice, "G", 5, None)
    contacted(alice, "H", 5, None, added=3)
    found = parts(look(alices.get("/")))
    assert found == {"Going cold": ["G", "E", "A", "C"], "One step below warm": ["F"]}
    preferences.change({"cold_after": {"9": 6, "7": 0}})
    assert parts(look(alices.get("/")))["Going cold"] == ["G", "A", "E", "B"]


def test_what_waits_for_a_decision(alices: Client, alice: User) -> None:
    """The user's contacts, with the reason."""
    contact = add_contact(alice, name="Alex Reed", warmness_score=6)
    Contact.objects.filter(pk=contact.pk).update(
        pipedrive_sync_failed=True,
        pipedrive_sync_error_code="ambiguous",
        pipedrive_sync_error_message="Pipedrive has 2 persons.",
        created_at=timezone.now(),
    )
    html = look(alices.get("/"))
    assert parts(html) == {"Waiting for your decision": ["Alex Reed"]}
    assert "Pipedrive has 2 persons." in html


@pytest.mark.parametrize(("days", "expected"), [(-3, 1), (0, 1), (2, 3), (None, 1)])
@pytest.mark.parametrize("htmx", [True, False])
def test_putting_off(alices: Client, alice: User, days: int | None, expected: int, *, htmx: bool) -> None:
    """By one tap, to a day that is still to come; and undone."""
    activity = plan(alice, add_contact(alice, name="Jordan"), days, "Call")
    sent: dict[str, Any] = {"headers": HTMX} if htmx else {"follow": True}
    html = look(alices.post(f"/activities/{activity.pk}/put-off", {"days": "1"}, **sent))
    activity.refresh_from_db()
    assert activity.due_date == day(expected)
    (group,) = set(re.findall(r'action="(/undo/[^"]+)"', html))
    alices.post(group, {"page": "/"})
    activity.refresh_from_db()
    assert activity.due_date == (None if days is None else day(days))


@pytest.mark.parametrize("days", ["", "0", "-1", "x", "99999999"])
def test_putting_off_nonsense(alices: Client, alice: User, days: str) -> None:
    """It is refused."""
    activity = plan(alice, add_contact(alice, name="Jordan"), 0, "Call")
    look(alices.post(f"/activities/{activity.pk}/put-off", {"days": days}), 400)


def test_done_with_one_tap(alices: Client, alice: User) -> None:
    """The page stays Today."""
    activity = plan(alice, add_contact(alice, name="Jordan"), 0, "Call")
    answer = alices.post(f"/activities/{activity.pk}/done", {"today": "yes"})
    assert answer["Location"] == "/"
    assert Activity.objects.get().done


def test_logged_with_one_tap(alices: Client, alice: User) -> None:
    """The page stays as it is, and says so."""
    contact = add_contact(alice, name="Jordan Ames")
    sent = {"type": "CALL", "done": "on", "stay": "yes", "idempotency_key": "00000000-0000-4000-8000-000000000001"}
    for _ in range(2):
        html = look(alices.post(f"/contacts/{contact.pk}/activities", sent, headers=HTMX))
        assert "“Call with Jordan Ames” is logged." in html
    assert Activity.objects.count() == 1
    assert f'hx-post="/activities/{Activity.objects.get().pk}/delete"' in html


@pytest.mark.parametrize(("details", "type"), [({"phone": "+49 151 5550100"}, "CALL"), ({}, "EMAIL")])
def test_what_one_tap_logs(alices: Client, alice: User, details: dict[str, Any], type: str) -> None:
    """A call, or an e-mail to whom one cannot call; without JavaScript it leads back to the page."""
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=3, **details)
    html = look(alices.get("/"))
    (form,) = re.findall(rf'<form method="post" action="/contacts/{contact.pk}/activities"(.*?)</form>', html)
    sent = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    assert sent["type"] == type
    assert alices.post(f"/contacts/{contact.pk}/activities", sent)["Location"] == "/"
    assert (Activity.objects.get().type, Activity.objects.get().done) == (type, True)


def test_who_cannot_be_reached(alices: Client, alice: User) -> None:
    """Nobody knows what there was, so the contact's page asks."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=3)
    assert f'href="/contacts/{contact.pk}#log"' in look(alices.get("/"))


def test_the_next_step(alices: Client, alice: User) -> None:
    """It follows what is planned, done and deleted; lists sort and filter by it."""
    one, two = add_contact(alice, name="Jordan"), add_contact(alice, name="Kim")
    add_contact(alice, name="Lee")
    first = plan(alice, one, 5, "First")
    plan(alice, one, 9, "Second")
    plan(alice, two, 7, "His")
    plan(alice, two, None, "Undated")

    def steps() -> list[date | None]:
        return [row.next_step for row in Contact.objects.order_by("pk")]

    assert steps() == [day(5), day(7), None]
    change_activity(first, {"done": True})
    assert steps() == [day(9), day(7), None]
    html = look(alices.get("/contacts?order=next"))
    assert re.findall(r'aria-label="Select (\w+)"', html) == ["Kim", "Jordan", "Lee"]
    html = look(alices.get("/contacts?show=planned"))
    assert sorted(re.findall(r'aria-label="Select (\w+)"', html)) == ["Jordan", "Kim"]


def test_another_ones_activity(bobs: Client, alice: User) -> None:
    """It is not there: neither to put off nor as a calendar file."""
    activity = plan(alice, add_contact(alice, name="Jordan"), 0, "Call")
    look(bobs.post(f"/activities/{activity.pk}/put-off", {"days": "1"}), 404)
    look(bobs.get(f"/activities/{activity.pk}/calendar.ics"), 404)


def test_a_calendar_file(alices: Client, alice: User) -> None:
    """With its moment in UTC, or as a whole day; a text of any length and with any sign."""
    contact = add_contact(alice, name="Jörg, the 2nd; \\ " + "山" * 50)
    timed = log_activity(alice, contact, type="MEETING", note="a\nb", due_date=date(2027, 1, 2), due_time=time(9))
    whole = log_activity(alice, contact, type="CALL", due_date=date(2027, 1, 2), done=False)
    text = calendar([timed, whole], datetime(2026, 1, 1, tzinfo=UTC))
    assert "DTSTART:20270102T090000Z\r\nDTEND:20270102T100000Z\r\n" in text
    assert "DTSTART;VALUE=DATE:20270102\r\nDTEND;VALUE=DATE:20270103\r\n" in text
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    unfolded = text.replace("\r\n ", "")
    assert f"DESCRIPTION:With Jörg\\, the 2nd\\; \\\\ {'山' * 50}\\na\\nb" in unfolded
    answer = alices.get(f"/activities/{whole.pk}/calendar.ics")
    assert answer["Content-Type"].startswith("text/calendar")
    undated = plan(alice, contact, None, "Call")
    look(alices.get(f"/activities/{undated.pk}/calendar.ics"), 404)


@pytest.mark.parametrize(
    ("on", "at", "start", "end"),
    [
        (date(2027, 3, 28), time(1, 30), "20270328T003000Z", "20270328T013000Z"),
        (date(2027, 3, 28), time(2, 30), "20270328T013000Z", "20270328T023000Z"),  # which clocks there skip
        (date(2027, 10, 31), time(2, 30), "20271031T003000Z", "20271031T013000Z"),  # the first of the two
    ],
)
def test_a_meeting_when_the_clocks_change(alice: User, on: date, at: time, start: str, end: str) -> None:
    """It takes an hour, whatever the clocks on the wall do."""
    alice.time_zone = "Europe/Berlin"
    contact = add_contact(alice, name="Jordan Ames")
    meeting = log_activity(alice, contact, type="MEETING", due_date=on, due_time=at)
    assert f"DTSTART:{start}\r\nDTEND:{end}\r\n" in calendar([meeting], datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("many", [today.MOST + 3])
def test_a_part_is_no_longer_than_a_screen(alices: Client, alice: User, many: int) -> None:
    """It says that there are more."""
    contact = add_contact(alice, name="Jordan")
    for number in range(many):
        plan(alice, contact, 0, f"Call {number}")
    html = look(alices.get("/"))
    assert len(parts(html)["Today"]) == today.MOST
    assert "Only the first are shown." in html
