"""The sandbox's own page under /sandbox/: what a person would see in Pipedrive, and buttons to break things.

It works with plain forms; the script only refreshes what is shown. As in the control API, nothing here is a Pipedrive
call, costs tokens or needs one. Requests from pages of other sites are refused.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warmline.sandbox import fault_buttons, view
from warmline.sandbox.answers import BAD_REQUEST, FORBIDDEN, NOT_FOUND, Json, Refused
from warmline.sandbox.elements import document
from warmline.sandbox.gateway import Sandbox
from warmline.sandbox.web_app_edits import MergedName
from warmline.sandbox.world import World

HOME = "/sandbox/"
STATIC = Path(__file__).parent / "static"
SEE_OTHER = 303
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; "
        "img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}
KINDS: dict[str, MergedName] = {"person": "persons", "organization": "organizations"}
Endpoint = Callable[[Request], Awaitable[Response]]


def routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return the routes of the page, of its files, and of the records' web addresses."""

    async def home(request: Request) -> Response:
        return _page(sandbox, shown=request.query_params.get("show", ""))

    async def switch(request: Request) -> Response:
        form = await _form(request)
        with sandbox.step():
            if "clean" in form:
                sandbox.world.settings.cleaning = form["clean"] == "yes"
            elif form.get("mend") == "everything":
                sandbox.faults.clear()
            else:
                keys = fault_buttons.pressed(sandbox.faults) | {form.get("break", "")}
                fault_buttons.press(sandbox.faults, keys - {form.get("mend", "")})
        return _elsewhere(HOME)

    async def add(request: Request) -> Response:
        form = await _form(request)
        one = form.get("one", "")
        if one not in KINDS:
            return PlainTextResponse("Choose what to add.", BAD_REQUEST, HEADERS)
        try:
            made = sandbox.add(KINDS[one], **_values(sandbox.world, form))
        except Refused as refused:
            return _page(sandbox, status=refused.status, problem=refused.message, typed=form)
        return _record(one, made["id"])

    return [
        # Browsers request the icon and a form's address by themselves; neither may count as an API call.
        Route("/favicon.ico", _to_icon, methods=["GET"]),
        *(Route(path, _to_home, methods=["GET"]) for path in ("/", "/sandbox", "/sandbox/switch", "/sandbox/add")),
        Route(HOME, home, methods=["GET"]),
        Route("/sandbox/switch", only_from_here(switch), methods=["POST"]),
        Route("/sandbox/add", only_from_here(add), methods=["POST"]),
        *(_file(path) for path in sorted(STATIC.iterdir())),
        *(_address(sandbox, one) for one in KINDS),
    ]


def from_elsewhere(request: Request) -> bool:
    """Tell whether a request was sent by a page of another site, according to the Origin header."""
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


async def _to_home(_request: Request) -> Response:
    return _elsewhere(HOME)


async def _to_icon(_request: Request) -> Response:
    return _elsewhere("/sandbox/icon.svg")


def _address(sandbox: Sandbox, one: str) -> Route:
    """Return the route of a person's or organization's web address, as in Pipedrive."""

    async def address(request: Request) -> Response:
        record_id = request.path_params["id"]
        with sandbox.step():
            there = sandbox.world.alive(KINDS[one], record_id)
        if there:
            return _record(one, record_id)
        return _html(view.missing(sandbox.world, f"{one} {record_id}"), NOT_FOUND)

    return Route(f"/{one}/{{id:int}}", address, methods=["GET"])


def _file(path: Path) -> Route:
    async def file(_request: Request) -> Response:
        return FileResponse(path, headers=HEADERS)

    return Route(f"/sandbox/{path.name}", file, methods=["GET"])


def only_from_here(endpoint: Endpoint) -> Endpoint:
    """Refuse what a page of another site sends."""

    async def guarded(request: Request) -> Response:
        if from_elsewhere(request):
            return PlainTextResponse("Only the sandbox's own page may do that.", FORBIDDEN, HEADERS)
        return await endpoint(request)

    return guarded


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode(errors="replace")))


def _values(world: World, form: dict[str, str]) -> Json:
    """Return the values of a form for a new record; an unknown owner or an empty e-mail is left out."""
    values: Json = {"name": form.get("name", "")}
    owners = {str(user_id): user_id for user_id in world.users}
    if form.get("owner") in owners:
        values["owner_id"] = owners[form["owner"]]
    if email := form.get("email", "").strip():
        values["emails"] = [{"value": email}]
    return values


def _page(sandbox: Sandbox, *, status: int = 200, **how: Any) -> Response:
    with sandbox.step():
        page = view.page(sandbox, **how)
    return _html(page, status)


def _html(page: Element, status: int) -> Response:
    return Response(document(page), status, HEADERS, media_type="text/html")


def _record(one: str, record_id: int) -> Response:
    return _elsewhere(f"{HOME}?show={one}-{record_id}#{one}-{record_id}")


def _elsewhere(address: str) -> Response:
    return RedirectResponse(address, SEE_OTHER, HEADERS)
