"""What can be set in a simulated company: its plan, and the settings that a test changes while it runs."""

from enum import Enum

from pydantic import BaseModel, ConfigDict, Field

from warmline.sandbox.scopes import EVERYTHING


class Plan(Enum):
    """A plan and its calls in any 2 s: with an API token, and with OAuth (docs/pipedrive.md, "Prices and limits")."""

    LITE = (20, 80)
    GROWTH = (40, 160)
    PREMIUM = (100, 400)
    ULTIMATE = (120, 480)


class Settings(BaseModel):
    """Settings that can be changed while the sandbox runs, from a test or by the control API.

    Attributes:
        search_delay: Seconds until search sees a new or changed record.
        daily_budget: Tokens until midnight UTC; none is as many as you like.
        burst: Calls with an API token in any 2 s.
        oauth_burst: The same with OAuth.
        searches: Searches in any 2 s, beside the burst.
        refuse_new_fields: Creating custom fields, and changing the options of those there are, answers 403.
        refuse_v2_label_options: v2 adds no option to the built-in `label_ids`; v1 is the way.
        refuse_v1_label_options: Nor does v1.
        show_deleted: A deleted record is still answered by its id, `is_deleted` being true, instead of 404.
        primary_flag: Answers say `primary_flag` for a participant's `primary`.
        refuse_nulls: Organizations and due moments cannot be emptied (see shapes.UNDOCUMENTED_NULLS).
        cleaning: What is sent is cleaned before it is stored (see cleaning.py).
        scopes: What the app of OAuth is let do, with spaces between; a grant keeps those that it was made with.
        access_seconds: How long an access token is good for.
        rotate_refresh_tokens: Each refresh gives another refresh token, and the old one is spent.
        api_domain: The address that comes with a token; empty for the one at which the token was asked for.
        redirect_uri: The app's registered callback; empty for any of this machine.
        numeric_timestamps: An event's `meta.timestamp` has ten characters instead of ISO 8601.
    """

    model_config = ConfigDict(extra="forbid", strict=True, validate_assignment=True)

    search_delay: float = Field(default=0.0, ge=0)
    daily_budget: int | None = Field(default=None, ge=0)
    burst: int = Field(default=20, ge=1)
    oauth_burst: int = Field(default=80, ge=1)
    searches: int = Field(default=10, ge=1)
    refuse_new_fields: bool = False
    refuse_v2_label_options: bool = False
    refuse_v1_label_options: bool = False
    show_deleted: bool = False
    primary_flag: bool = False
    refuse_nulls: bool = False
    cleaning: bool = False
    scopes: str = " ".join(EVERYTHING)
    access_seconds: int = Field(default=3_600, ge=1)
    rotate_refresh_tokens: bool = False
    api_domain: str = ""
    redirect_uri: str = ""
    numeric_timestamps: bool = False
