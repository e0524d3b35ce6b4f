"""Fault injection: rules that say which calls fail, how, how often, and for how long.

A rule's kind is a row in `KINDS`: when it applies and what the caller gets. To add a kind, add a row. Random numbers
come from one seeded source and are drawn only for rules with a probability, so a run with the same seed and calls fails
in the same way.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from math import inf
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from warmline.sandbox.answers import (
    BAD_REQUEST,
    FORBIDDEN,
    PAYMENT_REQUIRED,
    SERVER_ERROR,
    UNAUTHORIZED,
    Refused,
    Response,
    error_response,
    html_response,
)
from warmline.sandbox.limits import rate_headers, too_many

FaultKind = Literal[
    "error", "error_after", "html_error", "html_error_after", "html_after", "truncated", "slow",
    "no_answer", "no_answer_after", "late_commit", "reset_before", "reset_after", "refuse", "outage",
    "unauthorized", "throttled", "budget_spent", "blocked", "suspended",
    "event_late", "event_twice", "event_out_of_order", "event_lost",
]  # fmt: skip


class Silence(Exception):  # noqa: N818 - it is what happens, not an error
    """The call gets no answer. Subclasses say how the call ends."""


class NoAnswer(Silence):
    """The call arrived, but nothing comes back."""


class NotReached(Silence):
    """The call did not arrive. The HTTP server, which it did reach, can only close the connection."""


class Reset(Silence):
    """The connection is reset while the client waits for the answer."""


class ResetWhileSending(Reset):
    """The connection is reset while the call is being sent. Over HTTP it looks like any other reset."""


class When(Enum):
    """The stage of a call at which a fault applies."""

    ARRIVAL = auto()  # before anything is looked at: no tokens, no commit
    COMMIT = auto()  # once the call is let in and paid for; the commit is put off
    ANSWER = auto()  # after the commit, and only if the call did succeed: a refusal is answered as it is
    EVENT = auto()  # not of a call: when an event is about to be sent to a webhook (see webhooks.py)


@dataclass(frozen=True)
class Outcome:
    """What a kind of fault does.

    Attributes:
        gives: An error to word, a page to send, the silence to raise, or what becomes of the good answer.
        status: HTTP status of a page.
        when: The moment it strikes.
        delayed: Whether its rules say how many seconds it takes.
    """

    gives: Refused | str | type[Silence] | Callable[[Response, "Fault"], Response]
    status: int = 0
    when: When = When.ARRIVAL
    delayed: bool = False


def _slowed(response: Response, fault: "Fault") -> Response:
    return replace(response, delay=fault.delay)


def _halved(response: Response, _fault: "Fault") -> Response:
    return replace(response, body=response.body[: len(response.body) // 2])


NOTHING_YET = Response(0, {}, b"")
INTERNAL = "Internal server error"
BROKEN = Refused(INTERNAL, status=SERVER_ERROR, code="ERR_INTERNAL")
GATEWAY = "<html><body><h1>Bad gateway</h1></body></html>"
KINDS: dict[FaultKind, Outcome] = {
    "error": Outcome(BROKEN),
    "error_after": Outcome(BROKEN, when=When.ANSWER),
    "html_error": Outcome(GATEWAY, status=502),
    "html_error_after": Outcome(GATEWAY, status=502, when=When.ANSWER),
    "html_after": Outcome("<html><body><h1>Please wait</h1></body></html>", status=200, when=When.ANSWER),
    "truncated": Outcome(_halved, when=When.ANSWER),
    "slow": Outcome(_slowed, when=When.ANSWER, delayed=True),
    "no_answer": Outcome(NoAnswer),
    "no_answer_after": Outcome(NoAnswer, when=When.ANSWER),
    "late_commit": Outcome(NoAnswer, when=When.COMMIT, delayed=True),
    "reset_before": Outcome(ResetWhileSending),
    "reset_after": Outcome(Reset, when=When.ANSWER),
    "refuse": Outcome(NotReached),
    "outage": Outcome(NotReached),
    "unauthorized": Outcome(Refused("unauthorized access", status=UNAUTHORIZED)),
    "throttled": Outcome(too_many("request over limit", rate_headers(20, 0, 2))),
    "budget_spent": Outcome(too_many("daily token budget is used up", rate_headers(20, 19, 2))),
    "blocked": Outcome(
        "<html><body><h1>Access denied</h1><p>Too many requests came from here.</p></body></html>", status=FORBIDDEN
    ),
    "suspended": Outcome(Refused("the company account is not open", status=PAYMENT_REQUIRED)),
    "event_late": Outcome(Silence, when=When.EVENT, delayed=True),
    "event_twice": Outcome(Silence, when=When.EVENT),
    "event_out_of_order": Outcome(Silence, when=When.EVENT, delayed=True),
    "event_lost": Outcome(Silence, when=When.EVENT),
}


class Fault(BaseModel):
    """A rule.

    Attributes:
        kind: A row of `KINDS`.
        method: Exact, in capitals; "*" is any.
        path: Exact, or the beginning when it ends in "*".
        times: How often it strikes; none is always.
        probability: With which chance it strikes a call that it means, from 0 to 1.
        seconds: How long it is in force, by the world's clock, from when it is added; none is for ever.
        delay: Seconds until the answer of `slow`, the commit of `late_commit`, or the event of `event_late` and at most
            of `event_out_of_order`; no other kind takes one.
        status: HTTP status of `error` and `error_after`; no other kind takes one.
        message: Theirs, too: what the answer says went wrong.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    kind: FaultKind
    method: str = "*"
    path: str = "*"
    times: int | None = Field(default=None, ge=1)
    probability: float = Field(default=1.0, ge=0, le=1)
    seconds: float | None = Field(default=None, gt=0)
    delay: float = Field(default=0.0, ge=0)
    status: int = Field(default=SERVER_ERROR, ge=BAD_REQUEST, lt=600)
    message: str = Field(default=INTERNAL, min_length=1)

    @model_validator(mode="after")
    def _delays_what_can_be(self) -> Self:
        if KINDS[self.kind].delayed != (self.delay > 0):
            raise ValueError("delay: slow, late_commit and late events need one, and no other kind takes one")
        return self

    @model_validator(mode="after")
    def _words_what_can_be(self) -> Self:
        if KINDS[self.kind].gives is not BROKEN and (self.status, self.message) != (SERVER_ERROR, INTERNAL):
            raise ValueError("status, message: only error and error_after take them")
        return self

    def matches(self, method: str, path: str) -> bool:
        """Say whether a call is meant."""
        same = path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path
        return same and self.method in ("*", method)


