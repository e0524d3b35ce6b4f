"""Turns notifications into toasts: at most one per topic, which stands for all notifications on it.

A toast covers all notifications on its topic since its first one, as long as it is on the screen; the browser says
which toasts it shows. So a toast is updated in place, and looks the same after a reload. A failure counts once per row,
and only while the row still fails: when the last one is fixed, the toast disappears.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet
from django.urls import reverse

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sync import cursor_order
from warmline.sync.models import Notification, NotificationKind
from warmline.sync.notifications import contacts_of, loud, told_to
from warmline.sync.retries import AMBIGUOUS


@dataclass(frozen=True)
class Topic:
    """What a toast can be about.

    Attributes:
        name: Its name in ids and requests.
        tone: good, bad or plain.
        many: The text for several notifications, with {} for their number; if empty, the latest one is shown.
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


SYNCED = Topic("arrived", "good", "{} contacts are in Pipedrive.")
IMPORTED = Topic("imported", "good", "{} files were imported.")
CONTACTS = Topic("contacts", "bad", "Could not sync {} contacts.", stays=True, retries=True)
ORGANIZATIONS = Topic("organizations", "bad", "Could not sync {} organizations.", stays=True)
ACTIVITIES = Topic("activities", "bad", "Could not sync {} activities.", stays=True, retries=True)
DELETED_THERE = Topic("deleted", "bad", "{} records were deleted in Pipedrive.", stays=True)
LEFT_THERE = Topic("left", "bad", "{} records were deleted here, but may be in Pipedrive.", stays=True)
CHANGE_KEPT = Topic(
    "kept", "plain", "{} records were changed here and in Pipedrive at once. Pipedrive's values were kept."
)
NOT_RENAMED = Topic("name", "plain", "{} records keep another name in Pipedrive, because the names differed before.")
ACCOUNT = Topic("account", "bad", stays=True)
WEBHOOK = Topic("webhook", "bad", stays=True)
CONNECTION_LOST = Topic("connection", "bad", stays=True)
CONNECTION_BACK = Topic("connection", "good")

TOPICS = {
    NotificationKind.CONTACT_SYNCED: SYNCED,
    NotificationKind.IMPORT_DONE: IMPORTED,
    NotificationKind.CONTACT_FAILED: CONTACTS,
    NotificationKind.ORGANIZATION_FAILED: ORGANIZATIONS,
    NotificationKind.ACTIVITY_FAILED: ACTIVITIES,
    NotificationKind.DELETED_THERE: DELETED_THERE,
    NotificationKind.LEFT_THERE: LEFT_THERE,
    NotificationKind.CHANGE_KEPT: CHANGE_KEPT,
    NotificationKind.NOT_RENAMED: NOT_RENAMED,
    NotificationKind.OWNER_MISSING: ACCOUNT,
    NotificationKind.ACCOUNT_REFUSED: ACCOUNT,
    NotificationKind.TYPE_MISSING: ACCOUNT,
    NotificationKind.CONNECTION_LOST: CONNECTION_LOST,
    NotificationKind.CONNECTION_BACK: CONNECTION_BACK,
    NotificationKind.WEBHOOK_OFF: WEBHOOK,
    NotificationKind.GRANT_EXPIRES: ACCOUNT,
    NotificationKind.LINKS_CHECKED: Topic("links", "plain"),
    NotificationKind.OTHER_INSTALLATION: Topic("installation", "bad", stays=True),
    NotificationKind.ACTIVITY_SYNCED: Topic("activity", "good"),  # shown only on the notifications page
}
FAILING: dict[NotificationKind, type[Row]] = {
    NotificationKind.CONTACT_FAILED: Contact,
    NotificationKind.ORGANIZATION_FAILED: Organization,
    NotificationKind.ACTIVITY_FAILED: Activity,
}
TOPIC_NAMES = {topic.name for topic in TOPICS.values()}


