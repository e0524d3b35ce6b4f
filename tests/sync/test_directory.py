"""The directory: what Pipedrive holds is found for next to nothing, and never wrongly."""

from datetime import timedelta
from hashlib import sha256
from itertools import cycle, pairwise

import httpx
import pytest
from bench_engine import Bench
from meddler import Meddler

from warmline.crm.book import OrganizationDetails, add_contact, change_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.pipedrive import Pipedrive
from warmline.sandbox import Fault, FaultKind, Sandbox, World
from warmline.sync.models import DirectoryEntry, DirectoryState
from warmline.sync.remote import connection_health
from warmline.sync.remote.directory import Directory, forget_another_account

pytestmark = pytest.mark.django_db

MILLS = OrganizationDetails("Larkspur Mills")
PARTIES = ("/api/v2/persons", "/api/v2/organizations")


def email(address: str) -> list[dict[str, object]]:
    """Return the e-mails of a person with this one."""
    return [{"value": address, "primary": True, "label": "work"}]


def spent(world: World, before: int = 0) -> list[tuple[str, str, int]]:
    """Return method, path and price of the calls since one."""
    return [(call.method, call.path, call.tokens) for call in world.calls[before:]]


def test_a_lead_alone_costs_thirty_tokens_and_an_activity_five(bench: Bench, world: World, alice: User) -> None:
    """One look for the person, one for its organization, two creates; with the account known by then."""
    bench.fill_directory()
    for name in ("Robin Vale", "Kim Castell"):
        add_contact(alice, name=name, organization=MILLS, warmness_score=5)
        bench.settle()
    bench.clock.sleep(60)
    before = len(world.calls)

    details = OrganizationDetails("Tern Optics")
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", organization=details, warmness_score=5)
    bench.settle()

    assert spent(world, before) == [
        ("GET", "/api/v2/persons", 10),
        ("GET", "/api/v2/organizations", 10),
        ("POST", "/api/v2/organizations", 5),
        ("POST", "/api/v2/persons", 5),
    ]
    log_activity(alice, contact, type="CALL")
    bench.settle()
    log_activity(alice, contact, type="CALL")
    before = len(world.calls)
    bench.settle()
    assert spent(world, before) == [("POST", "/api/v2/activities", 5)]


def test_the_first_row_lists_rather_than_searches(bench: Bench, world: World, alice: User) -> None:
    """On a new installation a page of each list costs less than a search, and holds all of a small account."""
    add_contact(alice, name="Robin Vale", email="robin@example.com", organization=MILLS, warmness_score=5)

    (work,) = [work for work in bench.engine.due(bench.clock.now()) if work.kind == "contact"]
    bench.engine.bring(work)

    assert len(world.persons) == len(world.organizations) == 1
    looks = [call for call in spent(world) if call[0] == "GET" and call[1].startswith(PARTIES)]
    assert looks == [("GET", "/api/v2/persons", 10), ("GET", "/api/v2/organizations", 10)]


@pytest.mark.parametrize("kind", ["error", "no_answer"])
def test_a_first_page_that_cannot_be_had_holds_nobody_up(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, kind: FaultKind
) -> None:
    """Pipedrive is searched then, and the page is tried again later, by whoever fills the directory."""
    for path in PARTIES:
        sandbox.faults.add(Fault(kind=kind, method="GET", path=path))
    add_contact(alice, name="Robin Vale", email="robin@example.com", organization=MILLS, warmness_score=5)

    for work in bench.engine.due(bench.clock.now()):
        bench.engine.bring(work)

    assert len(world.persons) == len(world.organizations) == 1
    assert [call[1] for call in spent(world) if call[1] in PARTIES and call[0] == "GET"] == list(PARTIES)


