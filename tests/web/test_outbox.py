"""The door of the outbox: what a browser kept is done once, for whoever made it, or refused with its reason."""

import json
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from web.filling import filled
from web.pages import look

from warmline.crm import book, idempotency, retention
from warmline.crm.activities import Activity
from warmline.crm.book import add_contact
from warmline.crm.idempotency import FORM_REMEMBERED_FOR, REMEMBERED_FOR, KeptAnswer
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync.policy import Policy
from warmline.web.offline_pages import owner

DAY = timedelta(days=1)


@pytest.fixture
def jordan(alice: User) -> Contact:
    """Return Alice's contact."""
    return add_contact(alice, name="Jordan Ames", warmness_score=3)


def item(user: User, kind: str, **fields: Any) -> dict[str, Any]:
    """Return what a browser hands in."""
    return {"user": owner(user), "kind": kind, "idempotency_key": str(uuid4()), **fields}


def hand_in(client: Client, sent: dict[str, Any]) -> dict[str, Any]:
    """Hand an item in, and return what came of it."""
    answer = client.post("/outbox/items", sent)
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_a_contact_and_a_call(alices: Client, alice: User) -> None:
    """Each is made once, however often its answer was lost."""
    contact = item(alice, "contact", name="Kim Castell", warmness_score="2", organization="Larkspur Mills")
    made = [hand_in(alices, contact) for _ in range(2)]
    kim = Contact.objects.get()
    assert [(each["state"], each["contact"]) for each in made] == [("done", kim.pk)] * 2
    call = item(alice, "activity", contact=kim.pk, type="CALL", note="Wants a quote", done="on")
    assert [hand_in(alices, call)["state"] for _ in range(2)] == ["done"] * 2
    assert (Activity.objects.get().note, kim.organization and kim.organization.name) == (
        "Wants a quote",
        "Larkspur Mills",
    )


def test_the_form_had_arrived(alices: Client) -> None:
    """It was sent from the page, saved, and its answer lost; the same key is handed in a month later."""
    alice = User.objects.get()
    sent = filled(look(alices.get("/contacts/new")), name="Kim Castell")
    alices.post("/contacts/new", sent)
    KeptAnswer.objects.update(at=timezone.now() - 30 * DAY)
    retention.sweep(timezone.now())
    came = hand_in(alices, {**sent, "user": owner(alice), "kind": "contact"})
    assert came["contact"] == Contact.objects.get().pk


def test_how_long_keys_are_remembered(alice: User, jordan: Contact) -> None:
    """Those of forms for 60 days, those of calls for one; each user's old ones go with the next."""
    for scope in (idempotency.scope_of(alice), "token:1"):
        with idempotency.claimed(scope, "a") as kept:
            kept.answer = {}
    KeptAnswer.objects.update(at=timezone.now() - REMEMBERED_FOR - DAY)
    retention.sweep(timezone.now())
    assert list(KeptAnswer.objects.values_list("scope", flat=True)) == [idempotency.scope_of(alice)]
    KeptAnswer.objects.update(at=timezone.now() - FORM_REMEMBERED_FOR - DAY)
    retention.sweep(timezone.now())
    assert not KeptAnswer.objects.exists()


def test_a_key_tells_nothing_of_another_table(alices: Client, alice: User, bob: User, jordan: Contact) -> None:
    """Somebody who sends a contact's key with an activity is not told the subject of one that is not theirs."""
    theirs = add_contact(bob, name="Secret")
    contact = item(alice, "contact", name="Kim", warmness_score="0")
    made = hand_in(alices, contact)["contact"]
    secret = book.log_activity(bob, theirs, type="CALL", subject="Secret plan")
    Activity.objects.filter(pk=secret.pk).update(id=made)
    came = hand_in(alices, {**contact, "kind": "activity", "contact": jordan.pk, "type": "CALL"})
    assert "Secret" not in came["text"]


@pytest.mark.parametrize(
    ("days", "done", "due"),
    [(2, "on", True), (2, "", False), (400, "on", True)],
)
def test_the_moment_at_which_it_was_logged(alices: Client, jordan: Contact, days: int, done: str, *, due: bool) -> None:
    """That is its day, whenever it arrives; a browser's clock that is far off does not count for more than a month."""
    sent = item(jordan.owner, "activity", contact=jordan.pk, type="CALL", age=days * 86400)
    hand_in(alices, {**sent, "done": done} if done else sent)
    logged, then = Activity.objects.get(), timezone.localdate() - min(days, 30) * DAY
    assert (logged.done, logged.due_date, logged.day) == (due, then if due else None, then)
    jordan.refresh_from_db()
    assert jordan.last_contacted == (then if due else None)


