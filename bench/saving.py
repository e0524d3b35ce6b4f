"""Not blocking: how long saving a contact takes when Pipedrive is slow, dead, refuses or is busy, beside the sync off.

One server for each case, all running, and all but one frozen (SIGSTOP): they take turns, a few saves at a time, so that
all meet the same machine, and none disturbs another.
"""

import os
import random
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from statistics import median

from bench.figures import Figure, Promise, Result, percentile
from bench.rig import Lab, Warmline, lead

from warmline import programs

OFF, BUSY, SLOW, DEAD, REFUSING = "sync off", "healthy, in a burst", "slow (5 s)", "dead", "refusing"
PROMISED = {BUSY: 1.5, SLOW: 1.1, DEAD: 1.1, REFUSING: 1.1}  # times the sync off, at p95
TURNS, SAVES, UNCOUNTED = 24, 25, 3
BACKLOG = 400  # contacts, more than are brought over while the measuring lasts
NOTE = (
    f"Each save adds a warm contact with its own organization, on SQLite. {TURNS} turns of {SAVES} saves each. "
    "Milliseconds are medians of the turns' percentiles; what is promised is the median of the turns' ratios, each to "
    "the sync off in the same turn."
)


def measure(lab: Lab) -> Result:
    """Measure all cases in turns."""
    with ExitStack() as stack:
        servers = {case: stack.enter_context(server) for case, server in _cases(lab, stack)}
        servers[BUSY].member("bob").bring_in([lead(f"Backlog {number}") for number in range(BACKLOG)])
        for server in servers.values():
            stack.enter_context(_frozen(server))
        turns: dict[str, list[list[float]]] = {case: [] for case in servers}
        for turn in range(TURNS):
            for case in random.sample(list(servers), len(servers)):
                turns[case].append(_turn(servers[case], turn))
    return Result("Not blocking", NOTE, list(_figures(turns)))


def _cases(lab: Lab, stack: ExitStack) -> Iterator[tuple[str, AbstractContextManager[Warmline]]]:
    healthy, slow = stack.enter_context(lab.sandbox()), stack.enter_context(lab.sandbox())
    slow.break_with(kind="slow", delay=5)
    # The kernel connects whoever calls, and nobody ever reads or answers.
    silent = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))
    dead = f"http://127.0.0.1:{silent.getsockname()[1]}"
    nobody = f"http://127.0.0.1:{programs.free_port()}"
    yield OFF, lab.warmline(nobody, token="")
    yield BUSY, lab.warmline(healthy.url)
    yield SLOW, lab.warmline(slow.url)
    yield DEAD, lab.warmline(dead)
    yield REFUSING, lab.warmline(nobody)


@contextmanager
def _frozen(server: Warmline) -> Iterator[None]:
    os.killpg(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(server.pid, signal.SIGCONT)


def _turn(server: Warmline, turn: int) -> list[float]:
    """Return how long some saves took, in milliseconds."""
    times = []
    os.killpg(server.pid, signal.SIGCONT)
    alice = server.member("alice")
    for number in range(UNCOUNTED + SAVES):
        body = lead(f"Ames {turn} {number}")
        began = time.perf_counter()
        alice.save("/contacts", body)
        times.append(1000 * (time.perf_counter() - began))
        time.sleep(random.uniform(0.005, 0.015))
    alice.api.close()
    os.killpg(server.pid, signal.SIGSTOP)
    return times[UNCOUNTED:]


def _figures(turns: dict[str, list[list[float]]]) -> Iterator[Figure]:
    for percent in (50, 95):
        found = {case: [percentile(turn, percent) for turn in its] for case, its in turns.items()}
        off = median(found[OFF])
        for case, its in found.items():
            beside, what = (None, "") if case == OFF else (off, OFF)
            yield Figure(f"{case}, p{percent}", median(its), "ms", beside, what)
        if percent == 95:  # noqa: PLR2004 (the percentile that is promised)
            for case, most in PROMISED.items():
                ratio = median(its / offs for its, offs in zip(found[case], found[OFF], strict=True))
                yield Figure(f"{case}, turn by turn, p{percent}", ratio, "x", promise=Promise(f"{most} x {OFF}", most))
