"""Pipedrive's API as Python: one client, typed records, one limiter, errors named for what to do about them.

It knows neither Django nor what its callers want, and imports nothing else of Warmline, so that it can be read, tested
and trusted on its own. httpx's exceptions never leave it.
"""

from warmline.pipedrive.bearer import Bearer, TokenSource
from warmline.pipedrive.client import MOST_IDS, Pipedrive, changed_since, with_ids
from warmline.pipedrive.clock import SYSTEM_CLOCK, Clock, SystemClock
from warmline.pipedrive.errors import (
    Blocked,
    BudgetSpent,
    GrantEnded,
    MissingScope,
    NotFound,
    PipedriveError,
    Rejected,
    Suspended,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
)
from warmline.pipedrive.http_session import can_be_address, can_be_token
from warmline.pipedrive.ledger import FileLedger, Ledger, Used
from warmline.pipedrive.limiter import BACKGROUND_SHARE, Limiter, Usage
from warmline.pipedrive.lists import Page, Unreadable
from warmline.pipedrive.oauth import OAuthApp, Tokens
from warmline.pipedrive.plans import PLANS, SEARCH, UNKNOWN, Plan, Window
from warmline.pipedrive.records import (
    Activity,
    ActivityChanges,
    ActivityType,
    Address,
    Email,
    Field,
    FoundOrganization,
    FoundPerson,
    NewActivity,
    NewOrganization,
    NewPerson,
    Option,
    Organization,
    OrganizationChanges,
    Person,
    PersonChanges,
    Phone,
    User,
)
from warmline.pipedrive.webhook_calls import Webhook

__all__ = [
    "BACKGROUND_SHARE",
    "MOST_IDS",
    "PLANS",
    "SEARCH",
    "SYSTEM_CLOCK",
    "UNKNOWN",
    "Activity",
    "ActivityChanges",
    "ActivityType",
    "Address",
    "Bearer",
    "Blocked",
    "BudgetSpent",
    "Clock",
    "Email",
    "Field",
    "FileLedger",
    "FoundOrganization",
    "FoundPerson",
    "GrantEnded",
    "Ledger",
    "Limiter",
    "MissingScope",
    "NewActivity",
    "NewOrganization",
    "NewPerson",
    "NotFound",
    "OAuthApp",
    "Option",
    "Organization",
    "OrganizationChanges",
    "Page",
    "Person",
    "PersonChanges",
    "Phone",
    "Pipedrive",
    "PipedriveError",
    "Plan",
    "Rejected",
    "Suspended",
    "SystemClock",
    "Throttled",
    "TokenSource",
    "Tokens",
    "Unauthorized",
    "Unavailable",
    "Uncertain",
    "Unreadable",
    "Usage",
    "Used",
    "User",
    "Webhook",
    "Window",
    "can_be_address",
    "can_be_token",
    "changed_since",
    "with_ids",
]
