"""`make chaos SECONDS=600`: simulated runs and real kills for so long, one table at the end.

Two processes simulate, for two cores; a third one kills real servers, and waits most of the time. Every breach is
printed with the seed that replays it: `make chaos SEED=...` prints what everybody did as well. With DATABASE=postgres
the simulated servers work on PostgreSQL, each process on a cluster of its own; the servers that are killed do not.
"""

import argparse
import gc
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import django
from chaos.breach import KINDS as BREACHES
from chaos.killing import kill_round

KILLS_WANTED = 60
KILLS_A_ROUND, CONTACTS_A_ROUND = 6, 48
SEEDS_APART = 1_000_000
KILLER = 2  # of the three workers


def main() -> int:
    """Run what the arguments ask for; return 0 when nothing was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, help="replay one simulated run")
    parser.add_argument("--worker", type=int, choices=range(3), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.seed is not None:
        return _table([_simulate(range(asked.seed, asked.seed + 1), time.monotonic() + 3600, is_told=True)])
    if asked.worker is not None:
        sys.stdout.write(json.dumps(_work(asked.worker, time.monotonic() + asked.seconds)))
        return 0
    command = [sys.executable, "-m", "chaos.run", "--seconds", str(asked.seconds), "--worker"]
    workers = [subprocess.Popen([*command, str(worker)], stdout=subprocess.PIPE) for worker in range(3)]
    tallies = [json.loads(worker.communicate()[0] or "null") for worker in workers]
    if any(tally is None for tally in tallies):
        sys.stderr.write("A worker ended without a result.\n")
        return 1
    return _table([Counter(tally) for tally in tallies])


def _work(worker: int, end: float) -> "Counter[str]":
    if worker == KILLER:
        return _kill(end)
    first = int(time.time()) + worker * SEEDS_APART  # other seeds at each call
    return _simulate(range(first, first + SEEDS_APART), end)


def _kill(end: float) -> "Counter[str]":
    tally: Counter[str] = Counter()
    seed = int(time.time())
    while tally["process kills"] < KILLS_WANTED and time.monotonic() < end:
        with tempfile.TemporaryDirectory(prefix="warmline-chaos-") as folder:
            result = kill_round(Path(folder), seed, contacts=CONTACTS_A_ROUND, kills=KILLS_A_ROUND)
        tally["process kills"] += result.kills
        tally["requests"] += result.requests
        for breach in result.breaches:
            tally[f"breach: {breach.kind}"] += 1
            sys.stderr.write(f"kills, seed {seed}: {breach.kind}: {breach.text}\n")
        seed += 1
    return tally


def _simulate(seeds: range, end: float, *, is_told: bool = False) -> "Counter[str]":
    django.setup()
    from django.db import connection  # noqa: PLC0415 (nothing of Django before its set-up)

    logging.disable(logging.CRITICAL)
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = None  # in memory: there is one thread, and nothing to keep
    connection.creation.create_test_db(verbosity=0)
    from chaos.invariants import breaches  # noqa: PLC0415 (the same)
    from chaos.simulation import Simulation  # noqa: PLC0415

    gc.collect()
    gc.freeze()  # what stays for ever need not be looked at again and again
    tally: Counter[str] = Counter()
    for seed in seeds:
        if time.monotonic() >= end:
            break
        with Simulation(seed) as run:
            report = run.run()
            tally += Counter({"simulated runs": 1, "requests": report.requests, "crashes": report.crashes})
            tally += Counter({"in a hurry": report.hurries})
            tally += Counter({f"fault: {kind}": count for kind, count in report.faults.items()})
            found = breaches(run)
        for breach in found:
            tally[f"breach: {breach.kind}"] += 1
            sys.stderr.write(f"SEED={seed}: {breach.kind}: {breach.text}\n")
        if found and is_told:
            sys.stderr.writelines(f"  {deed}\n" for deed in run.journal.deeds)
    return tally


def _table(tallies: "list[Counter[str]]") -> int:
    total: Counter[str] = sum(tallies, Counter())
    rows = ["simulated runs", "process kills", "crashes", "requests", "in a hurry"]
    rows += sorted(name for name in total if name.startswith("fault: "))
    rows += [f"breach: {kind}" for kind in BREACHES]
    for name in rows:
        sys.stdout.write(f"{name:28}{total[name]:>10}\n")
    return int(any(total[name] for name in rows if name.startswith("breach")))


if __name__ == "__main__":
    sys.exit(main())
