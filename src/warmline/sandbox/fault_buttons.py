"""The buttons on the sandbox's page that break something, and fault rules in plain words.

The order of the table decides which fault applies first: while every call answers 503, no create is refused. Rules that
were added through the control API are shown, too, but only "Fix everything" removes them.
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
        key: Its name in forms and ids.
        title: Its text.
        effect: What calls get, as a sentence without a full stop.
        fault: The rule that it adds.
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
    Breakage("silence", "No answer", "Every call is cut off without an answer", Fault(kind="no_answer")),
    Breakage("unauthorized", "Refuse the token", "Every call answers 401", Fault(kind="unauthorized")),
    Breakage("throttle", "Throttle", "Every call answers 429", Fault(kind="throttled")),
    *(_refusal(kind) for kind in ("persons", "organizations", "activities")),
    Breakage("slow", "Slow", f"Good answers take {SLOW:.0f} seconds", Fault(kind="slow", delay=SLOW)),
)


def pressed(faults: Faults) -> set[str]:
    """Return the keys of the buttons whose rules are active."""
    rules = faults.all()
    return {one.key for one in BREAKAGES if one.fault in rules}


def press(faults: Faults, keys: AbstractSet[str]) -> None:
    """Make exactly these buttons pressed. All their rules are added again, so that they apply in the table's order.

    Args:
        faults: The active rules; the caller holds the sandbox's lock.
        keys: Keys of buttons; unknown ones are ignored.
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
    """Describe a rule that no button added: its kind, the calls it applies to, and how long it lasts."""
    whom = "every call" if (rule.method, rule.path) == ("*", "*") else f"{rule.method} {rule.path}"
    parts = [f"{rule.kind}: {whom}"]
    if rule.probability < 1:
        parts.append(f"with a probability of {rule.probability:.0%}")
    if rule.times is not None:
        parts.append(f"{rule.times} more {'time' if rule.times == 1 else 'times'}")
    if rule.seconds is not None:
        parts.append(f"for {rule.seconds:.0f} more seconds")
    return ", ".join(parts)
