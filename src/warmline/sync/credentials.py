"""The API token that Warmline works with: the environment's, else the one that an admin entered on the settings page.

That one is stored encrypted, with a key derived from the installation's secret key, so a copy of the database alone
does not reveal it. All code gets the token here and shows it to nobody. A text that cannot be a token counts as none.
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
    """Tell whether the token comes from the environment, so that no page can change it."""
    return bool(settings.PIPEDRIVE_API_TOKEN)


def is_unreadable() -> bool:
    """Tell whether a token is stored that cannot be decrypted, because the secret key has changed since."""
    stored = preferences.stored().pipedrive_token
    return bool(stored) and not is_from_environment() and not decrypted(stored)


def encrypted(token: str) -> str:
    """Return the form in which a token is stored."""
    return _fernet().encrypt(token.encode()).decode()


def decrypted(text: str, *, good_for: timedelta | None = None) -> str:
    """Decrypt a stored token.

    Args:
        text: The encrypted token; empty for none.
        good_for: How long after its encryption a token can be decrypted; None for no limit.

    Returns:
        The token; empty when there is none, or when it cannot be decrypted with this secret key.
    """
    seconds = None if good_for is None else round(good_for.total_seconds())
    try:
        return _fernet().decrypt(text.encode(), ttl=seconds).decode() if text else ""
    except InvalidToken:
        return ""


def _fernet() -> Fernet:
    key = hmac.digest(settings.SECRET_KEY.encode(), b"the token of Pipedrive's API", "sha256")
    return Fernet(base64.urlsafe_b64encode(key))
