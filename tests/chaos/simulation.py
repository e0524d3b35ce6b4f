"""One simulated run: engines, people and faults on one virtual clock, all drawn from one seed, which replays it.

An engine can die before and after each request and each statement it sends to the database (a commit lies between
two of these). It dies as by kill -9: nothing that it would have tidied up is tidied up. Two engines on one database
meet in the middle of each other's calls. At the end the faults stop, everything comes to rest, and invariants.py looks.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
from django.db import connection
from virtual_clock import VirtualClock

from warmline.crm import book
from warmline.crm.models import Activity, ActivityType, Contact, Organization
from warmline.crm.users import User
from warmline.crm.words import ContactWord, OrganizationWord
from warmline.pipedrive import Limiter, Pipedrive, Window
from warmline.sandbox import Fault, Sandbox, SandboxTransport, World
from warmline.sync import retry
from warmline.sync.engine import Engine
from warmline.sync.models import (
    Attempt,
    Claim,
    Connection,
    DirectoryEntry,
    DirectoryState,
    Intent,
    Notification,
    Remembered,
)
from warmline.sync.policy import Policy

TOKEN = "sandbox-token"
TABLES = (  # who refers to another comes before it
    *(Attempt, Claim, Connection, DirectoryEntry, DirectoryState, Intent, Notification, Remembered),
    *(ContactWord, OrganizationWord, Activity, Contact, Organization, User),
)
NAMES = ("Jordan Ames", "Robin Vale", "Kim Castell", "ÅSA Öberg", "Ali  O'Neill", "山田 太郎")
FIRMS = ("Larkspur Mills", "larkspur  MILLS", "Osprey & Sons", "Ternary")
SECTORS = ("", "Manufacturing", "Basket weaving")
WRITES = ("/api/v2/persons", "/api/v2/organizations", "/api/v2/activities", "/api/v2/*", "*")
SHORT: tuple[str, ...] = (
    "error",
    "error_after",
    "html_error",
    "html_error_after",
    "html_after",
    "truncated",
    "no_answer",
)
SHORT += ("no_answer_after", "reset_before", "reset_after", "refuse", "throttled", "late_commit", "slow")
LONG = ("outage", "unauthorized", "budget_spent", "blocked", "no_answer", "error")
LATEST = 20.0  # seconds: a commit later than the settling time is the one thing that is not promised
REST = 3 * 3600.0  # seconds: several rounds of batch processing


class Crash(BaseException):
    """The process is killed here."""


@dataclass
class Report:
    """What one run was like."""

    seed: int
    requests: int = 0
    crashes: int = 0
    faults: Counter[str] = field(default_factory=Counter)


class Killer:
    """Kills the engine that runs, at a point that was drawn beforehand; then nothing of it works any more."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.dead = False

    def point(self) -> None:
        """Pass a point at which a process can die."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.dead, self.left = True, None
        if self.dead:
            raise Crash

    def statement(self, execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        """Pass a statement to the database, between two points."""
        self.point()
        result = execute(sql, *arguments)
        if not sql.startswith("BEGIN"):  # dying after it is dying before the next one, and Django ends what it began
            self.point()
        return result


class Line(httpx.BaseTransport):
    """The way to the sandbox: points before and after each request, at which the other engine may get its turn."""

    def __init__(self, inner: httpx.BaseTransport, killer: Killer, meet: Callable[[], None]) -> None:
        self._inner = inner
        self._killer = killer
        self._meet = meet

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it on."""
        self._meet()
        self._killer.point()
        response = self._inner.handle_request(request)
        self._killer.point()
        self._meet()
        return response


