"""`make siege SECONDS=600`: all attacks for so long together, and the table of what they came to."""

import argparse
import sys
import tempfile
from pathlib import Path

from siege.attack import NotRunError, besiege, table
from siege.attacks import ATTACKS


def main() -> int:
    """Run the attacks that the arguments name; all of them without any.

    Returns:
        0 when all is well, else 1.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--only", default="", help="a part of the names of those to run")
    asked = parser.parse_args()
    attacks = [attack for attack in ATTACKS if asked.only in attack.name]
    rows = []
    for attack in attacks:
        with tempfile.TemporaryDirectory(prefix="warmline-siege-") as folder:
            try:
                rows.append(besiege(attack, Path(folder), asked.seconds / len(attacks)))
            except NotRunError as reason:
                sys.stderr.write(f"NOT RUN: {attack.name}: {reason}\n")
    sys.stdout.write("\n".join(table(rows)) + "\n")
    return int(any(row.breaches for row in rows))


if __name__ == "__main__":
    sys.exit(main())
