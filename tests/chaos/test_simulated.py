"""Seeded schedules: engines, people, faults and crashes on one virtual clock."""

import pytest
from chaos.invariants import breaches
from chaos.simulation import Simulation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("seed", range(60))
def test_invariants_hold(seed: int) -> None:
    """Nothing doubled, nothing lost, no false state, whatever broke on the way."""
    run = Simulation(seed)
    run.run()
    assert breaches(run) == []
