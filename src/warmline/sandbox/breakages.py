"""What the sandbox's page can break, button by button: the table of the buttons, and rules of faults in plain words.

The order of the table is the order in which they strike: while everything answers 503, no create is refused. Rules that
came in through the control door are shown, but only "Mend everything" lifts them.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from warmline.sandbox.answers import BAD_REQUEST
from warmline.sandbox.faults import Fault, Faults

UNAVAILABLE = 503
SLOW = 5.0
REFUSED = "Refused by a button on the sandbox's page"


@dataclass(frozen=True)
class Breakage:
    """A button.

    Attributes:
        key: In forms and ids.
        title: On the button.
        effect: What calls get, as a sentence without its full stop.
        fault: The rule it puts in force.
    """

    key: str
    title: str
    effect: str
    fault: Fault


def _refusal(kind: str) -> Breakage:
    fault = Fault(kind="error", method="POST", path=f"/api/v2/{kind}", status=BAD_REQUEST, message=REFUSED)
    return Breakage(f"refuse-{kind}", f"Refuse {kind}", f"Creates of {kind} answer 400", fault)


BREAKAGES = (
    Breakage(
        "outage",
        "Outage",
        "Every call answers 503",
        Fault(kind="error", status=UNAVAILABLE, message="Service unavailable"),
    ),
    Breakage("silence", "No answer", "Every call is cut off unanswered", Fault(kind="no_answer")),
    Breakage("unauthorized", "Refuse the token", "Every call answers 401", Fault(kind="unauthorized")),
    Breakage("throttle", "Throttle", "Every call answers 429", Fault(kind="throttled")),
    *(_refusal(kind) for kind in ("persons", "organizations", "activities")),
    Breakage("slow", "Slow", f"Good answers take {SLOW:.0f} seconds", Fault(kind="slow", delay=SLOW)),
)


def pressed(faults: Faults) -> set[str]:
    """Return the keys of the buttons whose rule is in force."""
    rules = faults.all()
    return {one.key for one in BREAKAGES if one.fault in rules}


def press(faults: Faults, keys: AbstractSet[str]) -> None:
    """Have just these buttons pressed. All their rules are put in force anew, so that they strike in the table's order.

    Args:
        faults: The rules in force; hold the sandbox's lock.
        keys: Those that are not in the table mean nothing.
    """
    faults.lift(*(one.fault for one in BREAKAGES))
    faults.add(*(one.fault for one in BREAKAGES if one.key in keys))


def told(faults: Faults) -> list[str]:
    """Return what is broken now, in words, the buttons first."""
    rules = faults.all()
    known = [one for one in BREAKAGES if one.fault in rules]
    return [one.effect for one in known] + [
        in_words(rule) for rule in rules if rule not in [one.fault for one in known]
    ]


def in_words(rule: Fault) -> str:
    """Return a rule that is no button's as a line of text: its kind, whom it strikes, and how long still."""
    whom = "every call" if (rule.method, rule.path) == ("*", "*") else f"{rule.method} {rule.path}"
    parts = [f"{rule.kind}: {whom}"]
    if rule.probability < 1:
        parts.append(f"by a chance of {rule.probability:.0%}")
    if rule.times is not None:
        parts.append(f"{rule.times} more {'time' if rule.times == 1 else 'times'}")
    if rule.seconds is not None:
        parts.append(f"for {rule.seconds:.0f} more seconds")
    return ", ".join(parts)
