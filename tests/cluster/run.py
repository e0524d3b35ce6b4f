"""`make cluster SECONDS=900`: several machines, played on this one, are broken for so long, with one table at the end.

Everybody saves all the while. Every breach is printed with what was done when; `make cluster SEED=...` does the same
deeds in the same order, though no two runs are alike in what the machines do between them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import httpx
from chaos.breach import KINDS as OF_CHAOS
from chaos.breach import Breach
from cluster.deeds import Deeds, Killer
from cluster.invariants import breaches, is_at_rest
from cluster.machines import WEBS, Machines, machines, until
from cluster.network import in_namespaces, why_not
from cluster.traffic import WARM, Reader, Saved, Saver
from postgres_cluster import HOW_TO_GET_IT, NoPostgresError, programs

KINDS = (*OF_CHAOS, "ended", "error")
DONE = (
    "kills",
    "cuts",
    "stops of PostgreSQL",
    "restarts",
    "rolling restarts",
    "freezes",
    "clocks off",
    "newer versions",
)
CUTS = ("cuts in a create", "cuts from the database", "cuts from Pipedrive")
SANDBOX = ("--latency", "0.04", "--jitter", "0.08", "--search-delay", "5")
LOST = {"kind": "no_answer_after", "method": "POST", "probability": 0.03}
KILLS_EVERY = (3.0, 7.0)  # seconds
REST = 300.0  # seconds until everything has come to rest: an uncertain create is settled after 30, a dead job after 45
TO_REST = 100.0  # of the seconds that are asked for, kept for coming to rest; a quarter of a short run
IN_CALM = 8  # contacts whose time is taken before and after
PROMPT, TIMES = (
    5.0,
    4.0,
)  # seconds from click to Pipedrive in the calm; or so many times as long as before the first deed


def main() -> int:
    """Run what the arguments ask for; return 0 when nothing was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--short", action="store_true", help="a few deeds only, each once")
    parser.add_argument("--only", default="", help="one deed, such as freeze, again and again; nothing else is killed")
    parser.add_argument("--keep", action="store_true", help="leave logs where they are, and say where")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside is None:
        options = [*(["--short"] if asked.short else []), "--only", asked.only]
        return outside(asked.seconds, asked.seed, *options, is_kept=asked.keep)
    _end_with_input()
    report = _broken(asked.inside, asked.seconds, asked.seed, asked.only, is_short=asked.short)
    sys.stdout.write(_table(report, asked.seed))
    sys.stdout.flush()
    return int(any(report[name] for name in report if name.startswith("breach")))


def not_run() -> str:
    """Return why it cannot be run here, and how to get what is missing; empty when it can."""
    try:
        programs()
    except NoPostgresError:
        return f"PostgreSQL is missing: {HOW_TO_GET_IT}"
    return why_not()


