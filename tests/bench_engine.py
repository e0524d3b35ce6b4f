"""An engine on the bench: driven step by step on a clock that the test turns."""

from dataclasses import dataclass, replace
from random import Random

from virtual_clock import VirtualClock

from warmline.pipedrive import Pipedrive
from warmline.sync.engine import Engine
from warmline.sync.policy import Policy


@dataclass
class Bench:
    """An engine with its clock, as the tests drive it."""

    engine: Engine
    clock: VirtualClock
    policy: Policy
    pipedrive: Pipedrive

    def settle(self, seconds: float = 10) -> None:
        """Let the engine work for so long: whatever comes due in that time is done in that time."""
        end = self.clock.monotonic() + seconds
        while True:
            while self.engine.step(self.clock.now()):
                pass
            if self.clock.monotonic() >= end:
                return
            self.clock.sleep(0.5)

    def under(self, **changes: object) -> "Bench":
        """Return the same with another policy."""
        policy = replace(self.policy, **changes)  # type: ignore[arg-type]
        engine = Engine(self.pipedrive, policy, self.clock, Random(7))
        return Bench(engine, self.clock, policy, self.pipedrive)
