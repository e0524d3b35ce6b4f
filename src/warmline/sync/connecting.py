"""Connecting Warmline with a company's Pipedrive: what the settings page does and shows.

A token is tried before it is kept. What the account is made of is read from what was remembered of it, at any age, and
asked for only when a person wants it: no page waits for Pipedrive by itself.
"""

from dataclasses import dataclass

from warmline.crm import preferences
from warmline.pipedrive import ActivityType, Pipedrive, PipedriveError, SystemClock, User
from warmline.sync import credentials
from warmline.sync.catalog import Catalog, remembered
from warmline.sync.claims import BusyError
from warmline.sync.client import pipedrive_with
from warmline.sync.directory import forget_another_account
from warmline.sync.doctor import ADVICE
from warmline.sync.models import ConnectionState
from warmline.sync.outcomes import trouble

TRY_ANEW = {
    ConnectionState.UNAUTHORIZED: "Copy it once more in Pipedrive, under personal preferences, API.",
}


class CannotConnectError(Exception):
    """The token was not kept; the message says why and what to do."""


@dataclass(frozen=True)
class Account:
    """What is known of the account.

    Attributes:
        me: Whose token it is; None when it was never asked.
        users: Its active users; None when it was never asked.
        types: Its active activity types; None when it was never asked.
    """

    me: User | None
    users: list[User] | None
    types: list[ActivityType] | None


def connect(token: str) -> User:
    """Try a token, and keep it when Pipedrive accepts it. The running engine takes it up within a second.

    Args:
        token: As a person pasted it.

    Returns:
        Whose token it is.

    Raises:
        CannotConnectError: When Pipedrive does not accept it, or does not answer.
    """
    try:
        with pipedrive_with(token) as pipedrive:
            me = pipedrive.me()
    except ValueError:
        raise CannotConnectError("This cannot be a token: it has signs that no token has. Copy it once more.") from None
    except PipedriveError as error:
        found = trouble(error, probed=error)
        if found is None:
            raise CannotConnectError(f"Pipedrive refuses to say whose token it is: {error.message}") from None
        raise CannotConnectError(f"{found.message} {TRY_ANEW.get(found.state, ADVICE[found.state])}") from None
    preferences.change(
        {"pipedrive_token": credentials.encrypted(token), "pipedrive_account": me.model_dump(mode="json")}
    )
    return me


def disconnect() -> None:
    """Forget the token. The running engine stops within a second; everything waits from then on."""
    preferences.change({"pipedrive_token": "", "pipedrive_account": {}})


def known() -> Account:
    """Return what is known of the account, without asking."""
    stored = preferences.stored().pipedrive_account
    own = [User.model_validate(stored)] if stored and not credentials.is_from_environment() else None
    me = own or remembered("me", User)
    users, types = remembered("users", User), remembered("activity_types", ActivityType)
    return Account(
        me=me[0] if me else None,
        users=None if users is None else [user for user in users if user.active],
        types=None if types is None else [each for each in types if each.active],
    )


def ask() -> str:
    """Ask Pipedrive anew what the account is made of (about 42 tokens).

    Returns:
        What went wrong, in plain words with what to do; empty when nothing did.
    """
    if not credentials.token():
        return "Connect Pipedrive first."
    try:
        with pipedrive_with(credentials.token()) as pipedrive:
            forget_another_account(pipedrive, credentials.token())
            _ask(pipedrive)
    except PipedriveError as error:
        return f"Pipedrive could not be asked: {error.message} Try again in a moment."
    except BusyError:
        return "Pipedrive is being asked already, and has not answered yet. Try again in a moment."
    return ""


def _ask(pipedrive: Pipedrive) -> None:
    catalog = Catalog(pipedrive, SystemClock())
    for name in ("me", "users", "activity_types"):
        catalog.forget(name)
    catalog.me()
    catalog.users()
    catalog.activity_types()
