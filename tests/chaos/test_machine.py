"""Hypothesis draws what happens and in which order, and shrinks what breaks to the few steps that it takes."""

import pytest
from chaos.invariants import breaches
from chaos.simulation import Simulation
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test


class Machine(RuleBasedStateMachine):
    """A simulation whose actions Hypothesis chooses; the seed draws their details."""

    run: Simulation

    @initialize(seed=st.integers(0, 2**32 - 1))
    def begin(self, seed: int) -> None:
        """Begin with an empty world."""
        self.run = Simulation(seed)

    @rule()
    def add_contact(self) -> None:
        """Add a contact."""
        self.run.here.add_contact()

    @rule()
    def edit(self) -> None:
        """Edit something."""
        self.run.here.edit()

    @rule()
    def log_activity(self) -> None:
        """Log an activity."""
        self.run.here.log_activity()

    @rule()
    def work_in_pipedrive(self) -> None:
        """A colleague works in Pipedrive."""
        self.run.there.work()

    @rule()
    def decide(self) -> None:
        """Someone chooses, deletes, hands over, or tries again."""
        here = self.run.here
        deeds = (here.choose, here.delete, here.hand_over, here.try_again, here.change_pipedrive_user)
        self.run.random.choice((*deeds, here.delete_activity, here.slip, here.undo))()

    @rule()
    def jump(self) -> None:
        """The machine's clock is set."""
        self.run.jump()

    @rule()
    def audit(self) -> None:
        """An audit begins, or goes on."""
        self.run.audit()

    @rule()
    def change_token(self) -> None:
        """Warmline is given another token."""
        self.run.change_token()

    @rule()
    def hurry(self) -> None:
        """Someone waits for what they save."""
        self.run.hurry()

    @rule()
    def break_something(self) -> None:
        """Have some calls fail."""
        self.run.break_something()

    @rule()
    def step(self) -> None:
        """Let the servers work."""
        self.run.step()

    @rule()
    def crash(self) -> None:
        """Let a server die at work."""
        self.run.crash()

    @rule()
    def pass_time(self) -> None:
        """Let time pass."""
        self.run.pass_time()

    def teardown(self) -> None:
        """Come to rest, and look."""
        if hasattr(self, "run"):
            try:
                self.run.rest()
                assert breaches(self.run) == []
            finally:
                self.run.close()


@pytest.mark.django_db(transaction=True)
def test_the_invariants_hold_in_any_order() -> None:
    """Whatever is done in whatever order, nothing is doubled or lost and no state is false."""
    slow = (HealthCheck.too_slow, HealthCheck.data_too_large)
    bounds = settings(
        max_examples=20, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=slow
    )
    run_state_machine_as_test(Machine, settings=bounds)
