"""Checks a token and its account, before or after connecting, and says what to do. Changes nothing.

Whose token it is and what they see, the clock, label, fields and activity types, the plan, and what is left of the
day's tokens: each is a finding with its cure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from warmline import database_time
from warmline.crm import preferences
from warmline.crm.keys import key
from warmline.crm.models import Contact
from warmline.pipedrive import PLANS, Field, Pipedrive, PipedriveError, Usage, User
from warmline.sync import company, credentials, mapping, oauth_grants
from warmline.sync.models import ConnectionState
from warmline.sync.policy import Policy
from warmline.sync.remote import company_switch, detail_fields, known_by_reports
from warmline.sync.remote.configured_client import pipedrive_with, plan_for
from warmline.sync.remote.connection_health import ENOUGH, misconfigured, refusal, without_token
from warmline.sync.remote.detail_fields import MARK
from warmline.sync.remote.labels_owners_fields import INDUSTRY, LABELS, SECTOR, custom_field
from warmline.sync.retries import Trouble

MOST_APART = timedelta(minutes=1)  # of the two clocks

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


def examination(policy: Policy, token: str = "") -> Iterator[Finding]:
    """Check the account that settings and preferences describe; ends early if the rest cannot be checked.

    Args:
        policy: Which label and activity types are used.
        token: One that is to be tried; empty for the one in use.
    """
    missing = None if token else without_token()
    if missing is not None:
        yield problem(missing)
        return
    try:
        pipedrive = pipedrive_with(token or credentials.token())
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
        yield _rights(me)
        if trust := known_by_reports.in_words(database_time.now()):
            yield Finding(well=True, text=trust)
        yield _clock(pipedrive.server_time() - database_time.now())
        yield from _account(pipedrive, policy)
        yield _plan(preferences.current().plan, pipedrive.told_limit(), is_oauth=grant is not None)
        yield _budget(pipedrive.usage())
    except PipedriveError as error:
        yield Finding(well=False, text=f"Checking the account failed: {error}")


def problem(trouble: Trouble) -> Finding:
    """Return the finding for a trouble with the connection, with what to do."""
    said = (trouble.message, trouble.detail, ADVICE[trouble.state])
    return Finding(well=False, text=" ".join(filter(None, said)))


def _account(pipedrive: Pipedrive, policy: Policy) -> Iterator[Finding]:
    persons = pipedrive.person_fields()
    options = next((field.options for field in persons if field.code == LABELS), ())
    if mapping.option_named(policy.label, options) is None:
        yield Finding(well=True, text=f"The label “{policy.label}” does not exist yet; the first warm lead creates it.")
    else:
        yield Finding(well=True, text=f"The label “{policy.label}” exists.")
    for text in detail_fields.wrong(policy.details, persons):
        yield Finding(well=False, text=text)
    if policy.details and (good := detail_fields.usable(policy.details, persons)):
        names = ", ".join(map(Contact.called, good))
        yield Finding(well=True, text=f"The fields in Pipedrive for details of contacts exist: {names}.")
    fields = pipedrive.organization_fields()
    yield from _of_another_type(MARK, "persons", persons)
    for name in (MARK, SECTOR):
        yield from _of_another_type(name, "organizations", fields)
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


def _rights(me: User) -> Finding:
    """Tell whether the token's user sees everything. What they do not see would be created a second time."""
    if me.is_admin is None:
        return Finding(well=True, text=f"Pipedrive does not say whether {me.name} is an administrator.")
    if me.is_admin:
        return Finding(well=True, text=f"{me.name} is an administrator in Pipedrive, and sees everything.")
    text = (
        f"{me.name} is no administrator in Pipedrive, so this token may not show all persons and organizations. "
        "Warmline would create again what it does not see. Use the token of an administrator."
    )
    return Finding(well=False, text=text)


def _clock(apart: timedelta) -> Finding:
    """Compare the clocks.

    Args:
        apart: How far Pipedrive's is ahead of ours.
    """
    if abs(apart) <= MOST_APART:
        return Finding(well=True, text="The clock agrees with that of Pipedrive.")
    minutes = round(abs(apart) / timedelta(minutes=1))
    way = "behind" if apart > timedelta(0) else "ahead of"
    about = f"about {minutes:,} minute{'' if minutes == 1 else 's'}"
    return Finding(well=False, text=f"The clock here is {about} {way} Pipedrive's. Set it, best by NTP.")


def _of_another_type(name: str, what: str, fields: list[Field]) -> Iterator[Finding]:
    """Yield a finding if a field of that name exists that cannot hold a text."""
    named = [field for field in fields if field.is_custom and key(field.name) == key(name)]
    if named and custom_field(name, fields) is None:
        text = f"The field “{name}” of {what} is of type {named[0].type}, and Warmline needs a text field."
        yield Finding(well=False, text=f"{text} Rename it in Pipedrive; Warmline then creates its own.")


def _plan(plan: str, told: int | None, *, is_oauth: bool = False) -> Finding:
    """Compare the plan with what Pipedrive's headers say.

    Args:
        plan: As it is set; empty if it is not.
        told: How many calls fit in a window; None if Pipedrive has not said so.
        is_oauth: Whether Warmline works with OAuth, for which plans allow more.
    """
    if told is None:
        return Finding(well=True, text="Pipedrive does not say how many calls it takes; Warmline keeps to the plan's.")
    if not plan:
        usual = min(each.windows[0].calls for each in PLANS.values())
        more = f" Pipedrive takes {told} calls in 2 seconds: set the plan to use them." if told > usual else ""
        return Finding(well=True, text=f"No plan is set, so Warmline keeps to the smallest one's limits.{more}")
    window = plan_for(plan, is_oauth=is_oauth).windows[0]
    if told < window.calls:
        text = (
            f"The plan is set to {plan}, which takes {window.calls} calls in {window.seconds:g} seconds, but Pipedrive "
            f"takes only {told}. Set the company's plan, on the Settings page or with WARMLINE_PLAN."
        )
        return Finding(well=False, text=text)
    return Finding(well=True, text=f"The plan {plan} agrees with what Pipedrive says: {told} calls in a window.")


def _budget(usage: Usage) -> Finding:
    """Tell what is left of the day's tokens, as far as this installation knows: it does not see what others spend."""
    if usage.daily_tokens is None:
        return Finding(well=True, text=f"{usage.tokens:,} tokens were spent in the last 24 hours.")
    left = max(0, usage.daily_tokens - usage.tokens)
    text = f"{left:,} of {usage.daily_tokens:,} tokens of Warmline's share are left for these 24 hours."
    if left >= min(ENOUGH, usage.daily_tokens):
        return Finding(well=True, text=text)
    return Finding(
        well=False, text=f"{text} Wait, or raise plan, seats or share on the Settings page if they are too low."
    )
