"""The grant of OAuth with which Warmline works: its tokens, encrypted, and whether it is still in force.

A stored way in that begins with `oauth:` names a grant's row, so everything else treats it like an API token (see
credentials.py). A refresh is stored by one conditional UPDATE: of two that overlap, the first counts. `end` never ends
a grant that another process has renewed meanwhile.
"""

import json
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings

from warmline.crm import preferences
from warmline.pipedrive import Tokens, can_be_address
from warmline.sync import credentials
from warmline.sync.account_models import OAuthGrant

log = logging.getLogger(__name__)

USUAL_SERVER = "https://oauth.pipedrive.com"
PREFIX = "oauth:"
MOST_SECONDS = 86_400  # for which an access token is believed to be good
DRAFT = "oauth-draft:"  # before tokens that are being tried, and not stored yet
REFRESH_TOKEN_LIVES = timedelta(days=60)  # from its last use
# What Warmline needs, and what is not possible without it.
NEEDED = {
    "contacts:full": "No contact and no organization can be sent.",
    "activities:full": "No activity can be sent.",
    "search:read": "Searches for records that are there already may be refused.",
    "users:read": "Owners cannot be matched, so records belong to whoever connected.",
    "admin": "The label, the fields “Warmline ID” and “Sector” and webhooks cannot be created.",
}


def is_grant(token: str) -> bool:
    """Tell whether a way in is a grant of OAuth and no API token."""
    return token.startswith(PREFIX)


def is_draft(token: str) -> bool:
    """Tell whether a way in is new tokens of OAuth, before they are stored."""
    return token.startswith(DRAFT)


def can_be_pasted(token: str) -> bool:
    """Tell whether a text can be an API token that a person has, and is no name of ours."""
    return not is_grant(token) and not is_draft(token)


def draft(tokens: Tokens) -> str:
    """Return tokens as a way in that can be tried, sealed and stored. It is a secret."""
    secrets = {name: getattr(tokens, name).get_secret_value() for name in ("access_token", "refresh_token")}
    return DRAFT + json.dumps(tokens.model_dump() | secrets)


def tokens_of(text: str) -> Tokens:
    """Return the tokens of a draft.

    Raises:
        ValueError: It is none.
    """
    return Tokens.model_validate_json(text.removeprefix(DRAFT))


def make(tokens: Tokens, *, company_id: int | None, user_id: int, now: datetime) -> str:
    """Store a new grant, in place of every other, and return its name as a way in.

    Args:
        tokens: As the server gave them out for a code.
        company_id: Whose it is.
        user_id: Likewise.
        now: The present moment, aware.
    """
    grant = OAuthGrant.objects.create(
        name=str(uuid4()), company_id=company_id, user_id=user_id, **_columns(tokens, now)
    )
    OAuthGrant.objects.exclude(pk=grant.pk).delete()
    return PREFIX + grant.name


def of(token: str) -> OAuthGrant | None:
    """Return the row of a way in; None when there is none any more."""
    return OAuthGrant.objects.filter(pk=token.removeprefix(PREFIX)).first()


def in_use() -> OAuthGrant | None:
    """Return the grant with which Warmline works; None while it works with an API token, or with nothing."""
    token = credentials.token()
    return of(token) if is_grant(token) else None


def renewed(grant: OAuthGrant, tokens: Tokens, now: datetime) -> OAuthGrant | None:
    """Store what came of a refresh, and return the grant as it is then: as another process has stored it, if one has.

    None if somebody has disconnected meanwhile.

    Args:
        grant: As it was when its refresh token was sent.
        tokens: What came back.
        now: The present moment, aware.
    """
    columns = {"version": grant.version + 1, "ended": "", **_columns(tokens, now)}
    columns |= {name: getattr(grant, name) for name in ("scope", "api_domain") if not columns[name]}  # not said again
    OAuthGrant.objects.filter(pk=grant.pk, version=grant.version).update(**columns)
    return OAuthGrant.objects.filter(pk=grant.pk).first()


def end(grant: OAuthGrant, why: str) -> bool:
    """Note that a grant has ended, unless it was renewed meanwhile; return whether it is news.

    Args:
        grant: As it was when that was learned.
        why: What happened and what to do.
    """
    ours = OAuthGrant.objects.filter(pk=grant.pk, version=grant.version, ended="")
    return bool(ours.update(ended=why))


def forget() -> None:
    """Delete every grant."""
    OAuthGrant.objects.all().delete()


def address_of(grant: OAuthGrant) -> str:
    """Return the address for calls with a grant's tokens."""
    return followed(grant.api_domain) or str(settings.PIPEDRIVE_BASE_URL)


def followed(api_domain: str) -> str:
    """Return the address that came with tokens; empty if it may not be followed.

    The tokens are sent there, so it has to be Pipedrive's own, unless the whole server is another one by configuration.
    """
    is_other_server = settings.PIPEDRIVE_OAUTH_URL != USUAL_SERVER
    if can_be_address(api_domain) and (is_other_server or _is_theirs(api_domain)):
        return api_domain
    if api_domain:
        log.warning("oauth.address_not_followed address=%r", api_domain[:100])
    return ""


def _is_theirs(address: str) -> bool:
    parts = urlsplit(address)
    host = (parts.hostname or "").casefold()
    return parts.scheme == "https" and (host == "pipedrive.com" or host.endswith(".pipedrive.com"))


def missing_scopes(scopes: Iterable[str]) -> dict[str, str]:
    """Return the scopes that Warmline needs and does not have, each with what that costs; none if nobody said which."""
    has = set(scopes)
    return {scope: cost for scope, cost in NEEDED.items() if scope not in has} if has else {}


def of_company(company_id: int, user_id: int) -> OAuthGrant | None:
    """Return the grant in use if it is this user's."""
    name = credentials.decrypted(preferences.stored().pipedrive_token).removeprefix(PREFIX)
    return OAuthGrant.objects.filter(pk=name, company_id=company_id, user_id=user_id).first()


def _columns(tokens: Tokens, now: datetime) -> dict[str, object]:
    return {
        "access_token": credentials.encrypted(tokens.access_token.get_secret_value()),
        "refresh_token": credentials.encrypted(tokens.refresh_token.get_secret_value()),
        "expires_at": now + timedelta(seconds=min(tokens.expires_in, MOST_SECONDS)),
        "refreshed_at": now,
        "scope": " ".join(sorted(tokens.scopes)),
        "api_domain": tokens.api_domain,
    }