def test_a_day_that_was_typed(alices: Client, jordan: Contact) -> None:
    """It stays; what lay ahead when it was typed is planned, though it is past by now."""
    typed = timezone.localdate() - DAY
    sent = item(jordan.owner, "activity", contact=jordan.pk, type="CALL", age=3 * 86400, done="on", due_date=str(typed))
    hand_in(alices, sent)
    assert (Activity.objects.get().due_date, Activity.objects.get().done) == (typed, False)


@pytest.mark.parametrize("shown", [["3"], ["2", "3"], ["4", "3"]])
def test_a_warmness_that_still_holds(alices: Client, jordan: Contact, shown: list[str]) -> None:
    """One of the values that the person saw is there: it is set, with what undoes it, and once."""
    threshold = Policy.current().threshold
    sent = item(jordan.owner, "warmness", contact=jordan.pk, shown=shown, to=str(threshold))
    came = hand_in(alices, sent)
    assert (came["state"], "Undo</button>" in came["undo"]) == ("done", True)
    book.change_contact(jordan, {"warmness_score": 0})
    assert hand_in(alices, sent)["state"] == "done"  # its answer was lost, and somebody has changed it since
    jordan.refresh_from_db()
    assert jordan.warmness_score == 0


def test_a_warmness_that_changed(alices: Client, jordan: Contact) -> None:
    """The person chooses; to have what is there already is no conflict."""
    sent = item(jordan.owner, "warmness", contact=jordan.pk, shown=["3"], to="5")
    book.change_contact(jordan, {"warmness_score": 7})
    came = hand_in(alices, sent)
    assert (came["state"], came["present"]) == ("changed", 7)
    jordan.refresh_from_db()
    assert jordan.warmness_score == 7
    assert hand_in(alices, {**sent, "shown": ["7"]})["state"] == "done"
    jordan.refresh_from_db()
    assert jordan.warmness_score == 5
    assert hand_in(alices, item(jordan.owner, "warmness", contact=jordan.pk, shown=["3"], to="5"))["state"] == "done"


def test_grace(alices: Client, alice: User, settings: Any) -> None:
    """Crossing the threshold waits as it does on a page."""
    settings.GRACE_SECONDS = 60
    hand_in(alices, item(alice, "contact", name="Kim", warmness_score="9"))
    cold = add_contact(alice, name="Cold")
    hand_in(alices, item(alice, "warmness", contact=cold.pk, shown=["0"], to="9"))
    for contact in Contact.objects.all():
        assert contact.next_pipedrive_sync_attempt > timezone.now() + timedelta(seconds=30)


@pytest.mark.parametrize("kind", ["activity", "warmness"])
@pytest.mark.parametrize("gone", ["deleted", "handed over", "never there"])
def test_a_contact_that_is_gone(bobs: Client, alice: User, bob: User, kind: str, gone: str) -> None:
    """It is refused, and the reason says so; nothing is stored, not even the key."""
    kim = add_contact(bob, name="Kim")
    if gone == "deleted":
        book.delete_contacts(Contact.objects.filter(pk=kim.pk))
    elif gone == "handed over":
        book.hand_over(Contact.objects.filter(pk=kim.pk), alice)
    number = "" if gone == "never there" else kim.pk
    came = hand_in(bobs, item(bob, kind, contact=number, type="CALL", shown=["0"], to="5"))
    assert (came["state"], "deleted, or it now belongs" in came["reason"]) == ("refused", True)
    assert not Activity.objects.exists()
    assert not KeptAnswer.objects.exists()


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        ("contact", {"name": "", "warmness_score": "1"}, "Enter the name."),
        ("contact", {"name": "Kim", "email": "kim@", "warmness_score": "1"}, "e-mail"),
        ("activity", {"type": "DANCE"}, "Type"),
    ],
)
def test_what_is_not_valid(alices: Client, jordan: Contact, kind: str, fields: dict[str, str], reason: str) -> None:
    """The reason is the form's; and what was refused and mended is done under the same key."""
    sent = item(jordan.owner, kind, contact=jordan.pk, **fields)
    came = hand_in(alices, sent)
    assert (came["state"], reason in came["reason"]) == ("refused", True), came
    assert not KeptAnswer.objects.exists()


def test_another_user_sends_nothing(bobs: Client, alice: User) -> None:
    """An item is done only in the session of whoever made it."""
    assert hand_in(bobs, item(alice, "contact", name="Kim", warmness_score="0")) == {"state": "not_yours"}
    assert not Contact.objects.exists()


