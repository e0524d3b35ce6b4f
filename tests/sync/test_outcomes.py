"""What follows each outcome, as tables: no database, no call, no clock."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.pipedrive import (
    Blocked,
    BudgetSpent,
    NotFound,
    Rejected,
    Suspended,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
)
from warmline.sync.policy import Policy
from warmline.sync.probe_waits import probe_wait
from warmline.sync.retries import (
    AmbiguousError,
    OrganizationFailedError,
    Trouble,
    backoff,
    judge,
    trouble,
    wants_probe,
)

POLICY = Policy(threshold=4, label="Warm Lead", earlier_activities=False)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
DOWN = Unavailable("no answer")
LOST = Uncertain("cut off")


@pytest.mark.parametrize(
    ("error", "probed", "state"),
    [
        (Unauthorized("no"), None, "unauthorized"),
        (Blocked("no"), None, "blocked"),
        (Suspended("no"), None, "blocked"),
        (BudgetSpent("no"), None, "budget_spent"),
        (Throttled("slow", wait=3), None, "throttled"),
        (DOWN, DOWN, "down"),
        (LOST, DOWN, "down"),
        (DOWN, Unauthorized("no"), "unauthorized"),
        (LOST, Throttled("slow", wait=3), "throttled"),
        (DOWN, None, None),
        (LOST, None, None),
        (Rejected("no"), None, None),
        (NotFound("no"), None, None),
        (ValueError("bug"), None, None),
    ],
)
def test_whose_fault(error: Exception, probed: Exception | None, state: str | None) -> None:
    """An error is the connection's fault by its kind, or because the probe failed too."""
    found = trouble(error, probed=probed)
    assert (found.state if found else None) == state


@pytest.mark.parametrize(
    ("error", "asks"), [(DOWN, True), (LOST, True), (Rejected("no"), False), (ValueError(), False)]
)
def test_when_only_a_probe_can_tell(error: Exception, *, asks: bool) -> None:
    """Silence may be anybody's fault; a refusal is the row's."""
    assert wants_probe(error) is asks


@pytest.mark.parametrize(
    ("error", "attempts", "failed", "wait", "code", "field"),
    [
        (DOWN, 1, False, 2 * SECOND, "unavailable", ""),
        (DOWN, 2, False, 4 * SECOND, "unavailable", ""),
        (DOWN, 3, True, 15 * MINUTE, "unavailable", ""),
        (DOWN, 7, True, 15 * MINUTE, "unavailable", ""),
        (LOST, 1, False, 5 * SECOND, "uncertain", ""),
        (Uncertain("500", answered=True), 1, False, 2 * SECOND, "uncertain", ""),
        (LOST, 3, True, 15 * MINUTE, "uncertain", ""),
        (ValueError("bug"), 1, False, 2 * SECOND, "unexpected", ""),
        (ValueError("bug"), 3, True, 15 * MINUTE, "unexpected", ""),
        (Rejected("bad mail", field="emails"), 1, True, DAY, "rejected", "emails"),
        (NotFound("gone", field="pipedrive_id"), 1, True, DAY, "rejected", "pipedrive_id"),
        (AmbiguousError("persons", "email", [{"pipedrive_id": 1, "name": "J"}]), 1, True, DAY, "ambiguous", "email"),
        (OrganizationFailedError("why", 9 * MINUTE), 1, True, 9 * MINUTE, "organization_failed", "organization"),
    ],
)
def test_what_becomes_of_the_row(
    error: Exception, attempts: int, *, failed: bool, wait: timedelta, code: str, field: str
) -> None:
    """Tried again soon, or failed with its reason, at once where trying again cannot help."""
    verdict = judge(error, attempts=attempts, policy=POLICY, jitter=0.5)
    assert (verdict.failed, verdict.wait, verdict.code, verdict.field) == (failed, wait, code, field)
    assert verdict.message


@pytest.mark.parametrize(
    ("names", "gone", "message"),
    [
        (
            ["Petra Maier"],
            False,
            (
                "Pipedrive has 1 person with this e-mail: “Petra Maier”. The name here is “Klaus”. "
                "Choose it if it is the same, or create a new record."
            ),
        ),
        (
            ["A", "B", "C", "D", "E", "F", "G"],
            True,
            (
                "The chosen record is no longer in Pipedrive. Pipedrive has 7 persons with this e-mail: "
                "“A”, “B”, “C”, “D”, “E” and 2 more. The name here is “Klaus”. Choose one, or create a new record."
            ),
        ),
    ],
)
def test_who_decides_hears_both_names(names: list[str], message: str, *, gone: bool) -> None:
    """And the log hears none."""
    candidates: list[dict[str, object]] = [{"pipedrive_id": n, "name": name} for n, name in enumerate(names)]
    error = AmbiguousError("persons", "email", candidates, ours="Klaus", chosen_is_gone=gone)
    assert judge(error, attempts=1, policy=POLICY, jitter=0).message == message
    assert "Klaus" not in str(error)
    assert f"“{names[0]}”" not in str(error)


def test_an_unexpected_error_shows_nothing_of_its_text() -> None:
    """It could hold anything, a token included; its kind is enough for a person, the log has the rest."""
    assert "secret" not in judge(ValueError("secret"), attempts=1, policy=POLICY, jitter=0).message


@given(st.integers(1, 20), st.floats(0, 1), st.floats(0, 1))
def test_waits_grow_at_any_jitter(attempts: int, one: float, other: float) -> None:
    """Each wait is longer than the one before, and stays within a quarter of its doubling."""
    first, second = (backoff(attempts + n, 2 * SECOND, jitter) for n, jitter in enumerate((one, other)))
    assert first < second
    assert abs(first / (2 * SECOND * 2 ** (attempts - 1)) - 1) <= 0.2501


@pytest.mark.parametrize(
    ("state", "waits"),
    [
        ("down", [1, 2, 4, 8, 16, 30, 30]),
        ("unauthorized", [5, 10, 20, 40, 60, 60, 60]),
        ("blocked", [60, 120, 240, 480, 960, 1800, 1800]),
        ("budget_spent", [300, 300, 300, 300, 300, 300, 300]),
    ],
)
def test_probes_grow_rarer(state: str, waits: list[int]) -> None:
    """Doubled from one to the next, up to a bound."""
    found = Trouble(state, "why")  # type: ignore[arg-type]
    assert [probe_wait(found, probes).total_seconds() for probes in range(7)] == waits


def test_pipedrives_own_wait_is_kept() -> None:
    """Where Pipedrive says how long, that is how long."""
    found = trouble(Throttled("slow", wait=17))
    assert found is not None
    assert probe_wait(found, 5) == 17 * SECOND