def test_one_look_serves_every_row_that_is_waiting(bench: Bench, world: World, alice: User) -> None:
    """Thirty contacts of fifteen organizations that were saved together cost two looks beside their creates."""
    bench.fill_directory()
    for name in ("Robin Vale", "Kim Castell"):
        add_contact(alice, name=name, organization=MILLS, warmness_score=5)
        bench.settle()
    bench.clock.sleep(60)
    for number in range(30):
        firm = OrganizationDetails(f"Firm {number // 2}")
        add_contact(alice, name="Ada", email=f"ada{number}@example.com", organization=firm, warmness_score=5)
    before = len(world.calls)

    bench.settle(20)

    assert len(world.persons) == 32
    assert len(world.organizations) == 16
    assert sum(price for _, _, price in spent(world, before)) <= 1.05 * 5 * 45 + 20


def test_a_look_from_before_a_row_was_saved_does_not_serve_it(
    bench: Bench, sandbox: Sandbox, world: World, alice: User
) -> None:
    """A colleague's person is found although a look was taken a moment before it was made."""
    bench.fill_directory()
    add_contact(alice, name="Robin Vale", email="robin@example.com", warmness_score=5)
    bench.settle(1)
    person = sandbox.add("persons", name="J. Ames", emails=email("Jordan@Example.com"))
    bench.clock.sleep(1)
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    Contact.objects.filter(pk=contact.pk).update(next_pipedrive_sync_attempt=bench.clock.now())

    bench.settle(5)

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == person["id"]


def test_what_is_known_costs_one_token(bench: Bench, sandbox: Sandbox, world: World, alice: User) -> None:
    """Who was there when the directory was filled is adopted after one get, without a look."""
    person = sandbox.add("persons", name="J. Ames", emails=email("jordan@example.com"), label_ids=[11])
    bench.fill_directory()
    before = len(world.calls)
    contact = add_contact(alice, name="Jordan Ames", email="JORDAN@example.com", warmness_score=5)

    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == person["id"]
    assert [path for _, path, _ in spent(world, before)].count("/api/v2/persons") == 0


def test_who_was_deleted_since_is_not_adopted(bench: Bench, sandbox: Sandbox, world: World, alice: User) -> None:
    """The get shows that the known person is gone, and a new one is made."""
    person = sandbox.add("persons", name="J. Ames", emails=email("jordan@example.com"))
    bench.fill_directory()
    sandbox.people.delete("persons", person["id"])
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)

    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id not in {None, person["id"]}


def test_a_merge_since_is_followed(bench: Bench, sandbox: Sandbox, alice: User) -> None:
    """The known person was merged into another, who is found by a look under the same e-mail."""
    loser = sandbox.add("persons", name="J. Ames", emails=email("jordan@example.com"))
    winner = sandbox.add("persons", name="Jordan Ames", emails=email("ames@example.com"))
    bench.fill_directory()
    bench.clock.sleep(60)
    sandbox.people.merge("persons", loser["id"], winner["id"])
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    Contact.objects.filter(pk=contact.pk).update(next_pipedrive_sync_attempt=bench.clock.now())

    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == winner["id"]


def test_two_of_one_name_are_for_a_person_to_decide(bench: Bench, sandbox: Sandbox, alice: User) -> None:
    """Both organizations are offered."""
    ids = [sandbox.add("organizations", name=name)["id"] for name in ("Larkspur  Mills", "LARKSPUR MILLS")]
    bench.fill_directory()
    contact = add_contact(alice, name="Jordan Ames", organization=MILLS, warmness_score=5)

    bench.settle()

    assert contact.organization is not None
    contact.organization.refresh_from_db()
    assert [each["pipedrive_id"] for each in contact.organization.pipedrive_candidates] == ids


def test_a_restored_backup_finds_its_persons_by_their_mark(bench: Bench, world: World, alice: User) -> None:
    """A person whose link was forgotten, and whose e-mail was changed in Pipedrive, is found all the same."""
    bench.fill_directory()
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    bench.settle()
    (person,) = world.persons.values()
    person["emails"] = email("changed@example.com")
    person["update_time"] = person["add_time"]
    Contact.objects.update(pipedrive_person_id=None, next_pipedrive_sync_attempt=bench.clock.now())
    bench.clock.sleep(60)

    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == person["id"]
    assert len(world.persons) == 1


