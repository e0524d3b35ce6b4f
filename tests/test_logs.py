"""What is written to the log, how often, and without what."""

import io
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from warmline.crm.users import User
from warmline.logs import MINUTE, OUR_OWN, SparingHandler


class _Log:
    """A handler that writes into a text, on a clock that is set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.handler = SparingHandler(clock=lambda: self.now)
        self.handler.setStream(io.StringIO())
        self.logger = logging.Logger("django.request")  # noqa: LOG001 (of this test alone)
        self.logger.addHandler(self.handler)

    def lines(self) -> list[str]:
        """Return what was written, and forget it."""
        written: list[str] = self.handler.stream.getvalue().splitlines()
        self.handler.setStream(io.StringIO())
        return written


@pytest.fixture
def written() -> _Log:
    """Return a log of its own."""
    return _Log()


def test_repeats_are_counted(written: _Log) -> None:
    """One line, and after a minute how many were like it; then it is written again."""
    for number in range(50):
        written.logger.warning("Refused %s", number)
    assert written.lines() == ["Refused 0"]
    written.now = MINUTE
    written.logger.warning("Refused %s", 50)
    assert written.lines() == ["and 49 more like this within a minute: Refused %s", "Refused 50"]
    written.now = 2 * MINUTE
    written.logger.warning("Something else")
    assert written.lines() == ["Something else"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("socket 12 at 0x7f01 failed", "socket 13 at 0x7f02 failed"),
        ("client 'a'", "client 'b'"),
        ("gone\nTraceback of one", "gone\nTraceback of another"),
    ],
)
def test_what_differs_in_numbers_is_alike(written: _Log, first: str, second: str) -> None:
    """Libraries put addresses and names into their texts."""
    written.logger.error(first)
    written.logger.error(second)
    assert len(written.lines()) == len(first.splitlines())


def test_another_error_is_another_line(written: _Log) -> None:
    """The same words with errors of two places are two faults."""
    faults: list[Callable[[], object]] = [lambda: 1 / 0, lambda: dict[str, str]()["none"]]
    for fault in [*faults, *faults]:
        try:
            fault()
        except LookupError:
            written.logger.exception("broken")
        except ArithmeticError:
            written.logger.exception("broken")
    assert [line for line in written.lines() if line == "broken"] == ["broken", "broken"]


def test_our_own_lines_are_about_rows(written: _Log) -> None:
    """So a few of one kind are written; a flood of them is not."""
    written.logger.name = "warmline.sync.engine.attempts"
    for number in range(OUR_OWN + 5):
        written.logger.warning("sync.retry row=contact/%s", number)
    assert len(written.lines()) == OUR_OWN
    written.handler.close()
    assert written.lines() == ["and 5 more like this within a minute: sync.retry row=contact/%s"]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> _Log:
    """Return what the program itself would log, for requests to it."""
    made = _Log()
    made.handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    for name in ("django.security", "django.request", "django"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", name != "django")
    monkeypatch.setattr(logging.getLogger("django"), "handlers", [made.handler])
    return made


@pytest.mark.django_db
def test_a_stranger_s_mistakes_are_one_line_without_secrets(log: _Log) -> None:
    """A thousand fields too many, a form without its token, and one to a one-time link."""
    client: Any = Client(enforce_csrf_checks=True)
    fields = {f"f{number}": "1" for number in range(1200)}
    User.objects.create_user("alice@example.com", "Alice")
    client.get("/sign-in")  # for its cookie
    for _ in range(3):
        assert client.post("/sign-in", fields).status_code == 400
        assert client.post("/one-time/MQ/secret-token-1", {"a": "b"}).status_code == 403
        assert client.post("/nowhere/secret-token-2", {"a": "b"}).status_code in {403, 404}
    lines = log.lines()
    assert len(lines) <= 3
    assert "secret-token" not in "".join(lines)
    assert any("one-time/<uidb64>/<token>" in line or "(no page)" in line for line in lines)
