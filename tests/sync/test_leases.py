"""Who may make what."""

import os
import subprocess
import sys
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connections
from virtual_clock import VirtualClock

from warmline.sync.leases import LIFETIME, PROCESS, BusyError, Leases, in_progress, release_those_of_the_dead
from warmline.sync.models import Lease

NO_SUCH_PROCESS = 4_194_305  # above Linux's largest


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


@pytest.mark.django_db
def test_a_restart_frees_what_the_dead_held(clock: VirtualClock) -> None:
    """Leases of this machine's dead processes go; those of other machines stay."""
    host = PROCESS.rpartition("/")[0]
    for holder in (f"{host}/{NO_SUCH_PROCESS}/x", f"{PROCESS}/x", f"{host}/1/x", f"elsewhere/{NO_SUCH_PROCESS}/x"):
        Lease.objects.create(key=holder, holder=holder, expires_at=clock.now())
    release_those_of_the_dead()
    assert set(Lease.objects.values_list("key", flat=True)) == {f"{host}/1/x", f"elsewhere/{NO_SUCH_PROCESS}/x"}


@pytest.mark.django_db
@pytest.mark.skipif(sys.platform != "linux", reason="Elsewhere nothing tells it, and orphans are reaped at once.")
def test_a_process_that_nobody_reaped_is_dead(clock: VirtualClock) -> None:
    """It has a process id as long as its parent does not ask what became of it, and holds nobody back all the same."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
        holder = f"{PROCESS.rpartition('/')[0]}/{child.pid}/x"
        Lease.objects.create(key="person:a", holder=holder, expires_at=clock.now() + LIFETIME)
        release_those_of_the_dead()
        assert not Lease.objects.exists()


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
