"""The calendar feed: an address that is a secret, shown once, and gone when it is revoked."""

import logging
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.signals import got_request_exception
from django.test import Client
from django.utils import timezone
from web.pages import look

from warmline.crm import calendar_feeds, team
from warmline.crm.book import add_contact, change_activity, log_activity
from warmline.crm.calendar_feeds import CalendarFeed
from warmline.crm.users import User
from warmline.logs import SparingHandler, tidy


def made(client: Client) -> str:
    """Make a feed on the profile, and return its path."""
    html = look(client.post("/profile/calendar", follow=True))
    (path,) = re.findall(r'value="http://[^"/]+(/calendar/[\w-]{43}\.ics)"', html)
    return str(path)


def read(path: str, status: int = 200) -> str:
    """Read an address as a calendar program does, which has not signed in."""
    answer = Client().get(path)
    assert answer.status_code == status
    return answer.content.decode() if status == 200 else ""


def test_what_stands_in_it(bobs: Client, bob: User, alice: User) -> None:
    """What its user has planned: not what is done, has no date, is long overdue, or is a colleague's."""
    today = datetime.now(ZoneInfo(bob.time_zone)).date()
    contact, hers = add_contact(bob, name="Jordan Ames"), add_contact(alice, name="Robin Vale")
    for subject, days in (("Late", -30), ("Too late", -31), ("Soon", 3), ("Next year", 400)):
        log_activity(bob, contact, type="CALL", subject=subject, due_date=today + timedelta(days=days), done=False)
    log_activity(bob, contact, type="CALL", subject="Some day", done=False)
    log_activity(alice, hers, type="CALL", subject="Hers", due_date=today, done=False)
    meeting = log_activity(bob, contact, type="MEETING", subject="Did it", due_date=today, done=False)
    path = made(bobs)
    assert re.findall(r"SUMMARY:(.*)\r", read(path)) == ["Late", "Did it", "Soon", "Next year"]
    change_activity(meeting, {"done": True})
    assert re.findall(r"SUMMARY:(.*)\r", read(path)) == ["Late", "Soon", "Next year"]
    answer = Client().get(path)
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert "no-store" in answer["Cache-Control"]
    assert Client().head(path).status_code == 200


def test_its_address_is_shown_once(bobs: Client, bob: User) -> None:
    """The database has a digest only; a new address ends the earlier one, and revoking ends both."""
    first = made(bobs)
    secret = first.rpartition("/")[2].removesuffix(".ics")
    html = look(bobs.get("/profile"))
    assert secret not in html
    assert "New address" in html
    assert secret not in CalendarFeed.objects.get(user=bob).digest
    second = made(bobs)
    read(first, 404)
    read(second)
    assert "Calendar address revoked." in look(bobs.post("/profile/calendar/end", follow=True))
    read(second, 404)
    assert "Create an address" in look(bobs.get("/profile"))


def test_it_ends_with_its_user(alice: User, bob: User) -> None:
    """Who has left has no calendar, and gets no earlier one back."""
    path = f"/calendar/{calendar_feeds.begin(bob)}.ics"
    User.objects.filter(pk=bob.pk).update(is_active=False)
    read(path, 404)
    User.objects.filter(pk=bob.pk).update(is_active=True)
    read(path)
    team.deactivate(bob, alice)
    team.let_in_again(bob)
    read(path, 404)


def test_whoever_guesses_waits(bob: User) -> None:
    """The right address is read all the same."""
    path = f"/calendar/{calendar_feeds.begin(bob)}.ics"
    statuses = [Client().get(f"/calendar/{number}.ics").status_code for number in range(60)]
    assert statuses[0] == 404
    assert statuses[-1] == 429
    read(path)


def test_it_is_not_logged(bob: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Not even when it fails: the log names the pattern."""
    secret = calendar_feeds.begin(bob)

    def fail(*_: object) -> None:
        raise RuntimeError("no calendar today")

    monkeypatch.setattr(timezone, "now", fail)
    handler = SparingHandler()
    client = Client(raise_request_exception=False)
    got_request_exception.disconnect(client.store_exc_info)
    with caplog.at_level(logging.DEBUG):
        assert client.get(f"/calendar/{secret}.ics").status_code == 500
    assert caplog.records
    for record in caplog.records:
        tidy(record)
        assert secret not in handler.format(record)


def test_an_event_of_the_feed_is_that_of_the_file(bobs: Client, bob: User) -> None:
    """So that who has both has it once."""
    contact = add_contact(bob, name="Jordan Ames")
    activity = log_activity(bob, contact, type="CALL", due_date=datetime.now(UTC).date(), done=False)
    (one,) = re.findall(r"UID:(.*)\r", bobs.get(f"/activities/{activity.pk}/calendar.ics").content.decode())
    assert f"UID:{one}\r" in read(made(bobs))
