"""Authentication: `Authorization: Bearer TOKEN` and nothing else.

The API ignores cookies, so nothing that a browser sends on its own can act for a user (no CSRF).
"""

from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from warmline import storage
from warmline.crm import guess_limits
from warmline.crm.tokens import ApiToken, digest
from warmline.crm.users import User

LAST_USED_PRECISION = timedelta(minutes=1)


class Request(HttpRequest):
    """A request by an authenticated caller.

    Attributes:
        auth: The caller.
    """

    auth: User


class Bearer(HttpBearer):
    """Finds the active user of a token."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        """Return the user, or None if the token is unknown or its user is inactive.

        Raises:
            TooManyGuessesError: If too many unknown tokens came from this address.
        """
        known = ApiToken.objects.select_related("user").filter(digest=digest(token), user__is_active=True).first()
        if known is None:
            with storage.if_possible():
                guess_limits.at_secret("token", "", request.META["REMOTE_ADDR"])
            return None
        now = timezone.now()
        if known.last_used_at is None or not now - LAST_USED_PRECISION < known.last_used_at <= now:
            with storage.if_possible():  # a full disk must not keep anyone from reading
                ApiToken.objects.filter(pk=known.pk).update(last_used_at=now)
        return known.user