@dataclass(frozen=True)
class Toast:
    """A toast, as the template shows it.

    Attributes:
        topic: The name of its topic; no other toast has it.
        tone, icon: How it looks.
        first: The id of the first notification that it covers.
        text: What happened and what to do.
        link, link_words: Where to see more; empty for nowhere.
        contact_id: The contact that "Try again" is for; None to retry everything that failed.
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
    """The notifications on a topic: their number, and the ids of the first and the last one."""

    number: int = 0
    first: int = 0
    last: int = 0

    def add(self, number: int, first: int, last: int) -> None:
        self.first = min(self.first or first, first)
        self.number, self.last = self.number + number, max(self.last, last)


def newest(user: User) -> int:
    """Return the cursor of a user's newest notification; 0 if there is none."""
    return cursor_order.newest(told_to(user))


def toasts(user: User, *, after: int, up_to: int, shown: Mapping[str, int]) -> list[Toast]:
    """Return the toasts that belong on a user's screen, ordered by their latest notification.

    Args:
        user: The user who looks.
        after: The id of the newest notification that this browser has already handled.
        up_to: The id of the newest notification to include; the browser continues from there.
        shown: The toasts on the screen: for each topic, the id of the first notification that its toast covers.
    """
    told: dict[str, _Told] = {}
    counted = {f"{cursor_order.order()}__lte": up_to}
    _count(told, loud(user, after=after).filter(**counted), TOPIC_NAMES - shown.keys())
    for topic, first in shown.items():
        _count(told, loud(user, after=first - 1).filter(**counted), {topic})
    rows = Notification.objects.filter(**{f"{cursor_order.order()}__in": [one.last for one in told.values()]})
    lasts = {row.cursor: row for row in rows}
    ordered = sorted((one for one in told.values() if one.last in lasts), key=lambda one: one.last)
    contacts = contacts_of(user, lasts.values())
    return [_toast(user, one, lasts[one.last], contacts) for one in ordered]


def _count(told: dict[str, _Told], rows: QuerySet[Notification], names: set[str]) -> None:
    for kind, model in FAILING.items():
        failing = model._default_manager.filter(pk=OuterRef("row_id"), pipedrive_sync_failed=True)  # noqa: SLF001
        rows = rows.filter(~Q(kind=kind) | Exists(failing))
    order = cursor_order.order()
    counted = (
        rows.order_by()
        .values("kind")
        .annotate(number=Count("pk"), failed=Count("row_id", distinct=True), first=Min(order), last=Max(order))
    )
    for row in counted:
        topic = TOPICS[NotificationKind(row["kind"])]
        if topic.name in names:
            number = row["failed"] if row["kind"] in FAILING else row["number"]
            told.setdefault(topic.name, _Told()).add(number, row["first"], row["last"])


def _toast(user: User, told: _Told, last: Notification, contacts: Container[int | None]) -> Toast:
    topic = TOPICS[NotificationKind(last.kind)]
    is_many = bool(topic.many) and told.number > 1
    contact_id = last.contact_id if not is_many and last.contact_id in contacts else None
    is_choice = contact_id is not None and _is_choice(last)
    if last.kind == NotificationKind.OWNER_MISSING and user.is_admin:
        link, words = reverse("web:team"), "View team"
    else:
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
    """Return where to see more, and the text of the link; both empty if there is no such page."""
    if contact_id is not None:
        why = "#in-pipedrive" if topic is CONTACTS else ""
        return reverse("web:contact", args=[contact_id]) + why, "View contact"
    if topic is ORGANIZATIONS and not is_many:
        return reverse("web:organization", args=[last.row_id]) + "#in-pipedrive", "View organization"
    if topic is WEBHOOK:
        return reverse("web:webhooks"), "View webhooks"
    if topic is IMPORTED and not is_many:
        return f"{reverse('web:contacts')}?import={last.row_id}", "View contacts"
    if topic in {SYNCED, IMPORTED}:
        return reverse("web:contacts"), "View contacts"
    return (reverse("web:sync"), "See why") if topic.stays and topic is not LEFT_THERE else ("", "")


def _is_choice(told: Notification) -> bool:
    """Tell whether a person has to choose, because the failed row has several candidates."""
    model = FAILING.get(NotificationKind(told.kind))
    if model is None:
        return False
    rows = model._default_manager.filter(pk=told.row_id)  # noqa: SLF001 (documented as public)
    return rows.filter(pipedrive_sync_error_code=AMBIGUOUS).exists()
