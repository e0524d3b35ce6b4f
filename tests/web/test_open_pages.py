"""Pages that stand open for a while: saving stores what the person changed there, and nothing else."""

from datetime import date, time
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test import Client
from meanwhile import meanwhile
from web.filling import filled
from web.pages import look

from warmline.crm import book, preferences, row_changes, team
from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sync.mapping import TYPES
from warmline.sync.models import Remembered

HTMX = {"HX-Request": "true"}


@pytest.fixture
def robin(bob: User) -> Contact:
    """Return Robin, Bob's contact."""
    return add_contact(
        bob, name="Robin Vale", email="old@example.com", phone="1", organization=OrganizationDetails("Mills")
    )


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_a_contacts_form(bobs: Client, robin: Contact, headers: dict[str, str]) -> None:
    """What Pipedrive and a colleague changed meanwhile stays; so it does when the form comes back with an error."""
    path = f"/contacts/{robin.pk}/edit"
    html = look(bobs.get(path, headers=headers))
    row_changes.take_over(Contact.objects.get(), {"email": "new@example.com"})
    html = look(bobs.post(path, filled(html, name="", phone=""), headers=headers))
    assert "Enter the name." in html
    book.change_contact(Contact.objects.get(), {"organization": None})
    bobs.post(path, filled(html, name="Robin Hill"), headers=headers)
    found = Contact.objects.get()
    assert (found.name, found.email, found.phone, found.organization) == ("Robin Hill", "new@example.com", "", None)


def test_an_organizations_form(bobs: Client, robin: Contact) -> None:
    """Like a contact's."""
    path = f"/organizations/{robin.organization_id}/edit"
    html = look(bobs.get(path))
    book.change_organization(Organization.objects.get(), {"sector": "Textiles"})
    bobs.post(path, filled(html, country="Spain"))
    found = Organization.objects.get()
    assert (found.name, found.sector, found.country) == ("Mills", "Textiles", "Spain")


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_an_activitys_form(bobs: Client, robin: Contact, headers: dict[str, str]) -> None:
    """A box that someone else ticked stays ticked, and a date that someone took away stays away."""
    activity = log_activity(robin.owner, robin, type="CALL", due_date=date(2026, 1, 1), due_time=time(10), done=False)
    path, field = f"/activities/{activity.pk}/edit", f"a{activity.pk}-subject"
    html = look(bobs.get(path, headers=headers))
    book.change_activity(activity, {"done": True, "due_time": None, "note": "theirs"})
    bobs.post(path, filled(html, **{field: "Talked"}), headers=headers)
    activity.refresh_from_db()
    assert (activity.subject, activity.done, activity.due_time, activity.note) == ("Talked", True, None, "theirs")


@pytest.mark.parametrize("seen", [True, False], ids=["by a browser", "by a script"])
def test_saving_an_activity_as_it_is(bobs: Client, robin: Contact, *, seen: bool) -> None:
    """It is no change, whatever line ends a browser sends, and though a program gave seconds."""
    note = "\none\ntwo  \n\n<three> "
    when = {"due_date": date(2026, 1, 1), "due_time": time(10, 30, 15)}
    activity = log_activity(robin.owner, robin, type="MEETING", note=note, done=True, **when)  # type: ignore[arg-type]
    path, field = f"/activities/{activity.pk}/edit", f"a{activity.pk}-note"
    sent = filled(look(bobs.get(path)), **{field: note})
    if not seen:
        sent = {name: value for name, value in sent.items() if not name.startswith("initial-")}
    assert "<h3>" in look(bobs.post(path, sent, headers=HTMX))
    found = Activity.objects.get()
    assert (found.note, found.due_time, found.revision) == (note, time(10, 30, 15), 1)


def test_a_profile(bobs: Client, bob: User) -> None:
    """What an admin takes at the very moment is not given back."""

    def demote() -> None:
        User.objects.filter(pk=bob.pk).update(is_admin=False, is_active=False)

    team.change_member(bob, is_admin=True)
    with meanwhile(demote):
        bobs.post("/profile", {"name": "Bobby", "time_zone": "UTC"})
    bob.refresh_from_db()
    assert (bob.name, bob.time_zone, bob.is_admin, bob.is_active) == ("Bobby", "UTC", False, False)


