"""One by one: what the first contacts of a new installation cost, each saved by a call of the API, beside the creates.

Nothing is known of the account yet: its users, types and fields, and what it holds, are asked for while people save.
"""

import time

import httpx
from bench.burst import CREATE_TOKENS, PATIENCE, leads
from bench.figures import Figure, Promise, Result
from bench.rig import BenchError, Json, Lab, Member, is_create

CONTACTS, EMPLOYERS = 300, 150
MOST = 8.3  # tokens a contact
NOTE = (
    f"{CONTACTS} contacts of {EMPLOYERS} new organizations, saved one after the other as soon as a new installation "
    "answers. All that was spent counts, what the account itself costs as well."
)


def measure(lab: Lab) -> Result:
    """Measure once."""
    with lab.sandbox() as sandbox, lab.warmline(sandbox.url) as warmline:
        alice = warmline.member("alice")
        for contact in leads("Larkspur", CONTACTS, EMPLOYERS):
            alice.save("/contacts", contact)
        _drain(alice)
        calls = sandbox.calls()
    floor = CREATE_TOKENS * (CONTACTS + EMPLOYERS) / CONTACTS
    refused = sum(call["status"] == httpx.codes.TOO_MANY_REQUESTS for call in calls)
    made = sum(is_create(call, "persons") or is_create(call, "organizations") for call in calls)
    return Result(
        "One by one",
        NOTE,
        [
            Figure(
                "tokens a contact",
                sum(call["tokens"] for call in calls) / CONTACTS,
                "tokens",
                floor,
                "5 a create",
                Promise(f"at most {MOST}", MOST),
                _dearest(calls),
            ),
            Figure("records made", made, "calls", CONTACTS + EMPLOYERS, "what was saved"),
            Figure("429s", refused, "calls", promise=Promise("none", 0)),
        ],
    )


def _drain(member: Member) -> None:
    end = time.time() + PATIENCE
    while member.left():
        if time.time() > end:
            raise BenchError(f"not everything has arrived after {PATIENCE:.0f} s")
        time.sleep(0.5)


def _dearest(calls: list[Json]) -> str:
    """Return what was spent on anything but creates, the dearest first."""
    spent: dict[str, int] = {}
    for call in calls:
        if call["method"] != "POST":
            subject = call["path"].removeprefix("/api/")
            spent[subject] = spent.get(subject, 0) + call["tokens"]
    dearest = sorted(spent.items(), key=lambda pair: -pair[1])[:5]
    return ", ".join(f"{subject} {tokens}" for subject, tokens in dearest)
