"""What becomes a toast: one a topic, in the user's own words, growing while it is on the screen."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from web.pages import look

from warmline.crm.activities import Activity
from warmline.crm.book import add_contact, hand_over, log_activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sync import notifications
from warmline.sync.models import Notification, NotificationKind
from warmline.web.presentation.toasts import FAILING, TOPICS, Toast, newest, toasts

K = NotificationKind

pytestmark = pytest.mark.django_db


def tell(kind: NotificationKind, user: User | None, text: str = "Something happened.", **more: Any) -> int:
    """Tell something, and return its id."""
    notifications.tell(kind, text, now=timezone.now(), user=user, **more)
    return Notification.objects.latest("pk").pk


def failing(owner: User, name: str = "Jordan Ames", code: str = "rejected") -> Contact:
    """Return a warm contact that failed."""
    contact = add_contact(owner, name=name, warmness_score=5)
    Contact.objects.filter(pk=contact.pk).update(pipedrive_sync_failed=True, pipedrive_sync_error_code=code)
    return contact


def failing_activity(contact: Contact) -> Activity:
    """Return a call that failed."""
    activity = log_activity(contact.owner, contact, type="CALL")
    Activity.objects.filter(pk=activity.pk).update(pipedrive_sync_failed=True)
    return activity


def shown(user: User, after: int = 0, **on_screen: int) -> list[Toast]:
    """Return a user's toasts."""
    return toasts(user, after=after, up_to=newest(user), shown=on_screen)


def test_each_kind_has_a_topic() -> None:
    """So that nothing is told that no toast and no list knows how to show."""
    assert TOPICS.keys() == set(NotificationKind)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([], []),
        ([K.CONTACT_SYNCED], [("arrived", "text 0", False)]),
        ([K.CONTACT_SYNCED] * 38, [("arrived", "38 contacts are in Pipedrive.", False)]),
        ([K.ACTIVITY_SYNCED] * 5, []),
        ([K.CONNECTION_LOST], [("connection", "text 0", True)]),
        ([K.CONNECTION_LOST, K.CONNECTION_BACK], [("connection", "text 1", False)]),
        ([K.OWNER_MISSING, K.TYPE_MISSING], [("account", "text 1", True)]),
    ],
)
def test_many_become_one(alice: User, kinds: list[NotificationKind], expected: list[tuple[str, str, bool]]) -> None:
    """One for each topic, the latest at the end; errors stay, good news goes."""
    for number, kind in enumerate(kinds):
        tell(kind, alice, f"text {number}")
    assert [(toast.topic, toast.text, toast.stays) for toast in shown(alice)] == expected


def test_failures_count_once_for_each_row(alice: User) -> None:
    """However often each was tried again; among others in the order of what was told last."""
    contact = failing(alice)
    first, second = failing_activity(contact), failing_activity(contact)
    for activity in (first, first):
        tell(K.ACTIVITY_FAILED, alice, "The first call.", contact=contact, row_id=activity.pk)
    tell(K.CONTACT_SYNCED, alice, "It arrived.")
    assert [toast.text for toast in shown(alice)] == ["The first call.", "It arrived."]
    tell(K.ACTIVITY_FAILED, alice, "The second call.", contact=contact, row_id=second.pk)
    assert [toast.text for toast in shown(alice)] == [
        "It arrived.",
        "Could not sync 2 activities.",
    ]


@pytest.mark.parametrize("kind", FAILING)
def test_what_is_mended_is_no_toast(alice: User, kind: NotificationKind) -> None:
    """Nor what was deleted since; what still fails stays, on the screen as well."""
    contact = failing(alice)
    rows = {
        K.CONTACT_FAILED: contact,
        K.ACTIVITY_FAILED: failing_activity(contact),
        K.ORGANIZATION_FAILED: Organization.objects.create(name="Larkspur Mills", pipedrive_sync_failed=True),
    }
    row = rows[kind]
    first = tell(kind, alice, contact=contact, row_id=row.pk)
    topic = TOPICS[kind].name
    assert [toast.topic for toast in shown(alice)] == [topic]
    assert [toast.topic for toast in shown(alice, first, **{topic: first})] == [topic]
    FAILING[kind]._default_manager.update(pipedrive_sync_failed=False)
    assert shown(alice) == []
    assert shown(alice, first, **{topic: first}) == []


