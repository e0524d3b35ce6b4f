"""Connects by OAuth: sends a browser to Pipedrive, takes the code that it brings back, and notices how grants end.

What a browser brings back must be what was given to its own session, an hour ago at most, and counts once: the row that
stands for it is deleted by whoever uses it, so of two requests with the same answer one gets nothing.
"""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from django.conf import settings

from warmline.crm.users import User as OurUser
from warmline.pipedrive import Clock, GrantEnded, PipedriveError, Rejected, User
from warmline.sync import credentials, notifications, oauth_grants
from warmline.sync.account_models import OAuthGrant, OAuthState
from warmline.sync.database_clock import DatabaseClock
from warmline.sync.models import ConnectionState, NotificationKind
from warmline.sync.remote import connection_health
from warmline.sync.remote.oauth_tokens import ENDED, REFUSED_APP, GrantTokens, configured_app
from warmline.sync.remote.setup import CannotConnectError, connect_with
from warmline.sync.retries import Trouble

log = logging.getLogger(__name__)

TIME_TO_ANSWER = timedelta(hours=1)
USED_AGAIN_AFTER = timedelta(days=1)  # a refresh token that nobody needed is used all the same
WARNED_BEFORE = timedelta(days=14)
UNKNOWN_ANSWER = (
    "This answer from Pipedrive belongs to no question of this browser, or was used before. "
    "Click “Connect with Pipedrive” again."
)


def is_offered() -> bool:
    """Tell whether people can connect by OAuth: the environment has an app, and no API token that decides."""
    has_app = bool(settings.PIPEDRIVE_CLIENT_ID and settings.PIPEDRIVE_CLIENT_SECRET)
    return has_app and not credentials.is_from_environment()


@dataclass(frozen=True)
class Shown:
    """What the settings page shows of OAuth.

    Attributes:
        is_offered: Whether people can connect by it.
        is_in_use: Whether Warmline is connected by it.
        missing: The scopes that are missing, each with what that costs.
        ends_at: When the access ends if it cannot be renewed; None while that is far away.
    """

    is_offered: bool
    is_in_use: bool
    missing: Mapping[str, str]
    ends_at: datetime | None


def shown() -> Shown:
    """Return what the settings page shows of OAuth."""
    grant = oauth_grants.in_use()
    if grant is None:
        return Shown(is_offered(), is_in_use=False, missing={}, ends_at=None)
    ends_at = dies_at(grant) if expires_soon(grant, DatabaseClock().now()) else None
    missing = {} if grant.ended else oauth_grants.missing_scopes(grant.scope.split())
    return Shown(is_offered(), is_in_use=True, missing=missing, ends_at=ends_at)


def begin(callback: str) -> tuple[str, str]:
    """Return a new question for the browser's session, and where to send the browser.

    Args:
        callback: Our address, as the app was registered with.
    """
    state, now = secrets.token_urlsafe(32), DatabaseClock().now()
    OAuthState.objects.filter(at__lt=now - TIME_TO_ANSWER).delete()
    OAuthState.objects.create(digest=_digest(state), at=now)
    with configured_app() as app:
        return state, app.authorize_url(callback, state)


def claim(given: str, asked: str) -> None:
    """Use up a question.

    Args:
        given: What the browser brought back.
        asked: What its session was given; empty for nothing.

    Raises:
        CannotConnectError: They are not the same, or it is too old, or it was used before.
    """
    is_ours = bool(asked) and compare_digest(given.encode(), asked.encode())
    since = DatabaseClock().now() - TIME_TO_ANSWER
    if not is_ours or not OAuthState.objects.filter(digest=_digest(given), at__gte=since).delete()[0]:
        raise CannotConnectError(UNKNOWN_ANSWER)


def finish(code: str, callback: str) -> User:
    """Exchange a code, try what comes back, and store it. A running engine uses it within a second.

    Args:
        code: As Pipedrive sent it along with the browser.
        callback: As in `begin`.

    Returns:
        The user who let the app in.

    Raises:
        AnotherCompanyError: It is another company than that of the links; the error has the way in.
        CannotConnectError: It did not work; nothing was stored.
    """
    try:
        with configured_app() as app:
            tokens = app.exchange(code, callback)
    except GrantEnded:
        raise CannotConnectError("Pipedrive's answer was used before, or is too old. Connect again.") from None
    except Rejected as error:
        raise CannotConnectError(REFUSED_APP.format(error.message.rstrip("."))) from None
    except PipedriveError as error:
        raise CannotConnectError(f"Pipedrive could not be asked: {error.message} Connect again in a moment.") from None
    return connect_with(oauth_grants.draft(tokens))


def uninstalled(company_id: int, user_id: int) -> bool:
    """Note that a user has uninstalled the app in Pipedrive; return whether it is the grant that is in use."""
    grant = oauth_grants.of_company(company_id, user_id)
    if grant is None:
        return False
    if oauth_grants.end(grant, ENDED):
        log.warning("oauth.uninstalled company=%s", company_id)
        connection_health.report(Trouble(ConnectionState.UNAUTHORIZED, ENDED), DatabaseClock())
    return True


def keep_alive(clock: Clock) -> None:
    """Use a refresh token that nobody has needed for a day, and warn the admins if it is about to die of disuse.

    Args:
        clock: On which all machines agree.
    """
    grant, now = oauth_grants.in_use(), clock.now()
    if grant is None or grant.ended or now - USED_AGAIN_AFTER < grant.refreshed_at <= now:
        return  # a moment in the future comes from a clock that was wrong
    try:
        GrantTokens(credentials.token(), clock).bearer()
    except PipedriveError as error:
        log.warning("oauth.not_renewed error=%s", error.message)
        if expires_soon(grant, now):
            _warn(grant, now)


def expires_soon(grant: OAuthGrant, now: datetime) -> bool:
    """Tell whether a grant is within two weeks of dying of disuse."""
    return not grant.ended and now >= dies_at(grant) - WARNED_BEFORE


def dies_at(grant: OAuthGrant) -> datetime:
    """Return when a refresh token that is not used dies."""
    return grant.refreshed_at + oauth_grants.REFRESH_TOKEN_LIVES


def _warn(grant: OAuthGrant, now: datetime) -> None:
    text = (
        f"Warmline has not been able to renew its access to Pipedrive since {grant.refreshed_at:%d %B}. It ends on "
        f"{dies_at(grant):%d %B}. Make sure that this machine reaches Pipedrive, or connect again on the Settings page."
    )
    for admin in OurUser.objects.filter(is_admin=True, is_active=True):
        once = f"grant-expires:{grant.name}:{grant.version}:{admin.pk}"
        notifications.tell(NotificationKind.GRANT_EXPIRES, text, now=now, user=admin, once=once)


def _digest(state: str) -> str:
    return sha256(state.encode()).hexdigest()
