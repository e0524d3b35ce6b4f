"""`make release`: wheel, source distribution, bill of materials and checksums of a commit, the same bytes each time.

Everything is built from what git holds of the commit and of nothing that lies about, with the commit's own time. It is
built twice, and the two must not differ.
"""

import argparse
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

from release.bill import bill_of_materials

SUMS = "SHA256SUMS"


class ReleaseError(Exception):
    """It cannot be built, or not twice the same; the message says why."""


def main() -> int:
    """Build what the arguments ask for.

    Returns:
        0 when it is there, else 1.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--commit", default="HEAD", help="a tag, or any commit")
    parser.add_argument("--into", type=Path, default=Path("dist"))
    parser.add_argument("--builder", default=sys.executable, help="the Python that has hatchling")
    asked = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="warmline-release-") as folder:
            first, second = Path(folder) / "first", Path(folder) / "second"
            for each in (first, second):
                build(asked.commit, each, asked.builder)
            _compare(first, second)
            asked.into.mkdir(exist_ok=True)
            for file in sorted(first.iterdir()):
                (asked.into / file.name).write_bytes(file.read_bytes())
                print(asked.into / file.name)
    except (ReleaseError, subprocess.CalledProcessError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def build(commit: str, into: Path, builder: str) -> None:
    """Build all files of a release.

    Args:
        commit: Any name that git knows one by.
        into: A folder that is made.
        builder: The Python that has hatchling.

    Raises:
        ReleaseError: The commit has a tag that is not its version's.
    """
    into.mkdir()
    seconds = int(_git("log", "-1", "--format=%ct", commit))
    with tempfile.TemporaryDirectory(prefix="warmline-source-") as folder:
        source = Path(folder)
        with tarfile.open(fileobj=io.BytesIO(_git_bytes("archive", "--format=tar", commit))) as archive:
            archive.extractall(source, filter="data")
        version = str(tomllib.loads((source / "pyproject.toml").read_text())["project"]["version"])
        tags = _git("tag", "--points-at", commit).split()
        if tags and f"v{version}" not in tags:
            raise ReleaseError(f"{commit} is tagged {', '.join(tags)}, and its version is {version}.")
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(seconds), "TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}
        command = [builder, "-m", "hatchling", "build", "--directory", str(into.resolve())]
        subprocess.run(command, cwd=source, env=env, check=True, stdout=subprocess.DEVNULL)
        bill = bill_of_materials(
            (source / "requirements" / "run.txt").read_text(),
            version=version,
            commit=_git("rev-parse", commit),
            at=seconds,
        )
    (into / f"warmline-{version}.cdx.json").write_text(bill)
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(into.iterdir())]
    (into / SUMS).write_text("".join(sums))


def _compare(first: Path, second: Path) -> None:
    one, other = ({file.name: file.read_bytes() for file in folder.iterdir()} for folder in (first, second))
    if one != other:
        raise ReleaseError("Two builds of the same commit differ.")


def _git(*arguments: str) -> str:
    return _git_bytes(*arguments).decode().strip()


def _git_bytes(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], check=True, capture_output=True).stdout


if __name__ == "__main__":
    sys.exit(main())
