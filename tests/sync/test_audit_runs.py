"""How an audit goes: killed, paused, without tokens, with lists that cannot be read, and in slices."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from audit_account import Account
from audit_desk import Desk
from bench_engine import Bench
from meddler import Meddler

from warmline.crm.book import add_contact
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.pipedrive import Limiter, Pipedrive, Usage, Window
from warmline.sandbox import Fault, Sandbox, SandboxTransport
from warmline.sync.audit import token_allowance
from warmline.sync.audit.token_allowance import Reading
from warmline.sync.audit.worker import is_due
from warmline.sync.audit_models import Audit, AuditedLink, AuditState, Finding, Problem
from warmline.sync.models import Company
from warmline.sync.status import audit_choices
from warmline.sync.status.audit_result import latest
from warmline.webhooks import endpoints
from warmline.webhooks.models import Delivery

TOKEN = "sandbox-token"
HELSINKI = ZoneInfo("Europe/Helsinki")


@pytest.fixture
def account(desk: Desk, sandbox: Sandbox, alice: User) -> Account:
    """Return an account of some pages: 3 of persons, 1 of organizations, 2 of activities."""
    return Account(sandbox, desk.policy, alice).fill(organizations=20, contacts=1100, activities=600)


def lists(sandbox: Sandbox) -> list[str]:
    """Return the paths of all pages that were read."""
    return [call.path for call in sandbox.world.calls if call.method == "GET" and "/api/v2/" in call.path]


@pytest.fixture
def with_tokens(desk: Desk, sandbox: Sandbox) -> Callable[[int], Desk]:
    """Return a maker of desks whose client has so many tokens a day."""

    def make(daily_tokens: int) -> Desk:
        limiter = Limiter(clock=desk.clock, daily_tokens=daily_tokens)
        client = Pipedrive(
            "http://sandbox", TOKEN, transport=SandboxTransport(sandbox), limiter=limiter, clock=desk.clock
        )
        return Desk(client, desk.policy, desk.clock, sandbox)

    return make


@pytest.mark.django_db
def test_an_audit_that_is_killed_goes_on_where_it_was(desk: Desk, account: Account, sandbox: Sandbox) -> None:
    """After each step another one takes over, who knows nothing: no page is read twice."""
    sandbox.people.change("persons", account.contacts[3].pipedrive_person_id or 0, name="Somebody Else")
    sandbox.people.delete("persons", account.contacts[1050].pipedrive_person_id or 0)
    desk.clock.sleep(60)
    desk.begin()

    for _ in range(100):
        steps = iter((False, True))
        desk.auditor().run(lambda steps=steps: next(steps))  # type: ignore[misc]  # one step each

    pages = ["/api/v2/persons"] * 3 + ["/api/v2/organizations"] + ["/api/v2/activities"] * 2
    assert [path for path in lists(sandbox) if not path[-1].isdigit()] == pages
    assert Audit.objects.get().state == AuditState.DONE
    assert desk.found() == {
        ("contact", account.contacts[3].pk, "different"),
        ("contact", account.contacts[1050].pk, "gone"),
    }


@pytest.mark.django_db
def test_only_one_is_open_at_a_time(desk: Desk) -> None:
    """Who begins one while one runs is told so; one that pauses goes on."""
    assert audit_choices.begin(desk.clock.now())
    assert not audit_choices.begin(desk.clock.now())
    Audit.objects.update(state=AuditState.PAUSED, go_on_at=desk.clock.now() + timedelta(hours=5))
    assert audit_choices.begin(desk.clock.now())
    assert Audit.objects.get().state == AuditState.RUNNING


@pytest.mark.django_db
def test_a_list_that_cannot_be_read_is_tried_again(desk: Desk, account: Account, sandbox: Sandbox) -> None:
    """It says why it waits, and nothing is found because of it."""
    sandbox.faults.add(Fault(kind="error", method="GET", path="/api/v2/organizations", times=1))
    desk.begin()
    desk.auditor().run()

    result = latest()
    assert result is not None
    assert result.state == AuditState.PAUSED
    assert result.message

    desk.clock.sleep(120)
    desk.go_on()
    result = latest()
    assert result is not None
    assert result.is_clean, Finding.objects.values()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(403, json={"success": False, "error": "no access", "code": "ERR_FORBIDDEN"}),
        httpx.Response(200, json={"success": True, "data": {"id": 1, "name": ["?"]}}),
    ],
    ids=["refused", "unreadable"],
)
def test_a_record_that_is_not_shown_by_itself_does_not_hold_up_the_audit(
    desk: Desk, bench: Bench, meddler: Meddler, sandbox: Sandbox, alice: User, answer: httpx.Response
) -> None:
    """It is left out, and so it is found no problem; the other one is found."""
    for name in ("Kim", "Robin"):
        add_contact(alice, name=name, email=f"{name}@example.com", warmness_score=9)
    bench.settle()
    for person in (1, 2):
        sandbox.people.change("persons", person, name=f"Somebody {person}")
    meddler.always("GET", "/api/v2/persons/1", lambda: answer)

    desk.clock.sleep(60)
    desk.begin()
    for _ in range(10):
        desk.auditor().run()
        desk.clock.sleep(600)

    result = latest()
    assert result is not None
    assert result.finished_at is not None
    assert desk.found() == {("contact", Contact.objects.get(pipedrive_person_id=2).pk, "different")}


def test_a_list_whose_cursor_has_expired_is_begun_anew(desk: Desk, account: Account, sandbox: Sandbox) -> None:
    """Pipedrive does not say for how long a cursor is valid."""
    desk.begin()
    steps = iter((False, False, True))
    desk.auditor().run(lambda: next(steps))
    Audit.objects.update(cursor="long-ago")

    desk.go_on()

    result = latest()
    assert result is not None
    assert result.is_clean, Finding.objects.values()
    assert Audit.objects.get().restarted == ["contact"]


@pytest.mark.django_db
def test_it_pauses_when_a_night_has_cost_enough(
    with_tokens: Callable[[int], Desk], account: Account, sandbox: Sandbox
) -> None:
    """A tenth of the day's tokens; the next night it goes on with the next page."""
    desk = with_tokens(400)
    desk.begin()
    desk.auditor().run()

    result = latest()
    assert result is not None
    assert (result.state, result.tokens) == (AuditState.PAUSED, 40)
    assert "next night" in result.message
    assert len(lists(sandbox)) == 4

    desk.clock.sleep(25 * 3600)
    desk.go_on()
    result = latest()
    assert result is not None
    assert result.is_clean, Finding.objects.values()
    assert result.tokens == 60


