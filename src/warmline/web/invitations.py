"""One-time links: how someone sets a password without having one, when invited or when it is forgotten.

Django's tokens make them: signed, good for three days, and void once the password was set or the user has signed in.
A link is a secret. It is shown to an admin or sent to its user, and never written to a log.
"""

import logging
from threading import Thread
from time import monotonic
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.cache import cache
from django.core.mail import send_mail
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import base36_to_int, urlsafe_base64_encode

from warmline.crm.users import User

logger = logging.getLogger(__name__)

PAUSE = 300  # seconds between two links that strangers can have sent to one user


class Links(PasswordResetTokenGenerator):
    """Django's tokens, which know no future: one made by a clock that was a year ahead would be good for a year."""

    def check_token(self, user: Any, token: str | None) -> bool:
        """Refuse also a token that is from further ahead than it is good for."""
        if not super().check_token(user, token):
            return False
        made_at = base36_to_int((token or "").partition("-")[0])
        return made_at - self._num_seconds(self._now()) <= settings.PASSWORD_RESET_TIMEOUT


LINKS = Links()


def one_time_link(user: User) -> str:
    """Return the path under which the user sets a password, once; `request.build_absolute_uri` makes it whole."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("web:one-time", args=[uid, LINKS.make_token(user)])


def sends_email() -> bool:
    """Tell whether links go by e-mail; else an admin copies them."""
    return settings.EMAIL is not None


def invite(request: HttpRequest, user: User) -> str | None:
    """Give a user without a password the way in.

    Args:
        request: The admin's; its host stands in the link.
        user: Made without a password.

    Returns:
        The link for the admin to copy, also where the mail server refuses; None when it went by e-mail.
    """
    link = request.build_absolute_uri(one_time_link(user))
    if not sends_email():
        return link
    text = render_to_string("web/email/invitation.txt", {"user": user, "link": link})
    try:
        send_mail("Your way into Warmline", text, None, [user.email])
    except OSError:  # of which smtplib's errors are
        logger.exception("The invitation of user %s could not be sent by e-mail", user.pk)
        return link
    return None


def send_new_link(request: HttpRequest, user: User) -> None:
    """Send a user a one-time link by e-mail, unless one was sent within the last minutes.

    Nobody waits for it, nor hears of it: neither words nor time of the answer tell whether there is such a user.

    Args:
        request: Anybody's; its host stands in the link.
        user: Who has forgotten the password, or never had one.
    """
    # In the memory of this process, which alone serves pages; there are never more keys than users.
    key, now = f"one-time-link:{user.pk}", monotonic()
    if not cache.add(key, now, timeout=None):
        if now - cache.get(key, now) < PAUSE:
            return
        cache.set(key, now, timeout=None)
    link = request.build_absolute_uri(one_time_link(user))
    text = render_to_string("web/email/new_password.txt", {"user": user, "link": link})

    def failed(error: Exception) -> None:
        logger.error("The one-time link of user %s could not be sent by e-mail", user.pk, exc_info=error)
        cache.delete(key)  # so it can be asked for again at once

    def send() -> None:
        try:
            send_mail("A new password for Warmline", text, None, [user.email])
        except Exception as error:  # noqa: BLE001 (logged above; nobody waits here who could be told)
            failed(error)

    try:
        Thread(target=send, name="mail", daemon=True).start()
    except RuntimeError as error:  # no thread can be started at this moment
        failed(error)
