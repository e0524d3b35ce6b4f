"""Logging and changing activities: their subject, whether they are done, and whether they go to Pipedrive."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from pytest_django import Settings

from warmline.crm import fields
from warmline.crm.activities import Activity, ActivityType, default_subject
from warmline.crm.book import add_contact, change_activity, is_past, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 10)
NOW = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)  # in Tokyo it is the 11th, 08:30; in New York the 10th, 19:30

BAD_ACTIVITIES = [
    ({"type": "FAX"}, "type"),
    ({"type": "call"}, "type"),
    ({"type": ""}, "type"),
    ({"subject": "x" * 256}, "subject"),
    ({"subject": "Call\nback"}, "subject"),
    ({"note": "x" * 50_001}, "note"),
    ({"note": "a\x00b"}, "note"),
    ({"due_date": "2026-02-30"}, "due_date"),
    ({"due_date": "soon"}, "due_date"),
    ({"due_date": date(1, 1, 1)}, "due_date"),
    ({"due_date": date(9999, 12, 31)}, "due_date"),
    ({"due_time": time(10, 30)}, "due_time"),
    ({"due_date": TODAY, "due_time": "25:00"}, "due_time"),
]


@pytest.mark.parametrize(("bad", "field"), BAD_ACTIVITIES, ids=lambda value: ascii(value)[:50])
def test_what_is_refused_of_an_activity(jordan: Contact, bad: dict[str, Any], field: str) -> None:
    """New or changed: the error names the field in words, and nothing is written."""
    activity = log_activity(jordan.owner, jordan, type="CALL")
    before = list(Activity.objects.values())
    with pytest.raises(ValidationError) as caught:
        log_activity(jordan.owner, jordan, **{"type": "CALL", **bad})
    assert list(caught.value.message_dict) == [field]
    with pytest.raises(ValidationError) as caught:
        change_activity(activity, {"done": False, **bad})
    assert list(caught.value.message_dict) == [field]
    assert all((text[0].isupper() or text[0] == "“") and text.endswith(".") for text in caught.value.messages)
    assert list(Activity.objects.values()) == before


SUBJECTS = {
    "CALL": "Call with Jordan Ames",
    "EMAIL": "E-mail to Jordan Ames",
    "MEETING": "Meeting with Jordan Ames",
    "LINKEDIN": "LinkedIn message to Jordan Ames",
    "REFERRAL": "Referral by Jordan Ames",
    "CONFERENCE": "Conference with Jordan Ames",
}


def test_every_type_has_its_subject() -> None:
    """A new one needs its line above."""
    assert list(SUBJECTS) == ActivityType.values


@pytest.mark.parametrize(("type", "subject"), SUBJECTS.items())
def test_the_subject_when_none_is_given(jordan: Contact, type: str, subject: str) -> None:
    """Each type has its words; what cannot be seen is none."""
    assert log_activity(jordan.owner, jordan, type=type).subject == subject
    for nothing in (" \n ", "\u200b", "\U0001bca3", "\ufe0f"):
        assert log_activity(jordan.owner, jordan, type=type, subject=nothing).subject == subject
    assert log_activity(jordan.owner, jordan, type=type, subject=" Lunch ").subject == "Lunch"


@pytest.mark.parametrize("nothing", ["", " ", "\u200b", "\ufe0f"])
def test_a_subject_cannot_be_taken_away(jordan: Contact, nothing: str) -> None:
    """A new activity gets one where none is given; a change would take away what somebody wrote."""
    activity = log_activity(jordan.owner, jordan, type="CALL", subject="Lunch")
    with pytest.raises(ValidationError) as caught:
        change_activity(activity, {"subject": nothing})
    assert list(caught.value.message_dict) == ["subject"]


@pytest.mark.parametrize("type", ActivityType.values)
def test_the_subject_fits_and_is_not_a_pattern(alice: User, type: str) -> None:
    """The longest name is cut, and what looks like a pattern in a name is only a name."""
    longest = add_contact(alice, name="{} %s" + "é" * 250)
    subject = log_activity(alice, longest, type=type).subject
    assert len(subject) == 255
    assert "{} %s" in subject
    assert default_subject("FAX", "Dana") == "Activity with Dana"


@pytest.mark.parametrize(
    ("due_date", "due_time", "zone", "past"),
    [
        (None, None, "UTC", True),
        (date(2026, 3, 9), None, "UTC", True),
        (date(2026, 3, 10), None, "UTC", True),
        (date(2026, 3, 11), None, "UTC", False),
        (date(2026, 3, 11), None, "Asia/Tokyo", True),
        (date(2026, 3, 12), None, "Asia/Tokyo", False),
        (date(2026, 3, 10), None, "America/New_York", True),
        (date(2026, 3, 11), None, "America/New_York", False),
        (date(2026, 3, 10), time(0, 0), "UTC", True),
        (date(2026, 3, 10), time(23, 30), "UTC", True),
        (date(2026, 3, 10), time(23, 31), "UTC", False),
        (date(2026, 3, 11), time(8, 30), "Asia/Tokyo", True),
        (date(2026, 3, 11), time(8, 31), "Asia/Tokyo", False),
        (date(2026, 3, 10), time(19, 30), "America/New_York", True),
        (date(2026, 3, 10), time(19, 31), "America/New_York", False),
    ],
)
def test_what_is_past(due_date: date | None, due_time: time | None, zone: str, *, past: bool) -> None:
    """The moment in the user's zone decides; a day has come once it is that day there, and no day has come."""
    activity = Activity(due_date=due_date, due_time=due_time, time_zone=zone)
    assert is_past(activity, NOW) is past


