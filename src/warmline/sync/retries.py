"""Decides what follows a failure: pure functions, each with a table of tests.

There are two questions, in this order. Is it the connection's fault? Then no row is blamed, no attempt is counted, and
everybody sees the connection's state. Otherwise the row is tried again soon, or has failed with a reason and is left to
batch processing.
"""

from dataclasses import dataclass
from datetime import timedelta

from warmline.pipedrive import (
    Blocked,
    BudgetSpent,
    GrantEnded,
    PipedriveError,
    Rejected,
    Suspended,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
)
from warmline.sync.models import ConnectionState
from warmline.sync.policy import Policy

AMBIGUOUS = "ambiguous"  # the error code of a row that waits for a person to choose
IN_WORDS = {"email": "with this e-mail", "name": "with this name"}  # how candidates were found, by our field
NAMED = 5  # candidates that a message names
ORGANIZATION_FAILED = "organization_failed"  # the error code of a contact whose organization has failed
PASSING = ("unavailable", "uncertain", "unexpected")  # the error codes of failures that may pass by themselves
SUSPENDED = (
    "Pipedrive does not serve this company, because its account is not open: a trial may be over, or a payment "
    "missing. Settle that in Pipedrive."
)
SOON = timedelta(minutes=1)  # the longest wait of a row that has not failed: a lost create is settled in 40 seconds
LOOK_AFTER_SILENCE = timedelta(seconds=5)  # a burst of lost creates lasts no longer; one look then finds them all


class NotYetError(Exception):
    """The row has to wait, and no attempt was made: a create may still happen, or what the row needs has to wait.

    Args:
        wait: How long, from now.
    """

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"not before {wait.total_seconds():.0f} s from now")
        self.wait = wait


class AmbiguousError(Exception):
    """Pipedrive has records that could be the row's; a person has to choose one of them, or a new record.

    Args:
        what: What they are, such as "persons".
        field: Our field by which they were found.
        candidates: Each as `{"pipedrive_id": 1, "name": "..."}`.
        ours: The row's name here.
        chosen_is_gone: Whether a person has chosen before, and that record does not exist any more.
    """

    def __init__(
        self,
        what: str,
        field: str,
        candidates: list[dict[str, object]],
        *,
        ours: str = "",
        chosen_is_gone: bool = False,
    ) -> None:
        is_one = len(candidates) == 1
        named = [f"“{each['name']}”" for each in candidates]
        names = ", ".join(named[:NAMED]) + (f" and {len(named) - NAMED} more" if len(named) > NAMED else "")
        gone = "The chosen record is no longer in Pipedrive. " if chosen_is_gone else ""
        found = f"{gone}Pipedrive has {len(candidates)} {what.removesuffix('s') if is_one else what} {IN_WORDS[field]}"
        super().__init__(found)  # no names in the log
        choose = f"Choose {'it if it is the same' if is_one else 'one'}, or create a new record."
        self.message = f"{found}: {names}. The name here is “{ours}”. {choose}"
        self.field = field
        self.candidates = candidates


class CannotEmptyError(Exception):
    """Pipedrive refused to empty a field; all other changes were sent.

    Args:
        field: Our field.
        called: What people call it.
        reason: Pipedrive's own message.
    """

    def __init__(self, field: str, called: str, reason: str) -> None:
        super().__init__(f"Pipedrive refused to clear the {called}: {reason}")
        self.message = (
            f"{str(self).rstrip('.')}. Clear it in Pipedrive, or enter one here. All other changes were sent."
        )
        self.field = field


class OrganizationFailedError(Exception):
    """The contact's organization could not be sent to Pipedrive, so the contact cannot be sent either.

    Args:
        reason: Why the organization failed.
        wait: How long until the organization is tried again.
    """

    def __init__(self, reason: str, wait: timedelta) -> None:
        super().__init__(f"The organization could not be created in Pipedrive: {reason}")
        self.wait = wait


@dataclass(frozen=True)
class Trouble:
    """The connection is at fault.

    Attributes:
        state: What to show.
        message: In plain words, for people.
        wait: How long Pipedrive asked us to wait; None to wait as long as probe_waits.py says.
        detail: More information for administrators.
    """

    state: ConnectionState
    message: str
    wait: timedelta | None = None
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """The row is at fault, or it is not known what is.

    Attributes:
        failed: Whether it is left to batch processing; otherwise it is tried again soon.
        wait: How long until the next attempt.
        code: The kind of failure, for programs.
        message: The same in plain words.
        field: The field that Pipedrive refused, or by which the candidates were found; empty if none is known.
        candidates: The records from which a person may choose.
    """

    failed: bool
    wait: timedelta
    code: str
    message: str
    field: str = ""
    candidates: tuple[dict[str, object], ...] = ()


