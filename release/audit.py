"""`make audit`: is a vulnerability known of what is installed? Says so plainly where nobody can be asked."""

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path("requirements/run.txt")
WITHIN = 300.0  # seconds
KNOWN, NOT_AUDITED = 1, 2  # exit statuses


def main(program: str) -> int:
    """Ask, and print what came of it.

    Args:
        program: pip-audit.

    Returns:
        0 when nothing is known, 1 when something is, 2 when nobody could be asked.
    """
    asking = ("--requirement", str(LOCK), "--disable-pip", "--vulnerability-service", "osv", "--format", "json")
    try:
        done = subprocess.run([program, *asking], capture_output=True, text=True, check=False, timeout=WITHIN)
        packages = json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError):
        packages = []
    if not packages or any("skip_reason" in package for package in packages):
        print(f"NOT AUDITED: no source of advisories can be asked from here. Nothing is known of {LOCK}, good or bad.")
        return NOT_AUDITED
    for package in packages:
        for found in package["vulns"]:
            mended = ", ".join(found["fix_versions"]) or "none yet"
            print(f"{package['name']} {package['version']}: {found['id']}, mended in {mended}")
    number = sum(len(package["vulns"]) for package in packages)
    print(f"{len(packages)} packages audited: {number or 'no'} known vulnerabilities.")
    return KNOWN if number else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
