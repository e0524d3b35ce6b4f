"""The control API under /sandbox/, on the HTTP server only: inspect the world, change its settings, inject faults.

It costs no tokens, has no rate limit and needs no token: the sandbox listens on this machine and holds no secrets. It
never shows tokens.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from pydantic import ConfigDict, ValidationError, validate_call
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from warmline.sandbox import oauth_pages, page
from warmline.sandbox.answers import FORBIDDEN, NOT_FOUND, Json, Refused
from warmline.sandbox.faults import Fault
from warmline.sandbox.gateway import Sandbox
from warmline.sandbox.settings import Settings
from warmline.sandbox.web_app_edits import People

checked = validate_call(config=ConfigDict(strict=True))
Endpoint = Callable[[Request], Awaitable[JSONResponse]]


def routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return the routes of the control API and of the sandbox's page."""

    async def world(_request: Request) -> JSONResponse:
        return JSONResponse(_seen(sandbox))

    async def calls(_request: Request) -> JSONResponse:
        with sandbox.step():
            made = [asdict(call) for call in sandbox.world.calls]
        return JSONResponse({"calls": made, "tokens_spent": sandbox.world.tokens_spent})

    async def settings(request: Request) -> JSONResponse:
        changes = await request.json()
        sandbox.world.settings = Settings.model_validate(sandbox.world.settings.model_dump() | changes)
        return JSONResponse(sandbox.world.settings.model_dump())

    async def faults(request: Request) -> JSONResponse:
        if request.method == "POST":
            sandbox.faults.add(Fault.model_validate(await request.json()))
        elif request.method == "DELETE":
            sandbox.faults.clear()
        return JSONResponse([fault.model_dump() for fault in sandbox.faults.all()])

    async def seed(request: Request) -> JSONResponse:
        checked(sandbox.faults.reseed)(**await request.json())
        return JSONResponse({"seed": sandbox.faults.seed})

    async def people(request: Request) -> JSONResponse:
        return JSONResponse(_done(sandbox.people, dict(await request.json())))

    async def reset(_request: Request) -> JSONResponse:
        sandbox.reset()
        return JSONResponse(_seen(sandbox))

    return [
        *page.routes(sandbox),
        *oauth_pages.routes(sandbox),
        _route("/sandbox/world", world, "GET"),
        _route("/sandbox/calls", calls, "GET"),
        _route("/sandbox/settings", settings, "PUT"),
        _route("/sandbox/faults", faults, "GET", "POST", "DELETE"),
        _route("/sandbox/seed", seed, "PUT"),
        _route("/sandbox/people", people, "POST"),
        _route("/sandbox/reset", reset, "POST"),
        Route("/sandbox/{path:path}", _nothing, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]


async def _nothing(_request: Request) -> JSONResponse:
    return JSONResponse({"error": ["The sandbox has no such address"]}, status_code=NOT_FOUND)


def _route(path: str, endpoint: Endpoint, *methods: str) -> Route:
    async def guarded(request: Request) -> JSONResponse:
        if page.from_elsewhere(request):
            return JSONResponse({"error": ["Pages of other sites may not do that"]}, status_code=FORBIDDEN)
        try:
            return await endpoint(request)
        except ValidationError as error:
            return JSONResponse({"error": [_readable(one) for one in error.errors()]}, status_code=400)
        except Refused as refused:
            return JSONResponse({"error": [refused.message]}, status_code=400)
        except (ValueError, TypeError):
            return JSONResponse({"error": ["The body must be a JSON object"]}, status_code=400)

    return Route(path, guarded, methods=list(methods))


def _done(people: People, body: Json) -> Json:
    deeds = (
        people.add,
        people.change,
        people.bulk_change,
        people.delete,
        people.merge,
        people.rename_label,
        people.set_user_active,
        people.set_activity_type_active,
        people.rename_user,
        people.uninstall_app,
        people.ban_webhook,
        people.remove_webhook,
    )
    known: dict[str, Callable[..., Json]] = {deed.__name__: deed for deed in deeds}
    name = body.pop("do", None)
    if name not in known:
        raise Refused(f"do: must be one of {', '.join(known)}")
    return checked(known[name])(**body)


def _readable(error: Any) -> str:
    return f"{'.'.join(str(step) for step in error['loc'])}: {error['msg']}"


def _seen(sandbox: Sandbox) -> dict[str, Any]:
    with sandbox.step():
        world = sandbox.world
        return {
            "company": {"id": world.company_id, "name": world.company, "domain": world.domain},
            "users": [asdict(user) for user in world.users.values()],
            **{kind: list(rows.values()) for kind, rows in world.records.items()},
            "fields": {kind: list(fields) for kind, fields in world.fields.items()},
            "activity_types": world.activity_types,
            "notes": list(world.notes.values()),
            "webhooks": [webhook.row | {"lost": webhook.lost} for webhook in world.webhooks.values()],
            "settings": world.settings.model_dump(),
        }