def test_a_toast_on_the_screen_grows(alice: User) -> None:
    """It stands for all since its first one; what was dismissed is not told again."""
    first = tell(K.CONTACT_SYNCED, alice)
    tell(K.CONNECTION_LOST, None)
    last = tell(K.CONTACT_SYNCED, alice)
    tell(K.CONTACT_SYNCED, alice)
    assert [toast.text for toast in shown(alice, last, arrived=first)] == ["3 contacts are in Pipedrive."]
    assert [toast.text for toast in shown(alice, last)] == ["Something happened."]
    assert [toast.first for toast in shown(alice, newest(alice), arrived=first)] == [first]


def test_whose_toasts(alice: User, bob: User) -> None:
    """Nobody sees a toast about a colleague's contact."""
    tell(K.CONTACT_SYNCED, bob, "Bob's")
    tell(K.CONNECTION_LOST, None, "Everyone's")
    assert [toast.text for toast in shown(alice)] == ["Everyone's"]


def test_a_toast_leads_on(alice: User) -> None:
    """To its contact, and to another try of it where that helps; several lead to the list of what failed."""
    contact, other = failing(alice), failing(alice, "Robin Vale")
    tell(K.CONTACT_FAILED, alice, contact=contact, row_id=contact.pk)
    (toast,) = shown(alice)
    assert (toast.link, toast.contact_id, toast.retries) == (f"/contacts/{contact.pk}#in-pipedrive", contact.pk, True)
    tell(K.CONTACT_FAILED, alice, contact=other, row_id=other.pk)
    (toast,) = shown(alice)
    assert (toast.link, toast.contact_id, toast.retries) == ("/sync", None, True)


def test_who_owns_records_is_chosen_in_team(alice: User, bob: User) -> None:
    """There an admin chooses a member's user in Pipedrive; a member cannot open that page."""
    for user in (alice, bob):
        tell(K.OWNER_MISSING, user)
    (toast,) = shown(alice)
    assert (toast.link, toast.link_words) == ("/settings/team", "View team")
    (toast,) = shown(bob)
    assert toast.link == "/sync"


def test_a_choice_is_not_tried_again(alice: User) -> None:
    """The toast leads to the candidates instead."""
    contact = failing(alice, code="ambiguous")
    tell(K.CONTACT_FAILED, alice, contact=contact, row_id=contact.pk)
    (toast,) = shown(alice)
    assert (toast.link, toast.link_words) == (f"/contacts/{contact.pk}#in-pipedrive", "Choose")
    assert not toast.retries


def test_a_toast_after_a_hand_over(alice: User, bob: User) -> None:
    """It leads to the contact only as long as one may see it."""
    contact = failing(bob)
    tell(K.CONTACT_FAILED, bob, contact=contact, row_id=contact.pk)
    hand_over(Contact.objects.all(), alice)
    (toast,) = shown(bob)
    assert (toast.link, toast.contact_id, toast.retries) == ("/sync", None, False)


def test_the_fragment(alices: Client, alice: User) -> None:
    """It holds the toasts as the page shows them; who comes for the first time is only told where to go on."""
    contact = failing(alice, "Jordan <Ames>")
    text = "Could not sync “Call <Ames>”."
    pk = tell(K.ACTIVITY_FAILED, alice, text, contact=contact, row_id=failing_activity(contact).pk)
    first_time = look(alices.get("/toasts"))
    assert f'data-newest="{pk}"' in first_time
    assert "toast-activities" not in first_time
    html = look(alices.get(f"/toasts?after={pk - 1}"))
    assert 'id="toast-activities"' in html
    assert "Call &lt;Ames&gt;" in html
    assert 'action="/sync/retry"' in html
    assert look(alices.get("/toasts?after=x&arrived=-1")) == first_time