@pytest.mark.parametrize("days", [-1, 0, 1])
@pytest.mark.parametrize("given", [None, True, False])
def test_an_activity_is_done_unless_it_is_to_come(
    jordan: Contact, monkeypatch: pytest.MonkeyPatch, days: int, *, given: bool | None
) -> None:
    """What the user says counts; else today and earlier is done, and what is due later is not."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    activity = log_activity(jordan.owner, jordan, type="CALL", due_date=TODAY + timedelta(days=days), done=given)
    assert Activity.objects.get(pk=activity.pk).done is (given if given is not None else days < 1)


def test_a_later_due_date_undoes_nothing(jordan: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change writes what it names: an open task that is due today by now stays open, what was done stays done."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    for done, day in ((False, TODAY), (True, TODAY + timedelta(days=1))):
        activity = log_activity(jordan.owner, jordan, type="CALL", due_date=date(2026, 3, 1), done=done)
        change_activity(activity, {"due_date": day})
        assert Activity.objects.get(pk=activity.pk).done is done


def test_an_activity_without_a_day_is_done(jordan: Contact) -> None:
    """It has just been logged."""
    assert log_activity(jordan.owner, jordan, type="CALL").done is True


def test_an_activity_keeps_the_time_zone_of_its_user(jordan: Contact) -> None:
    """A user who moves does not move past calls along."""
    alice = jordan.owner
    alice.time_zone = "America/New_York"
    alice.save()
    activity = log_activity(alice, jordan, type="MEETING", due_date=TODAY, due_time=time(10, 30))
    alice.time_zone = "Asia/Tokyo"
    alice.save()
    change_activity(activity, {"subject": "Lunch"})
    activity.refresh_from_db()
    assert (activity.due_date, activity.due_time, str(activity.zone)) == (TODAY, time(10, 30), "America/New_York")


@pytest.mark.parametrize(
    ("person_id", "score", "replicate", "while_warm"),
    [
        (None, 0, None, False),
        (None, 3, None, False),
        (None, 4, None, True),
        (7, 4, True, True),
        (7, 0, True, False),
    ],
)
def test_whether_an_activity_goes_to_pipedrive(
    alice: User, person_id: int | None, score: int, *, replicate: bool | None, while_warm: bool
) -> None:
    """It follows a linked contact; else the link decides later, and must know whether the contact was warm by now."""
    contact = add_contact(alice, name="Jordan Ames")
    # The object that is handed in is stale: the rows in the database decide.
    Contact.objects.filter(pk=contact.pk).update(pipedrive_person_id=person_id, warmness_score=score)
    log_activity(alice, contact, type="CALL")
    found = Activity.objects.get()
    assert (found.replicate, found.logged_while_warm) == (replicate, while_warm)
    assert (found.replicated_to_pipedrive, found.pipedrive_activity_id) == (False, None)


def test_the_threshold_is_a_setting(alice: User, settings: Settings) -> None:
    """What counts as warm is what the settings say at that moment."""
    settings.WARM_THRESHOLD = 8
    contact = add_contact(alice, name="Jordan Ames", warmness_score=7)
    log_activity(alice, contact, type="CALL")
    assert Activity.objects.get().logged_while_warm is False


@pytest.mark.parametrize("note", ["", "Line one\n\tline two\n", "x" * 49_999, "  spaces  ", "نص עברית 👩🏽‍🚀"])
def test_a_note_is_kept_as_it_is(jordan: Contact, note: str) -> None:
    """Line breaks, tabs and white space belong to it; a change keeps them as well."""
    activity = log_activity(jordan.owner, jordan, type="CALL", note=note)
    assert Activity.objects.get().note == note
    change_activity(activity, {"note": note + "\n"})
    assert Activity.objects.get().note == note + "\n"


def test_the_line_ends_of_a_note(jordan: Contact) -> None:
    """They are the same whoever sends them, so that a browser's are no change, nor count for two characters."""
    activity = log_activity(jordan.owner, jordan, type="CALL", note="one\r\ntwo\rthree\n")
    assert Activity.objects.get().note == "one\ntwo\nthree\n"
    change_activity(activity, {"note": "one\r\ntwo\r\nthree\r\n"})
    assert Activity.objects.get().revision == activity.revision == 1
    change_activity(activity, {"note": "\r\n" * fields.NOTE_LENGTH})
    assert Activity.objects.get().note == "\n" * fields.NOTE_LENGTH


