"""Makes the client that settings and preferences describe: address, token, the plan's limits, the share of tokens.

All processes with the same database and the same token keep the limits together: on SQLite by a file in the data
folder, on PostgreSQL by a row.
"""

from contextlib import closing
from hashlib import sha256

from django.conf import settings
from django.db import connection

from warmline.crm import preferences
from warmline.pipedrive import PLANS, UNKNOWN, FileLedger, Ledger, Limiter, Pipedrive, Plan, Usage, Window
from warmline.sync import call_counts, oauth_grants
from warmline.sync.database_clock import DatabaseClock
from warmline.sync.remote.oauth_tokens import DraftTokens, GrantTokens

LEDGER = "limits.sqlite3"


def pipedrive_with(token: str) -> Pipedrive:
    """Return a client for a token.

    Args:
        token: The one in use (see credentials.py), or one that is being tried; also a grant of OAuth, or its draft.

    Raises:
        ValueError: When the token or the configured address is not valid.
        OSError: When the file of the limits cannot be used.
    """
    limiter = _limiter(_ledger(token), is_oauth=not oauth_grants.can_be_pasted(token))
    access: str | DraftTokens | GrantTokens = token
    if oauth_grants.is_draft(token):
        access = DraftTokens(token)
    elif oauth_grants.is_grant(token):
        access = GrantTokens(token, DatabaseClock())
    return Pipedrive(settings.PIPEDRIVE_BASE_URL, access, limiter=limiter, heard=call_counts.note)


def usage(token: str) -> Usage:
    """Return how much of a token's limits all processes that share them use. Makes no call to Pipedrive.

    Args:
        token: The one in use.
    """
    with closing(_ledger(token)) as ledger:
        return _limiter(ledger, is_oauth=oauth_grants.is_grant(token)).usage()


def usage_and_pause(token: str) -> tuple[Usage, float]:
    """Return what `usage` does, and for how many seconds from now Pipedrive has asked for a pause.

    Args:
        token: The one in use.
    """
    with closing(_ledger(token)) as ledger:
        limiter = _limiter(ledger, is_oauth=oauth_grants.is_grant(token))
        return limiter.usage(), limiter.paused_for()


def _ledger(token: str) -> Ledger:
    name = sha256(token.encode()).hexdigest()
    if connection.vendor == "postgresql":
        from warmline.sync.remote.postgres_ledger import SharedLedger  # noqa: PLC0415 (its driver comes with an extra)

        return SharedLedger(name)
    return FileLedger(settings.DATA_DIR / LEDGER, name)


def _limiter(ledger: Ledger, *, is_oauth: bool) -> Limiter:
    plan = plan_for(preferences.current().plan, is_oauth=is_oauth)
    return Limiter(
        tuple(Window(calls, seconds) for calls, seconds in settings.SYNC_LIMITS) or plan.windows,
        search=Window(*settings.SYNC_SEARCH_LIMIT),
        daily_tokens=daily_tokens(),
        may_raise=plan is not UNKNOWN and not settings.SYNC_LIMITS,
        ledger=ledger,
    )


def plan_for(name: str, *, is_oauth: bool) -> Plan:
    """Return what a plan allows to the way in that is used: with OAuth, four times the calls of an API token.

    Args:
        name: Of the plan, as it was chosen; empty when none was.
        is_oauth: Whether Warmline works with OAuth.
    """
    plain = name.removesuffix("-oauth")
    return PLANS.get(f"{plain}-oauth" if is_oauth else plain, UNKNOWN)


def daily_tokens() -> int:
    """Return how many of the company's API tokens Warmline may spend in 24 hours."""
    decided = preferences.current()
    return PLANS.get(decided.plan, UNKNOWN).tokens * decided.seats * decided.token_share // 100


def directory_allowance() -> int:
    """Return how many API tokens the directory's first listing of everything may cost."""
    return daily_tokens() * settings.DIRECTORY_SHARE // 100
