"""What of the notifications becomes a toast: one for each topic at the most, so that many become one.

A toast covers all that was told on its topic since its first one, as long as it stays on the screen; the browser says
which are there. So it grows in its place, and comes back the same after a reload. Failures count once for each row and
as long as it fails: when the last one is mended, the toast is no more.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet
from django.urls import reverse

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sync.failures import AMBIGUOUS
from warmline.sync.models import Notification, NotificationKind
from warmline.sync.notifications import contacts_of, loud, told_to


@dataclass(frozen=True)
class Topic:
    """What toasts can be about.

    Attributes:
        name: In ids and requests.
        tone: good, bad or plain.
        many: What stands for several notifications, with their number; empty: the latest stands for all.
        stays: Whether the toast stays until it is dismissed.
        retries: Whether it offers to try again.
    """

    name: str
    tone: str
    many: str = ""
    stays: bool = False
    retries: bool = False

    @property
    def icon(self) -> str:
        """The icon's name."""
        return {"good": "check", "bad": "alert", "plain": "sync"}[self.tone]


ARRIVED = Topic("arrived", "good", "{} contacts are in Pipedrive.")
CONTACTS = Topic("contacts", "bad", "Could not sync {} contacts.", stays=True, retries=True)
ORGANIZATIONS = Topic("organizations", "bad", "Could not sync {} organizations.", stays=True)
ACTIVITIES = Topic("activities", "bad", "Could not sync {} activities.", stays=True, retries=True)
DELETED = Topic("deleted", "bad", "{} records were deleted in Pipedrive.", stays=True)
LEFT = Topic("left", "bad", "{} records were deleted here, but may be in Pipedrive.", stays=True)
KEPT = Topic("kept", "plain", "{} records were changed here and in Pipedrive at once. Pipedrive's values were kept.")
NAME = Topic("name", "plain", "{} records keep another name in Pipedrive, because the names differed before.")
ACCOUNT = Topic("account", "bad", stays=True)
WEBHOOK = Topic("webhook", "bad", stays=True)
LOST = Topic("connection", "bad", stays=True)
BACK = Topic("connection", "good")

TOPICS = {
    NotificationKind.CONTACT_SYNCED: ARRIVED,
    NotificationKind.CONTACT_FAILED: CONTACTS,
    NotificationKind.ORGANIZATION_FAILED: ORGANIZATIONS,
    NotificationKind.ACTIVITY_FAILED: ACTIVITIES,
    NotificationKind.DELETED_THERE: DELETED,
    NotificationKind.LEFT_THERE: LEFT,
    NotificationKind.CHANGE_KEPT: KEPT,
    NotificationKind.NOT_RENAMED: NAME,
    NotificationKind.OWNER_MISSING: ACCOUNT,
    NotificationKind.ACCOUNT_REFUSED: ACCOUNT,
    NotificationKind.TYPE_MISSING: ACCOUNT,
    NotificationKind.CONNECTION_LOST: LOST,
    NotificationKind.CONNECTION_BACK: BACK,
    NotificationKind.WEBHOOK_OFF: WEBHOOK,
    NotificationKind.ACTIVITY_SYNCED: Topic("activity", "good"),  # in the list alone
}
FAILING: dict[NotificationKind, type[Row]] = {
    NotificationKind.CONTACT_FAILED: Contact,
    NotificationKind.ORGANIZATION_FAILED: Organization,
    NotificationKind.ACTIVITY_FAILED: Activity,
}
NAMES = {topic.name for topic in TOPICS.values()}


@dataclass(frozen=True)
class Toast:
    """A toast, as the template shows it.

    Attributes:
        topic: Its name; it is the only one of this topic.
        tone, icon: How it looks.
        first: The id of the first notification that it stands for.
        text: What happened and what to do.
        link, link_words: Where to see more.
        contact_id: The contact that "Try again" is for; None for everything that failed.
        stays: Whether it stays until it is dismissed.
        retries: Whether it offers to try again.
    """

    topic: str
    tone: str
    icon: str
    first: int
    text: str
    link: str
    link_words: str
    contact_id: int | None
    stays: bool
    retries: bool


