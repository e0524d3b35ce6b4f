"""Whether a process says that it can serve: by its database and tables, and by nothing that Pipedrive does."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from warmline.http import readiness
from warmline.sync.models import Connection, ConnectionState

REMOTE = {"REMOTE_ADDR": "192.0.2.1"}


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    """Let no answer of another test hold."""
    readiness._Latest.at = float("-inf")
    yield
    readiness._Latest.at = float("-inf")


def _asked(method: str = "get") -> Any:
    return getattr(Client(), method)("/readyz", headers={"Host": "not valid"}, **REMOTE)


@pytest.mark.django_db
def test_all_is_well() -> None:
    """Under any host name, without a cookie."""
    answer = _asked()
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "database": "ok",
        "schema": "ok",
        "engine": {"state": "no_token", "since": None},
    }
    assert not answer.cookies
    assert _asked("head").status_code == 200
    assert _asked("post").status_code == 405


@pytest.mark.django_db
def test_an_outage_of_pipedrive(settings: Any) -> None:
    """It is told, and changes nothing."""
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"
    Connection.objects.create(pk=1, state=ConnectionState.DOWN, since=timezone.now(), message="Larkspur Mills is away.")
    answer = _asked()
    assert answer.status_code == 200
    assert answer.json()["engine"]["state"] == "down"
    assert "Larkspur" not in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("app", "name", "words"),
    [("crm", "9999_later", "belongs to a newer Warmline"), ("crm", "", "Run `warmline migrate`")],
)
def test_tables_of_another_version(app: str, name: str, words: str) -> None:
    """Newer ones, and older ones."""
    recorded = MigrationRecorder(connection).migration_qs
    if name:
        recorded.create(app=app, name=name)
    else:
        recorded.filter(app=app).delete()
    answer = _asked()
    assert answer.status_code == 503
    assert words in answer.json()["schema"]
    assert answer.json()["engine"] is None


@pytest.mark.django_db
def test_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told without a word of where it should be."""

    def away() -> None:
        raise DatabaseError("connection to 192.0.2.7 failed")

    monkeypatch.setattr(readiness, "_reach", away)
    answer = _asked()
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": "cannot be reached", "schema": "unknown", "engine": None}


@pytest.mark.django_db
def test_many_who_ask(django_assert_num_queries: Any) -> None:
    """Within a second the database is asked once for all of them."""
    _asked()
    with django_assert_num_queries(0):
        assert _asked().status_code == 200
