"""Who calls: `Authorization: Bearer TOKEN` and nothing else.

There are no cookies here, so nothing that a browser sends by itself can act for a user (no CSRF).
"""

from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from warmline import storage
from warmline.crm import throttling
from warmline.crm.tokens import ApiToken, digest
from warmline.crm.users import User

LAST_USED_PRECISION = timedelta(minutes=1)


class Request(HttpRequest):
    """A request whose caller is known.

    Attributes:
        auth: The caller.
    """

    auth: User


class Bearer(HttpBearer):
    """Finds the active user whose token it is."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        """Return the user, or None when the token is unknown or its user inactive.

        Raises:
            TooManyGuessesError: When too many unknown ones came from this address.
        """
        known = ApiToken.objects.select_related("user").filter(digest=digest(token), user__is_active=True).first()
        if known is None:
            with storage.if_possible():
                throttling.at_secret("token", "", request.META["REMOTE_ADDR"])
            return None
        now = timezone.now()
        if known.last_used_at is None or not now - LAST_USED_PRECISION < known.last_used_at <= now:
            with storage.if_possible():  # who reads is not kept from it by a disk that is full
                ApiToken.objects.filter(pk=known.pk).update(last_used_at=now)
        return known.user
