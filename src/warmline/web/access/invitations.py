"""One-time links: how someone who was invited, or forgot their password, sets a new one.

They contain Django's password reset tokens: signed, valid for three days, and void once the password is set or the
user has signed in. A link is a secret. It is shown to an admin or sent to its user, and never logged.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail import send_mail
from django.db import DatabaseError
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import base36_to_int, urlsafe_base64_encode

from warmline.crm.users import User
from warmline.supervision import close_connections
from warmline.web.public_address import PUBLIC_ADDRESS

logger = logging.getLogger(__name__)


class Links(PasswordResetTokenGenerator):
    """Django's tokens, but not from the future: one made while the clock was a year ahead would be valid for a year."""

    def check_token(self, user: Any, token: str | None) -> bool:
        """Also refuse a token that was made further in the future than tokens are valid."""
        if not super().check_token(user, token):
            return False
        made_at = base36_to_int((token or "").partition("-")[0])
        return made_at - self._num_seconds(self._now()) <= settings.PASSWORD_RESET_TIMEOUT


LINKS = Links()


def one_time_link(user: User) -> str:
    """Return the path at which a user can set a password, once; `PUBLIC_ADDRESS.whole` makes it a link."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("web:one-time", args=[uid, LINKS.make_token(user)])


def sends_email() -> bool:
    """Tell whether links are sent by e-mail; otherwise an admin copies them."""
    return settings.EMAIL is not None


def invite(user: User) -> str | None:
    """Send a user without a password a one-time link.

    Args:
        user: The invited user.

    Returns:
        None if the link was sent by e-mail. Otherwise, or if the mail server refused it, the link for an admin to copy.
    """
    link = PUBLIC_ADDRESS.whole(one_time_link(user))
    if not sends_email():
        return link
    text = render_to_string("web/email/invitation.txt", {"user": user, "link": link})
    try:
        send_mail("Your invitation to Warmline", text, None, [user.email])
    except OSError:  # of which smtplib's errors are
        logger.exception("The invitation of user %s could not be sent by e-mail", user.pk)
        return link
    return None


def send_new_link(user: User, failed: Callable[[], object] = lambda: None) -> None:
    """Send a user a one-time link by e-mail, in the background; earlier links stay valid.

    Neither the text nor the timing of the answer may tell whether there is such a user.

    Args:
        user: A user who forgot their password or never had one.
        failed: Called if it could not be sent, possibly from another thread.
    """
    link = PUBLIC_ADDRESS.whole(one_time_link(user))
    text = render_to_string("web/email/new_password.txt", {"user": user, "link": link})

    def tell(error: Exception) -> None:
        logger.error("The one-time link of user %s could not be sent by e-mail", user.pk, exc_info=error)
        with suppress(DatabaseError):  # at worst, the next link has to wait as if this one had been sent
            failed()

    def send() -> None:
        try:
            send_mail("Set a new Warmline password", text, None, [user.email])
        except Exception as error:  # noqa: BLE001 (logged above; nobody is waiting for the result)
            tell(error)
            close_connections()

    try:
        Thread(target=send, name="mail", daemon=True).start()
    except RuntimeError as error:  # no thread can be started at this moment
        tell(error)