def test_nobody_is_signed_in(client: Client, alice: User) -> None:
    """A script is told by the status, and no message waits on the sign-in page."""
    sent = item(alice, "contact", name="Kim", warmness_score="0")
    for answer in (client.post("/outbox/items", sent), client.get("/outbox/token")):
        assert answer.status_code == 401
    assert "before this could be saved" not in look(client.get("/sign-in"))
    assert client.get("/outbox")["Location"].startswith("/sign-in")


def test_only_with_a_fresh_token(alice: User) -> None:
    """Another site's form is refused; the token that the door gives is taken."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice, "django.contrib.auth.backends.ModelBackend")
    sent = item(alice, "contact", name="Kim", warmness_score="0")
    assert browser.post("/outbox/items", sent).status_code == 403
    session = browser.get("/outbox/token").json()
    assert session["user"] == owner(alice)
    assert browser.post("/outbox/items", sent, headers={"X-CSRFToken": session["token"]}).json()["state"] == "done"


@pytest.mark.parametrize(
    "wrong", [{"kind": "settings"}, {"idempotency_key": "x"}, {"kind": "warmness", "to": "11"}, {"kind": "warmness"}]
)
def test_what_no_script_of_ours_sends(alices: Client, alice: User, wrong: dict[str, str]) -> None:
    """It is a bad request."""
    sent = item(alice, "contact", name="Kim", warmness_score="0")
    assert alices.post("/outbox/items", {**sent, **wrong}).status_code == 400


def test_the_page(alices: Client) -> None:
    """It is the same for everyone; what the browser keeps is filled in by a script."""
    assert 'id="outbox"' in look(alices.get("/outbox"))


def test_the_service_worker(client: Client, alice: User) -> None:
    """It is a script at the root of the site, with the policy of all pages, and no browser keeps an old one."""
    answer = client.get("/service-worker.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert "no-cache" in answer["Cache-Control"]
    assert "worker-src 'self'" in answer["Content-Security-Policy"]


def test_which_pages_may_be_kept(alices: Client, alice: User, jordan: Contact) -> None:
    """Lists, contacts and forms for new ones, marked with whose they are; never one that shows a secret."""
    book.change_contact(jordan, {"organization": book.OrganizationDetails("Larkspur Mills")})
    assert jordan.organization
    listed = ("/", "/contacts?q=a", f"/contacts/{jordan.pk}", "/contacts/new", "/organizations", "/outbox")
    for path in (*listed, f"/organizations/{jordan.organization.pk}"):
        assert alices.get(path)["Warmline-Keep"] == owner(alice)
    others = ("/profile", "/settings", "/settings/team", "/password", "/notifications", "/sync")
    for path in (
        *others,
        "/outbox/token",
        "/toasts",
        "/import",
        "/contacts/new?kept=x",
        f"/contacts/{jordan.pk}/edit",
        "/nothing",
    ):
        assert "Warmline-Keep" not in alices.get(path)
    assert "Warmline-Keep" not in alices.get("/contacts", headers={"HX-Request": "true"})
    assert "Warmline-Keep" not in Client().get("/sign-in")


def test_a_page_that_is_kept_ahead_takes_no_messages(alices: Client) -> None:
    """What was to be said is said on the page that the person looks at."""
    alices.post("/contacts/new", filled(look(alices.get("/contacts/new")), name="Kim Castell"))
    assert "Kim Castell added." not in look(alices.get("/outbox", headers={"Warmline-Keeping": "yes"}))
    assert "Kim Castell added." in look(alices.get("/contacts"))


def test_a_day_in_the_users_zone(bobs: Client, bob: User) -> None:
    """It is the day it was there, in their own zone."""
    kim = add_contact(bob, name="Kim")
    hand_in(bobs, item(bob, "activity", contact=kim.pk, type="CALL", done="on", age=86400))
    there: date = timezone.localtime(timezone.now() - DAY, bob.zone).date()
    assert Activity.objects.get().due_date == there


def test_a_new_secret_key(alices: Client, alice: User, settings: Any) -> None:
    """To a browser that is another installation: what it has kept belongs to nobody there, and nobody sends it."""
    sent = item(alice, "contact", name="Kim", warmness_score="0")
    settings.SECRET_KEY = "another-key-that-is-long-enough-for-all-of-this"
    alices.force_login(alice, "django.contrib.auth.backends.ModelBackend")
    assert hand_in(alices, sent) == {"state": "not_yours"}
