"""The client that the settings describe: its address and token, the plan's limits, and the share of its tokens.

All processes of this machine that have the same data folder and the same token keep the limits together.
"""

from hashlib import sha256

from django.conf import settings

from warmline.pipedrive import PLANS, UNKNOWN, FileLedger, Limiter, Pipedrive, Window

LEDGER = "limits.sqlite3"


def pipedrive_from_settings() -> Pipedrive:
    """Return the client that the settings describe; they must have a token."""
    plan = PLANS.get(settings.PIPEDRIVE_PLAN, UNKNOWN)
    token = settings.PIPEDRIVE_API_TOKEN
    ledger = FileLedger(settings.DATA_DIR / LEDGER, sha256(token.encode()).hexdigest())
    limiter = Limiter(
        tuple(Window(calls, seconds) for calls, seconds in settings.SYNC_LIMITS) or plan.windows,
        search=Window(*settings.SYNC_SEARCH_LIMIT),
        daily_tokens=daily_tokens(),
        may_raise=plan is not UNKNOWN and not settings.SYNC_LIMITS,
        ledger=ledger,
    )
    return Pipedrive(settings.PIPEDRIVE_BASE_URL, token, limiter=limiter)


def daily_tokens() -> int:
    """Return how many of the company's tokens Warmline may spend in 24 hours."""
    plan = PLANS.get(settings.PIPEDRIVE_PLAN, UNKNOWN)
    return plan.tokens * settings.PIPEDRIVE_SEATS * settings.TOKEN_SHARE // 100


def directory_allowance() -> int:
    """Return how many tokens it may cost to list once what Pipedrive holds."""
    return daily_tokens() * settings.DIRECTORY_SHARE // 100
