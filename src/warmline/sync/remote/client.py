"""The client that settings and preferences describe: its address and token, the plan's limits, its share of tokens.

All processes that work with the same database and the same token keep the limits together: on SQLite by a file in the
data folder, on PostgreSQL by a row.
"""

from contextlib import closing
from hashlib import sha256

from django.conf import settings
from django.db import connection

from warmline.crm import preferences
from warmline.pipedrive import PLANS, UNKNOWN, FileLedger, Ledger, Limiter, Pipedrive, Usage, Window

LEDGER = "limits.sqlite3"


def pipedrive_with(token: str) -> Pipedrive:
    """Return the client that works with a token.

    Args:
        token: The one in use (see credentials.py), or one that is tried.

    Raises:
        ValueError: When it cannot be one.
    """
    return Pipedrive(settings.PIPEDRIVE_BASE_URL, token, limiter=_limiter(_ledger(token)))


def usage(token: str) -> Usage:
    """Return how much of a token's limits is used at this moment, by everybody who shares them; asks no Pipedrive.

    Args:
        token: The one in use.
    """
    with closing(_ledger(token)) as ledger:
        return _limiter(ledger).usage()


def _ledger(token: str) -> Ledger:
    name = sha256(token.encode()).hexdigest()
    if connection.vendor == "postgresql":
        from warmline.sync.remote.shared_ledger import SharedLedger  # noqa: PLC0415 (its driver comes with an extra)

        return SharedLedger(name)
    return FileLedger(settings.DATA_DIR / LEDGER, name)


def _limiter(ledger: Ledger) -> Limiter:
    plan = PLANS.get(preferences.current().plan, UNKNOWN)
    return Limiter(
        tuple(Window(calls, seconds) for calls, seconds in settings.SYNC_LIMITS) or plan.windows,
        search=Window(*settings.SYNC_SEARCH_LIMIT),
        daily_tokens=daily_tokens(),
        may_raise=plan is not UNKNOWN and not settings.SYNC_LIMITS,
        ledger=ledger,
    )


def daily_tokens() -> int:
    """Return how many of the company's tokens Warmline may spend in 24 hours."""
    decided = preferences.current()
    return PLANS.get(decided.plan, UNKNOWN).tokens * decided.seats * decided.token_share // 100


def directory_allowance() -> int:
    """Return how many tokens it may cost to list once what Pipedrive holds."""
    return daily_tokens() * settings.DIRECTORY_SHARE // 100