def test_filling_goes_on_where_it_stopped(
    bench: Bench, pipedrive: Pipedrive, sandbox: Sandbox, world: World, alice: User
) -> None:
    """A listing of three pages is read a page at a time, by whoever is there; until its end Pipedrive is searched."""
    for number in range(1100):
        sandbox.add("persons", name=f"Person {number}", emails=email(f"person{number}@example.com"))
    directory = Directory(bench.clock, 1000)
    assert directory.fill(pipedrive)
    assert directory.fill(pipedrive)
    assert [(each.kind, each.is_full) for each in directory.progress()] == [("person", False), ("organization", True)]
    add_contact(alice, name="Nobody", email="nobody@example.com", warmness_score=5)
    bench.engine.bring(bench.engine.due(bench.clock.now())[0])
    assert "/api/v2/persons/search" in {path for _, path, _ in spent(world)}

    another = Directory(bench.clock, 1000)
    assert another.fill(pipedrive)
    assert not another.fill(pipedrive)

    lists = [path for _, path, _ in spent(world) if path in {"/api/v2/persons", "/api/v2/organizations"}]
    assert lists.count("/api/v2/persons") == 1 + 3  # the first was the contact's own create
    assert {each.kind: each.is_full for each in another.progress()} == {"person": True, "organization": True}
    assert DirectoryEntry.objects.filter(kind="person").count() >= 1100


def test_an_account_that_is_too_large_is_searched(bench: Bench, sandbox: Sandbox, world: World, alice: User) -> None:
    """Listing stops before it has cost more than its share, and who is there is found by search."""
    for number in range(1100):
        sandbox.add("persons", name=f"Person {number}", emails=email(f"person{number}@example.com"))
    contact = add_contact(alice, name="P. 7", email="person7@example.com", warmness_score=5)

    bench.listing_for(25).settle(60)

    contact.refresh_from_db()
    assert world.persons[contact.pipedrive_person_id or 0]["name"] == "Person 7"
    assert len(world.persons) == 1100
    assert sum(DirectoryState.objects.values_list("tokens", flat=True)) == 20
    progress = Directory(bench.clock, allowance=25).progress()
    assert {each.kind: each.is_too_large for each in progress} == {"person": True, "organization": False}


def test_an_expired_cursor_begins_anew(bench: Bench, pipedrive: Pipedrive, sandbox: Sandbox) -> None:
    """A cursor that Pipedrive does not know any more is forgotten, and the listing begins from the first page."""
    for number in range(600):
        sandbox.add("organizations", name=f"Firm {number}")
    directory = Directory(bench.clock, 1000)
    directory.fill(pipedrive)
    DirectoryState.objects.filter(kind="organization").update(cursor="expired")

    bench.fill_directory()
    bench.fill_directory()

    assert DirectoryEntry.objects.filter(kind="organization").count() == 600


def test_another_account_begins_anew(bench: Bench, pipedrive: Pipedrive, sandbox: Sandbox) -> None:
    """With another token everything that was learnt is forgotten; with the same one nothing is."""
    sandbox.add("persons", name="J. Ames", emails=email("jordan@example.com"))
    forget_another_account(pipedrive, "a-token")
    bench.fill_directory()
    forget_another_account(pipedrive, "a-token")
    assert DirectoryEntry.objects.exists()
    forget_another_account(pipedrive, "another-token")
    assert not DirectoryEntry.objects.exists()
    assert not DirectoryState.objects.exists()


def test_it_holds_no_e_mail(bench: Bench, sandbox: Sandbox) -> None:
    """Neither an e-mail nor a plain hash of one is in it."""
    sandbox.add("persons", name="J. Ames", emails=email("jordan@example.com"))
    bench.fill_directory()
    (key,) = DirectoryEntry.objects.values_list("key", flat=True)
    assert "jordan" not in key
    assert not sha256(b"jordan@example.com").hexdigest().startswith(key)


