"""Is everything there that the promise needs? Looks, and changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from warmline.pipedrive import Pipedrive, PipedriveError
from warmline.sync import mapping
from warmline.sync.account import INDUSTRY, LABELS, SECTOR, custom_field
from warmline.sync.connection import probe
from warmline.sync.models import ConnectionState
from warmline.sync.policy import Policy

ADVICE = {
    ConnectionState.UNAUTHORIZED: "Connect Pipedrive anew on the page Settings, or set PIPEDRIVE_API_TOKEN; "
    "Pipedrive shows the token under personal preferences.",
    ConnectionState.DOWN: "Look whether PIPEDRIVE_BASE_URL is right, and whether this machine reaches it.",
    ConnectionState.BLOCKED: "Wait for half an hour; Warmline goes on by itself.",
    ConnectionState.BUDGET_SPENT: "Pipedrive gives new ones each day; Warmline goes on by itself.",
    ConnectionState.THROTTLED: "Ask again in a minute.",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        well: Whether it is as it should be; what Warmline makes by itself when it needs it counts as well.
        text: What was found and, when it is not well, what to do.
    """

    well: bool
    text: str


def examine(pipedrive: Pipedrive, policy: Policy) -> Iterator[Finding]:
    """Look at the connection, the token and the account; ends early where the rest cannot be seen.

    Args:
        pipedrive: The client (about 45 tokens).
        policy: Says which label and activity types are used.
    """
    trouble = probe(pipedrive)
    if trouble is not None:
        said = (trouble.message, trouble.detail, ADVICE[trouble.state])
        yield Finding(well=False, text=" ".join(filter(None, said)))
        return
    try:
        yield from _account(pipedrive, policy)
    except PipedriveError as error:
        yield Finding(well=False, text=f"Looking at the account failed: {error}")


def _account(pipedrive: Pipedrive, policy: Policy) -> Iterator[Finding]:
    me = pipedrive.me()
    company = f" of {me.company_name}" if me.company_name else ""
    yield Finding(well=True, text=f"Pipedrive answers, and the token is good. It belongs to {me.name}{company}.")
    options = next((field.options for field in pipedrive.person_fields() if field.code == LABELS), ())
    if mapping.option_named(policy.label, options) is None:
        yield Finding(well=True, text=f"The label “{policy.label}” is not there; the first warm lead makes it.")
    else:
        yield Finding(well=True, text=f"The label “{policy.label}” is there.")
    fields = pipedrive.organization_fields()
    industries = next((len(field.options) for field in fields if field.code == INDUSTRY), 0)
    sector = "is there" if custom_field(SECTOR, fields) else "is not there; the first sector that needs it makes it"
    yield Finding(well=True, text=f"There are {industries} industries. The field “{SECTOR}” {sector}.")
    active = {known.key for known in pipedrive.activity_types() if known.active}
    missing = sorted(set(policy.types.values()) - active)
    if missing:
        names = ", ".join(missing)
        text = f"Not active in Pipedrive: {names}. Such activities become tasks; activate the types there."
        yield Finding(well=mapping.FALLBACK_TYPE not in missing, text=text)
    else:
        yield Finding(well=True, text="All activity types that Warmline uses are active.")
