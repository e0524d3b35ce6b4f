"""One simulated run: servers, people and faults on one virtual clock, all drawn from one seed, which replays it.

Each server is the real one, with several workers, on a stage (see stage.py). It can die before and after each request
and each statement that it sends to the database (a commit lies between two of these), in any of its workers, and dies
as by kill -9: nothing that it would have tidied up is tidied up. At the end the faults stop, everything comes to rest,
and invariants.py looks.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Self
from unittest.mock import patch

from chaos import audited, deeds
from chaos.breach import Breach
from chaos.deeds import Here, There
from chaos.details import Details
from chaos.journal import Journal
from chaos.moves import Moves
from chaos.reports import Reports
from chaos.server import Line, Server
from chaos.skipping import until_next
from django.conf import settings
from django.db import connection
from empty_tables import count_from_one, empty_tables
from stage import Process, Stage, StageClock, telling

from warmline.crm import book, chunks
from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.pipedrive.ledger import MemoryLedger
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync import pending, processes, trusted_reports, wakeups
from warmline.sync.account_models import ChangesSeen
from warmline.sync.models import Connection, ConnectionState
from warmline.sync.policy import Policy
from warmline.sync.reconcile.change_polling import LOOKS_TO_A_CHECK
from warmline.sync.remote import company_switch
from warmline.sync.status import audit_choices

OURS, A_COLLEAGUES, ANOTHER_COMPANYS = "sandbox-token", "bobs-token", "another-token"
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
LONG = ("outage", "unauthorized", "budget_spent", "blocked", "suspended", "no_answer", "error")
LATEST = 20.0  # seconds: a commit later than the settling time is the one thing that is not promised
FOR_AN_ACTIVITY, FOR_A_CONTACT = 3.0, 5.0  # seconds within which it is there while all is well
TOLD = 10.0  # seconds within which another company is noticed
HOUR, DAY = 3600.0, 86400.0
CALM = 70.0  # seconds without a fault, after which nothing that broke may delay what a person waits for


@dataclass
class Report:
    """What one run was like."""

    seed: int
    requests: int = 0
    crashes: int = 0
    hurries: int = 0
    faults: Counter[str] = field(default_factory=Counter)


class Simulation:
    """A run. Use it as a context manager.

    Args:
        seed: Everything is drawn from it.
    """

    def __init__(self, seed: int) -> None:
        empty_tables(*["procrastinate_jobs"] * (connection.vendor == "postgresql"))
        count_from_one()
        self.random = Random(seed)
        self.report = Report(seed)
        self.clock = StageClock(datetime(2026, 3, 2, 8, tzinfo=UTC))
        self.clock.stage = self.stage = Stage(self.clock, Random(seed + 1), self._goes_on)
        self._exits = ExitStack()
        self._exits.enter_context(telling(self.clock))
        self._exits.enter_context(patch.object(chunks, "AIM", 1e9))  # a piece is as large on a slow machine
        self._exits.enter_context(connection.execute_wrapper(self._statement))
        self._wake = list(wakeups._listeners)
        self._make_world()
        self.workers = self.random.choice((1, 2, 3, 8))
        settings.SYNC_WORKERS, settings.PIPEDRIVE_API_TOKEN = self.workers, OURS
        self.ledgers: defaultdict[str, MemoryLedger] = defaultdict(MemoryLedger)
        self._last_fault, self._jumped_at = 0.0, 0.0
        self._hurried = 0
        self._meets_others = self.random.random() < 0.3
        self.met_others = False
        self.servers: list[Server] = []
        for number in range(self.random.choice((1, 1, 2))):
            self._start(f"machine{number}/{processes.PROCESS.rpartition('/')[2]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all servers and give everything back."""
        self.stage.close()
        wakeups._listeners[:] = self._wake
        self._exits.close()
        settings.PIPEDRIVE_API_TOKEN = ""
        settings.DELETE_THERE = False
        self.reports.end()
        self.details.end()

    def _make_world(self) -> None:
        seed, random = self.report.seed, self.random
        self.world = World.sample(self.clock, token=OURS, search_delay=random.choice((0.0, 5.0, 600.0)))
        self.world.tokens[A_COLLEAGUES] = 2  # Bob's
        self.world.settings.refuse_new_fields = random.random() < 0.2
        self.world.settings.cleaning = random.random() < 0.5
        self.sandbox = Sandbox(self.world, seed=seed)
        self.other = Sandbox(World.sample(self.clock, token=ANOTHER_COMPANYS, company_id=2))
        for name in (*deeds.STRANGERS, *deeds.STRANGERS):  # ids that are ours as well
            self.other.add("persons", name=name)
            self.other.add("organizations", name=f"{name} Ltd")
        self.journal = Journal(self.world)
        self.details = Details(Random(seed + 3), self.sandbox, self.journal)
        self.policy = Policy(
            threshold=4,
            label="Warm Lead",
            earlier_activities=random.random() < 0.5,
            mark=random.random() < 0.7,
            details=self.details.chosen,
        )
        self._allowance = random.choice((0, 1000))  # tokens for the directory: half of the runs search instead
        self._beside = Random(seed + 4)  # its own chance, so that other deeds stay as they were
        settings.DELETE_THERE = self._beside.random() < 0.7
        self.users = [
            User.objects.create_user(f"{name}@example.com", name.title()) for name in ("alice", "bob", "dave")
        ]
        # Each has its own chance, so that other deeds stay as they were.
        self.reports = Reports(self.sandbox, Random(seed + 2), self.journal)
        self.moves = Moves(self.sandbox, Random(seed + 5), self.journal)
        self.here = Here(random, self.users, self.journal)
        self.there = There(random, self.sandbox, self.journal)
        sandboxes = {OURS: self.sandbox, A_COLLEAGUES: self.sandbox, ANOTHER_COMPANYS: self.other}
        self.line = Line(sandboxes, self.sandbox, self.stage, random, self.journal)

    def run(self, actions: int = 30) -> Report:
        """Do so many things, come to rest; what is to be checked then is in invariants.py."""
        for deed in (self.there.work, self.here.add_contact, self.here.add_contact, self.here.log_activity):
            deed()
        for _ in range(actions):
            self.act()
        self.rest()
        return self.report

    def act(self) -> None:
        """Do one thing, whatever the seed says, and let the servers work for a moment."""
        weights: dict[Callable[[], None], int] = {
            self.here.add_contact: 8,
            self.here.edit: 8,
            self.here.log_activity: 5,
            self.here.import_some: 1,
            self.here.delete: 1,
            self.here.delete_activity: 1,
            self.here.slip: 3,
            self.here.undo: 3,
            self.here.hand_over: 1,
            self.here.choose: 3,
            self.choose_what_goes: 2,
            self.here.try_again: 1,
            self.here.change_pipedrive_user: 1,
            self.there.work: 6,
            self.pass_time: 5,
            self.break_something: 7,
            self.break_everything: 1,
            self.crash: 5,
            self.hurry: 2,
            self.jump: 1,
            self.audit: 2,
            self.change_token: 1,
            self.change_company: 1,
        }
        self.random.choices(list(weights), list(weights.values()))[0]()
        self.moves.sometimes()
        if self.reports.is_reached:
            self.reports.break_the_way_sometimes()
        self.details.edit()
        self.details.work()
        self.step()

    def step(self) -> None:
        """Let the servers work for a moment."""
        self._work(self.random.choice((0.05, 0.3, 1.0, 3.0)))

    def pass_time(self) -> None:
        """Let some seconds or minutes pass."""
        self._work(self.random.choice((2.0, 10.0, 40.0, 130.0)))

    def crash(self) -> None:
        """Let a server die at a point drawn now, and start another in its place."""
        self.random.choice(self.servers).process.points_left = self.random.randrange(120)
        self._work(self.random.choice((0.5, 3.0)))

    def choose_what_goes(self) -> None:
        """Someone chooses a record that a colleague has just deleted."""
        row = self.here.undecided()
        if row is not None:
            kind = "persons" if isinstance(row, Contact) else "organizations"
            chosen = self.random.choice(row.pipedrive_candidates)["pipedrive_id"]
            if self.world.alive(kind, chosen):
                self.there.delete(kind, chosen)
            self.here.decide(row, chosen)

    def jump(self) -> None:
        """Set the machine's clock, ahead or back."""
        seconds = self.random.choice((-7200.0, -3600.0, -40.0, 40.0, 3600.0))
        self.journal.note(f"the clock jumps by {seconds}")
        self.clock.jump(seconds)
        self._jumped_at = self.clock.elapsed

    def audit(self) -> None:
        """Begin an audit, or go on with the one that is open, in one of the servers; it dies with it."""
        audit_choices.begin(self.clock.now())
        self.journal.note("an audit")
        token = settings.PIPEDRIVE_API_TOKEN
        server = self.random.choice(self.servers)
        self.stage.start(lambda: audited.go_on(self, token), "audit", server.process)

    def change_token(self) -> None:
        """Give Warmline a colleague's token, or ours again."""
        settings.PIPEDRIVE_API_TOKEN = self.random.choice((OURS, A_COLLEAGUES))
        self.journal.note(f"the token is {settings.PIPEDRIVE_API_TOKEN}")

    def change_company(self) -> None:
        """Give Warmline another company's token for some time, in which people go on working."""
        if not self._meets_others or not company_switch.belongings():  # without any, it would simply be taken
            return
        self.met_others = True
        before, settings.PIPEDRIVE_API_TOKEN = settings.PIPEDRIVE_API_TOKEN, ANOTHER_COMPANYS
        self.journal.note("the token is another company's")
        for deed in (self.here.edit, self.here.log_activity, self.here.add_contact):
            self._work(self.random.choice((0.5, 3.0)))
            deed()
        seconds = self.random.choice((0.5, 20.0))
        self._work(seconds)
        state = Connection.objects.values_list("state", flat=True).first()
        is_followed = all(server.has_its_token for server in self.servers)  # the old engine may end its work first
        if is_followed and seconds > TOLD and state != ConnectionState.ANOTHER_COMPANY:
            self.journal.breaches.append(Breach("false state", f"{seconds} s in another company it says {state}"))
        settings.PIPEDRIVE_API_TOKEN = before
        self.journal.note("the token is ours again")
        self._last_fault = self.clock.elapsed

    def break_something(self) -> None:
        """Have some calls fail for a while."""
        if settings.DELETE_THERE:
            self._break_deletions()
        kind: Any = self.random.choice(SHORT)
        delay = {"late_commit": self.random.uniform(1, LATEST), "slow": self.random.uniform(1, 30)}.get(kind, 0.0)
        self._break(
            Fault(
                kind=kind,
                method=self.random.choice(("POST", "PATCH", "*")),
                path=self.random.choice(WRITES),
                probability=self.random.choice((0.2, 0.5, 1.0)),
                times=self.random.choice((1, 2, 5)),
                seconds=600.0,
                delay=delay,
            )
        )

    def _break_deletions(self) -> None:
        """Have a deletion fail too, or its answer get lost."""
        kind: Any = self._beside.choice(SHORT)
        delay = self._beside.uniform(1, LATEST) if kind in {"late_commit", "slow"} else 0.0
        self._break(Fault(kind=kind, method="DELETE", path="*", times=2, seconds=600.0, delay=delay))

    def break_everything(self) -> None:
        """Have all calls fail for some time."""
        kind: Any = self.random.choice(LONG)
        self._break(Fault(kind=kind, seconds=self.random.choice((5.0, 60.0, 400.0))))

    def hurry(self) -> None:
        """See whether what a person saves is there in time, if all is well."""
        if not self._is_well():
            return
        self.report.hurries += 1
        self._hurried += 1
        user = User.objects.get(pk=self.users[0].pk)
        name = f"Hurried{self._hurried} Visitor"
        contact = book.add_contact(user, name=name, email=f"hurried{self._hurried}@example.net", warmness_score=5)
        self.journal.names["contact", contact.pk].add(name)
        self.journal.note(f"contact {contact.pk} is in a hurry")
        if self._is_in_time(contact, FOR_A_CONTACT):
            activity = book.log_activity(user, contact, type="CALL")
            self._is_in_time(activity, FOR_AN_ACTIVITY)

    def rest(self) -> None:
        """End what is broken, and let the servers work until nothing more is to be done."""
        self.sandbox.faults.clear()
        settings.PIPEDRIVE_API_TOKEN = OURS
        self.world.settings.search_delay = 0.0
        for server in self.servers:
            server.process.points_left = None
        self._work(1.1 * HOUR)  # the longest silence, and then the longest wait for the batch
        self.sandbox.commit_late()
        for row in pending.contacts(self.policy.threshold).filter(pipedrive_sync_failed=False):
            text = f"contact {row.pk} waits until {row.next_pipedrive_sync_attempt}, after an hour without faults"
            self.journal.breaches.append(Breach("late", f"{text}, at {self.clock.now()}"))
        self._work(1.1 * DAY)  # what waits for a person is looked at once a day
        for _ in range(LOOKS_TO_A_CHECK + 1):  # what people changed meanwhile, and what is gone there
            ChangesSeen.objects.update(looked_at=self.clock.now() - timedelta(hours=1))
            self.stage.run(10.0)
        self._work(HOUR)
        self.report.requests = len(self.world.calls)
        self.report.faults = Counter(call.fault for call in self.world.calls if call.fault)

    def _is_in_time(self, row: Contact | Activity, longest: float) -> bool:
        def is_linked() -> bool:
            row.refresh_from_db()
            return row.is_linked

        begun = self.clock.elapsed
        longest += trusted_reports.wait().total_seconds()
        if self.stage.run_until(is_linked, longest) or not self._is_well(hurried=True):
            return row.is_linked
        state = f"{row.pipedrive_sync_error_code} {row.next_pipedrive_sync_attempt} now {self.clock.now()}"
        text = f"{row._meta.model_name} {row.pk} is not there {self.clock.elapsed - begun:.1f} s later: {state}"
        self.journal.breaches.append(Breach("late", f"{text}, {self.workers} workers"))
        return False

    def _is_well(self, *, hurried: bool = False) -> bool:
        """Tell whether nothing excuses that something is late."""
        calm = self.clock.elapsed - self._last_fault > CALM and not self.sandbox.faults.all()
        alive = all(server.process.points_left is None for server in self.servers)
        known = Contact.objects.exclude(pipedrive_person_id=None).exists()
        connected = not Connection.objects.exclude(state="ok").exists()
        return calm and alive and (known or hurried) and connected and settings.PIPEDRIVE_API_TOKEN != ANOTHER_COMPANYS

    def _break(self, fault: Fault) -> None:
        self.journal.note(f"{fault.kind} {fault.method} {fault.path} x{fault.times} {fault.seconds} s {fault.delay}")
        self.sandbox.faults.add(fault)
        self._last_fault = self.clock.elapsed

    def _work(self, seconds: float) -> None:
        """Let time pass, and put a new server in the place of each one that dies."""
        end = self.clock.elapsed + seconds
        while self.clock.elapsed < end:
            if not self.stage.step(end, self._until_next):
                self.clock.elapsed = end
            self.reports.deliver()
            if any(call.fault for call in self.world.calls[-3:]):
                self._last_fault = max(self._last_fault, self.world.calls[-1].at - self.clock.start.timestamp())
            for server in [each for each in self.servers if each.process.is_dead]:
                self.report.crashes += 1
                self.servers.remove(server)
                self.journal.note(f"{server.process.name} dies")
                self._last_fault = self.clock.elapsed
                self._start(server.process.name)

    def _start(self, name: str) -> None:
        server = Server(
            name,
            self.line,
            self.stage,
            policy=self.policy,
            ledgers=self.ledgers,
            random=self.random,
            allowance=self._allowance,
        )
        self.servers.append(server)
        server.start()

    def _until_next(self, end: float) -> float:
        return until_next(self.stage, self.servers, self._jumped_at, end)

    def _goes_on(self, process: Process) -> None:
        processes.PROCESS = process.name

    def _statement(self, execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        """Pass a statement to the database, between two points at which its process can die."""
        task = self.stage.current
        if task is not None:
            task.process.point()
        result = execute(sql, *arguments)
        if task is not None and not sql.startswith("BEGIN"):  # Django ends what it began
            task.process.point()
        return result
