"""Seeded schedules: servers, people, faults and crashes on one virtual clock."""

import pytest
from chaos.invariants import breaches
from chaos.simulation import Simulation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("seed", range(27))
def test_invariants_hold(seed: int) -> None:
    """Nothing doubled, lost or late, nothing on a stranger, no false state and no false notice, whatever broke."""
    with Simulation(seed) as run:
        run.run()
        found = breaches(run)
    assert found == [], "\n".join(run.journal.deeds)


def test_a_seed_replays_its_run() -> None:
    """The same seed makes the same calls at the same moments, with all of its workers."""
    calls = []
    for _ in range(2):
        with Simulation(5) as run:
            run.run()
        calls.append([(call.at, call.method, call.path, call.status) for call in run.world.calls])
    assert calls[0] == calls[1]
    assert len(calls[0]) > 10
