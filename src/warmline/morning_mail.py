"""The morning e-mail, for who wants it: what is due, who goes cold, and what is not proven to be in Pipedrive.

Each user gets it once a day, in the morning of their own time zone, and none on a day with nothing to say. That it was
sent is stored before, so that of several processes one sends it; if the mail server cannot be reached, it is taken back
and sent with a later turn of the same morning.
"""

import logging
from contextlib import AbstractContextManager
from datetime import date, datetime, time
from smtplib import SMTPDataError, SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import timezone

from warmline import database_time
from warmline.crm import preferences
from warmline.crm.users import User
from warmline.supervision import Loop, close_connections
from warmline.sync.status import today, unproven
from warmline.sync.status.today import Today
from warmline.sync.status.unproven import Unproven
from warmline.web.public_address import PUBLIC_ADDRESS

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds between two turns
FROM, UNTIL = time(7), time(12)  # of the user's day; later than that, it would be no morning e-mail


def running() -> AbstractContextManager[object]:
    """Return what sends, in a thread, while its block runs."""

    def turn() -> None:
        send_due(database_time.now())
        close_connections()
        loop.ends_within(EVERY)

    loop = Loop("morning mail", turn)
    return loop


def send_due(now: datetime) -> None:
    """Send what is due.

    Args:
        now: The present moment, aware.

    Raises:
        OSError: If the mail server cannot be reached. It is tried again with the next turn.
    """
    if settings.EMAIL is None:
        return
    for user in User.objects.people().filter(morning_mail=True).order_by("pk"):
        local = now.astimezone(user.zone)
        if FROM <= local.time() < UNTIL and user.morning_mail_on != local.date():
            with timezone.override(user.zone):
                _send(user, local)


def _send(user: User, now: datetime) -> None:
    found, left = today.of(user, preferences.current(), now), unproven.of(user, now)
    before = user.morning_mail_on
    if not _claim(user, now.date()):
        return
    subject = _subject(found, left)
    if not subject:
        return
    shown = {"user": user, "found": found, "left": left, "origin": PUBLIC_ADDRESS.origin()}
    try:
        send_mail(subject, render_to_string("web/email/morning.txt", shown), None, [user.email])
    except (SMTPRecipientsRefused, SMTPDataError) as error:  # only this one was refused, and would be again
        log.warning("morning_mail.refused user=%s error=%r", user.pk, error)
    except OSError:  # of which smtplib's other errors are
        User.objects.filter(pk=user.pk).update(morning_mail_on=before)
        raise
    else:
        log.info("morning_mail.sent user=%s", user.pk)


def _claim(user: User, day: date) -> bool:
    """Note that this user's e-mail of a day is being sent; tell whether no other process has done so."""
    return bool(
        User.objects.filter(pk=user.pk, morning_mail=True).exclude(morning_mail_on=day).update(morning_mail_on=day)
    )


def _subject(found: Today, left: Unproven) -> str:
    """Return the numbers in words; an empty text if there is nothing to say."""
    due = len(found.overdue.rows) + len(found.due_today.rows)
    more = found.overdue.goes_on or found.due_today.goes_on
    waiting = len(left.rows) + left.problems
    parts = [
        (due, more, "to do"),
        (len(found.cold.rows), found.cold.goes_on, "going cold"),
        (waiting, left.goes_on, "not proven to be in Pipedrive"),
    ]
    said = [f"{number}{' or more' if goes_on else ''} {words}" for number, goes_on, words in parts if number]
    return f"Today: {', '.join(said)}" if said else ""
