"""A server that cleans what it stores: nothing is doubled or looks changed, and only what was edited goes over."""

from datetime import date, time
from typing import Any

import pytest
from api.caller import Caller
from bench_engine import Bench
from meddler import Meddler

from warmline.crm import book
from warmline.crm.activities import Activity
from warmline.crm.fields import NOTE_LENGTH
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Fault, FaultKind, Sandbox, World
from warmline.sync.models import Notification

pytestmark = pytest.mark.django_db

NOTE = "a\nb <anna@example.com> & c\n\n  indented"
FIRM = book.OrganizationDetails("Nordic  Oak", sector="Timber  trade", country="Norway")
CREATES = ("/api/v2/organizations", "/api/v2/persons", "/api/v2/activities")
LOST: tuple[FaultKind, ...] = ("no_answer_after", "error_after", "late_commit", "no_answer")


@pytest.fixture(autouse=True)
def _cleaning(world: World) -> None:
    world.settings.cleaning = True


def _add(alice: User, email: str = "Vera@Holm.example.com") -> tuple[Contact, Activity]:
    contact = book.add_contact(
        alice, name="Vera  Holm", email=email, phone="+49305550100", organization=FIRM, warmness_score=5
    )
    day, hour = date(2026, 12, 1), time(9, 30)
    call = book.log_activity(
        alice, contact, type="CALL", subject="Call  Vera", note=NOTE, due_date=day, due_time=hour, done=False
    )
    return contact, call


@pytest.mark.parametrize(
    ("mark", "email"), [(True, "Vera@Holm.example.com"), (False, "Vera@Holm.example.com"), (False, "")]
)
@pytest.mark.parametrize("path", CREATES)
@pytest.mark.parametrize("kind", LOST)
def test_a_lost_create_is_recognized(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, path: str, email: str, kind: FaultKind, *, mark: bool
) -> None:
    """Whatever the server made of what was sent: one of each, and the next edit is no conflict."""
    bench = bench.under(mark=mark)
    delay = 15.0 if kind == "late_commit" else 0.0
    sandbox.faults.add(Fault(kind=kind, method="POST", path=path, times=1, delay=delay))
    contact, call = _add(alice, email)

    bench.settle(120)
    contact.refresh_from_db()
    call.refresh_from_db()
    book.change_contact(contact, {"phone": "+49305550101"})
    book.change_activity(call, {"done": True})
    bench.settle(60)

    assert [len(rows) for rows in world.records.values()] == [1, 1, 1]
    assert world.persons[1]["phones"][0]["value"] == "+493 055 501 01"
    assert world.activities[1]["done"]
    assert not Notification.objects.filter(kind="change_kept").exists()


@pytest.mark.parametrize(
    ("kind", "changes", "sent"),
    [
        ("contact", {"name": "Vera  Holm-Oak"}, {"name"}),
        ("contact", {"email": "V@Holm.example.com"}, {"emails"}),
        ("contact", {"phone": "+49305550102"}, {"phones"}),
        ("contact", {"organization": book.OrganizationDetails("Second  Oak")}, {"org_id"}),
        ("organization", {"name": "Nordic  Elm"}, {"name"}),
        ("organization", {"country": "Sweden"}, {"address"}),
        ("organization", {"sector": "Wood  trade"}, {"custom_fields", "industry"}),
        ("activity", {"subject": "Call  Vera again"}, {"subject"}),
        ("activity", {"note": NOTE + "\nmore"}, {"note"}),
        ("activity", {"due_time": time(10, 30)}, {"due_time"}),
        ("activity", {"done": True}, {"done"}),
        ("activity", {"type": "MEETING"}, {"type"}),
    ],
)
def test_an_edit_sends_its_field_only(
    bench: Bench, world: World, meddler: Meddler, alice: User, kind: str, changes: dict[str, Any], sent: set[str]
) -> None:
    """What the server made of the others is nobody's change."""
    contact, call = _add(alice)
    bench.settle()
    row: Any = {"contact": contact, "organization": contact.organization, "activity": call}[kind]
    row.refresh_from_db()
    change: Any = getattr(book, f"change_{kind}")
    change(row, changes)

    bench.settle()
    row.refresh_from_db()
    change(row, {})
    bench.settle()

    assert [set(body) for body in meddler.updates] == [sent]
    assert not Notification.objects.filter(kind="change_kept").exists()
    row.refresh_from_db()
    assert row.revision == row.pipedrive_revision


