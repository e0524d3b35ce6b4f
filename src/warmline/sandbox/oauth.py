"""OAuth as Pipedrive does it: codes, access and refresh tokens, their ends, and who may ask for them.

There is one app, with the client `sandbox-client` and the secret `sandbox-secret`. A code is good for five minutes and
once; only `sandbox-code`, which is for scripts, is always good. The pages for people are in oauth_pages.py.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from warmline.sandbox.answers import Json, Refused, Request
from warmline.sandbox.outgoing import Outgoing, is_on_this_machine
from warmline.sandbox.world import DAY, World

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105 (it opens nothing but the sandbox)
CODE = "sandbox-code"
CODE_LIVES = 300.0
REFRESH_LIVES = 60 * DAY
PATHS = ("/oauth/token", "/oauth/revoke")
TOKEN_BYTES = 300  # access tokens are long, and grow


@dataclass
class Grant:
    """What a user has let the app do.

    Attributes:
        user_id: Whose.
        redirect_uri: The app's callback.
        scopes: What it covers.
        refresh_token: The one in force.
        used_at: When it was last used, in unix seconds.
        access: The access tokens, with their ends in unix seconds.
    """

    user_id: int
    redirect_uri: str
    scopes: frozenset[str]
    refresh_token: str
    used_at: float
    access: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Code:
    """An authorization code that waits to be exchanged."""

    user_id: int
    redirect_uri: str
    ends: float


def problem_of(world: World, client_id: str, redirect_uri: str) -> str:
    """Return what is wrong with a request to authorize the app; empty if nothing is."""
    if client_id != CLIENT_ID:
        return "There is no app with this client_id. The sandbox knows sandbox-client."
    if not is_on_this_machine(redirect_uri):
        return "redirect_uri must be an address of this machine, such as http://127.0.0.1:8000/oauth/pipedrive."
    if world.settings.redirect_uri not in {"", redirect_uri}:
        return "redirect_uri is not the callback with which the app was registered."
    return ""


def authorize(world: World, user_id: int, redirect_uri: str) -> str:
    """Let the app act for a user, and return the code for its callback."""
    code = f"code-{world.random.getrandbits(128):032x}"
    world.codes[code] = Code(user_id, redirect_uri, world.now() + CODE_LIVES)
    return code


def grant_of(world: World, access_token: str) -> Grant | None:
    """Return the grant of an access token that is still good."""
    now = world.now()
    return next((one for one in world.grants if one.access.get(access_token, 0.0) > now), None)


def answer(world: World, request: Request) -> Json:
    """Answer `POST /oauth/token` or `POST /oauth/revoke`.

    Raises:
        Refused: 400, with the words of `Invalid grant: ...` and the like.
    """
    form = dict(parse_qsl(request.body.decode(errors="replace")))
    _know_client(request)
    if request.path == PATHS[1]:
        return _revoke(world, form)
    kind = form.get("grant_type", "")
    if kind == "authorization_code":
        grant = _of_code(world, form)
    elif kind == "refresh_token":
        grant = _of_refresh_token(world, form)
    else:
        raise _refused("unsupported_grant_type", "Unsupported grant type: `grant_type` is invalid")
    return _issue(world, grant, request)


def uninstall(world: World, grant: Grant, *, is_told: bool) -> None:
    """End a grant and everything that came of it.

    Args:
        world: Where.
        grant: Which.
        is_told: Whether the app's callback gets a DELETE, as it does when a user uninstalls the app.
    """
    world.grants.remove(grant)
    if is_told and is_on_this_machine(grant.redirect_uri):
        body = {
            "client_id": CLIENT_ID,
            "company_id": world.company_id,
            "user_id": grant.user_id,
            "timestamp": world.stamp(),
        }
        world.outgoing.append(Outgoing("DELETE", grant.redirect_uri, body, world.now(), CLIENT_ID, CLIENT_SECRET))


def _know_client(request: Request) -> None:
    scheme, _, pair = request.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(pair.strip(), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    if scheme.lower() != "basic" or not hmac.compare_digest(given, f"{CLIENT_ID}:{CLIENT_SECRET}".encode()):
        raise _refused("invalid_client", "Invalid client: client is invalid")


def _of_code(world: World, form: Json) -> Grant:
    code, redirect_uri = form.get("code", ""), form.get("redirect_uri", "")
    if code == CODE:
        user = min(world.users.values(), key=lambda one: (not one.active, not one.admin, one.id))
        found: Any = Code(user.id, redirect_uri, world.now() + CODE_LIVES)
    else:
        found = world.codes.pop(code, None)
    if found is None or found.ends <= world.now():
        raise _refused("invalid_grant", "Invalid grant: authorization code is invalid")
    if problem_of(world, CLIENT_ID, redirect_uri) or redirect_uri != found.redirect_uri:
        raise _refused("invalid_request", "Invalid request: `redirect_uri` is invalid")
    for earlier in [one for one in world.grants if one.user_id == found.user_id]:
        world.grants.remove(earlier)
    scopes = frozenset(world.settings.scopes.split())
    grant = Grant(found.user_id, redirect_uri, scopes, _new_refresh_token(world, found.user_id), world.now())
    world.grants.append(grant)
    return grant


def _of_refresh_token(world: World, form: Json) -> Grant:
    token, now = form.get("refresh_token", ""), world.now()
    if token in world.exchanged:
        raise _refused("invalid_grant", "Invalid grant: refresh token was already exchanged")
    grant: Grant | None = next((one for one in world.grants if one.refresh_token == token), None)
    if grant is None or not world.users[grant.user_id].active:
        raise _refused("invalid_grant", "Invalid grant: refresh token is invalid")
    if now - grant.used_at >= REFRESH_LIVES:
        raise _refused("invalid_grant", "Invalid grant: refresh token has expired")
    if world.settings.rotate_refresh_tokens:
        world.exchanged.add(token)
        grant.refresh_token = _new_refresh_token(world, grant.user_id)
    grant.used_at = now
    return grant


def _issue(world: World, grant: Grant, request: Request) -> Json:
    now, settings = world.now(), world.settings
    token = f"v1u:{world.random.randbytes(TOKEN_BYTES).hex()}"
    grant.access = {one: ends for one, ends in grant.access.items() if ends > now} | {
        token: now + settings.access_seconds
    }
    return {
        "access_token": token,
        "token_type": "Bearer",
        "refresh_token": grant.refresh_token,
        "scope": ",".join(sorted(grant.scopes)),
        "expires_in": settings.access_seconds,
        "api_domain": settings.api_domain or f"http://{request.headers.get('host', 'sandbox')}",
    }


def _revoke(world: World, form: Json) -> Json:
    token = unquote(form.get("token", ""))  # the official client escapes it twice
    for grant in list(world.grants):
        if grant.refresh_token == token:
            uninstall(world, grant, is_told=False)
        elif token in grant.access:
            del grant.access[token]
    return {"success": True}


def _new_refresh_token(world: World, user_id: int) -> str:
    return f"{world.company_id}:{user_id}:{world.random.randbytes(20).hex()}"


def _refused(error: str, message: str) -> Refused:
    return Refused(message, content={"success": False, "error": error, "message": message})
