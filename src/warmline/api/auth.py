"""Authentication: `Authorization: Bearer TOKEN` and nothing else, and what the token's rights let a caller do.

The API ignores cookies, so nothing that a browser sends on its own can act for a user (no CSRF).
"""

from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from warmline import storage
from warmline.api.errors import RefusedError
from warmline.api.rate import RATES
from warmline.crm import guess_limits
from warmline.crm.tokens import ApiToken, Rights, digest
from warmline.crm.users import User

READING = {"GET", "HEAD", "OPTIONS"}
BATCH = "/api/batch"
LAST_USED_PRECISION = timedelta(minutes=1)


class Request(HttpRequest):
    """A request by an authenticated caller.

    Attributes:
        auth: The caller.
        token: The token that the caller came with.
        item_key: Of an item in a batch, its idempotency key; None where the batch has none.
    """

    auth: User
    token: ApiToken
    item_key: str | None


class ExpiredError(Exception):
    """The token was valid once."""


class Bearer(HttpBearer):
    """Finds the active user whose token it is, once for each request, and sees to the token's rights."""

    def __call__(self, request: HttpRequest) -> User | None:
        """Return the user, or None when there is no valid token.

        Raises:
            TooManyGuessesError: When too many unknown ones came from this address.
            TooManyCallsError: When the token has made too many calls.
            ExpiredError: When it has expired.
            RefusedError: When it does not have the right (403).
        """
        refusal: Exception | None = getattr(request, "refusal", None)
        if refusal is not None:
            raise refusal
        try:
            known: ApiToken | None = getattr(request, "token", None)  # an item's in a batch is known from the start
            user: User | None = super().__call__(request) if known is None else known.user
            if user is not None:
                _check_rights(request)
        except Exception as error:
            request.refusal = error  # type: ignore[attr-defined]  # else it would count twice
            raise
        return user

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        """Return the user; None when the token is unknown or its user inactive. See `__call__` for what it raises."""
        known = ApiToken.objects.select_related("user").filter(digest=digest(token), user__is_active=True).first()
        if known is None:
            with storage.if_possible():
                guess_limits.at_secret("token", "", request.META.get("REMOTE_ADDR", ""))
            return None
        if known.has_expired:
            raise ExpiredError
        request.rate = RATES.count(known.digest)  # type: ignore[attr-defined]
        now = timezone.now()
        if known.last_used_at is None or not now - LAST_USED_PRECISION < known.last_used_at <= now:
            with storage.if_possible():  # a full disk must not keep anyone from reading
                ApiToken.objects.filter(pk=known.pk).update(last_used_at=now)
        request.token = known  # type: ignore[attr-defined]
        return known.user


def require_admin(request: Request) -> None:
    """Let only admins on, with a token of all rights.

    Raises:
        RefusedError: When the caller is none (403).
    """
    if not (request.auth.is_admin and request.token.rights == Rights.ADMIN):
        raise RefusedError(403, "forbidden", "Only an admin may do this, with a token that has all rights.")


def owner_of_new(request: Request, email: str | None) -> User:
    """Return whose a contact becomes that is added.

    Args:
        request: The call.
        email: Whom it names; None when it names nobody, and the contact is the caller's.

    Raises:
        RefusedError: When the caller may not name anybody else, or there is nobody of that name; or a program names
            nobody.
    """
    caller = request.auth
    if email is None:
        if caller.is_machine:
            message = "Name the `owner` by their e-mail. A program has no contacts of its own."
            raise RefusedError(422, "invalid", message, "owner")
        return caller
    found = User.objects.known_as(email).filter(is_active=True, is_machine=False).first()
    if found is not None and found.pk == caller.pk:
        return caller
    if not (caller.is_machine or (caller.is_admin and request.token.rights == Rights.ADMIN)):
        message = "Only an admin or a program may add contacts of others. Leave out the `owner`."
        raise RefusedError(403, "forbidden", message, "owner")
    if found is None:
        message = "No member of the team has this e-mail. Use the one that they sign in with."
        raise RefusedError(422, "invalid", message, "owner")
    return found


def _check_rights(request: HttpRequest) -> None:
    token: ApiToken = request.token  # type: ignore[attr-defined]
    # (What is in a batch is looked at call by call.)
    is_reading = request.method in READING or request.path_info == BATCH
    if token.rights == Rights.READ and not is_reading:
        raise RefusedError(403, "forbidden", "This token can only read. Use one that can write.")


BEARER = Bearer()
