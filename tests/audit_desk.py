"""Where the tests make audits: on the engine's bench, with its sandbox."""

from dataclasses import dataclass

from virtual_clock import VirtualClock

from warmline.pipedrive import Pipedrive
from warmline.sandbox import Sandbox
from warmline.sync.audit.auditor import Auditor
from warmline.sync.audit_models import Finding
from warmline.sync.company import Membership
from warmline.sync.policy import Policy
from warmline.sync.status import audit_choices
from warmline.sync.status.audit_result import AuditResult, latest


@dataclass
class Desk:
    """Where audits are made."""

    pipedrive: Pipedrive
    policy: Policy
    clock: VirtualClock
    sandbox: Sandbox

    def auditor(self) -> Auditor:
        """Return one that knows nothing yet."""
        return Auditor(self.pipedrive, self.policy, self.clock, Membership())

    def begin(self) -> None:
        """Begin an audit."""
        audit_choices.begin(self.clock.now())

    def go_on(self) -> None:
        """Let the open audit go on until it is done; what it waits for passes."""
        for _ in range(50):
            self.auditor().run()
            result = latest()
            if result is None or result.finished_at is not None:
                return
            self.clock.sleep(6)

    def audit(self) -> AuditResult:
        """Make an audit, and return its result."""
        self.clock.sleep(60)
        self.begin()
        self.go_on()
        result = latest()
        assert result is not None
        assert result.finished_at is not None, result
        return result

    def found(self) -> set[tuple[str, int, str]]:
        """Return kind, row and problem of everything that was found."""
        return {(each.kind, each.row_id, each.problem) for each in Finding.objects.all()}
