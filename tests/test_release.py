"""What is released: the bill of materials says what the lock file says. `make release` compares two builds itself."""

import json
from importlib.metadata import distribution
from pathlib import Path

import pytest
from release.audit import NOT_AUDITED, main
from release.bill import bill_of_materials, pinned

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements" / "run.txt").read_text()
HASH = "0" * 64
SMALL = f"""\
asgiref==3.13.0 \\
    --hash=sha256:{HASH} \\
    --hash=sha256:{HASH}
    # via
    #   django
    #   django-axes
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:{HASH}
    # via typer
django==5.2.1 \\
    --hash=sha256:{HASH}
    # via warmline (pyproject.toml)
"""


def test_the_lock_file_is_read() -> None:
    """Names, versions, where each is installed, its files and who wishes it."""
    first, second, third = pinned(SMALL)
    assert (first.name, first.version, first.hashes, first.via) == (
        "asgiref",
        "3.13.0",
        [HASH, HASH],
        ["django", "django-axes"],
    )
    assert (second.marker, second.via) == ("sys_platform == 'win32'", ["typer"])
    assert third.via == ["warmline"]


def test_the_bill_names_all_that_is_installed() -> None:
    """Each with a file's hash at least, and somebody who wishes it, up to Warmline itself."""
    bill = json.loads(bill_of_materials(LOCK, version="0.1.0", commit="c0ffee", at=0))
    components = {each["bom-ref"]: each for each in bill["components"]}
    assert len(components) == sum("==" in line.partition(";")[0] for line in LOCK.splitlines())
    assert all(each["properties"] for each in components.values())
    reached, front = set[str](), ["pkg:pypi/warmline@0.1.0"]
    wishes = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
    while front:
        for ref in wishes[front.pop()]:
            if ref not in reached:
                reached.add(ref)
                front.append(ref)
    assert reached == set(components)
    assert f"pkg:pypi/django@{distribution('django').version}" in components
    assert bill["metadata"]["timestamp"] == "1970-01-01T00:00:00Z"
    assert bill_of_materials(LOCK, version="0.1.0", commit="c0ffee", at=0) == json.dumps(bill, indent=2) + "\n"


def test_nobody_who_can_be_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is said plainly, and is not taken for good news."""
    silent = tmp_path / "pip-audit"
    silent.write_text("#!/bin/sh\necho 'no such host' >&2\nexit 1\n")
    silent.chmod(0o700)
    assert main(str(silent)) == NOT_AUDITED
    assert capsys.readouterr().out.startswith("NOT AUDITED")
