"""`make bench`: runs the sections, prints one table, writes build/bench/, and ends with 1 when a promise is broken.

Everything is measured over HTTP against real processes on this machine, the sandbox at 80 ms give or take 40.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from bench import arrival, burst, growth, one_by_one, pages, saving, table, tokens
from bench.figures import Result
from bench.picture import draw
from bench.rig import BenchError, Lab

from warmline.programs import ProgramError

SECTIONS: dict[str, Callable[[Lab], Result]] = {
    "arrival": arrival.measure,
    "burst": burst.measure,
    "one_by_one": one_by_one.measure,
    "tokens": tokens.measure,
    "saving": saving.measure,
    "growth": growth.measure,
    "pages": pages.measure,
}
FOLDER = Path("build/bench")


def main() -> int:
    """Run the sections that the arguments name, all by default.

    Returns:
        0 when every section could be measured and every promise holds, else 1.
    """
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"some of {', '.join(SECTIONS)}")
    asked = parser.parse_args().sections
    if unknown := set(asked) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    began = time.monotonic()
    results, broken = [], []
    with tempfile.TemporaryDirectory(prefix="warmline-bench-") as folder:
        lab = Lab(Path(folder))
        for name in asked or SECTIONS:
            section_began = time.monotonic()
            try:
                results.append(SECTIONS[name](lab))
            except (BenchError, ProgramError, httpx.HTTPError) as failure:
                print(f"\n{name} could not be measured: {failure}", file=sys.stderr)
                broken.append(name)
                continue
            print("\n".join(table.lines(results[-1])))
            print(f"  {time.monotonic() - section_began:.0f} s", flush=True)
            broken += [f"{name}: {figure.what}" for figure in results[-1].figures if figure.holds is False]
    _write(results)
    print(f"\n{time.monotonic() - began:.0f} s; the same in {FOLDER}/results.json and results.svg.")
    print("Every promise holds." if not broken else f"Not so: {'; '.join(broken)}.")
    return 1 if broken else 0


def _write(results: list[Result]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "results.json").write_text(table.as_json(results), encoding="utf-8")
    (FOLDER / "results.svg").write_text(draw(results), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
