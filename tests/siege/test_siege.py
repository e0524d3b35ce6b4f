"""Each attack on the running program, for a few seconds; `make siege` goes on for longer."""

from collections.abc import Callable
from pathlib import Path

import pytest
from siege.attack import Attack, NotRunError, Row, besiege
from siege.attacks import ATTACKS

SECONDS = 5.0


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack(attack: Attack, tmp_path: Path, tell: Callable[[Row], None]) -> None:
    """It does no more harm than it is allowed to."""
    try:
        row = besiege(attack, tmp_path, SECONDS)
    except NotRunError as reason:
        pytest.skip(f"NOT RUN: {reason}")
    tell(row)
    assert row.breaches == []
