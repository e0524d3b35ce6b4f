"""E-mails to admins, once each way, and the ping after a clean audit."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone
from done_audits import done_audit
from pytest_django import Settings

from warmline import alerts
from warmline.crm.users import User
from warmline.environment_values import EmailServer
from warmline.sync.models import Connection, ConnectionState
from warmline.sync.monitoring_models import AdminMail
from warmline.webhooks.sending import NotSentError

pytestmark = pytest.mark.django_db

SERVER = EmailServer("mail.example.com", 25, "", "", starttls=False, tls=False, sender="warmline@example.com")
THEN = datetime(2026, 11, 27, 3, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _team(settings: Settings) -> None:
    settings.EMAIL, settings.PIPEDRIVE_API_TOKEN = SERVER, "sandbox-token"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    User.objects.create_user("alice@example.com", "Alice", is_admin=True)
    User.objects.create_user("bob@example.com", "Bob")
    User.objects.create_user("carol@example.com", "Carol", is_admin=True, is_active=False)


def connection(state: ConnectionState) -> None:
    """Have the connection in a state."""
    values = {"state": state, "since": timezone.now(), "message": "Pipedrive rejects the token."}
    Connection.objects.update_or_create(pk=1, defaults=values)


def subjects() -> list[str]:
    """Return the subjects of what was sent, and forget it."""
    sent = [str(each.subject) for each in mail.outbox]
    assert all(each.to == ["alice@example.com"] for each in mail.outbox)
    mail.outbox.clear()
    return sent


def test_the_connection_needs_a_person_and_is_well_again() -> None:
    """One e-mail to each active admin either way; what passes by itself is none."""
    for state in (ConnectionState.OK, ConnectionState.DOWN, ConnectionState.THROTTLED):
        connection(state)
        alerts.look()
    assert subjects() == []
    connection(ConnectionState.UNAUTHORIZED)
    alerts.look()
    assert "Pipedrive rejects the token." in mail.outbox[0].body
    assert "/sync" in mail.outbox[0].body
    alerts.look()
    assert subjects() == ["Warmline's connection to Pipedrive needs you"]
    for state in (ConnectionState.DOWN, ConnectionState.ANOTHER_COMPANY):
        connection(state)
        alerts.look()
    assert subjects() == []
    connection(ConnectionState.OK)
    alerts.look()
    alerts.look()
    assert subjects() == ["Warmline's connection to Pipedrive is well again"]


def test_what_could_not_be_sent_is_sent_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail server is away for a while; in the end it is told once."""
    connection(ConnectionState.UNAUTHORIZED)

    def refuse(*_: object) -> int:
        raise ConnectionRefusedError

    with monkeypatch.context() as patched:
        patched.setattr(EmailBackend, "send_messages", refuse)
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                alerts.look()
    assert not AdminMail.objects.exists()
    alerts.look()
    assert len(subjects()) == 1


def test_what_cannot_be_sent_keeps_back_nothing_else(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail server is away: a clean audit is pinged all the same, once, or somebody else is woken for nothing."""
    connection(ConnectionState.UNAUTHORIZED)
    done_audit(THEN, {})

    def refuse(*_: object) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    heard: list[str] = []
    with _listening(200, heard) as settings.AUDIT_PING_URL:
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                alerts.look()
    assert heard == ["/ping/1"]
    with pytest.raises(NotSentError), _listening(500, heard) as settings.AUDIT_PING_URL:
        monkeypatch.undo()
        done_audit(THEN + timedelta(days=1), {})
        alerts.look()
    assert subjects() == ["Warmline's connection to Pipedrive needs you"]


def test_without_a_mail_server_nothing_is_noted(settings: Settings) -> None:
    """Whoever sets one later is told then."""
    settings.EMAIL = None
    connection(ConnectionState.UNAUTHORIZED)
    alerts.look()
    assert not AdminMail.objects.exists()


def test_an_audit_that_is_not_clean() -> None:
    """With what it found; once, until one is clean."""
    connection(ConnectionState.OK)
    for problems in ({}, {"missing": 2, "owner": 1}, {"missing": 1}, {}, {}):
        done_audit(THEN, problems)
        alerts.look()
    assert "2 missing, 1 with another owner" in mail.outbox[0].body
    assert subjects() == ["Warmline and Pipedrive do not agree", "Warmline and Pipedrive agree again"]


@contextmanager
def _listening(status: int, heard: list[str]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/ping/1"
        finally:
            server.shutdown()
            thread.join()


def test_each_clean_audit_is_pinged_once(settings: Settings) -> None:
    """One that found something is not, and one that could not be told is told again."""
    settings.EMAIL = None
    heard: list[str] = []
    with _listening(200, heard) as settings.AUDIT_PING_URL:
        alerts.look()
        done_audit(THEN, {"gone": 1})
        alerts.look()
        assert heard == []
        done_audit(THEN + timedelta(days=1), {})
        alerts.look()
        alerts.look()
        assert heard == ["/ping/1"]
    with _listening(500, heard) as settings.AUDIT_PING_URL:
        done_audit(THEN + timedelta(days=2), {})
        with pytest.raises(NotSentError):
            alerts.look()
    with _listening(200, heard) as settings.AUDIT_PING_URL:
        alerts.look()
        alerts.look()
        assert len(heard) == 3
        done_audit(THEN, {})  # the clock was ahead before
        alerts.look()
        alerts.look()
    assert len(heard) == 4
