"""Who may make what."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.conf import settings
from django.db import connections
from virtual_clock import VirtualClock

from warmline import database_time
from warmline.sync import processes
from warmline.sync.leases import (
    LIFETIME,
    BusyError,
    Leases,
    beating,
    in_progress,
    release_own,
    release_those_of_the_dead,
)
from warmline.sync.models import Heartbeat, Lease


@pytest.mark.django_db
def test_one_holder_at_a_time(clock: VirtualClock) -> None:
    """A held lease is refused to others, and free again at the end of the block."""
    with Leases(clock).hold("person:a"):
        with pytest.raises(BusyError), Leases(clock).hold("person:a"):
            pass
        with Leases(clock).hold("person:b"):
            assert Lease.objects.count() == 2
    with Leases(clock).hold("person:a"):
        pass
    assert not Lease.objects.exists()


@pytest.mark.django_db
def test_an_expired_lease_holds_nobody_back(clock: VirtualClock) -> None:
    """It is taken over, and who lost it is stopped before creating anything."""
    slow = Leases(clock)
    with slow.hold("person:a"):
        clock.sleep(LIFETIME.total_seconds())
        with Leases(clock).hold("person:a"):
            with pytest.raises(BusyError):
                slow.renew()
            assert Lease.objects.count() == 1
    assert not Lease.objects.exists()


@pytest.mark.django_db
def test_a_renewed_lease_lasts(clock: VirtualClock) -> None:
    """Renewed while the work goes on, it is not taken over."""
    slow = Leases(clock)
    with slow.hold("person:a"):
        for _ in range(3):
            clock.sleep(LIFETIME.total_seconds() - 1)
            slow.renew()
        with pytest.raises(BusyError), Leases(clock).hold("person:a"):
            pass


@pytest.mark.django_db
def test_only_live_leases_are_in_progress(clock: VirtualClock) -> None:
    """What a dead worker held is not shown as in progress for ever."""
    values = {"holder": "h", "kind": "contact"}
    Lease.objects.create(key="a", row_id=1, expires_at=clock.now() + timedelta(seconds=1), **values)
    Lease.objects.create(key="b", row_id=2, expires_at=clock.now(), **values)
    assert in_progress(clock.now()) == {("contact", 1)}


def _held_by(process: str, clock: VirtualClock) -> None:
    Lease.objects.create(key=process, holder=f"{process}/x", expires_at=clock.now() + LIFETIME)


def _holders() -> set[str]:
    return {holder.partition("/")[0] for holder in Lease.objects.values_list("holder", flat=True)}


# What another process does: it makes itself known, takes a lease, says so, and waits.
ANOTHER = """
import sys
import django
django.setup()
from warmline.sync import processes
processes.announce()
print(processes.PROCESS, flush=True)
sys.stdin.read()
"""


@pytest.mark.django_db
def test_a_restart_frees_what_the_dead_held(clock: VirtualClock) -> None:
    """A process of this data folder is dead when it has ended, also if nobody reaped it; of others nothing is known."""
    Leases(clock)  # makes this one known
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "warmline.settings",
        "WARMLINE_DATA_DIR": str(settings.DATA_DIR),
    }
    with subprocess.Popen(
        [sys.executable, "-c", ANOTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as child:
        assert child.stdout is not None
        other = child.stdout.readline().strip()
        for process in (processes.PROCESS, other, "elsewhere"):
            _held_by(process, clock)
        release_those_of_the_dead()
        assert _holders() == {processes.PROCESS, other, "elsewhere"}
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
        release_those_of_the_dead()
        assert _holders() == {processes.PROCESS, "elsewhere"}
    release_own()
    assert _holders() == {"elsewhere"}


@pytest.mark.django_db
def test_whoever_is_silent_for_long_is_dead(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two machines with one host name, and the same process ids, neither frees what the other holds as it lives."""
    for process in ("living", "dead"):
        _held_by(process, clock)
        monkeypatch.setattr(processes, "PROCESS", process)
        processes.note()
    Heartbeat.objects.filter(process="dead").update(at=database_time.now() - processes.SILENCE)
    release_those_of_the_dead()
    assert _holders() == {"living"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.only_on("postgres")
def test_machines_tell_each_other_that_they_live() -> None:
    """As long as work goes on a process is heard of, and no longer."""
    with beating():
        end = time.monotonic() + 60
        while not Heartbeat.objects.filter(process=processes.PROCESS).exists() and time.monotonic() < end:
            time.sleep(0.01)
        assert Heartbeat.objects.filter(process=processes.PROCESS).exists()
    assert not Heartbeat.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_wins(clock: VirtualClock) -> None:
    """Eight threads, one key, no two winners, forty times."""
    barrier, won = Barrier(8), []

    def race() -> None:
        try:
            for round_ in range(40):
                barrier.wait()
                try:
                    with Leases(clock).hold(f"person:{round_}"):
                        won.append(round_)
                        barrier.wait()
                except BusyError:
                    barrier.wait()
        finally:
            connections.close_all()

    threads = [Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(40))