@pytest.mark.django_db
def test_it_waits_for_tokens_that_are_left_over(
    with_tokens: Callable[[int], Desk], account: Account, sandbox: Sandbox
) -> None:
    """What people and batch work need is not the audit's."""
    desk = with_tokens(1000)
    for _ in range(37):
        desk.pipedrive.users()  # 20 tokens each
    desk.begin()
    desk.auditor().run()

    result = latest()
    assert result is not None
    assert (result.state, result.tokens) == (AuditState.PAUSED, 0)

    desk.clock.sleep(26 * 3600)
    desk.go_on()
    assert Audit.objects.get().state == AuditState.DONE


@pytest.mark.django_db
def test_a_large_account_is_read_in_slices(
    with_tokens: Callable[[int], Desk], desk: Desk, account: Account, sandbox: Sandbox
) -> None:
    """What has changed is read at once, and each link is looked at within 30 days, although no list is read whole."""
    desk.audit()
    poor = with_tokens(590)
    changed, gone = account.contacts[900], account.contacts[901]
    lost = account.activities[599]
    sandbox.people.change("persons", changed.pipedrive_person_id or 0, name="Somebody Else")
    sandbox.people.delete("persons", gone.pipedrive_person_id or 0)
    sandbox.people.delete("activities", lost.pipedrive_activity_id or 0)
    found_on: dict[tuple[str, int, str], int] = {}
    begun = desk.clock.now()
    for day in range(30):
        poor.audit()
        for each in poor.found():
            found_on.setdefault(each, day)
        poor.clock.sleep(24 * 3600 - 90)

    assert found_on.keys() == {
        ("contact", changed.pk, "different"),
        ("contact", gone.pk, "gone"),
        ("activity", lost.pk, "activity"),
    }
    assert found_on["contact", changed.pk, "different"] == 0
    assert not AuditedLink.objects.filter(looked_at__lt=begun).exclude(row_id__in=[gone.pk, lost.pk]).exists()


@pytest.mark.django_db
def test_a_clock_that_was_ahead_hides_no_change(
    with_tokens: Callable[[int], Desk], desk: Desk, account: Account, sandbox: Sandbox
) -> None:
    """What changed right after the last audit is listed by the next one, whatever our clock said then."""
    desk.clock.jump(3600)
    desk.audit()
    changed = account.contacts[900]
    desk.clock.sleep(600)
    sandbox.people.change("persons", changed.pipedrive_person_id or 0, name="Somebody Else")
    desk.clock.jump(-3600)
    poor = with_tokens(590)
    poor.clock.sleep(24 * 3600)
    AuditedLink.objects.update(looked_at=desk.clock.now() + timedelta(days=365))
    poor.audit()
    assert ("contact", changed.pk, "different") in poor.found()
    assert AuditedLink.objects.filter(kind="contact", looked_at__lte=desk.clock.now()).count() >= 1000 // 30


