"""Tells those who are not looking: admins by e-mail, and a dead man's switch after each audit that was clean.

Admins get one e-mail when the connection needs a person, or an audit was not clean, and one when it is well again. What
they were told is a row, so that of several processes one tells, and a restart tells nothing twice. What could not be
sent is sent with a later turn.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from warmline import database_time
from warmline.crm.users import User
from warmline.supervision import Loop, close_connections
from warmline.sync.models import ConnectionState
from warmline.sync.monitoring_models import AdminMail
from warmline.sync.remote import connection_health
from warmline.sync.remote.doctor import ADVICE
from warmline.sync.status import audit_result
from warmline.web.public_address import PUBLIC_ADDRESS
from warmline.webhooks.sending import NotSentError, post

log = logging.getLogger(__name__)

EVERY = 30.0  # seconds between two turns
CONNECTION, AUDIT, PING = "connection", "audit", "ping"  # topics


@dataclass(frozen=True)
class News:
    """Where a topic stands.

    Attributes:
        is_bad: Whether a person has to do something.
        subject, text: Of the e-mail that says so.
    """

    is_bad: bool
    subject: str
    text: str


def running() -> AbstractContextManager[object]:
    """Return what tells, in a thread, while its block runs."""

    def turn() -> None:
        look()
        close_connections()
        loop.ends_within(EVERY)

    loop = Loop("alerts", turn)
    return loop


def look() -> None:
    """Tell what is new. What cannot be told keeps back nothing else: without a mail server, the ping is sent still.

    Raises:
        Exception: Why something could not be told; it is told with a later turn.
    """
    failures = list[Exception]()
    for tell in (partial(_mail, CONNECTION, of_connection), partial(_mail, AUDIT, of_audit), _ping):
        try:
            tell()
        except Exception as error:  # noqa: BLE001 (raised below)
            failures.append(error)
    if failures:
        raise failures[0]


def _mail(topic: str, look_at: Callable[[], News | None]) -> None:
    if settings.EMAIL is not None and (news := look_at()) is not None:
        _tell(topic, news)


def of_connection() -> News | None:
    """Return whether the connection needs a person; None while it is neither well nor in need of one."""
    status = connection_health.status()
    if status.state in connection_health.FOR_AN_ADMIN:
        return News(
            is_bad=True,
            subject="Warmline's connection to Pipedrive needs you",
            text=f"{status.message} {ADVICE[status.state]} Until then, nothing is sent.",
        )
    if status.state == ConnectionState.OK:
        text = "Everything that waited is being sent."
        return News(is_bad=False, subject="Warmline's connection to Pipedrive is well again", text=text)
    return None


def of_audit() -> News | None:
    """Return whether the last audit found something; None when there was none."""
    result = audit_result.latest()
    if result is None or result.checked_at is None:
        return None
    found = ", ".join(audit_result.in_words(problem, number) for problem, number in result.problems.items() if number)
    if found:
        text = f"The audit has compared Warmline with Pipedrive and found: {found}. The Sync page shows the records."
        return News(is_bad=True, subject="Warmline and Pipedrive do not agree", text=text)
    text = "The last audit found nothing missing, double or different."
    return News(is_bad=False, subject="Warmline and Pipedrive agree again", text=text)


def _tell(topic: str, news: News) -> None:
    told = AdminMail.objects.filter(pk=topic).first()
    if (told.is_bad if told else False) == news.is_bad:
        return
    admins = list(User.objects.filter(is_admin=True, is_active=True).values_list("email", flat=True))
    if admins and _claim(topic, news):
        where = PUBLIC_ADDRESS.whole("/sync")
        _do_or_give_back(topic, told, lambda: send_mail(news.subject, f"{news.text}\n\n{where}\n", None, admins))
        log.info("alerts.told topic=%s is_bad=%s admins=%s", topic, news.is_bad, len(admins))


def _claim(topic: str, news: News) -> bool:
    """Note that this is told; tell whether no other process has done so meanwhile."""
    values = {"is_bad": news.is_bad, "told_at": database_time.now(), "text": news.text}
    with transaction.atomic():
        _, is_new = AdminMail.objects.get_or_create(pk=topic, defaults=values)
        return is_new or bool(AdminMail.objects.filter(pk=topic, is_bad=not news.is_bad).update(**values))


def _ping() -> None:
    result = audit_result.latest() if settings.AUDIT_PING_URL else None
    if result is None or result.checked_at is None or not result.is_clean:
        return
    last = AdminMail.objects.filter(pk=PING).first()
    if last is not None and last.told_at == result.checked_at:  # a later one may be of a clock that was wrong
        return
    if _claim_ping(result.checked_at):
        _do_or_give_back(PING, last, _send_ping)
        log.info("alerts.pinged")


def _claim_ping(finished_at: datetime) -> bool:
    with transaction.atomic():
        _, is_new = AdminMail.objects.get_or_create(pk=PING, defaults={"told_at": finished_at})
        return is_new or bool(
            AdminMail.objects.filter(pk=PING).exclude(told_at=finished_at).update(told_at=finished_at)
        )


def _send_ping() -> None:
    answer = post(settings.AUDIT_PING_URL, {"Content-Length": "0"}, b"", private=True)
    if not answer.is_good:
        raise NotSentError(f"WARMLINE_AUDIT_PING_URL answered {answer.status}.")


def _do_or_give_back(topic: str, before: AdminMail | None, deed: Callable[[], object]) -> None:
    """Do what was claimed; if that fails, it is done with a later turn."""
    try:
        deed()
    except BaseException:
        AdminMail.objects.filter(pk=topic).delete()
        if before is not None:
            before.save(force_insert=True)
        raise
