"""Errors named for what the caller should do about them, not for their status code.

    PipedriveError
    |-- Rejected           it will never work as it is: change the record or the settings
    |   `-- NotFound       the one record asked for is not there
    |-- Throttled          not done: wait so long, then go on
    |-- BudgetSpent        not done: the day's tokens are gone
    |-- Unavailable        not done: try again
    |-- Uncertain          a write that may have been done: look before trying again
    |-- Unauthorized       the token is refused: stop everything but a rare probe
    `-- Blocked            Cloudflare shuts the door: stop everything for a while

No other exception may leave this package for anything that happens on the way to Pipedrive and back.
"""

# ruff: noqa: N818 -- the names say what to do; "Error" at the end of each would say nothing more.

LONGEST_MESSAGE = 300


class PipedriveError(Exception):
    """What every error of this package is."""

    def __init__(self, message: str, *, call: str = "", status: int | None = None) -> None:
        """Say what went wrong.

        Args:
            message: Text that is safe to show and to log; cut to 300 characters, spread on one line.
            call: Method and path, as `POST /api/v2/persons`; empty when no call was made.
            status: The HTTP status of the answer, None when there was none.
        """
        self.message = " ".join(message.split())[:LONGEST_MESSAGE]
        self.call = call
        self.status = status
        super().__init__(self.message)

    def __str__(self) -> str:
        """Name the call, the status and the message, as far as they are known."""
        status = "" if self.status is None else str(self.status)
        return ": ".join(part for part in (self.call, status, self.message) if part)


class Rejected(PipedriveError):
    """Pipedrive said no, and would say so again: the record or a right must change first."""

    def __init__(
        self, message: str, *, call: str = "", status: int | None = None, field: str = "", code: str = ""
    ) -> None:
        """Say what was refused.

        Args:
            message: As in PipedriveError.
            call: As in PipedriveError.
            status: As in PipedriveError.
            field: The field that Pipedrive names as the culprit; empty when it names none.
            code: Pipedrive's own code, as `ERR_BAD_REQUEST`; empty when it gives none.
        """
        super().__init__(message, call=call, status=status)
        self.field = field
        self.code = code


class NotFound(Rejected):
    """The one record asked for does not exist (any more)."""


class Throttled(PipedriveError):
    """Not done, because of too many calls at once. After `wait` seconds it may be tried again."""

    def __init__(self, message: str, *, wait: float, call: str = "", status: int | None = None) -> None:
        """Say how long to wait.

        Args:
            message: As in PipedriveError.
            wait: Seconds until the next try can succeed.
            call: As in PipedriveError.
            status: As in PipedriveError; None when our own limiter held the call back.
        """
        super().__init__(message, call=call, status=status)
        self.wait = wait


class BudgetSpent(PipedriveError):
    """Not done, because the company's daily tokens are spent; no header tells when they come back."""


class Unavailable(PipedriveError):
    """Not done, through nobody's lasting fault. Any read, or a write that never left this machine."""


class Uncertain(PipedriveError):
    """A write whose outcome is unknown. There are no idempotency keys: look first, then try again."""

    def __init__(self, message: str, *, call: str = "", status: int | None = None, answered: bool = False) -> None:
        """Say why the outcome is unknown.

        Args:
            message: As in PipedriveError.
            call: As in PipedriveError.
            status: As in PipedriveError.
            answered: Whether Pipedrive itself answered that it failed (a 5xx in its own JSON shape), which
                makes it unlikely, though not impossible, that the write was done.
        """
        super().__init__(message, call=call, status=status)
        self.answered = answered


class Unauthorized(PipedriveError):
    """The token is refused (401). Every further call would be refused as well."""


class Blocked(PipedriveError):
    """Something in front of Pipedrive refuses us (403 without Pipedrive's JSON), and the whole company."""
