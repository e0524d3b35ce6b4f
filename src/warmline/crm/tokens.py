"""The tokens that programs call the API with.

Only a digest is stored: whoever reads the database cannot call the API with what they find. The text is shown once,
when the token is issued. A plain SHA-256 is enough, because the tokens are random and far too long to be guessed.
"""

import hashlib
import secrets
from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from warmline.crm.users import User


def digest(token: str) -> str:
    """Return what is stored of a token: its SHA-256 in hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class ApiToken(models.Model):
    """The right to call the API as a user.

    Attributes:
        name: What it is for; may be empty.
        digest: Of the token's text, see `digest`.
        last_used_at: To the minute, so that reading does not write each time; None when never used.
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
    """Make a token for a user.

    Args:
        user: Whose rights it carries.
        name: What it is for, at most 255 characters; may be empty.

    Returns:
        The token's text. It is stored nowhere, so this is the only time to see it.
    """
    token = f"wl_{secrets.token_urlsafe(32)}"
    ApiToken.objects.create(user=user, name=name, digest=digest(token))
    return token
