"""Where the day's tokens go, until when they last, and which limit a wait is due to: in words, for pages and terminals.

Only what this installation spends is known. What is said is a pure function of the figures; `ahead` gathers them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from warmline.pipedrive import BACKGROUND_SHARE, Unavailable, Usage, Window
from warmline.sync import call_counts, credentials
from warmline.sync.models import Connection, ConnectionState
from warmline.sync.remote import connection_health
from warmline.sync.remote.configured_client import usage_and_pause

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
IN_WORDS = {  # what tokens were spent on, the dearest last
    "create": "creating",
    "update": "changing",
    "look": "looking before that",
    "list": "indexing what Pipedrive holds",
    "account": "users, types and fields",
    "probe": "testing the connection",
    "links": "checking links after a restore",
    "audit": "audits",
}


@dataclass(frozen=True)
class Budget:
    """The day's tokens.

    Attributes:
        spent: On what they were spent within the last 24 hours, in words, the dearest first.
        outlook: Until when they last.
        reserve: What of them background work cannot touch.
        wait: Which limit calls wait for at present, and until when; empty if for none.
    """

    spent: list[tuple[str, int]]
    outlook: str
    reserve: str
    wait: str


def ahead(now: datetime) -> Budget | None:
    """Return the budget; None without a token, or while its figures cannot be read.

    Args:
        now: The present moment, aware.
    """
    token = credentials.token()
    if not token:
        return None
    try:
        used, paused = usage_and_pause(token)
    except (OSError, Unavailable):
        return None
    spent = call_counts.spent_since(now - DAY)
    row = Connection.objects.filter(pk=1).first()
    return Budget(
        spent=sorted(((IN_WORDS.get(each, each), number) for each, number in spent.items()), key=lambda pair: -pair[1]),
        outlook=outlook(used, call_counts.spent_since(now - HOUR), now),
        reserve=reserve(used),
        wait=wait(used, paused, row, now),
    )


def lines(now: datetime) -> list[str]:
    """Return what a terminal shows of the budget; nothing without a token.

    Args:
        now: The present moment, aware.
    """
    budget = ahead(now)
    if budget is None:
        return []
    spent = "; ".join(f"{what}: {number:,}" for what, number in budget.spent)
    said = (f"Tokens of the last 24 hours: {spent}." if spent else "", budget.outlook, budget.reserve, budget.wait)
    return [line for line in said if line]


def outlook(used: Usage, lately: Mapping[str, int], now: datetime) -> str:
    """Say until when the tokens last at the pace of the last hour.

    Args:
        used: How much of them is used.
        lately: What was spent since the hour before this one began, by purpose.
        now: The present moment, aware.
    """
    if used.daily_tokens is None:
        return ""
    left = used.daily_tokens - used.tokens
    span = (HOUR + (now - now.replace(minute=0, second=0, microsecond=0))) / HOUR
    pace = sum(lately.values()) / span
    if left <= 0:
        return "They are used up. Each hour frees what was used in the same hour yesterday."
    if pace * (DAY / HOUR) <= used.daily_tokens:
        return "At the current rate, they will last."
    return f"At the rate of the last hour, they will be used up at {_at(now + HOUR * (left / pace))}."


def reserve(used: Usage) -> str:
    """Say what is kept for new warm contacts that somebody waits for."""
    if used.daily_tokens is None:
        return ""
    kept = used.daily_tokens - int(BACKGROUND_SHARE * used.daily_tokens)
    text = (
        f"{kept:,} of them are reserved for what people wait for. Imports, retries, indexing and audits cannot use them"
    )
    return f"{text}, and pause now." if used.tokens >= BACKGROUND_SHARE * used.daily_tokens else f"{text}."


def wait(used: Usage, paused: float, row: Connection | None, now: datetime) -> str:
    """Say which limit calls wait for, and until when; empty if for none.

    Args:
        used: How much of the limits is used.
        paused: For how many seconds Pipedrive has asked for a pause.
        row: The connection's state, as it is stored.
        now: The present moment, aware.
    """
    state = row.state if row else ConnectionState.OK
    probe = f" It is tried again at {_at(row.probe_at)}." if row and row.probe_at else ""
    if state == ConnectionState.BUDGET_SPENT:
        is_ours = used.daily_tokens is not None and used.daily_tokens - used.tokens < connection_health.ENOUGH
        whose = "Warmline's share for today is used up" if is_ours else "Pipedrive says that the company has none left"
        return f"Calls wait for tokens: {whose}.{probe}"
    if row is not None and state == ConnectionState.BLOCKED:
        return f"Calls wait. {row.message}{probe}"
    if paused > 0:
        return f"Calls wait because Pipedrive has refused one, until {_at(now + timedelta(seconds=paused))}."
    if used.calls >= used.window.calls:
        return f"Calls wait for the rate limit: {_window(used.window)}"
    return f"Searches wait for their rate limit: {_window(used.search)}" if used.searches >= used.search.calls else ""


def _at(moment: datetime) -> str:
    """Return a moment in the reader's time zone, which on a terminal is UTC."""
    return f"{timezone.localtime(moment):%H:%M:%S %Z}"


def _window(window: Window) -> str:
    return f"{window.calls} in {window.seconds:g} seconds. There is room again within {window.seconds:g} seconds."
