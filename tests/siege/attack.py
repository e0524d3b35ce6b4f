"""What an attack is, and how one is tried: saves when it is quiet, then the same saves while it goes on.

Figures are ratios to the quiet of the same run, because no machine is as quick at every moment.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from siege.ground import Ground, Saves, ground

QUIET_SAVES = 40
HEADINGS = ("attack", "load", "quiet p50/p95", "under p50/p95", "times", "memory", "log", "errors")
MEGABYTE = 1 << 20


class NotRunError(Exception):
    """This machine lacks what an attack needs; the message says what."""


@dataclass
class Said:
    """What came of an attack, as it tells itself.

    Attributes:
        load: What was done, in a few words and figures.
        breaches: What should not have been; empty when all is well.
        at_rest: Yields more of these, once nobody saves any more.
    """

    load: str
    breaches: list[str] = field(default_factory=list)
    at_rest: Callable[[], Iterable[str]] = tuple


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        name: In a few words.
        run: Does it, within so many seconds, and says what came of it. An admin saves meanwhile.
        slower: How many times slower the saves' median may be at the most.
        memory: How many bytes both processes may hold.
        log: How many bytes may be logged.
        env: Further variables of Warmline's environment.
        refuses: Whether saves may be told to come again, with 503.
        is_quiet: Whether nobody saves meanwhile.
        disk: Gives Warmline a disk of its own, which the data lies on.
        before: Stands before its Pipedrive; see `ground`.
        beside: Runs beside Warmline, and gives the variables that lead there.
    """

    name: str
    run: Callable[[Ground, float], Said]
    slower: float = 5.0
    memory: int = 300 * MEGABYTE
    log: int = 20_000
    env: dict[str, str] = field(default_factory=dict)
    refuses: bool = False
    is_quiet: bool = False
    disk: Callable[[Path], AbstractContextManager[Path]] | None = None
    before: Callable[[str], AbstractContextManager[str]] | None = None
    beside: Callable[[], AbstractContextManager[dict[str, str]]] | None = None


@dataclass(frozen=True)
class Row:
    """What one attack came to.

    Attributes:
        cells: A row of the table.
        breaches: What should not have been.
    """

    cells: tuple[str, ...]
    breaches: list[str]


def besiege(attack: Attack, folder: Path, seconds: float) -> Row:
    """Try an attack on a Warmline of its own.

    Args:
        attack: Which.
        folder: An empty one.
        seconds: For how long it may go on.
    """
    with ExitStack() as stack:
        data = stack.enter_context(attack.disk(folder)) if attack.disk else None
        env = attack.env | (stack.enter_context(attack.beside()) if attack.beside else {})
        place = stack.enter_context(ground(folder, env, data=data, before=attack.before or nullcontext))
        place.save(5)  # what is read once is read by now
        quiet, over = place.save(QUIET_SAVES), Event()
        place.quiet = quiet
        logged = place.log.stat().st_size
        if attack.is_quiet:
            over.set()
        with ThreadPoolExecutor(1) as beside:
            saving = beside.submit(place.save_until, over)
            try:
                said = attack.run(place, seconds)
            finally:
                over.set()
            under = saving.result()
        said.breaches += said.at_rest()
        memory, log, text = place.memory(), place.log.stat().st_size - logged, place.logged()
    breaches = [*said.breaches, *_breaches(attack, quiet, under, memory, log), *_loud(text)]
    return Row(_cells(attack, said, quiet, under, memory, log), breaches)


def table(rows: Sequence[Row]) -> Iterable[str]:
    """Yield the lines of a table of what the attacks came to."""
    lines = [HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
    for row in rows:
        yield from (f"{row.cells[0]}: {breach}" for breach in row.breaches)


def _breaches(attack: Attack, quiet: Saves, under: Saves, memory: int, log: int) -> Iterable[str]:
    if under.errors:
        yield f"saves failed: {', '.join(sorted(set(under.errors)))}"
    if under.refused and not attack.refuses:
        yield f"{under.refused} saves were told to come again"
    if under.seconds and under.percentile(50) > attack.slower * quiet.percentile(50):
        yield f"saves took more than {attack.slower} times as long"
    if memory > attack.memory:
        yield f"more than {attack.memory // MEGABYTE} MB"
    if log > attack.log:
        yield f"more than {attack.log} bytes were logged"


def _loud(text: str) -> Iterable[str]:
    if "Traceback" in text:
        yield "a traceback was logged: " + text[text.index("Traceback") :][-400:]


def _cells(attack: Attack, said: Said, quiet: Saves, under: Saves, memory: int, log: int) -> tuple[str, ...]:
    errors = len(under.errors)
    times = under.percentile(50) / quiet.percentile(50) if quiet.seconds and under.seconds else float("nan")
    return (
        attack.name,
        said.load,
        _milliseconds(quiet),
        _milliseconds(under),
        f"{times:.1f}",
        f"{memory / MEGABYTE:.0f} MB",
        f"{log} B",
        f"{errors}" + (f" ({under.refused} refused)" if under.refused else ""),
    )


def _milliseconds(saves: Saves) -> str:
    return f"{1000 * saves.percentile(50):.0f}/{1000 * saves.percentile(95):.0f} ms"
