"""The token that Warmline works with: the environment's, else the one that an admin gave on the settings page.

That one is stored encrypted, with a key made of the installation's secret key, so a copy of the database alone opens
nothing. Whoever needs the token asks here, and shows it to nobody. What cannot be a token is none.
"""

import base64
import hmac
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from warmline.crm import preferences
from warmline.pipedrive import can_be_token


def token() -> str:
    """Return the token; empty when there is none that can be tried."""
    given = str(settings.PIPEDRIVE_API_TOKEN) or decrypted(preferences.stored().pipedrive_token)
    return given if can_be_token(given) else ""


def is_from_environment() -> bool:
    """Tell whether the environment decides, and no page."""
    return bool(settings.PIPEDRIVE_API_TOKEN)


def is_unreadable() -> bool:
    """Tell whether a token is stored that cannot be read: the secret key is not the one it was stored with."""
    stored = preferences.stored().pipedrive_token
    return bool(stored) and not is_from_environment() and not decrypted(stored)


def encrypted(token: str) -> str:
    """Return the form in which a token is stored."""
    return _fernet().encrypt(token.encode()).decode()


def decrypted(text: str, *, good_for: timedelta | None = None) -> str:
    """Return a token of its stored form; empty when there is none, or it cannot be read with this secret key.

    Args:
        text: That form.
        good_for: For how long after it was encrypted it can be read; None for ever.
    """
    seconds = None if good_for is None else round(good_for.total_seconds())
    try:
        return _fernet().decrypt(text.encode(), ttl=seconds).decode() if text else ""
    except InvalidToken:
        return ""


def _fernet() -> Fernet:
    key = hmac.digest(settings.SECRET_KEY.encode(), b"the token of Pipedrive's API", "sha256")
    return Fernet(base64.urlsafe_b64encode(key))