def test_a_conflict_is_one_of_meaning(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """A colleague's note is taken over as text, and both are told."""
    _, call = _add(alice)
    bench.settle()
    html = '<p>Hello <b>Vera</b>&nbsp;&amp; co</p><ul><li>one</li></ul><script>alert("x")</script>'
    world.settings.cleaning = False
    sandbox.people.change("activities", 1, note=html)
    call.refresh_from_db()
    book.change_activity(call, {"note": "ours & mine"})

    bench.settle()

    call.refresh_from_db()
    assert call.note == "Hello Vera & co\n- one"
    assert world.activities[1]["note"] == html
    text = Notification.objects.get(kind="change_kept").text
    assert "“Hello Vera & co\n- one” was kept, not “ours & mine”" in text

    book.change_activity(call, {"subject": "Other"})
    bench.settle()
    assert (world.activities[1]["note"], world.activities[1]["subject"]) == (html, "Other")
    assert Notification.objects.filter(kind="change_kept").count() == 1


def test_a_note_that_is_too_long_for_us_stays_there_and_ours_here(
    bench: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """And that is told; what else was changed there is taken over all the same."""
    _, call = _add(alice)
    bench.settle()
    long = "x" * (NOTE_LENGTH + 1)
    sandbox.people.change("activities", 1, note=long, subject="By hand")
    call.refresh_from_db()
    book.change_activity(call, {"note": "ours", "subject": "Ours"})

    bench.settle()

    call.refresh_from_db()
    assert (call.note, call.subject) == ("ours", "By hand")
    assert long in world.activities[1]["note"]
    text = Notification.objects.get(kind="change_kept").text
    assert "which Warmline cannot store; the value here stays" in text
    assert "subject: Pipedrive's “By hand” was kept, not “Ours”." in text
    assert len(text) < 1000


def test_the_longest_note_arrives(bench: Bench, world: World, alice: User) -> None:
    """Escaped, it is five times as long; Pipedrive names no limit."""
    contact = book.add_contact(alice, name="Vera", warmness_score=5)
    book.log_activity(alice, contact, type="CALL", note="&" * NOTE_LENGTH)
    bench.settle()
    assert world.activities[1]["note"] == f"<p>{'&amp;' * NOTE_LENGTH}</p>"


@pytest.mark.parametrize("cleaning", [True, False])
def test_an_upgrade_sends_nothing(
    bench: Bench, world: World, sandbox: Sandbox, meddler: Meddler, alice: User, *, cleaning: bool
) -> None:
    """Snapshots as an earlier version stored them, of what it had sent raw or a colleague had written."""
    contact, _ = _add(alice)
    bench.settle()
    world.settings.cleaning = cleaning
    html = "<p>a</p><p>b <b>bold</b> &amp; c</p>"
    person = {"name": "Vera  Holm", "email": "Vera@Holm.example.com", "phone": "+49305550100"}
    Contact.objects.update(
        pipedrive_agreed={
            "ours": {**person, "organization": f"organization {contact.organization_id}"},
            "theirs": {**person, "organization": 1},
        }
    )
    firm = {"name": "Nordic  Oak", "sector": "Timber  trade", "country": "Norway"}
    Organization.objects.update(pipedrive_agreed={"ours": firm, "theirs": firm})
    said = {"subject": "Call  Vera", "type": "call", "due": "2026-12-01 09:30", "done": False}
    # A conflict of then: the colleague's HTML was taken over as it was.
    Activity.objects.update(
        note=html, pipedrive_agreed={"ours": {**said, "note": html}, "theirs": {**said, "note": html}}
    )
    sandbox.people.change("activities", 1, note=html)

    book.change_contact(Contact.objects.get(), {"phone": "+49305550109"})
    book.change_organization(Organization.objects.get(), {"country": "Sweden"})
    book.change_activity(Activity.objects.get(), {"done": True})
    bench.settle()

    assert sorted(key for body in meddler.updates for key in body) == ["address", "done", "phones"]
    assert not Notification.objects.filter(kind="change_kept").exists()


@pytest.mark.parametrize("raw", ["a\nb <anna@example.com> & c", "plain", "<b>", "a & b\n\nc"])
def test_a_note_that_was_once_sent_raw_is_no_conflict(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, raw: str
) -> None:
    """An edit of it goes over as HTML."""
    _, call = _add(alice)
    bench.settle()
    world.activities[1]["note"] = raw
    said = {**call.__class__.objects.get().pipedrive_agreed["ours"], "note": raw}
    Activity.objects.update(note=raw, pipedrive_agreed={"ours": said, "theirs": said})
    call.refresh_from_db()
    book.change_activity(call, {"note": f"{raw} and more"})

    world.settings.cleaning = False
    bench.settle()

    assert world.activities[1]["note"].endswith(" and more")
    assert "<anna" not in world.activities[1]["note"]
    assert not Notification.objects.filter(kind="change_kept").exists()


@pytest.mark.parametrize("searching", [True, False])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("vera@bücher.example.com", "Vera@xn--bcher-kva.example.com"),
        ("vera@xn--bcher-kva.example.com", "vera@bücher.example.com"),
        ("vera@example.com\u200b", "VERA@example.com"),
    ],
)
def test_one_address_is_one_person(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, ours: str, theirs: str, *, searching: bool
) -> None:
    """However it is written there or here, and whether the directory knows it or Pipedrive is searched."""
    sandbox.people.add("persons", name="Vera", emails=[{"value": theirs}])
    for name in ("Vera", "Vera H."):
        book.add_contact(alice, name=name, email=ours, warmness_score=5)

    (bench.searching() if searching else bench.fill_directory()).settle()

    assert list(world.persons) == [1]
    assert set(Contact.objects.values_list("pipedrive_person_id", flat=True)) == {1}


