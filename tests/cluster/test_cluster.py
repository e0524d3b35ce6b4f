"""Several machines, played on this one, with their database cut off, stopped and killed: nothing lost or doubled."""

from pathlib import Path

import pytest
from cluster.run import not_run, outside

pytestmark = pytest.mark.only_on("postgres")
SECONDS = 40.0


def test_machines_that_die_and_are_cut_off_lose_and_double_nothing(tmp_path: Path) -> None:
    """A cut in the middle of a create, a stop of PostgreSQL, and two kills, while two web processes save."""
    if reason := not_run():
        pytest.skip(f"NOT RUN: {reason}")
    with (tmp_path / "told").open("w+") as out:
        status = outside(SECONDS, 20261127, "--short", out=out)
        out.seek(0)
        told = out.read()
    assert status == 0, told
    assert "breach: loss                         0" in told