@pytest.mark.django_db
def test_another_company_ends_an_audit(desk: Desk, account: Account) -> None:
    """Links of another generation mean nothing."""
    desk.begin()
    steps = iter((False, False, True))
    desk.auditor().run(lambda: next(steps))
    Company.objects.update(generation=5)

    desk.auditor().run()

    assert Audit.objects.get().is_open
    assert Audit.objects.get().pages == 1


@pytest.mark.parametrize(
    ("listed", "linked", "days", "night", "expected"),
    [
        (None, 100, 1, 100, (True, 4)),  # never listed
        (5000, 5000, 1, 300, (True, 200)),  # 10 pages: 100 tokens, a third of a night
        (5001, 5000, 1, 300, (False, 200)),
        (10**9, 5000, 1, None, (True, 200)),  # nobody counts tokens
        (5001, 5000, 3, 300, (False, 600)),  # two nights were left out
        (5001, 5000, 300, 300, (False, 5000)),
        (5001, 0, 1, 300, (False, 0)),
    ],
)
def test_what_is_read_of_a_list(
    listed: int | None, linked: int, days: float, night: int | None, expected: tuple[bool, int]
) -> None:
    """Everything, if that is cheap; else as many links by their ids as it takes to look at each one in time."""
    reading = Reading(listed, linked, days)
    assert (reading.reads_everything(night), reading.slice) == expected


@pytest.mark.parametrize(
    ("tokens", "daily", "expected"), [(740, 1000, True), (741, 1000, False), (10**9, None, True), (0, 0, False)]
)
def test_what_is_left_over(tokens: int, daily: int | None, *, expected: bool) -> None:
    """Three quarters of the day's tokens may be used by then."""
    assert token_allowance.is_left_over(Usage(0, Window(20, 2), tokens, daily), 10) == expected


@pytest.mark.parametrize(
    ("now", "began", "last", "expected"),
    [
        ("2026-11-27T00:59", "2026-11-26T12:00", None, False),  # 02:59 in Helsinki
        ("2026-11-27T01:00", "2026-11-26T12:00", None, True),
        ("2026-11-27T01:00", "2026-11-27T01:00", None, False),  # it has just been installed
        ("2026-11-27T02:00", "2026-11-27T02:00", "2026-11-26T01:00", True),  # it was off at three
        ("2026-11-27T02:00", "2026-11-27T02:00", "2026-11-27T01:00", False),
        ("2026-11-27T02:00", "2026-11-26T12:00", "2030-01-01T00:00", True),  # a clock was wrong
        ("2026-03-29T01:30", "2026-03-28T12:00", "2026-03-28T01:00", True),  # there is no 03:00 in that night
    ],
)
def test_when_the_nightly_audit_begins(now: str, began: str, last: str | None, *, expected: bool) -> None:
    """Once after each three o'clock in the team's zone, also if Warmline was off at that time."""
    moments = [
        None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, began, last)
    ]
    assert moments[0] is not None
    assert moments[1] is not None
    assert is_due(moments[0], moments[1], moments[2], time(3), HELSINKI) == expected


@pytest.mark.parametrize("day", ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-25", "2026-11-01", "2026-11-27"])
@pytest.mark.parametrize("zone", ["Europe/Helsinki", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("at", [time(0), time(1, 30), time(2), time(2, 30), time(3), time(3, 30)])
def test_each_night_has_one_audit(day: str, zone: str, at: time) -> None:
    """So too the night in which clocks skip an hour, and the one in which an hour comes twice."""
    began = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) - timedelta(minutes=1)
    audits: list[datetime] = []
    for minute in range(0, 22 * 60, 5):
        now = began + timedelta(minutes=minute)
        if is_due(now, began, audits[-1] if audits else None, at, ZoneInfo(zone)):
            audits.append(now)
    assert len(audits) == 1


@pytest.mark.django_db
def test_whoever_listens_hears_of_the_result(desk: Desk, account: Account) -> None:
    """Once for each audit, with how many problems of each kind there are."""
    endpoints.add("https://example.com/hook", ["audit.done"])
    desk.sandbox.people.delete("persons", account.contacts[0].pipedrive_person_id or 0)

    desk.audit()

    told = json.loads(Delivery.objects.get().payload)
    assert told["type"] == "audit.done"
    assert (told["data"]["compared"], told["data"]["clean"]) == (1720, False)
    assert told["data"]["problems"] == {problem.value: int(problem == Problem.GONE) for problem in Problem}