@pytest.mark.parametrize(("zone", "today"), [("Asia/Tokyo", 11), ("America/New_York", 10)])
def test_a_meeting_that_took_place_early(alice: User, zone: str, today: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its contact was contacted today, where its user is, and not on the day that it was planned for."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    alice.time_zone = zone
    contact = add_contact(alice, name="Jordan Ames")
    meeting = log_activity(alice, contact, type="MEETING", due_date=date(2099, 1, 1), done=False)
    change_activity(meeting, {"done": True})
    contact.refresh_from_db()
    assert contact.last_contacted == date(2026, 3, today)


def test_two_who_change_a_due_moment_at_once(jordan: Contact) -> None:
    """A time for a day that was taken away meanwhile is refused in words."""
    activity = log_activity(jordan.owner, jordan, type="CALL", due_date=TODAY)
    one, two = (Activity.objects.get(pk=activity.pk) for _ in range(2))
    change_activity(one, {"due_date": None})
    with pytest.raises(ValidationError) as caught:
        change_activity(two, {"due_time": time(10, 30)})
    assert list(caught.value.message_dict) == ["due_time"]


def test_a_change_writes_only_its_fields(jordan: Contact) -> None:
    """What the engine stored since the row was read survives, and what failed starts again."""
    activity = log_activity(jordan.owner, jordan, type="CALL")
    Activity.objects.filter(pk=activity.pk).update(
        replicate=True, pipedrive_sync_failed=True, pipedrive_sync_attempts=3, note="theirs"
    )
    change_activity(activity, {"subject": "Lunch"})
    found = Activity.objects.get()
    assert (found.subject, found.note, found.replicate) == ("Lunch", "theirs", True)
    assert (found.pipedrive_sync_failed, found.pipedrive_sync_attempts) == (False, 0)


def test_a_member_sees_the_activities_of_their_contacts(jordan: Contact) -> None:
    """Whoever logged them; an admin sees everyone's."""
    bob = User.objects.create_user("bob@example.com", "Bob")
    boss = User.objects.create_user("boss@example.com", "Boss", is_admin=True)
    log_activity(boss, jordan, type="CALL")
    assert [Activity.objects.seen_by(user).count() for user in (jordan.owner, bob, boss)] == [1, 0, 1]
