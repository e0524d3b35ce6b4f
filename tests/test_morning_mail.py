"""The morning e-mail: once a day, in the morning of its reader, and only with something to say."""

from datetime import UTC, date, datetime, time, timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from pytest_django import Settings

from warmline.crm.book import add_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.environment_values import EmailServer
from warmline.morning_mail import send_due
from warmline.sync.audit_models import Finding

pytestmark = pytest.mark.django_db

SERVER = EmailServer("mail.example.com", 25, "", "", starttls=False, tls=False, sender="warmline@example.com")
DAY = date(2026, 11, 27)
SEVEN = datetime.combine(DAY, time(7, 5), UTC)


@pytest.fixture(autouse=True)
def _team(settings: Settings) -> None:
    settings.EMAIL, settings.PIPEDRIVE_API_TOKEN = SERVER, "sandbox-token"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def user(name: str = "Alice", **more: Any) -> User:
    """Add a user who wants it."""
    values = {"morning_mail": True, "time_zone": "UTC", **more}
    return User.objects.create_user(f"{name.lower()}@example.com", name, **values)


def call(of: User, days: int, subject: str = "Call Jordan") -> None:
    """Plan a call, so many days from the day of this test."""
    contact = Contact.objects.filter(owner=of).first() or add_contact(of, name="Jordan Ames")
    log_activity(of, contact, type="CALL", subject=subject, due_date=DAY + timedelta(days=days), done=False)


def sent() -> list[str]:
    """Return whom something was sent, and forget it."""
    to = [address for each in mail.outbox for address in each.to]
    mail.outbox.clear()
    return to


def test_what_it_says() -> None:
    """What is overdue and due today, who goes cold, and what is not proven to be in Pipedrive, each by its name."""
    alice = user()
    call(alice, -2, "Late call")
    call(alice, 0, "Call of today")
    call(alice, 1, "Call of tomorrow")
    cold = add_contact(alice, name="Robin Vale", warmness_score=9)
    Contact.objects.filter(pk=cold.pk).update(created_at=SEVEN - timedelta(days=60))
    Finding.objects.create(kind="contact", row_id=cold.pk, problem="gone", found_at=SEVEN)
    send_due(SEVEN)
    (letter,) = mail.outbox
    assert letter.subject == "Today: 2 to do, 1 going cold, 2 not proven to be in Pipedrive"
    body = str(letter.body)
    for says in (
        "- Late call (Jordan Ames), since 25 Nov",
        "- Call of today (Jordan Ames)",
        "- Robin Vale: warmness 9, never contacted",
        "- Robin Vale: Waiting to be sent to Pipedrive",
        "found 1 problem of yours",
        "/profile",
    ):
        assert says in body
    assert "tomorrow" not in body
    assert "\n\n\n" not in body


def test_nothing_to_say() -> None:
    """Then there is no e-mail, and none later that day."""
    alice = user()
    add_contact(alice, name="Jordan Ames")
    send_due(SEVEN)
    call(alice, 0)
    send_due(SEVEN + timedelta(hours=1))
    assert sent() == []
    send_due(SEVEN + timedelta(days=1))
    assert sent() == ["alice@example.com"]


def test_who_gets_it() -> None:
    """Whoever wants it and is still there; of their own rows only, an admin, too."""
    alice, bob = user(is_admin=True), user("Bob", morning_mail=False)
    carol = user("Carol")
    for each in (bob, carol):
        call(each, 0)
        add_contact(each, name="Warm", warmness_score=9)
    User.objects.filter(pk=carol.pk).update(is_active=False)
    send_due(SEVEN)
    assert sent() == []
    call(alice, 0)
    User.objects.update(morning_mail_on=None)
    send_due(SEVEN)
    assert mail.outbox[0].subject == "Today: 1 to do"
    assert sent() == ["alice@example.com"]


@pytest.mark.parametrize(
    ("zone", "hour", "is_sent"),
    [
        ("UTC", 6, False),
        ("UTC", 7, True),
        ("UTC", 11, True),
        ("UTC", 12, False),
        ("Asia/Tokyo", 22, True),
        ("Asia/Tokyo", 7, False),
        ("America/New_York", 7, False),
        ("America/New_York", 12, True),
    ],
)
def test_when(zone: str, hour: int, is_sent: bool) -> None:  # noqa: FBT001 (a table)
    """In the morning of its reader, whatever it is here."""
    call(user(time_zone=zone), 0)
    send_due(datetime.combine(DAY, time(hour), UTC))
    assert bool(sent()) == is_sent


def test_once_a_day() -> None:
    """However often it is looked, and whatever the clock was before."""
    alice = user()
    call(alice, 0)
    for minutes in (0, 1, 200):
        send_due(SEVEN + timedelta(minutes=minutes))
    assert sent() == ["alice@example.com"]
    User.objects.update(morning_mail_on=date(2031, 1, 1))  # by a clock that was ahead
    send_due(SEVEN)
    assert sent() == ["alice@example.com"]


def test_a_mail_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is sent with a later turn, once."""
    call(user(), 0)

    def away(*_: object) -> int:
        raise SMTPServerDisconnected("later")

    with monkeypatch.context() as broken:
        broken.setattr(EmailBackend, "send_messages", away)
        with pytest.raises(SMTPServerDisconnected):
            send_due(SEVEN)
    for minutes in (1, 2):
        send_due(SEVEN + timedelta(minutes=minutes))
    assert sent() == ["alice@example.com"]


def test_an_address_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others get theirs, and it is not tried again that day."""
    for name in ("Alice", "Bob"):
        call(user(name), 0)
    send = EmailBackend.send_messages

    def refuse(self: EmailBackend, letters: Any) -> int:
        if letters[0].to == ["alice@example.com"]:
            raise SMTPRecipientsRefused({})
        return int(send(self, letters) or 0)

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    for minutes in (0, 1):
        send_due(SEVEN + timedelta(minutes=minutes))
    assert sent() == ["bob@example.com"]


def test_without_a_mail_server(settings: Settings) -> None:
    """Nothing is sent, and nothing noted."""
    call(user(), 0)
    settings.EMAIL = None
    send_due(SEVEN)
    assert not User.objects.filter(morning_mail_on__isnull=False).exists()
