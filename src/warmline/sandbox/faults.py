"""What goes wrong on demand: rules that say which calls fail, how, and how many times.

A rule's kind is a row of `KINDS`: when it strikes (on arrival, or after the commit) and what the caller gets. A new
kind is a new row. An "after" kind strikes only when the call did succeed: a refusal is answered as it is.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from warmline.sandbox.answers import (
    FORBIDDEN,
    SERVER_ERROR,
    UNAUTHORIZED,
    Refused,
    Response,
    error_response,
    html_response,
)
from warmline.sandbox.limits import rate_headers, too_many

FaultKind = Literal[
    "error", "error_after", "html_error", "no_answer", "no_answer_after",
    "refuse", "unauthorized", "throttled", "budget_spent", "blocked",
]  # fmt: skip


class Silence(Exception):  # noqa: N818 - it is what happens, not an error
    """The call gets no answer. `NoAnswer` and `NotReached` say where it ended."""


class NoAnswer(Silence):
    """The call came in, and nothing comes back."""


class NotReached(Silence):
    """The call did not even come in. The HTTP door, being reached already, can only hang up."""


@dataclass(frozen=True)
class Outcome:
    """What a kind of fault does.

    Attributes:
        gives: An error to word, a page to send, or the silence to raise.
        status: HTTP status of a page.
        after: Strikes after the commit.
    """

    gives: Refused | str | type[Silence]
    status: int = 0
    after: bool = False


BROKEN = Refused("Internal server error", status=SERVER_ERROR, code="ERR_INTERNAL")
KINDS: dict[FaultKind, Outcome] = {
    "error": Outcome(BROKEN),
    "error_after": Outcome(BROKEN, after=True),
    "html_error": Outcome("<html><body><h1>Bad gateway</h1></body></html>", status=502),
    "no_answer": Outcome(NoAnswer),
    "no_answer_after": Outcome(NoAnswer, after=True),
    "refuse": Outcome(NotReached),
    "unauthorized": Outcome(Refused("unauthorized access", status=UNAUTHORIZED)),
    "throttled": Outcome(too_many("request over limit", rate_headers(20, 0, 2))),
    "budget_spent": Outcome(too_many("daily token budget is used up", rate_headers(20, 19, 2))),
    "blocked": Outcome(
        "<html><body><h1>Access denied</h1><p>Too many requests came from here.</p></body></html>", status=FORBIDDEN
    ),
}


class Fault(BaseModel):
    """A rule.

    Attributes:
        kind: A row of `KINDS`.
        method: Exact, in capitals; "*" is any.
        path: Exact, or the beginning when it ends in "*".
        times: How often it strikes; none is always.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    kind: FaultKind
    method: str = "*"
    path: str = "*"
    times: int | None = Field(default=None, ge=1)

    def matches(self, method: str, path: str) -> bool:
        """Say whether a call is meant."""
        same = path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path
        return same and self.method in ("*", method)


class Faults:
    """The rules in force. The first that matches a call strikes; a rule that is used up goes."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        """Put rules in force, behind those that are."""
        self._rules += faults

    def clear(self) -> None:
        """Lift every rule."""
        self._rules = []

    def all(self) -> list[Fault]:
        """Return the rules in force, with the times that they have left."""
        return list(self._rules)

    def match(self, method: str, path: str) -> Fault | None:
        """Return the rule for a call, if there is one."""
        return next((rule for rule in self._rules if rule.matches(method, path)), None)

    def strike(self, fault: Fault, version: int) -> Response:
        """Use a rule once and return what the caller gets.

        Raises:
            Silence: The caller gets nothing.
        """
        if fault.times is not None:
            place = next(number for number, rule in enumerate(self._rules) if rule is fault)
            left = fault.model_copy(update={"times": fault.times - 1})
            self._rules[place : place + 1] = [left] if fault.times > 1 else []
        outcome = KINDS[fault.kind]
        if isinstance(outcome.gives, Refused):
            return error_response(version, outcome.gives)
        if isinstance(outcome.gives, str):
            return html_response(outcome.status, outcome.gives)
        raise outcome.gives
