"""Warmline's API for programs in Python: typed, small, and safe to use on a network that loses things.

Every call is tried again when the connection breaks, or the server is busy or asks to wait. What changes something
carries an idempotency key, or names a row by the program's own id, so trying again does it once. It needs httpx, and
nothing else of Warmline; a test checks it against the API's own document.
"""

from warmline.client.calls import Changes, Warmline
from warmline.client.errors import RefusedError, UnreachableError, WarmlineError
from warmline.client.shapes import (
    Activity,
    Call,
    Contact,
    ExternalId,
    LabelledValue,
    NewActivity,
    NewContact,
    NewOrganization,
    NewValue,
    Organization,
    OrganizationPart,
    Outcome,
    Owner,
    Problem,
    Sync,
)

__all__ = [
    "Activity",
    "Call",
    "Changes",
    "Contact",
    "ExternalId",
    "LabelledValue",
    "NewActivity",
    "NewContact",
    "NewOrganization",
    "NewValue",
    "Organization",
    "OrganizationPart",
    "Outcome",
    "Owner",
    "Problem",
    "RefusedError",
    "Sync",
    "UnreachableError",
    "Warmline",
    "WarmlineError",
]
