"""What the client raises."""

from warmline.client.shapes import Problem


class WarmlineError(Exception):
    """Warmline did not do what it was asked for."""


class RefusedError(WarmlineError):
    """It refused: the same call would be refused again.

    Attributes:
        status: HTTP's.
        code, field: For programs; which field is meant, or None.
    """

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem["message"])
        self.status = status
        self.code, self.field = problem["code"], problem["field"]


class UnreachableError(WarmlineError):
    """It did not answer, or not in a useful way, however often it was asked. The call may have been done or not."""
