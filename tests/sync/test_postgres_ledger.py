"""The limits that several machines share: real processes at one row of PostgreSQL, and a strict sandbox."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import psycopg
import pytest
from django.db import connection, transaction
from virtual_clock import VirtualClock

from warmline.pipedrive import Limiter, Throttled, Unavailable, Window
from warmline.sandbox import Sandbox, World, serving
from warmline.sync.models import RateLimits
from warmline.sync.remote import configured_client, postgres_ledger
from warmline.sync.remote.postgres_ledger import LedgerConnection, SharedLedger

pytestmark = [pytest.mark.only_on("postgres"), pytest.mark.django_db(transaction=True)]

TOKEN = "sandbox-token"
PATIENCE = 120  # seconds
MINUTES_OFF = 120.0  # seconds
HALF_A_WINDOW = 1.0  # seconds
END_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'warmline limits'"
BEGIN = """
import sys
from datetime import timedelta
import django
django.setup()
from warmline.pipedrive import Limiter, Pipedrive, SystemClock, Window
from warmline.sync.remote.postgres_ledger import SharedLedger

class Wrong(SystemClock):
    "Of a machine that was started at another time than the others, and whose clock is wrong."
    def now(self):
        return super().now() + timedelta(seconds=float(sys.argv[1]))
    def monotonic(self):
        return super().monotonic() + 1000 * float(sys.argv[1])
    def sleep(self, seconds):
        if is_sleeping:
            super().sleep(seconds)

is_sleeping = False
ledger = SharedLedger("us", clock=Wrong())
"""
TURNS = """
limiter = Limiter((Window(3, 2.0),), guard=0.1, longest_wait=1000, ledger=ledger, clock=Wrong())
for _ in range(20):
    print(limiter.acquire())
"""
CALLS = """
from threading import Thread
from warmline.pipedrive import Throttled
is_sleeping = True
clock = Wrong()
late = [0.0]

class Watched(Limiter):
    def learn(self, headers, *, turn, search=False):
        late.append(ledger.look().present(clock) - turn)
        super().learn(headers, turn=turn, search=search)

limiter = Watched((Window(20, 2.0),), ledger=ledger, clock=clock)
pipedrive = Pipedrive(sys.argv[2], sys.argv[3], limiter=limiter, clock=clock)
def work():
    for _ in range(8):
        try:
            pipedrive.users()
        except Throttled:
            pass