def test_two_who_change_one_field(bobs: Client, alices: Client, robin: Contact) -> None:
    """The second is asked, and then the last one wins."""
    path = f"/contacts/{robin.pk}/edit"
    his, hers = (look(browser.get(path)) for browser in (bobs, alices))
    bobs.post(path, filled(his, phone="2"))
    asked = look(alices.post(path, filled(hers, phone="3")))
    assert Contact.objects.get().phone == "2"
    alices.post(path, filled(asked, phone="3") | {"phone-choice": "mine"})
    assert Contact.objects.get().phone == "3"


def test_a_script_that_was_shown_nothing(bobs: Client, robin: Contact) -> None:
    """It changes what it sends, and empties what it leaves out."""
    look(bobs.post(f"/contacts/{robin.pk}/edit", {"name": "Robin Hill", "phone": "1"}, follow=True))
    found = Contact.objects.get()
    assert (found.name, found.email, found.phone, found.organization) == ("Robin Hill", "", "1", None)


def test_a_members_form(alices: Client, bob: User) -> None:
    """A right that another admin took meanwhile is not given back."""
    users = [{"id": 7, "name": "Bob There", "email": "bob@example.com", "active": True}]
    Remembered.objects.create(name="users", value=users, at="2026-01-01T00:00:00Z")
    team.change_member(bob, is_admin=True)
    html = look(alices.get(f"/settings/team/{bob.pk}"))
    team.change_member(bob, is_admin=False)
    alices.post(f"/settings/team/{bob.pk}", filled(html, pipedrive_user_id="7"))
    bob.refresh_from_db()
    assert (bob.is_admin, bob.pipedrive_user_id) == (False, 7)


def test_the_rules(alices: Client) -> None:
    """What another admin decided meanwhile holds; only what was changed is decided at all."""
    types = [{"id": number, "key": key} for number, key in enumerate({*TYPES.values(), "deadline"})]
    Remembered.objects.create(name="activity_types", value=types, at="2026-01-01T00:00:00Z")
    html = look(alices.get("/settings/warm-leads"))
    preferences.change({"threshold": 8, "activity_types": {"REFERRAL": "deadline"}})
    alices.post("/settings/warm-leads", filled(html, label="Hot", type_LINKEDIN="deadline"))
    decided = preferences.current()
    assert (decided.threshold, decided.label) == (8, "Hot")
    assert decided.activity_types == {"REFERRAL": "deadline", "LINKEDIN": "deadline"}
    assert preferences.stored().seats is None


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("contacts/{}/edit", {"name": "Robin Hill"}),
        ("contacts/{}/warmness", {"warmness-{}": "7"}),
        ("contacts/{}/activities", {"type": "CALL"}),
        ("activities/{}/done", {}),
    ],
)
def test_what_is_deleted_meanwhile(
    bobs: Client, robin: Contact, path: str, data: dict[str, str], headers: dict[str, str]
) -> None:
    """It is answered like what was never there."""
    activity = log_activity(robin.owner, robin, type="MEETING", done=False)
    pk = (activity if path.startswith("activities") else robin).pk
    with meanwhile(lambda: book.delete_contacts(Contact.objects.all())):
        response = bobs.post(
            f"/{path.format(pk)}", {name.format(pk): value for name, value in data.items()}, headers=headers
        )
    assert "Page not found" in look(response, 404)


def test_two_who_invite_one(alices: Client) -> None:
    """The second one is told beside the field."""
    dave = {"name": "Dave", "email": "dave@example.com", "time_zone": "UTC"}
    with meanwhile(lambda: User.objects.create_user("DAVE@example.com", "Dave")):
        html = look(alices.post("/settings/team/invitation", dave))
    assert "A user with this e-mail already exists. Use another e-mail." in html
    assert User.objects.filter(name="Dave").count() == 1


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_two_who_take_one_name(bobs: Client, robin: Contact, headers: dict[str, str]) -> None:
    """Whoever comes second is told beside the field, with what was typed still there."""
    path = f"/organizations/{robin.organization_id}/edit"
    sent = filled(look(bobs.get(path)), name="Birch")
    with meanwhile(lambda: Organization.objects.bulk_create([Organization(name="BIRCH")]), ("UPDATE",)):
        html = look(bobs.post(path, sent, headers=headers))
    assert "An organization with this name already exists. Use another name." in html
    assert 'value="Birch"' in html


