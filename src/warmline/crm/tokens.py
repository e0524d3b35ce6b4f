"""API tokens.

Only a digest is stored, so reading the database is not enough to call the API. The text is shown once, when the token
is issued. A plain SHA-256 is enough, because tokens are random and far too long to be guessed.
"""

import hashlib
import secrets
from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from warmline.crm.users import User


def digest(token: str) -> str:
    """Return a token's SHA-256 in hex, which is what is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Rights(models.TextChoices):
    """What a token lets a program do, of what its user may do."""

    READ = "read", "Read"
    WRITE = "write", "Read and write"
    ADMIN = "admin", "Everything that its user may do"


class ApiToken(models.Model):
    """The right to call the API as a user.

    Attributes:
        name: Its purpose; may be empty.
        rights: What it lets a program do. What only admins may do needs an admin's token with all rights.
        expires_at: When it expires; None for never.
        digest: The digest of its text (see `digest`).
        last_used_at: Accurate to the minute, so that not every call writes; None if never used.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=255, blank=True, default="")
    rights = models.CharField(max_length=10, choices=Rights.choices, default=Rights.ADMIN)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    def __str__(self) -> str:
        return self.name

    @property
    def has_expired(self) -> bool:
        """Whether it opens nothing any more."""
        return self.expires_at is not None and self.expires_at <= timezone.now()


def issue(user: User, name: str = "", *, rights: str = Rights.ADMIN, expires_at: datetime | None = None) -> str:
    """Create a token for a user.

    Args:
        user: The user as whom the token acts.
        name: Its purpose, at most 255 characters; may be empty.
        rights: One of Rights.
        expires_at: When it expires, aware; None for never.

    Returns:
        The token's text, which is not stored and cannot be shown again.
    """
    token = f"wl_{secrets.token_urlsafe(32)}"
    ApiToken.objects.create(user=user, name=name, rights=rights, expires_at=expires_at, digest=digest(token))
    return token
