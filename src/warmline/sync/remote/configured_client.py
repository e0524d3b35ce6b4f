"""Makes the client that settings and preferences describe: address, token, the plan's limits, the share of tokens.

All processes on this machine with the same data folder and the same token keep the limits together.
"""

from contextlib import closing
from hashlib import sha256

from django.conf import settings

from warmline.crm import preferences
from warmline.pipedrive import PLANS, UNKNOWN, FileLedger, Limiter, Pipedrive, Usage, Window

LEDGER = "limits.sqlite3"


def pipedrive_with(token: str) -> Pipedrive:
    """Return a client for a token.

    Args:
        token: The one in use (see credentials.py), or one that is being tried.

    Raises:
        ValueError: When the token or the configured address is not valid.
        OSError: When the file of the limits cannot be used.
    """
    return Pipedrive(settings.PIPEDRIVE_BASE_URL, token, limiter=_limiter(_ledger(token)))


def usage(token: str) -> Usage:
    """Return how much of a token's limits all processes on this machine use. Makes no call.

    Args:
        token: The one in use.
    """
    with closing(_ledger(token)) as ledger:
        return _limiter(ledger).usage()


def _ledger(token: str) -> FileLedger:
    return FileLedger(settings.DATA_DIR / LEDGER, sha256(token.encode()).hexdigest())


def _limiter(ledger: FileLedger) -> Limiter:
    plan = PLANS.get(preferences.current().plan, UNKNOWN)
    return Limiter(
        tuple(Window(calls, seconds) for calls, seconds in settings.SYNC_LIMITS) or plan.windows,
        search=Window(*settings.SYNC_SEARCH_LIMIT),
        daily_tokens=daily_tokens(),
        may_raise=plan is not UNKNOWN and not settings.SYNC_LIMITS,
        ledger=ledger,
    )


def daily_tokens() -> int:
    """Return how many of the company's API tokens Warmline may spend in 24 hours."""
    decided = preferences.current()
    return PLANS.get(decided.plan, UNKNOWN).tokens * decided.seats * decided.token_share // 100


def directory_allowance() -> int:
    """Return how many API tokens the directory's first listing of everything may cost."""
    return daily_tokens() * settings.DIRECTORY_SHARE // 100