def test_a_constraint_that_nobody_else_broke(bobs: Client, robin: Contact, caplog: pytest.LogCaptureFixture) -> None:
    """It is no news for the form, but a fault of ours: the page says so, and the log tells it."""

    def broken(execute: Any, sql: str, *more: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise IntegrityError("CHECK constraint failed: organization_has_a_name")
        return execute(sql, *more)

    bobs.raise_request_exception = False
    with connection.execute_wrapper(broken):
        response = bobs.post(f"/organizations/{robin.organization_id}/edit", {"name": "Birch"})
    assert response.status_code == 500
    assert "organization_has_a_name" in caplog.text


GONE = "1 was no longer there: deleted, or handed over to a colleague."


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("deed", ["delete", "hand over"])
@pytest.mark.parametrize(
    ("action", "says"),
    [
        ({"action": "warmness", "score": "7"}, "Warmness set to 7 for 2 contacts."),
        ({"action": "retry"}, "Trying again: 2 of 2 contacts."),
        ({"action": "hand-over"}, "2 contacts handed over to Dora."),
        ({"action": "delete", "sure": "yes"}, "2 contacts deleted."),
    ],
    ids=lambda value: value["action"] if isinstance(value, dict) else "",
)
def test_one_of_several_is_gone_meanwhile(
    bobs: Client, bob: User, alice: User, action: dict[str, Any], says: str, deed: str, place: int
) -> None:
    """Whichever it is, the others are done, and the summary tells of it."""
    dora = User.objects.create_user("dora@example.com", "Dora")
    ids = [add_contact(bob, name=f"Robin {number}", warmness_score=5).pk for number in range(3)]
    Contact.objects.update(pipedrive_sync_failed=True)
    lost = Contact.objects.filter(pk=ids[place])

    def colleague() -> None:
        if deed == "delete":
            book.delete_contacts(lost)
        else:
            book.hand_over(lost, alice)

    with meanwhile(colleague):
        response = bobs.post("/contacts/selected", {"ids": ids, "to": dora.pk, **action}, follow=True)
    html = look(response)
    assert says in html
    assert GONE in html
    left = Contact.objects.exclude(pk=ids[place])
    if action["action"] == "warmness":
        assert {each.warmness_score for each in left} == {7}
        assert all(each.warmness_score == 5 for each in lost)
    elif action["action"] == "retry":
        assert not any(each.pipedrive_sync_failed for each in left)


def test_all_of_several_are_gone(bobs: Client, bob: User) -> None:
    """Which is another thing than ticking none."""
    ids = [add_contact(bob, name=f"Robin {number}").pk for number in range(2)]
    book.delete_contacts(Contact.objects.all())
    html = look(bobs.post("/contacts/selected", {"ids": ids, "action": "warmness", "score": "7"}, follow=True))
    assert "2 were no longer there: deleted" in html
    assert "Select at least one contact first" in look(
        bobs.post("/contacts/selected", {"action": "retry"}, follow=True)
    )


@pytest.mark.parametrize("path", ["contacts/selected", "contacts/{}/hand-over"])
def test_who_gets_them_has_left(bobs: Client, alice: User, robin: Contact, path: str) -> None:
    """Nothing goes to who left at the very moment."""
    with meanwhile(lambda: User.objects.filter(pk=alice.pk).update(is_active=False)):
        response = bobs.post(
            f"/{path.format(robin.pk)}", {"ids": robin.pk, "action": "hand-over", "to": alice.pk}, follow=True
        )
    assert response.status_code == (200 if "selected" in path else 404)
    assert Contact.objects.get().owner == robin.owner


def test_handing_over_what_is_deleted_meanwhile(bobs: Client, alice: User, robin: Contact) -> None:
    """Nobody is told that it is somebody's."""
    with meanwhile(lambda: book.delete_contacts(Contact.objects.all())):
        look(bobs.post(f"/contacts/{robin.pk}/hand-over", {"to": alice.pk}), 404)