def test_what_is_not_seen_in_pipedrive_tells_nothing_apart(
    bench: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """Records that people made with it are found, and ours are not made beside them."""
    world.settings.cleaning = False
    sandbox.people.add("persons", name="Vera\ufeff", emails=[{"value": "vera@example.com\u200b"}])
    sandbox.people.add("organizations", name="Nordic\u00ad Oak\u200b")
    firm = book.OrganizationDetails("Nordic Oak")
    book.add_contact(alice, name="Vera", email="vera@example.com", warmness_score=5)
    book.add_contact(alice, name="Kim", email="kim@example.com", organization=firm, warmness_score=5)

    bench.fill_directory().settle()

    assert len(world.persons) == 2
    assert list(world.organizations) == [1]


def test_an_owner_is_found_in_any_spelling(bench: Bench, world: World, alice: User) -> None:
    """A user's e-mail in Pipedrive may hold what is not seen."""
    seat = world.add_user("Erin", "Erin@xn--bcher-kva.example.com.")
    erin = User.objects.create_user("erin@bücher.example.com", "Erin")
    book.add_contact(erin, name="Vera", warmness_score=5)
    bench.settle()
    assert world.persons[1]["owner_id"] == seat.id


def test_the_api_says_what_is_stored(alice: User) -> None:
    """Tidied: what is not seen is gone, what is seen is as it was typed."""
    api = Caller(alice)
    contact = api.add("\ufeffVera\u200b", email="ve\u00adra@example.com\u200b", phone="\u202a+1 2\u202c")
    assert (contact["name"], contact["email"], contact["phone"]) == ("Vera", "vera@example.com", "+1 2")
