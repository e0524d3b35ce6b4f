"""`make offline SECONDS=600`: people at random without a network for so long together, on phones and wide.

Each takes a turn with another seed and the next crossing: of a device, and of how Warmline is out of reach. What one
of them finds wrong is printed with all that was done before; `make offline SEED=... CROSSING=...` does that again.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from e2e.browsing import PHONE, People, chromium
from e2e.random_person import Person, check
from e2e.stopping import Server, stoppable
from playwright.sync_api import Error

CROSSINGS: dict[str, tuple[dict[str, Any], str]] = {
    "phone-switch": (PHONE, "switch"),
    "phone-server": (PHONE, "server"),
    "wide-switch": ({}, "switch"),
    "wide-server": ({}, "server"),
}
DEEDS_OF_A_TURN = 60


def work_and_check(
    people: People, server: Server, crossing: str, seed: int, goes_on: Callable[[int], bool]
) -> list[str]:
    """Have somebody work, and compare what is there with what they wanted.

    Args:
        people: Who opens the browser.
        server: What they work with.
        crossing: One of `CROSSINGS`.
        seed: Of all that is random.
        goes_on: Whether to begin another round, by how many things were done.

    Returns:
        What was done.

    Raises:
        AssertionError: If something is not there as it should be; it tells what was done.
    """
    device, how = CROSSINGS[crossing]
    server.start()
    person = Person(people, server, seed, how, device)
    try:
        person.work(goes_on)
        check(server, person.wanted, person.mark)
    except (AssertionError, Error) as error:
        story = "\n  ".join(person.wanted.deeds)
        raise AssertionError(f"{crossing}, seed {seed}: {error}\nWhat was done:\n  {story}") from error
    finally:
        people.close()
        # What the browser says of requests that failed, as they should, is no complaint.
        people.complaints[:] = [each for each in people.complaints if not each.startswith(("Failed to load", "htmx:"))]
    return person.wanted.deeds


def main() -> int:
    """Run what the arguments ask for.

    Returns:
        0 when each thing was there once, else 1.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, help="one turn alone")
    parser.add_argument("--crossing", choices=CROSSINGS, default="phone-server")
    asked = parser.parse_args()
    program = shutil.which("chromium")
    if program is None:
        sys.stderr.write("This needs Chromium (apt-get install chromium).\n")
        return 1
    first, end, found = int(time.time()), time.monotonic() + asked.seconds, 0
    crossings = list(CROSSINGS)
    turns = (
        ((asked.crossing, asked.seed),)
        if asked.seed is not None
        else ((crossings[turn % len(crossings)], first + turn) for turn in count())
    )
    with (
        tempfile.TemporaryDirectory(prefix="warmline-offline-") as folder,
        stoppable(Path(folder)) as server,
        chromium(program) as browser,
    ):
        for crossing, seed in turns:
            people = People(browser)
            try:
                deeds = work_and_check(people, server, crossing, seed, lambda done: done < DEEDS_OF_A_TURN)
                sys.stdout.write(f"{crossing}, seed {seed}: {len(deeds)} deeds, each thing once\n")
            except AssertionError as error:
                found += 1
                sys.stdout.write(f"BREACH {error}\n")
            sys.stdout.flush()
            if time.monotonic() > end:
                break
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