def test_a_changed_e_mail_is_known_by_the_next_look(bench: Bench, sandbox: Sandbox, alice: User) -> None:
    """Under the old e-mail a person is not found any more."""
    person = sandbox.add("persons", name="J. Ames", emails=email("old@example.com"))
    bench.fill_directory()
    bench.clock.sleep(30)
    sandbox.people.change("persons", person["id"], emails=email("new@example.com"))
    contact = add_contact(alice, name="Jordan Ames", email="new@example.com")
    bench.clock.sleep(timedelta(minutes=2).total_seconds())
    change_contact(contact, {"warmness_score": 5})
    Contact.objects.filter(pk=contact.pk).update(next_pipedrive_sync_attempt=bench.clock.now())

    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == person["id"]
    assert Directory(bench.clock, 1000).known("person", "old@example.com") == set()  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["error", "html_error", "no_answer"])
def test_a_list_that_cannot_be_had_is_tried_ever_more_rarely(
    bench: Bench, sandbox: Sandbox, world: World, alice: User, caplog: pytest.LogCaptureFixture, kind: FaultKind
) -> None:
    """In an hour of it a handful of calls, counted in the allowance, logged and told; contacts are searched for."""
    fault = Fault(kind=kind, method="GET", path="/api/v2/persons")
    sandbox.faults.add(fault)
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)

    for _ in range(120):  # some of the dispatcher's sweeps in an hour
        bench.engine.step(bench.clock.now())
        bench.clock.sleep(30)

    tries = [call.at for call in world.calls if call.path == "/api/v2/persons" and call.method == "GET"]
    assert 5 <= len(tries) <= 12
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits == sorted(waits)
    assert waits[-1] > 10 * waits[0]
    contact.refresh_from_db()
    assert contact.pipedrive_person_id is not None
    assert connection_health.status().state == "ok"
    persons, organizations = Directory(bench.clock, 1000).progress()
    assert organizations.is_full
    assert not persons.is_full
    assert persons.problem.startswith("GET /api/v2/persons")
    assert persons.retry_at is not None
    state = DirectoryState.objects.get(kind="person")
    assert state.tokens == 12 * len(tries)
    assert len([line for line in caplog.messages if line.startswith("directory.out kind=person")]) == len(tries)

    sandbox.faults.lift(fault)
    bench.clock.sleep(3600)
    bench.settle(3)
    persons, _ = Directory(bench.clock, 1000).progress()
    assert (persons.is_full, persons.problem, persons.retry_at) == (True, "", None)


def test_a_refused_list_is_tried_ever_more_rarely(bench: Bench, sandbox: Sandbox, world: World) -> None:
    """Also where it is the token that may not list, and where a later page is refused again and again."""
    for number in range(600):
        sandbox.add("persons", name=f"Person {number}")
    forbidden = Fault(kind="error", method="GET", path="/api/v2/organizations", status=403, message="no right")
    sandbox.faults.add(forbidden)
    for _ in range(120):
        DirectoryState.objects.filter(kind="person").exclude(cursor=None).update(cursor="expired")
        bench.engine.step(bench.clock.now())
        bench.clock.sleep(5)
    assert len([call for call in world.calls if call.path == "/api/v2/organizations"]) <= 9
    assert len([call for call in world.calls if call.path == "/api/v2/persons"]) <= 18


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_a_clock_that_is_set_lengthens_no_wait(bench: Bench, sandbox: Sandbox, world: World, jump: float) -> None:
    """The longest wait for a list is an hour; set back by more than that it is tried at once."""
    sandbox.faults.add(Fault(kind="error", method="GET", path="/api/v2/persons", times=3))
    for _ in range(15):
        bench.engine.step(bench.clock.now())
        bench.clock.sleep(1)
    assert not Directory(bench.clock, 1000).progress()[0].is_full
    bench.clock.jump(2 * jump)
    for _ in range(40):
        bench.engine.step(bench.clock.now())
        bench.clock.sleep(1)
    assert Directory(bench.clock, 1000).progress()[0].is_full