def trouble(error: Exception, *, probed: Exception | None = None) -> Trouble | None:
    """Tell whether an error is the connection's fault.

    Args:
        error: What a call raised.
        probed: What the probe that was made because of it raised; None if it succeeded, or was not made.

    Returns:
        The trouble; None when it is not the connection's fault.
    """
    match error:
        case Unauthorized():
            text = error.message if isinstance(error, GrantEnded) else "Pipedrive does not accept the API token."
            return Trouble(ConnectionState.UNAUTHORIZED, text)
        case Blocked():
            text = "Pipedrive's firewall is blocking this company for a while."
            return Trouble(ConnectionState.BLOCKED, SUSPENDED if isinstance(error, Suspended) else text)
        case BudgetSpent():
            by_pipedrive = "The company has used up its Pipedrive API tokens for today."
            return Trouble(ConnectionState.BUDGET_SPENT, by_pipedrive if error.status else error.message)
        case Throttled():
            wait = timedelta(seconds=error.wait)
            return Trouble(ConnectionState.THROTTLED, "Pipedrive asked for a pause between calls.", wait)
        case Unavailable() | Uncertain() if probed is not None:
            down = Trouble(ConnectionState.DOWN, "Pipedrive is not responding.", detail=error.message)
            return trouble(probed) or down
    return None


def is_other(code: str, new: str) -> bool:
    """Tell whether a failure is news for people: one that may pass by itself is none after another such failure."""
    return code != new and not {code, new} <= set(PASSING)


def wants_probe(error: Exception) -> bool:
    """Tell whether only a probe can show whose fault an error is."""
    return isinstance(error, Unavailable | Uncertain)


def judge(error: Exception, *, attempts: int, policy: Policy, jitter: float) -> Verdict:
    """Decide what follows for a row whose attempt failed through no fault of the connection.

    Args:
        error: What the attempt raised.
        attempts: How many attempts were made, including this one.
        policy: How many there may be, and the waits.
        jitter: From 0 to 1; varies the waits by up to a quarter, so that rows are not all due at the same moment.

    Returns:
        The verdict.
    """
    match error:
        case Rejected():
            return _fail(
                policy.person_needed, "rejected", f"Pipedrive refused this: {_sentence(error.message)}", error.field
            )
        case CannotEmptyError():
            return _fail(policy.person_needed, "rejected", error.message, error.field)
        case AmbiguousError():
            return _fail(policy.person_needed, AMBIGUOUS, error.message, error.field, tuple(error.candidates))
        case OrganizationFailedError():
            return _fail(error.wait, ORGANIZATION_FAILED, str(error), "organization")
        case Uncertain():
            code, message = "uncertain", f"It is not known whether Pipedrive saved this: {_sentence(error.message)}"
        case PipedriveError():
            code, message = "unavailable", f"Pipedrive could not process this: {_sentence(error.message)}"
        case _:
            code, message = "unexpected", f"Something unexpected happened ({type(error).__name__})."
    if attempts >= policy.attempts:
        return _fail(policy.failed_retry, code, message)
    wait = backoff(attempts, policy.retry, jitter)
    if isinstance(error, Uncertain) and not error.answered:
        wait = max(wait, LOOK_AFTER_SILENCE)
    return Verdict(failed=False, wait=wait, code=code, message=message)


def _sentence(text: str) -> str:
    """Return what Pipedrive says so that another sentence can follow."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _fail(
    wait: timedelta, code: str, message: str, field: str = "", candidates: tuple[dict[str, object], ...] = ()
) -> Verdict:
    return Verdict(failed=True, wait=wait, code=code, message=message, field=field, candidates=candidates)


def backoff(attempts: int, first: timedelta, jitter: float) -> timedelta:
    """Return the wait after some attempts: doubled each time, and varied by up to a quarter.

    Even with opposite jitters, each wait is longer than the one before (2 x 0.75 > 1.25).

    Args:
        attempts: How many were made; at least 1.
        first: The wait after the first attempt, without jitter.
        jitter: From 0 to 1.
    """
    return first * (2.0 ** (attempts - 1) * (0.75 + jitter / 2))


def longest_wait(code: str, *, failed: bool, policy: Policy) -> timedelta:
    """Return the longest time that a row can have to wait; if it seems longer, the stored moment is wrong.

    Args:
        code: The error code of its last attempt.
        failed: Whether it is left to batch processing, or to a person.
        policy: The waits.
    """
    if not failed:
        return max(SOON, policy.grace, backoff(policy.attempts, policy.retry, 1.0))
    return policy.failed_retry if code in PASSING else max(policy.failed_retry, policy.person_needed)
