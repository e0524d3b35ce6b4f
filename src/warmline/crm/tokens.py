"""The tokens that programs call the API with.

Only a digest is stored: whoever reads the database cannot call the API with what they find. The text is shown once,
when the token is issued. A plain SHA-256 is enough, because the tokens are random and far too long to be guessed.
"""

import hashlib
import secrets
from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from warmline.crm.users import User


def digest(token: str) -> str:
    """Return what is stored of a token: its SHA-256 in hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Rights(models.TextChoices):
    """What a token lets a program do, of what its user may do."""

    READ = "read", "Read"
    WRITE = "write", "Read and write"
    ADMIN = "admin", "Everything that its user may do"


class ApiToken(models.Model):
    """The right to call the API as a user.

    Attributes:
        name: What it is for; may be empty.
        rights: What it lets a program do. What only admins may do needs an admin's token with all rights.
        expires_at: From when on it opens nothing; None for never.
        digest: Of the token's text, see `digest`.
        last_used_at: To the minute, so that reading does not write each time; None when never used.
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
    """Make a token for a user.

    Args:
        user: Whose token it is.
        name: What it is for, at most 255 characters; may be empty.
        rights: One of Rights.
        expires_at: From when on it opens nothing, aware; None for never.

    Returns:
        The token's text. It is stored nowhere, so this is the only time to see it.
    """
    token = f"wl_{secrets.token_urlsafe(32)}"
    ApiToken.objects.create(user=user, name=name, rights=rights, expires_at=expires_at, digest=digest(token))
    return token
