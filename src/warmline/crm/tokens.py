"""API tokens.

Only a digest is stored, so reading the database is not enough to call the API. The text is shown once, when the token
is issued. A plain SHA-256 is enough, because tokens are random and far too long to be guessed.
"""

import hashlib
import secrets
from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from warmline.crm.users import User


def digest(token: str) -> str:
    """Return a token's SHA-256 in hex, which is what is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class ApiToken(models.Model):
    """The right to call the API as a user.

    Attributes:
        name: Its purpose; may be empty.
        digest: The digest of its text (see `digest`).
        last_used_at: Accurate to the minute, so that not every call writes; None if never used.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=255, blank=True, default="")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    def __str__(self) -> str:
        return self.name


def issue(user: User, name: str = "") -> str:
    """Create a token for a user.

    Args:
        user: The user as whom the token acts.
        name: Its purpose, at most 255 characters; may be empty.

    Returns:
        The token's text, which is not stored and cannot be shown again.
    """
    token = f"wl_{secrets.token_urlsafe(32)}"
    ApiToken.objects.create(user=user, name=name, digest=digest(token))
    return token