def test_a_failure_of_ours_is_no_reason_to_list_again_at_once(
    bench: Bench, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody expected is logged and waited for like any other failure."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("warmline.sync.remote.directory.absorb", broken)
    for _ in range(60):
        if bench.engine.has_housekeeping():
            with pytest.raises(ZeroDivisionError):
                bench.engine.do_housekeeping()
        bench.clock.sleep(1)
    assert len(world.calls) <= 12
    assert "ZeroDivisionError" in Directory(bench.clock, 1000).progress()[0].problem


@pytest.mark.parametrize("cursors", [["same"], ["this", "that"]])
def test_a_list_that_leads_in_a_circle_does_not_cost_all_that_may_be_spent(
    bench: Bench, meddler: Meddler, world: World, alice: User, caplog: pytest.LogCaptureFixture, cursors: list[str]
) -> None:
    """It is waited for like any failure and told; what is to go over goes meanwhile, by search."""
    answers = cycle(cursors)

    def answer() -> httpx.Response:
        meddler.once("GET", "/api/v2/organizations", answer)
        return httpx.Response(
            200, json={"success": True, "data": [], "additional_data": {"next_cursor": next(answers)}}
        )

    meddler.once("GET", "/api/v2/organizations", answer)
    before = bench.pipedrive.tokens_spent
    for _ in range(300):
        if not bench.engine.do_housekeeping():
            bench.clock.sleep(1)
    assert bench.pipedrive.tokens_spent - before <= 150
    assert "directory.out kind=organization" in caplog.text
    organizations = Directory(bench.clock, 1000).progress()[1]
    assert "a cursor was repeated" in organizations.problem
    assert not organizations.is_too_large
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle(30)
    assert len(world.persons) == 1


ODD = {"owner_id": "nobody's", "label_ids": "none"}  # what no record of Pipedrive's is like


def test_a_record_that_cannot_be_read_is_passed_over(
    bench: Bench, sandbox: Sandbox, world: World, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are known; it is counted, and logged once by its id and never with what it holds."""
    known = sandbox.add("persons", name="J. Ames", emails=email("jordan@example.com"))
    odd = sandbox.add("persons", name="Vera Holm", emails=email("vera@example.com"))
    world.persons[odd["id"]].update(ODD)
    bench.fill_directory()
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    bench.settle(30)

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == known["id"]
    persons, _ = Directory(bench.clock, 1000).progress()
    assert persons.is_full
    assert persons.unreadable == (odd["id"],)
    (told,) = (line for line in caplog.messages if line.startswith("directory.unreadable"))
    assert told.startswith(f"directory.unreadable kind=person record={odd['id']} why=")
    assert "vera" not in caplog.text.lower()


@pytest.mark.parametrize("seen_by", ["filling", "look"])
def test_whoever_may_be_the_one_that_cannot_be_read_is_not_made_anew(
    bench: Bench, sandbox: Sandbox, world: World, alice: User, seen_by: str
) -> None:
    """Vera waits for her record to be mended, and Jordan does not wait for it."""
    if seen_by == "look":
        bench.fill_directory()
        bench.clock.sleep(60)
    odd = sandbox.add("persons", name="Vera Holm", emails=email("Vera@example.com"))
    firm = sandbox.add("organizations", name="Larkspur MILLS")
    world.persons[odd["id"]].update(ODD)
    world.organizations[firm["id"]]["owner_id"] = "nobody's"
    bench.fill_directory()
    vera = add_contact(alice, name="Vera Holm", email="vera@example.com", warmness_score=5)
    mills = add_contact(alice, name="Robin Vale", organization=MILLS, warmness_score=5)
    jordan = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)

    bench.settle(60)

    for contact in (vera, mills, jordan):
        contact.refresh_from_db()
    assert [each.pipedrive_person_id is None for each in (vera, mills, jordan)] == [True, True, False]
    assert (vera.pipedrive_sync_error_code, mills.pipedrive_sync_error_code) == ("unavailable", "organization_failed")
    assert f"/persons/{odd['id']}" in vera.pipedrive_sync_error_message or "Person" in vera.pipedrive_sync_error_message
    assert (len(world.persons), len(world.organizations)) == (2, 1)

    world.persons[odd["id"]].update(owner_id=1, label_ids=[])
    world.organizations[firm["id"]]["owner_id"] = 1
    bench.settle(1000)
    vera.refresh_from_db()
    mills.refresh_from_db()
    assert vera.pipedrive_person_id == odd["id"]
    assert mills.pipedrive_person_id is not None
    assert len(world.organizations) == 1


@pytest.mark.parametrize(("whose", "made"), [("ours", 1), ("another's", 2)])
def test_a_lost_create_is_not_repeated_while_its_record_may_be_the_unreadable_one(
    bench: Bench, sandbox: Sandbox, world: World, alice: User, whose: str, made: int
) -> None:
    """One unreadable record holds up whom it may be, and nobody else who was lost in the same burst."""
    bench.fill_directory()
    add_contact(alice, name="Robin Vale", warmness_score=5)
    bench.settle()
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/persons", times=1))
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    bench.engine.step(bench.clock.now())
    lost = max(world.persons)
    odd = lost if whose == "ours" else sandbox.add("persons", name="Vera Holm", emails=email("vera@example.com"))["id"]
    world.persons[odd].update(ODD)

    bench.settle(120)

    contact.refresh_from_db()
    assert len(world.persons) == made + 1
    assert (contact.pipedrive_person_id == lost) is (whose != "ours")
    assert contact.pipedrive_sync_failed is (whose == "ours")


def test_what_it_knew_serves_while_it_is_listed_again(
    bench: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """As after an upgrade: a name that Pipedrive's search does not find, for its two spaces, is known from before."""
    sandbox.add("organizations", name="Larkspur  Mills")
    bench.fill_directory()
    firm = OrganizationDetails(name="Larkspur Mills")
    add_contact(alice, name="Jordan Ames", organization=firm, warmness_score=5)

    bench.searching().settle()

    assert list(world.organizations) == [1]


@pytest.mark.parametrize("kind", ["error", "no_answer"])
def test_where_looks_cannot_be_had_pipedrive_is_searched(
    bench: Bench, sandbox: Sandbox, world: World, alice: User, kind: FaultKind
) -> None:
    """Everything arrives, found by searches where it is there; the list is tried ever more rarely, and serves again."""
    bench.fill_directory()
    known = sandbox.add("persons", name="Lead", emails=email("lead7@example.com"))
    fault = Fault(kind=kind, method="GET", path="/api/v2/persons")
    sandbox.faults.add(fault)
    before = len(world.calls)
    for number in range(30):
        bench.clock.sleep(60)
        contact = add_contact(alice, name="Lead", email=f"lead{number}@example.com", warmness_score=5)
        Contact.objects.filter(pk=contact.pk).update(next_pipedrive_sync_attempt=bench.clock.now())
        bench.settle(10)

    assert not Contact.objects.filter(pipedrive_person_id=None).exists()
    assert Contact.objects.get(email="lead7@example.com").pipedrive_person_id == known["id"]
    tries = [call for call in world.calls[before:] if (call.method, call.path) == ("GET", "/api/v2/persons")]
    assert len(tries) <= 10
    persons, organizations = Directory(bench.clock, 1000).progress()
    assert (persons.is_full, organizations.is_full) == (False, True)

    sandbox.faults.lift(fault)
    bench.clock.sleep(3600)
    add_contact(alice, name="Lead", email="another@example.com", warmness_score=5)
    bench.settle(10)
    assert Directory(bench.clock, 1000).progress()[0].is_full
