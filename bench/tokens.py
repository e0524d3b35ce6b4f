"""Tokens: what a lead and an activity cost, alone and in a burst, beside search-first with leads of the same shape.

What the account itself costs (its users, types and fields, asked for now and then for everyone) is a line of its own.
"""

import time
from collections.abc import Callable
from statistics import median

from bench.burst import ACTIVITIES_EACH, CREATE_TOKENS, LOOK_TOKENS, drain, leads
from bench.figures import Figure, Promise, Result
from bench.rig import Json, Lab, Member, Sandbox, call_with, lead
from bench.rival import SearchFirst

ALONE = 8
CONTACTS, EMPLOYERS = 100, 50
RIVALS_CONTACTS, RIVALS_EMPLOYERS = 20, 10
QUIET = 2.0  # seconds after a save: what follows it by itself is paid for by then
FLOOR = CREATE_TOKENS * (1 + EMPLOYERS / CONTACTS)
NOTE = (
    f"In a burst: {CONTACTS} leads of {EMPLOYERS} new organizations with {ACTIVITIES_EACH} activities each. "
    f"Search-first: {RIVALS_CONTACTS} such leads. A lead is what was spent on persons and organizations, an activity "
    "what was spent on activities; the account is the rest."
)


def measure(lab: Lab) -> Result:
    """Measure alone, in a burst, and the rival."""
    with lab.sandbox() as sandbox, lab.warmline(sandbox.url) as warmline:
        alice = warmline.member("alice")
        for name in ("Robin Vale", "Robin Castell"):  # the second reads again what was made for the first
            _, known = alice.click("/contacts", lead(name))
        alice.click("/activities", call_with(known["id"]))
        account = _spent(sandbox, 0.0)["account"]
        lone_leads = [_alone(alice, sandbox, "/contacts", lead(f"Kim Castell {number}")) for number in range(ALONE)]
        lone_calls = [_alone(alice, sandbox, "/activities", call_with(known["id"])) for _ in range(ALONE)]
        began = time.time()
        drain(alice, alice.bring_in(leads("Alder", CONTACTS, EMPLOYERS)))
        burst = _spent(sandbox, began)
    rival = _rival(lab)
    per_lead, per_activity = burst["leads"] / CONTACTS, burst["activities"] / (CONTACTS * ACTIVITIES_EACH)
    once = Promise("1.05 x floor + one look", 1.05 * FLOOR + LOOK_TOKENS / CONTACTS)
    fewer = Promise("5.5 times fewer", rival["leads"] / 5.5)
    return Result(
        "Tokens",
        NOTE,
        [
            Figure("the account, once", account, "tokens"),
            Figure("a lead alone, median", median(lone_leads), "tokens", rival["leads"], "search-first"),
            Figure("a lead alone, most", max(lone_leads), "tokens", promise=Promise("at most 30", 30)),
            Figure("an activity alone, most", max(lone_calls), "tokens", promise=Promise("at most 5", 5)),
            Figure("a lead in a burst", per_lead, "tokens", rival["leads"], "search-first", fewer),
            Figure("a lead in a burst", per_lead, "tokens", FLOOR, "5 a create", once),
            Figure(
                "an activity in a burst",
                per_activity,
                "tokens",
                rival["activities"],
                "search-first",
                Promise("at most 5.25", 1.05 * CREATE_TOKENS),
            ),
            Figure("the account, during the burst", burst["account"], "tokens"),
        ],
    )


def _alone(member: Member, sandbox: Sandbox, path: str, body: Json) -> float:
    """Return what one save costs with nothing else to do."""
    began = time.time()
    member.click(path, body)
    time.sleep(QUIET)
    return sum(_spent(sandbox, began).values())


def _spent(sandbox: Sandbox, began: float) -> dict[str, float]:
    """Return the tokens spent since a moment (unix seconds), by what they were spent on."""
    spent = dict.fromkeys(("leads", "activities", "account"), 0.0)
    for call in sandbox.calls(began):
        spent[_subject(call["path"])] += call["tokens"]
    return spent


def _subject(path: str) -> str:
    if path.startswith(("/api/v2/persons", "/api/v2/organizations")):
        return "leads"
    return "activities" if path.startswith("/api/v2/activities") else "account"


def _rival(lab: Lab) -> dict[str, float]:
    """Return what a lead and an activity cost the rival."""
    with lab.sandbox() as sandbox:
        rival, its_leads = SearchFirst(sandbox.url), leads("Alder", RIVALS_CONTACTS, RIVALS_EMPLOYERS)

        def spent_on(work: Callable[[], object]) -> float:
            began = time.time()
            work()
            return sum(_spent(sandbox, began).values())

        on_leads = spent_on(lambda: [rival.bring_lead(one) for one in its_leads])
        on_activities = spent_on(
            lambda: [
                rival.bring_activity(one, f"Call {number}") for one in its_leads for number in range(ACTIVITIES_EACH)
            ]
        )
    return {"leads": on_leads / len(its_leads), "activities": on_activities / len(its_leads) / ACTIVITIES_EACH}