threads = [Thread(target=work) for _ in range(5)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(max(late))
"""
HOLDS = """
with ledger.open() as used:
    used.turns.append(1.0)
    print("holds", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def ledger() -> Iterator[SharedLedger]:
    """Return a ledger with a connection of its own."""
    own = LedgerConnection()
    yield SharedLedger("us", connection=own)
    own.close()


def _process(program: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start a program beside us, with the same database."""
    of = connection.settings_dict
    url = f"postgres://{of['USER']}@{of['HOST'].replace('/', '%2F')}/{of['NAME']}"
    env = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "warmline.settings"}
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN + program, *arguments],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def _holding() -> "Iterator[subprocess.Popen[str]]":
    """Have another process hold the row."""
    with _process(HOLDS, "0") as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "holds\n"
        try:
            yield other
        finally:
            other.kill()


def _back(seconds: float) -> None:
    """Make the database's clock look set back since the row was written."""
    row = RateLimits.objects.get(name="us")
    moved = {name: [each + seconds for each in row.figures[name]] for name in ("turns", "searches")}
    also = {name: row.figures[name] + seconds for name in ("told", "next_batch", "paused_until")}
    RateLimits.objects.filter(name="us").update(figures={**row.figures, **moved, **also})


def test_three_machines_share_one_window() -> None:
    """However wrong a clock is: no window has more turns than it may, and hardly one could have more."""
    running = [_process(TURNS, off) for off in ("0", f"{MINUTES_OFF}", f"-{MINUTES_OFF}")]
    turns = sorted(float(line) for process in running for line in process.communicate(timeout=PATIENCE)[0].split())
    assert len(turns) == 60
    assert min(later - earlier for earlier, later in zip(turns, turns[3:], strict=False)) > 2.0
    assert turns[-1] - turns[0] < 19 * 2.1 + 0.05 * 40


def test_three_machines_at_a_strict_sandbox() -> None:
    """Not one call is refused, although one machine's clock is two minutes off."""
    sandbox = Sandbox(World.sample(token=TOKEN))
    with serving(sandbox, latency=0.04, latency_jitter=0.04) as url:
        running = [_process(CALLS, off, url, TOKEN) for off in ("0", "0", f"{MINUTES_OFF}")]
        slowest = max(float(process.communicate(timeout=PATIENCE)[0]) for process in running)
    statuses = [call.status for call in sandbox.world.calls]
    # Whoever needs half a window to send a call has a machine on which nothing can be told of windows.
    assert statuses == [200] * 120 or slowest > HALF_A_WINDOW


def test_one_row_for_all_threads_whatever_becomes_of_the_callers_transaction() -> None:
    """A turn that was taken in a transaction that is rolled back is taken all the same."""
    with transaction.atomic():
        configured_client._limiter(configured_client._ledger(TOKEN), is_oauth=False).acquire(tokens=7)
        transaction.set_rollback(True)
    assert configured_client.usage(TOKEN).tokens == 7
    assert configured_client.usage(TOKEN).calls == 1
    assert RateLimits.objects.count() == 1


def test_the_databases_clock_counts(ledger: SharedLedger) -> None:
    """A turn is of its time, wherever the monotonic seconds of this machine begin."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        before = cursor.fetchone()[0]
        turn = Limiter(ledger=ledger).acquire()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        assert before <= turn <= cursor.fetchone()[0]


def test_a_clock_that_is_set_back_delays_nothing(ledger: SharedLedger) -> None:
    """What was reserved and the pauses follow it, as if it had always been so."""
    limiter = Limiter((Window(1, 30.0),), guard=0, ledger=ledger)
    limiter.acquire()
    limiter.pause(50)
    _back(1000.0)
    assert 40 < limiter.paused_for() < 51
    with pytest.raises(Throttled), ledger.open():  # a block that raises changes nothing, but the clock was noticed
        raise Throttled("", wait=1)
    assert 40 < limiter.paused_for() < 51
    told = datetime.fromtimestamp(RateLimits.objects.get(name="us").figures["told"], UTC)
    assert told <= datetime.now(UTC)


def test_who_only_looks_waits_for_nobody_and_writes_nothing(ledger: SharedLedger) -> None:
    """Not even for one who holds the row."""
    Limiter(ledger=ledger, daily_tokens=100).acquire(tokens=5)
    held = Limiter(ledger=SharedLedger("us", connection=LedgerConnection()), daily_tokens=100)
    before = RateLimits.objects.get(name="us").figures
    with ledger.open():
        assert held.usage().tokens == 5
        assert held.paused_for() == 0
    assert RateLimits.objects.get(name="us").figures == before
    held._ledger._connection.close()  # type: ignore[attr-defined]


def test_a_machine_that_dies_while_it_holds_the_row(ledger: SharedLedger) -> None:
    """Its lock dies with its connection, and it has changed nothing."""
    with _holding() as other:
        other.kill()
        with ledger.open() as used:
            assert used.turns == []


def test_a_machine_that_is_cut_off_while_it_holds_the_row(ledger: SharedLedger) -> None:
    """The database lets go of the row; when the machine comes back, it sends nothing for that turn."""
    with _holding() as other:
        other.send_signal(signal.SIGSTOP)
        with ledger.open() as used:
            assert used.turns == []
        other.send_signal(signal.SIGCONT)
        other.communicate("\n", timeout=PATIENCE)
        assert other.returncode == 1
    with ledger.open() as used:
        assert used.turns == []


def test_turns_of_the_dead_pass(ledger: SharedLedger) -> None:
    """What a machine had reserved stands in the way only until its moment has passed."""
    Limiter((Window(1, 0.2),), guard=0, ledger=ledger).acquire()
    assert Limiter((Window(1, 0.2),), guard=0, ledger=ledger).acquire()


def test_a_database_that_was_away(ledger: SharedLedger) -> None:
    """The next one opens a new connection, and what was known is known."""
    Limiter(ledger=ledger, daily_tokens=100).acquire(tokens=5)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'warmline limits'"
        )
    assert Limiter(ledger=ledger, daily_tokens=100).usage().tokens == 5


def test_a_database_that_goes_away_in_the_middle(ledger: SharedLedger) -> None:
    """Who has the figures is told that they could not be kept, and so sends nothing."""
    with pytest.raises(Unavailable), ledger.open() as used, connection.cursor() as cursor:
        used.turns.append(1.0)
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'warmline limits'"
        )
    with ledger.open() as used:
        assert used.turns == []


def test_a_database_that_is_not_there() -> None:
    """The message tells neither user nor password."""
    nowhere = LedgerConnection(partial(psycopg.connect, "host=/nowhere user=alice password=a-secret-of-hers"))
    with pytest.raises(Unavailable) as refused:
        Limiter(ledger=SharedLedger("us", connection=nowhere), clock=VirtualClock()).acquire()
    assert str(refused.value) == "The database, which holds the limits, cannot be used at this moment."


def test_a_row_that_is_held_for_too_long(ledger: SharedLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever."""
    monkeypatch.setattr(postgres_ledger, "PATIENCE", 0.1)
    hurried = SharedLedger("us", connection=LedgerConnection())
    with ledger.open(), pytest.raises(Unavailable), hurried.open():
        pytest.fail("two have it")
