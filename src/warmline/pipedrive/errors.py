"""Errors named for what the caller should do about them, not for their status code.

    PipedriveError
    |-- Rejected           it will never work like this: change the record or the settings
    |   |-- NotFound       the one record that was asked for does not exist
    |   `-- MissingScope   the OAuth app may not do this: a person has to allow more
    |-- Throttled          not done: wait for `wait` seconds, then go on
    |-- BudgetSpent        not done: the day's tokens are used up
    |-- Unavailable        not done: try again
    |-- Uncertain          a write that may have been done: look before trying again
    |-- Unauthorized       the token is refused: stop everything but a rare probe
    |   `-- GrantEnded     the app was uninstalled or its access revoked: a person has to connect again
    `-- Blocked            the whole company is kept out: stop everything for a while
        `-- Suspended      its account is not open: a person has to settle that in Pipedrive

Whatever goes wrong on the way to Pipedrive and back, this package raises no other exception.
"""

# ruff: noqa: N818 -- the names say what to do; "Error" at the end of each would say nothing more.

LONGEST_MESSAGE = 300


class PipedriveError(Exception):
    """The base class of this package's errors."""

    def __init__(self, message: str, *, call: str = "", status: int | None = None) -> None:
        """Say what went wrong.

        Args:
            message: Text that is safe to show and to log; cut to 300 characters and put on one line.
            call: Method and path, such as `POST /api/v2/persons`; empty when no call was made.
            status: The HTTP status of the response; None when there was none.
        """
        self.message = " ".join(message.split())[:LONGEST_MESSAGE]
        self.call = call
        self.status = status
        super().__init__(self.message)

    def __str__(self) -> str:
        """Return the call, the status and the message, as far as they are known."""
        status = "" if self.status is None else str(self.status)
        return ": ".join(part for part in (self.call, status, self.message) if part)


class Rejected(PipedriveError):
    """Pipedrive refused, and would refuse again: the record or a permission has to change first."""

    def __init__(
        self, message: str, *, call: str = "", status: int | None = None, field: str = "", code: str = ""
    ) -> None:
        """Say what was refused.

        Args:
            message: As in PipedriveError.
            call: As in PipedriveError.
            status: As in PipedriveError.
            field: The field that Pipedrive says is wrong; empty when it names none.
            code: Pipedrive's own code, such as `ERR_BAD_REQUEST`; empty when it gives none.
        """
        super().__init__(message, call=call, status=status)
        self.field = field
        self.code = code


class NotFound(Rejected):
    """The one record that was asked for does not exist, or not any more."""


class MissingScope(Rejected):
    """The scopes of the OAuth app do not cover the call. It is no block: other calls go on."""


class Throttled(PipedriveError):
    """Not done, because of too many calls. It may be tried again after `wait` seconds."""

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
    """Not done, because the company's daily tokens are used up; no header says when there are new ones."""


class Unavailable(PipedriveError):
    """Not done, for a reason that will pass. Raised for reads, and for writes that never left this machine."""


class Uncertain(PipedriveError):
    """A write whose outcome is unknown. There are no idempotency keys: look first, then try again."""

    def __init__(self, message: str, *, call: str = "", status: int | None = None, answered: bool = False) -> None:
        """Say why the outcome is unknown.

        Args:
            message: As in PipedriveError.
            call: As in PipedriveError.
            status: As in PipedriveError.
            answered: Whether Pipedrive itself responded that it failed (a 5xx in its own JSON shape). The write is
                then unlikely, though not impossible, to have been done.
        """
        super().__init__(message, call=call, status=status)
        self.answered = answered


class Unauthorized(PipedriveError):
    """The token is refused (401). Every further call would be refused as well."""


class GrantEnded(Unauthorized):
    """The grant of OAuth has ended, or a code is no good: a person has to connect again."""


class Blocked(PipedriveError):
    """A firewall in front of Pipedrive blocks the whole company (403 without Pipedrive's JSON)."""


class Suspended(Blocked):
    """The company's account is not open (402), as when a trial is over or a payment is missing: no call is served."""
