"""Where the tokens go, until when they last, and which limit a wait is due to."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from warmline.pipedrive import Usage, Window
from warmline.sync import call_counts
from warmline.sync.models import Connection, ConnectionState
from warmline.sync.status import budget

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
WINDOW = Window(20, 2.0)


def used(tokens: int = 0, *, calls: int = 0, searches: int = 0, daily: int | None = 24_000) -> Usage:
    """Return how much of the limits is used."""
    return Usage(calls, WINDOW, tokens, daily, searches, Window(10, 2.0))


@pytest.mark.parametrize(
    ("spent", "lately", "words"),
    [
        (0, {}, "At the current rate, they will last."),
        (12_000, {"create": 1500}, "At the current rate, they will last."),  # 1,000 an hour, 24,000 a day
        (12_000, {"create": 6000, "look": 3000}, "At the rate of the last hour, they will be used up at 11:30:00 UTC."),
        (24_000, {"create": 6000}, "They are used up."),
        (30_000, {}, "They are used up."),
    ],
)
def test_until_when_they_last(spent: int, lately: dict[str, int], words: str) -> None:
    """At the pace since the hour before this one began."""
    assert budget.outlook(used(spent), lately, NOW).startswith(words)


def test_without_a_count_nothing_is_said() -> None:
    """Then there is no budget."""
    assert budget.outlook(used(daily=None), {}, NOW) == budget.reserve(used(daily=None)) == ""


def test_the_reserve() -> None:
    """A tenth that batch work cannot use."""
    assert budget.reserve(used()).startswith("2,400 of them are reserved for what people wait for.")
    assert budget.reserve(used(21_599)).endswith("cannot use them.")
    assert budget.reserve(used(21_600)).endswith("cannot use them, and pause now.")


@pytest.mark.parametrize(
    ("state", "usage", "paused", "words"),
    [
        ("ok", used(), 0.0, ""),
        ("ok", used(calls=20), 0.0, "Calls wait for the rate limit: 20 in 2 seconds."),
        ("ok", used(searches=10), 0.0, "Searches wait for their rate limit: 10 in 2 seconds."),
        ("ok", used(calls=20), 90.0, "Calls wait because Pipedrive has refused one, until 09:31:30 UTC."),
        ("throttled", used(), 30.0, "Calls wait because Pipedrive has refused one, until 09:30:30 UTC."),
        ("budget_spent", used(23_950), 0.0, "Calls wait for tokens: Warmline's share for today is used up."),
        ("budget_spent", used(100), 0.0, "Calls wait for tokens: Pipedrive says that the company has none left."),
        ("blocked", used(), 0.0, "Calls wait. It blocks us."),
    ],
)
def test_what_a_wait_is_due_to(state: str, usage: Usage, paused: float, words: str) -> None:
    """The first limit that holds, and when it ends as far as that is known."""
    row = Connection(state=ConnectionState(state), probe_at=NOW + timedelta(minutes=5), message="It blocks us.")
    said = budget.wait(usage, paused, row, NOW)
    assert said.startswith(words) if words else not said
    if state in {"budget_spent", "blocked"}:
        assert said.endswith("It is tried again at 09:35:00 UTC.")


@pytest.mark.django_db
def test_where_they_went(settings: Settings) -> None:
    """The dearest first, in words; nothing without a token."""
    now = datetime.now(UTC)
    assert budget.ahead(now) is None
    assert budget.lines(now) == []
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"
    call_counts.note("POST", "/api/v2/persons", 200, 5)
    call_counts.note("GET", "/api/v2/persons/search", 200, 20)
    call_counts.add()
    found = budget.ahead(now)
    assert found is not None
    assert found.spent == [("looking before that", 20), ("creating", 5)]
    assert "looking before that: 20; creating: 5." in budget.lines(now)[0]


def test_each_purpose_has_its_words() -> None:
    """None is shown as a program calls it."""
    assert set(budget.IN_WORDS) == {str(each) for each in call_counts.Purpose}