@dataclass(eq=False)
class Rule:
    """A fault in force.

    Attributes:
        fault: As it was added.
        ends: Unix seconds by the world's clock.
        left: How often it can still strike; none is always.
    """

    fault: Fault
    ends: float
    left: int | None

    @property
    def outcome(self) -> Outcome:
        """What it does."""
        return KINDS[self.fault.kind]


class Faults:
    """The rules in force. They are tried in order, outages first, until one strikes; a rule that is used up goes.

    Args:
        now: The world's clock, in unix seconds.
        lock: Held by every call on its way through the sandbox.
        seed: Of the chance with which rules strike.
    """

    def __init__(self, now: Callable[[], float], lock: threading.RLock, *, seed: int = 0) -> None:
        self._now = now
        self._lock = lock
        self._rules: list[Rule] = []
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Begin the sequence of chances anew, with this seed."""
        with self._lock:
            self.seed = seed
            self._chance = random.Random(seed)  # noqa: S311 - it breaks things, and guards nothing

    def add(self, *faults: Fault) -> None:
        """Put rules in force, behind those that are; an outage goes before all others, as nothing comes through it."""
        with self._lock:
            now = self._now()
            self._rules += [Rule(one, inf if one.seconds is None else now + one.seconds, one.times) for one in faults]
            self._rules.sort(key=lambda rule: rule.fault.kind != "outage")

    def lift(self, *faults: Fault) -> None:
        """Take the rules out of force that were added in these words, used in part or not."""
        with self._lock:
            self._rules = [rule for rule in self._rules if rule.fault not in faults]

    def clear(self) -> None:
        """Lift every rule. What is already on its way (a late commit) still comes."""
        with self._lock:
            self._rules = []

    def all(self) -> list[Fault]:
        """Return the rules in force, with the times and seconds that they have left."""
        with self._lock:
            now = self._now()
            return [
                rule.fault.model_copy(
                    update={"times": rule.left, "seconds": None if rule.ends == inf else rule.ends - now}
                )
                for rule in self._in_force()
            ]

    def match(self, method: str, path: str) -> Rule | None:
        """Return the rule that strikes a call, if there is one."""
        return self._matching(method, path, of_event=False)

    def match_event(self, method: str, path: str) -> Rule | None:
        """Return the rule that strikes an event on its way, if there is one."""
        return self._matching(method, path, of_event=True)

    def use(self, rule: Rule) -> None:
        """Use a rule once; whoever matched it does what it says."""
        if rule.left is not None:
            rule.left -= 1

    def strike(self, rule: Rule, version: int, response: Response = NOTHING_YET) -> Response:
        """Use a rule once and return what the caller gets.

        Args:
            rule: As `match` returned it.
            version: Of the API, for the wording of an error.
            response: The good answer, for a rule that strikes it.

        Raises:
            Silence: The caller gets nothing.
        """
        self.use(rule)
        gives = rule.outcome.gives
        if isinstance(gives, type):
            raise gives
        if gives is BROKEN:
            fault = rule.fault
            code = BROKEN.code if fault.status >= SERVER_ERROR else "ERR_BAD_REQUEST"
            gives = Refused(fault.message, status=fault.status, code=code)
        if isinstance(gives, Refused):
            return error_response(version, gives)
        if isinstance(gives, str):
            return html_response(rule.outcome.status, gives)
        return gives(response, rule.fault)

    def _matching(self, method: str, path: str, *, of_event: bool) -> Rule | None:
        with self._lock:
            for rule in self._in_force():
                meant = (rule.outcome.when is When.EVENT) == of_event and rule.fault.matches(method, path)
                if meant and self._falls(rule):
                    return rule
            return None

    def _in_force(self) -> list[Rule]:
        now = self._now()
        self._rules = [rule for rule in self._rules if rule.ends > now and rule.left != 0]
        return self._rules

    def _falls(self, rule: Rule) -> bool:
        certain = rule.fault.probability == 1
        return certain or self._chance.random() < rule.fault.probability
