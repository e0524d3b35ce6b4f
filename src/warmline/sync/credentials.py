"""The token that Warmline works with: the environment's, else the one that an admin gave on the settings page.

That one is stored encrypted, with a key made of the installation's secret key, so a copy of the database alone opens
nothing. Whoever needs the token asks here, and shows it to nobody.
"""

import base64
import hmac

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from warmline.crm import preferences


def token() -> str:
    """Return the token; empty when there is none, or it cannot be read any more."""
    if is_from_environment():
        return str(settings.PIPEDRIVE_API_TOKEN)
    return decrypted(preferences.stored().pipedrive_token)


def is_from_environment() -> bool:
    """Tell whether the environment decides, and no page."""
    return bool(settings.PIPEDRIVE_API_TOKEN)


def is_unreadable() -> bool:
    """Tell whether a token is stored that cannot be read: the secret key is not the one it was stored with."""
    return bool(preferences.stored().pipedrive_token) and not token()


def encrypted(token: str) -> str:
    """Return the form in which a token is stored."""
    return _fernet().encrypt(token.encode()).decode()


def decrypted(text: str) -> str:
    """Return a token of its stored form; empty when there is none, or it cannot be read with this secret key."""
    try:
        return _fernet().decrypt(text.encode()).decode() if text else ""
    except InvalidToken:
        return ""


def _fernet() -> Fernet:
    key = hmac.digest(settings.SECRET_KEY.encode(), b"the token of Pipedrive's API", "sha256")
    return Fernet(base64.urlsafe_b64encode(key))