def outside(seconds: float, seed: int, *options: str, is_kept: bool = False, out: Any = None) -> int:
    """Run it in namespaces of its own, which end with it and with us.

    Args:
        seconds: How long, with coming to rest.
        seed: Draws what is done.
        options: As of the command.
        is_kept: Whether the logs are left.
        out: Where it prints to; None for where we do.

    Returns:
        0 when nothing was broken.
    """
    if reason := not_run():
        sys.stdout.write(f"NOT RUN: {reason}\n")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="warmline-cluster-"))
    folder.chmod(0o755)
    command = [sys.executable, "-m", "cluster.run", "--seconds", str(seconds), "--seed", str(seed), *options]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    inside = in_namespaces([*command, "--inside", str(folder)])
    try:
        with subprocess.Popen(inside, env=env, stdin=subprocess.PIPE, stdout=out, stderr=out) as run:
            try:
                return run.wait(seconds + 2 * REST)
            finally:
                run.kill()
    finally:
        if is_kept:
            sys.stdout.write(f"Logs: {folder}\n")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _end_with_input() -> None:
    """End at once, and everything with us, when whoever started us has ended."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _broken(folder: Path, seconds: float, seed: int, only: str, *, is_short: bool) -> "Counter[str]":
    """Break it, and return how often what was done and what was broken; print each breach."""
    saved = Saved()
    with machines(folder, *SANDBOX) as them:
        tokens = them.start()
        probe = Saver("Calm", them.urls[WEBS[0]], tokens[WEBS[0]], saved, Random(seed))
        before = _time_in_calm(them, probe)
        deeds = Deeds(them, Random(seed), time.monotonic() + seconds - min(TO_REST, seconds / 4))
        with ExitStack() as reading:
            readers = [
                reading.enter_context(Reader(list(them.urls.values()), token, saved)) for token in tokens.values()
            ]
            with ExitStack() as saving:
                for web, name in zip(WEBS, ("Alder", "Birch"), strict=True):
                    chance = Random(f"{seed} {name}")
                    saving.enter_context(Saver(name, them.urls[web], tokens[web], saved, chance))
                _break(them, deeds, seed, only, is_short=is_short)
            found = [*deeds.breaches, *_rest(them, before, probe)]
            for reader in readers:
                reader.has_read_all = False
            until(lambda: all(reader.has_read_all for reader in readers))
        found += breaches(them, saved, readers)
        report = deeds.tally + _counted(them, saved, folder)
    found += [
        Breach("ended", f"{machine.name} ended by itself: {machine.deaths}")
        for machine in them.all.values()
        if machine.deaths
    ]
    (folder / "deeds.log").write_text("\n".join(deeds.told), encoding="utf-8")
    if found:
        sys.stdout.writelines(f"  {told}\n" for told in deeds.told)
    for breach in found:
        report[f"breach: {breach.kind}"] += 1
        sys.stdout.write(f"SEED={seed}: {breach.kind}: {breach.text}\n")
    return report


def _break(them: Machines, deeds: Deeds, seed: int, only: str, *, is_short: bool) -> None:
    them.sandbox.post("/faults", json=LOST).raise_for_status()
    if is_short:
        deeds.run_short()
    elif only:
        deeds.run(getattr(deeds, only))
    else:
        with Killer(deeds, Random(f"{seed} killer"), KILLS_EVERY):
            deeds.run()
    them.sandbox.delete("/faults").raise_for_status()


def _rest(them: Machines, before: float, probe: Saver) -> list[Breach]:
    """Wait until all has come to rest, and time what is saved then; return what never came or came late."""
    for machine in them.all.values():
        machine.look()
    if not them.are_ready():
        dead = [machine.name for machine in them.all.values() if not machine.is_ready()]
        return [Breach("loss", f"{', '.join(dead)} never worked again")]
    if not until(lambda: not is_at_rest(them), REST):
        return [Breach("late", f"after {REST:g} s there are still {is_at_rest(them)}")]
    after, most = _time_in_calm(them, probe), max(PROMPT, TIMES * before)
    sys.stderr.write(f"In the calm a contact took {before:.1f} s before, and {after:.1f} s after.\n")
    return [Breach("late", f"a contact took {after:.1f} s in the calm, before {before:.1f} s")] if after > most else []


def _time_in_calm(them: Machines, probe: Saver) -> float:
    """Return the seconds that the slowest of a few contacts took, one after the other."""
    slowest = 0.0
    query = "SELECT 1 FROM crm_contact WHERE id = %s AND pipedrive_person_id IS NOT NULL"
    for _ in range(IN_CALM):
        began = time.monotonic()
        until(partial(them.ask, query, probe.add(WARM)), REST)
        slowest = max(slowest, time.monotonic() - began)
    until(lambda: not is_at_rest(them), REST)
    return slowest


def _counted(them: Machines, saved: Saved, folder: Path) -> "Counter[str]":
    calls = them.sandbox.get("/calls").raise_for_status().json()["calls"]
    (folder / "calls.json").write_text(json.dumps(calls), encoding="utf-8")
    report = Counter({"requests": len(calls), "saved": len(saved.contacts) + len(saved.activities)})
    report["saves without an answer"] = saved.refused
    report["answered with 429"] = sum(call["status"] == httpx.codes.TOO_MANY_REQUESTS for call in calls)
    return report


def _table(report: "Counter[str]", seed: int) -> str:
    report["cuts"] = sum(report[kind] for kind in CUTS)
    rows = [*DONE, *CUTS, "requests", "answered with 429", "saved", "saves without an answer"]
    rows += sorted(name for name in report if name.startswith("NOT RUN"))
    rows += [f"breach: {kind}" for kind in KINDS]
    return "".join(f"{name:28}{report[name]:>10}\n" for name in [*rows]) + f"{'seed':28}{seed:>10}\n"


if __name__ == "__main__":
    sys.exit(main())