@dataclass
class _Told:
    """What was told on a topic: how often, the first and the last time."""

    number: int = 0
    first: int = 0
    last: int = 0

    def add(self, number: int, first: int, last: int) -> None:
        self.first = min(self.first or first, first)
        self.number, self.last = self.number + number, max(self.last, last)


def newest(user: User) -> int:
    """Return the id of the newest notification that is told to a user; 0 when nothing was told."""
    return told_to(user).aggregate(newest=Max("pk"))["newest"] or 0


def toasts(user: User, *, after: int, up_to: int, shown: Mapping[str, int]) -> list[Toast]:
    """Return the toasts that belong on a user's screen, those of what happened last at the end.

    Args:
        user: Who looks.
        after: The id of the newest notification that this browser has shown.
        up_to: The id of the newest one that counts; the browser goes on from there.
        shown: The toasts that are on the screen: by topic, the id of the first notification that each stands for.
    """
    told: dict[str, _Told] = {}
    _count(told, loud(user, after=after).filter(pk__lte=up_to), NAMES - shown.keys())
    for topic, first in shown.items():
        _count(told, loud(user, after=first - 1).filter(pk__lte=up_to), {topic})
    lasts = Notification.objects.in_bulk([one.last for one in told.values()])
    ordered = sorted((one for one in told.values() if one.last in lasts), key=lambda one: one.last)
    contacts = contacts_of(user, lasts.values())
    return [_toast(one, lasts[one.last], contacts) for one in ordered]


def _count(told: dict[str, _Told], rows: QuerySet[Notification], names: set[str]) -> None:
    for kind, model in FAILING.items():
        failing = model._default_manager.filter(pk=OuterRef("row_id"), pipedrive_sync_failed=True)  # noqa: SLF001
        rows = rows.filter(~Q(kind=kind) | Exists(failing))
    counted = (
        rows.order_by()
        .values("kind")
        .annotate(number=Count("pk"), failed=Count("row_id", distinct=True), first=Min("pk"), last=Max("pk"))
    )
    for row in counted:
        topic = TOPICS[NotificationKind(row["kind"])]
        if topic.name in names:
            number = row["failed"] if row["kind"] in FAILING else row["number"]
            told.setdefault(topic.name, _Told()).add(number, row["first"], row["last"])


def _toast(told: _Told, last: Notification, contacts: Container[int | None]) -> Toast:
    topic = TOPICS[NotificationKind(last.kind)]
    is_many = bool(topic.many) and told.number > 1
    contact_id = last.contact_id if not is_many and last.contact_id in contacts else None
    is_choice = contact_id is not None and _is_choice(last)
    link, words = _way(topic, last, contact_id, is_many=is_many)
    return Toast(
        topic=topic.name,
        tone=topic.tone,
        icon=topic.icon,
        first=told.first,
        text=topic.many.format(told.number) if is_many else last.text,
        link=link,
        link_words="Choose" if is_choice else words,
        contact_id=contact_id,
        stays=topic.stays,
        retries=topic.retries and not is_choice and (is_many or contact_id is not None),
    )


def _way(topic: Topic, last: Notification, contact_id: int | None, *, is_many: bool) -> tuple[str, str]:
    """Return where there is more to see, and the words that lead there; both empty for nowhere."""
    if contact_id is not None:
        why = "#in-pipedrive" if topic is CONTACTS else ""
        return reverse("web:contact", args=[contact_id]) + why, "View contact"
    if topic is ORGANIZATIONS and not is_many:
        return reverse("web:organization", args=[last.row_id]) + "#in-pipedrive", "View organization"
    if topic is WEBHOOK:
        return reverse("web:webhooks"), "View webhooks"
    if topic is ARRIVED:
        return reverse("web:contacts"), "View contacts"
    return (reverse("web:sync"), "See why") if topic.stays and topic is not LEFT else ("", "")


def _is_choice(told: Notification) -> bool:
    """Tell whether it is a person's turn: the row that failed has candidates."""
    model = FAILING.get(NotificationKind(told.kind))
    if model is None:
        return False
    rows = model._default_manager.filter(pk=told.row_id)  # noqa: SLF001 (documented as public)
    return rows.filter(pipedrive_sync_error_code=AMBIGUOUS).exists()