class Simulation:
    """A run.

    Args:
        seed: Everything is drawn from it.
    """

    def __init__(self, seed: int) -> None:
        for table in TABLES:
            table._base_manager.all()._raw_delete("default")
        self.random = Random(seed)
        self.report = Report(seed)
        self.clock = VirtualClock()
        delay = self.random.choice((0.0, 5.0, 600.0))
        self.world = World.sample(self.clock, token=TOKEN, search_delay=delay)
        self.world.settings.burst = self.world.settings.searches = 200
        self._allowance = self.random.choice((0, 1000))  # tokens for the directory: half of the runs search instead
        self.sandbox = Sandbox(self.world, seed=seed)
        self.policy = Policy(
            threshold=4,
            label="Warm Lead",
            earlier_activities=self.random.random() < 0.5,
            mark=self.random.random() < 0.7,
        )
        self.world.settings.refuse_new_fields = self.random.random() < 0.2
        self.users = [User.objects.create_user(f"{name}@example.com", name) for name in ("alice", "bob", "dave")]
        self.by_hand: dict[str, set[int]] = {"persons": set(), "organizations": set(), "activities": set()}
        self.touched: dict[str, set[int]] = {"persons": set(), "organizations": set(), "activities": set()}
        self.renamed = False
        self._killer = Killer()
        self._met = False
        self._running: int | None = None
        self._engines = [self._engine() for _ in range(self.random.choice((1, 1, 2)))]

    def run(self, actions: int = 50) -> Report:
        """Do so many things, come to rest; what is to be checked then is in invariants.py."""
        for _ in range(actions):
            self.act()
        self.rest()
        return self.report

    def act(self) -> None:
        """Do one thing, whatever the seed says."""
        weights = {
            self.add_contact: 6,
            self.edit: 5,
            self.log_activity: 6,
            self.pass_time: 8,
            self.break_something: 4,
            self.break_everything: 1,
            self.work_in_pipedrive: 4,
            self.crash: 8,
            self.try_again: 1,
        }
        self.random.choices(list(weights), list(weights.values()))[0]()
        self.step()

    def step(self) -> None:
        """Let one of the engines do what is due."""
        self._run(self.random.randrange(len(self._engines)))

    def crash(self) -> None:
        """Let an engine work until it dies at a point drawn now, and start another in its place."""
        self._killer.left = self.random.randrange(40)
        self.step()
        self._killer.left = None

    def pass_time(self) -> None:
        """Let some seconds or minutes pass."""
        self.clock.sleep(self.random.choice((0.5, 2.0, 10.0, 40.0, 130.0)))

    def add_contact(self) -> None:
        """Add a contact; names, e-mails and organizations come from a small world, so that they meet."""
        number = self.random.randrange(12)
        firm = book.OrganizationDetails(
            self.random.choice(FIRMS), self.random.choice(SECTORS), self.random.choice(("", "Peru"))
        )
        book.add_contact(
            self.random.choice(self.users),
            name=self.random.choice(NAMES),
            email=f"someone{number}@example.com" if number < 8 else "",
            phone=self.random.choice(("", "+49 30 5550100")),
            organization=self.random.choice((None, firm)),
            warmness_score=self.random.choice((2, 4, 7)),
        )

    def edit(self) -> None:
        """Edit a contact, an organization or an activity."""
        contact, activity = self._any(Contact), self._any(Activity)
        kind = self.random.randrange(5)
        if activity is not None and kind == 0:
            book.change_activity(activity, {"done": not activity.done, "note": f"n{self.random.random()}"})
        elif contact is not None and kind == 1:
            book.change_contact(contact, {"name": f"{self.random.choice(NAMES)} {self.random.randrange(9)}"})
        elif contact is not None and kind == 2:
            book.change_contact(contact, {"phone": self.random.choice(("", "+1 555 0100", "+1 555 0101"))})
        elif contact is not None and contact.organization is not None and kind == 3:
            book.change_organization(contact.organization, {"country": self.random.choice(("Peru", "Chile", ""))})
        elif contact is not None:
            book.change_contact(contact, {"warmness_score": self.random.choice((3, 4, 9))})

    def log_activity(self) -> None:
        """Log an activity; two alike are as likely as in life."""
        contact = self._any(Contact)
        if contact is not None:
            book.log_activity(contact.owner, contact, type=self.random.choice(ActivityType.values))

    def try_again(self) -> None:
        """Someone presses "Try again"."""
        retry.retry_all(None)

    def break_something(self) -> None:
        """Have some calls fail for a while."""
        kind: Any = self.random.choice(SHORT)
        delay = {"late_commit": self.random.uniform(1, LATEST), "slow": self.random.uniform(1, 30)}.get(kind, 0.0)
        self.sandbox.faults.add(
            Fault(
                kind=kind,
                method=self.random.choice(("POST", "*")),
                path=self.random.choice(WRITES),
                probability=self.random.choice((0.2, 0.5, 1.0)),
                times=self.random.choice((1, 2, 5)),
                seconds=600.0,
                delay=delay,
            )
        )

    def break_everything(self) -> None:
        """Have all calls fail for some time."""
        kind: Any = self.random.choice(LONG)
        self.sandbox.faults.add(Fault(kind=kind, seconds=self.random.choice((5.0, 60.0, 400.0))))

    def work_in_pipedrive(self) -> None:
        """A colleague does something by hand."""
        people = self.sandbox.people
        alive = {kind: [i for i in rows if self.world.alive(kind, i)] for kind, rows in self.world.records.items()}
        persons = alive["persons"]
        match self.random.randrange(8):
            case 0:
                number = self.random.randrange(8)
                emails = [{"value": f"SOMEONE{number}@example.com", "primary": True, "label": "home"}]
                made = people.add("persons", name=self.random.choice(NAMES), emails=emails, label_ids=[11])
                self.by_hand["persons"].add(made["id"])
            case 1:
                made = people.add("organizations", name=self.random.choice(FIRMS).upper())
                self.by_hand["organizations"].add(made["id"])
            case 2 if persons:
                chosen = self.random.choice(persons)
                people.change("persons", chosen, name=f"By hand {self.random.randrange(9)}")
                self.touched["persons"].add(chosen)
            case 3 if persons:
                chosen = self.random.choice(persons)
                people.delete("persons", chosen)
                self.touched["persons"].add(chosen)
            case 4 if len(persons) > 1:
                loser, winner = self.random.sample(persons, 2)
                people.merge("persons", loser, winner)
                self.touched["persons"] |= {loser, winner}
            case 5:
                people.set_activity_type_active("meeting", active=self.random.random() < 0.5)
            case 6:
                people.set_user_active(2, active=self.random.random() < 0.5)
            case 7 if alive["organizations"]:
                chosen = self.random.choice(alive["organizations"])
                people.delete("organizations", chosen)
                self.touched["organizations"].add(chosen)

    def rest(self) -> None:
        """End the faults, let late commits come, and let the engines work until nothing more is to be done."""
        self.sandbox.faults.clear()
        self.world.settings.search_delay = 0.0
        end = self.clock.elapsed + REST
        while self.clock.elapsed < end:
            for _ in range(200):
                if not self._run(0):
                    break
            self.clock.sleep(2.0 if self.clock.elapsed < end - REST + 180 else 300.0)
        self.sandbox.commit_late()
        self.report.requests = len(self.world.calls)
        self.report.faults = Counter(call.fault for call in self.world.calls if call.fault)

    def _engine(self) -> Engine:
        transport = Line(SandboxTransport(self.sandbox, sleep=self.clock.sleep), self._killer, self._meet)
        limiter = Limiter((Window(150, 2.0),), search=Window(150, 2.0), clock=self.clock)
        pipedrive = Pipedrive("http://sandbox", TOKEN, transport=transport, limiter=limiter, clock=self.clock)
        return Engine(pipedrive, self.policy, self.clock, self.random, directory_allowance=self._allowance)

    def _run(self, which: int) -> int:
        """Let an engine step, and put a new one in its place if it dies."""
        outer, self._running = self._running, which
        try:
            with connection.execute_wrapper(self._killer.statement), self._watched():
                return self._engines[which].step(self.clock.now())
        except Crash:
            self.report.crashes += 1
            self._engines[which] = self._engine()
            return 1
        finally:
            self._running = outer

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._killer.dead = False

    def _meet(self) -> None:
        """In the middle of a call of one engine, the other may do a step of its own."""
        if len(self._engines) == 2 and not self._met and self.random.random() < 0.1:
            self._met = True
            try:
                self._run(1 - (self._running or 0))
            finally:
                self._met = False

    def _any(self, model: type[Any]) -> Any:
        rows = model.objects.order_by("pk")
        count = rows.count()
        return rows[self.random.randrange(count)] if count else None
