"""Checks token, label, fields and activity types, and says what to do. Changes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from warmline.pipedrive import Pipedrive, PipedriveError
from warmline.sync import company, credentials, mapping, oauth_grants
from warmline.sync.models import ConnectionState
from warmline.sync.policy import Policy
from warmline.sync.remote import company_switch
from warmline.sync.remote.configured_client import pipedrive_with
from warmline.sync.remote.connection_health import misconfigured, refusal, without_token
from warmline.sync.remote.references import INDUSTRY, LABELS, SECTOR, custom_field
from warmline.sync.retries import Trouble

ADVICE: Mapping[str, str] = {
    ConnectionState.NO_TOKEN: "Connect Pipedrive on the Settings page, or set PIPEDRIVE_API_TOKEN.",
    ConnectionState.INVALID_TOKEN: "Copy the token again. In Pipedrive, it is under Personal preferences, API.",
    ConnectionState.UNAUTHORIZED: "Connect Pipedrive again on the Settings page, or set PIPEDRIVE_API_TOKEN. "
    "In Pipedrive, the token is under Personal preferences, API.",
    ConnectionState.ANOTHER_COMPANY: "Go back to a token of the old company, or start over with this one: on the "
    "Settings page, or with `warmline sync start-anew`.",
    ConnectionState.DOWN: "Check that PIPEDRIVE_BASE_URL is right and that this machine can reach it.",
    ConnectionState.BLOCKED: "Wait half an hour; Warmline then continues by itself.",
    ConnectionState.BUDGET_SPENT: "Pipedrive grants new tokens every day; Warmline then continues by itself.",
    ConnectionState.THROTTLED: "Try again in a minute.",
}


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        well: Whether it is as it should be. Something that Warmline creates when it needs it may be missing.
        text: What was found and, if something is wrong, what to do.
    """

    well: bool
    text: str


def examination(policy: Policy) -> Iterator[Finding]:
    """Check the account that settings and preferences describe; ends early if the rest cannot be checked.

    Args:
        policy: Which label and activity types are used.
    """
    missing = without_token()
    if missing is not None:
        yield problem(missing)
        return
    try:
        pipedrive = pipedrive_with(credentials.token())
    except (ValueError, OSError) as error:
        yield problem(misconfigured(error))
        return
    with pipedrive:
        yield from examine(pipedrive, policy)


def examine(pipedrive: Pipedrive, policy: Policy) -> Iterator[Finding]:
    """Check the connection, the token and the account; ends early if the rest cannot be checked.

    Args:
        pipedrive: The client; the calls cost about 45 tokens.
        policy: Which label and activity types are used.
    """
    try:
        me = pipedrive.me()
    except PipedriveError as error:
        yield problem(refusal(error))
        return
    ours = company.remembered()
    if ours is not None and company.is_another(ours, me):
        linked = f"{company_switch.belongings()} are linked."
        ways = f"{company.way_back(ours)} Or start over with {company.name_of(me)}: on the Settings page, or with "
        yield Finding(
            well=False, text=f"{company_switch.another(ours, me).message} {linked} {ways}`warmline sync start-anew`."
        )
        return
    of = f" of {me.company_name}" if me.company_name else ""
    grant = oauth_grants.in_use()
    for scope, cost in oauth_grants.missing_scopes(grant.scope.split()).items() if grant else ():
        yield Finding(well=False, text=f"The scope {scope} is missing. {cost} Connect again, and allow everything.")
    yield Finding(well=True, text=f"Pipedrive is responding and the token is valid. It belongs to {me.name}{of}.")
    try:
        yield from _account(pipedrive, policy)
    except PipedriveError as error:
        yield Finding(well=False, text=f"Checking the account failed: {error}")


def problem(trouble: Trouble) -> Finding:
    """Return the finding for a trouble with the connection, with what to do."""
    said = (trouble.message, trouble.detail, ADVICE[trouble.state])
    return Finding(well=False, text=" ".join(filter(None, said)))


def _account(pipedrive: Pipedrive, policy: Policy) -> Iterator[Finding]:
    options = next((field.options for field in pipedrive.person_fields() if field.code == LABELS), ())
    if mapping.option_named(policy.label, options) is None:
        yield Finding(well=True, text=f"The label “{policy.label}” does not exist yet; the first warm lead creates it.")
    else:
        yield Finding(well=True, text=f"The label “{policy.label}” exists.")
    fields = pipedrive.organization_fields()
    industries = next((len(field.options) for field in fields if field.code == INDUSTRY), 0)
    missing_sector = "does not exist yet; the first sector that needs it creates it"
    sector = "exists" if custom_field(SECTOR, fields) else missing_sector
    yield Finding(well=True, text=f"There are {industries} industries. The field “{SECTOR}” {sector}.")
    active = {known.key for known in pipedrive.activity_types() if known.active}
    missing = sorted(set(policy.types.values()) - active)
    if missing:
        names = ", ".join(missing)
        text = f"Not active in Pipedrive: {names}. Such activities become tasks. Activate these types in Pipedrive."
        yield Finding(well=mapping.FALLBACK_TYPE not in missing, text=text)
    else:
        yield Finding(well=True, text="All activity types that Warmline uses are active.")
