"""Connects Warmline to a company's Pipedrive: what the settings page and the command line do and show.

A token is tried before it is stored, and another company's token is stored only if a person starts over with it. Pages
show the account's users and types as they are remembered, at any age. Pipedrive is asked only when a person wants it,
so no page waits for Pipedrive unasked.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from warmline.crm import preferences
from warmline.pipedrive import ActivityType, Pipedrive, PipedriveError, User, can_be_token
from warmline.sync import company, credentials, oauth_grants
from warmline.sync.account_models import OAuthGrant
from warmline.sync.database_clock import DatabaseClock
from warmline.sync.leases import BusyError
from warmline.sync.models import Company, ConnectionState
from warmline.sync.remote import company_switch, connection_health, report_subscriptions
from warmline.sync.remote.account_cache import Catalog, remembered
from warmline.sync.remote.configured_client import pipedrive_with
from warmline.sync.remote.directory import forget_another_account
from warmline.sync.remote.doctor import ADVICE
from warmline.sync.remote.oauth_tokens import configured_app

log = logging.getLogger(__name__)

NOT_A_TOKEN = "This is not a token: it contains a character that tokens never have. Copy it again."  # noqa: S105
NOT_REVOKED = "Pipedrive could not be told, so it still lists Warmline among the installed apps. Uninstall it there."
TRY_ANEW = {
    ConnectionState.UNAUTHORIZED: "Copy it again in Pipedrive, under Personal preferences, API.",
}


class CannotConnectError(Exception):
    """The token was not stored; the message says why and what to do."""


class AnotherCompanyError(CannotConnectError):
    """The token belongs to another company than the links; a person has to decide.

    Args:
        ours: The company of the links.
        me: The token's user.
        way_in: What was tried, for whoever decides to start over with it. It is a secret.
    """

    def __init__(self, ours: Company, me: User, way_in: str) -> None:
        super().__init__(company_switch.another(ours, me).message)
        self.ours = ours
        self.me = me
        self.way_in = way_in


@dataclass(frozen=True)
class KnownAccount:
    """What is remembered about the account; each is None if it was never asked for.

    Attributes:
        me: The token's user.
        users: The active users.
        types: The active activity types.
    """

    me: User | None
    users: list[User] | None
    types: list[ActivityType] | None


def connect(token: str) -> User:
    """Try a token, and store it if Pipedrive accepts it. A running engine uses it within a second.

    Args:
        token: As a person entered it.

    Returns:
        The token's user.

    Raises:
        AnotherCompanyError: When it belongs to another company than the links.
        CannotConnectError: When Pipedrive does not accept it, or does not respond.
    """
    if not can_be_token(token) or not oauth_grants.can_be_pasted(token):
        raise CannotConnectError(NOT_A_TOKEN)
    before = oauth_grants.in_use()
    me = connect_with(token)
    if before is not None:
        revoke(before)
    return me


def connect_with(way_in: str) -> User:
    """Do what `connect` does, for a token or for the draft of a grant of OAuth (see oauth_grants.py)."""
    me = whose(way_in)
    with transaction.atomic():
        ours = company.remembered()
        if ours is not None and company.is_another(ours, me):
            if company_switch.belongings():
                raise AnotherCompanyError(ours, me, way_in)
            company_switch.start_anew(me, timezone.now())
        _keep(way_in, me)
        connection_health.settled(DatabaseClock())
    return me


def whose(token: str) -> User:
    """Ask Pipedrive whose token this is.

    Args:
        token: The one in use, or one that is being tried.

    Raises:
        CannotConnectError: When Pipedrive does not accept it, or does not respond.
    """
    if not oauth_grants.is_draft(token) and not can_be_token(token):
        raise CannotConnectError(NOT_A_TOKEN)
    try:
        with pipedrive_with(token) as pipedrive:
            return pipedrive.me()
    except (ValueError, OSError) as error:
        raise CannotConnectError(connection_health.misconfigured(error).message) from None
    except PipedriveError as error:
        found = connection_health.refusal(error)
        raise CannotConnectError(f"{found.message} {TRY_ANEW.get(found.state, ADVICE[found.state])}") from None


def start_anew(token: str = "") -> User:
    """Start over with a token's company: drop the links to the old one. A running engine follows within a second.

    Args:
        token: A new token, which is then stored; empty for the one in use.

    Returns:
        The token's user.

    Raises:
        CannotConnectError: When Pipedrive does not accept the token or does not respond, or when the links belong to
            that company already; nothing is changed then.
    """
    me = whose(token or _in_use())
    with transaction.atomic():
        _left(me)
        company_switch.start_anew(me, timezone.now())
        if token:
            _keep(token, me)
        connection_health.settled(DatabaseClock())
    return me


def to_start_anew() -> tuple[Company, User]:
    """Return the company that starting over would leave, and the user of the token in use; asks Pipedrive (2 tokens).

    Raises:
        CannotConnectError: When it is the same company, or when Pipedrive does not say whose token it is.
    """
    me = whose(_in_use())
    return _left(me), me


def disconnect() -> str:
    """Delete the stored token, or revoke the grant. A running engine stops within a second, and everything waits.

    Returns:
        What could not be done and what to do, in plain words; empty if all was.
    """
    grant = oauth_grants.in_use()
    _end_reports()
    preferences.change({"pipedrive_token": "", "pipedrive_account": {}})
    oauth_grants.forget()
    return "" if grant is None or revoke(grant) else NOT_REVOKED


def _end_reports() -> None:
    """Have Pipedrive report nothing any more, as long as there is a way to say so."""
    with suppress(ValueError, OSError, PipedriveError):
        if credentials.token():
            with pipedrive_with(credentials.token()) as pipedrive:
                report_subscriptions.remove(pipedrive)


def revoke(grant: OAuthGrant) -> bool:
    """Uninstall the app in Pipedrive; return whether that was done, or was not needed any more."""
    if grant.ended:
        return True
    try:
        with configured_app() as app:
            app.revoke(credentials.decrypted(grant.refresh_token))
    except (PipedriveError, ValueError) as error:
        log.warning("oauth.not_revoked error=%s", error)
        return False
    return True


def known() -> KnownAccount:
    """Return what is remembered about the account, without asking Pipedrive."""
    stored = preferences.stored().pipedrive_account
    own = [User.model_validate(stored)] if stored and not credentials.is_from_environment() else None
    me = own or remembered("me", User)
    users, types = remembered("users", User), remembered("activity_types", ActivityType)
    return KnownAccount(
        me=me[0] if me else None,
        users=None if users is None else [user for user in users if user.active],
        types=None if types is None else [each for each in types if each.active],
    )


def ask() -> str:
    """Ask Pipedrive for the account's users, activity types and fields of persons (about 52 tokens).

    Returns:
        What went wrong and what to do, in plain words; empty if nothing did.
    """
    if not credentials.token():
        return "Connect Pipedrive first."
    try:
        with pipedrive_with(credentials.token()) as pipedrive:
            me, ours = pipedrive.me(), company.remembered()
            if ours is not None and company.is_another(ours, me):
                return f"{company_switch.another(ours, me).message} {ADVICE[ConnectionState.ANOTHER_COMPANY]}"
            forget_another_account(pipedrive, credentials.token())
            _ask(pipedrive)
    except (ValueError, OSError) as error:
        return connection_health.misconfigured(error).message
    except PipedriveError as error:
        return f"This could not be loaded from Pipedrive: {error.message} Try again in a moment."
    except BusyError:
        return "This is already being loaded from Pipedrive. Try again in a moment."
    return ""


def _in_use() -> str:
    missing = connection_health.without_token()
    if missing is not None:
        raise CannotConnectError(f"{missing.message} {ADVICE[missing.state]}")
    return credentials.token()


def _keep(token: str, me: User) -> None:
    if oauth_grants.is_draft(token):
        tokens = oauth_grants.tokens_of(token)
        token = oauth_grants.make(tokens, company_id=me.company_id, user_id=me.id, now=DatabaseClock().now())
    else:
        oauth_grants.forget()
    preferences.change(
        {"pipedrive_token": credentials.encrypted(token), "pipedrive_account": me.model_dump(mode="json")}
    )


def _left(me: User) -> Company:
    """Return the company that is left when a person starts over with another.

    Raises:
        CannotConnectError: When there is none to leave.
    """
    ours = company.remembered()
    if ours is None or not company.is_another(ours, me):
        raise CannotConnectError(
            f"Warmline already works with {company.name_of(me)}, so there is no need to start over."
        )
    return ours


def _ask(pipedrive: Pipedrive) -> None:
    catalog = Catalog(pipedrive, DatabaseClock())
    for name in ("me", "users", "activity_types", "person_fields"):
        catalog.forget(name)
    catalog.me()
    catalog.users()
    catalog.activity_types()
    catalog.person_fields()
