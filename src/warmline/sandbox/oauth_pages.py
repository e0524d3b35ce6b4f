"""The page on which a person lets an app in, under /oauth/authorize: who asks, for what, as whom, yes or no.

It is no API call. Both answers lead to the app's callback, so the page's policy names it: browsers apply `form-action`
to redirects.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warmline.sandbox import oauth, page, view
from warmline.sandbox.answers import BAD_REQUEST
from warmline.sandbox.elements import document, el
from warmline.sandbox.gateway import Sandbox

PATH = "/oauth/authorize"
FIELDS = ("client_id", "redirect_uri", "state")


def routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return the routes of the page."""

    async def ask(request: Request) -> Response:
        asked = request.query_params
        with sandbox.step():
            problem = oauth.problem_of(sandbox.world, asked.get("client_id", ""), asked.get("redirect_uri", ""))
            return _shown(_question(sandbox, asked), asked) if not problem else _wrong(sandbox, problem)

    async def decide(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        with sandbox.step():
            world = sandbox.world
            problem = oauth.problem_of(world, form.get("client_id", ""), form.get("redirect_uri", ""))
            users = {str(user.id): user.id for user in world.users.values() if user.active}
            if problem or form.get("user") not in users:
                return _wrong(sandbox, problem or "Choose who allows it.")
            allowed = form.get("answer") == "allow"
            code = oauth.authorize(world, users[form["user"]], form["redirect_uri"]) if allowed else ""
        told = {"code": code} if allowed else {"error": "user_denied"}
        told |= {"state": form["state"]} if form.get("state") else {}
        joint = "&" if urlsplit(form["redirect_uri"]).query else "?"
        return RedirectResponse(f"{form['redirect_uri']}{joint}{urlencode(told)}", page.SEE_OTHER, page.HEADERS)

    return [
        Route(PATH, ask, methods=["GET"]),
        Route(PATH, page.only_from_here(decide), methods=["POST"]),
    ]


def _question(sandbox: Sandbox, asked: Mapping[str, str]) -> Element:
    world = sandbox.world
    people = sorted((one for one in world.users.values() if one.active), key=lambda one: (not one.admin, one.id))
    hidden = [el("input", type="hidden", name=name, value=asked.get(name, "")) for name in FIELDS]
    options = [el("option", one.name, value=str(one.id)) for one in people]
    form = el(
        "form",
        *hidden,
        el("label", "You are", el("select", *options, name="user")),
        el("button", "Allow and install", name="answer", value="allow", class_="main"),
        " ",
        el("button", "Cancel", name="answer", value="deny"),
        method="post",
        action=PATH,
    )
    scopes = [el("li", el("code", scope)) for scope in world.settings.scopes.split()]
    return view.frame(
        world,
        el(
            "main",
            el(
                "section",
                el("h2", f"{asked.get('client_id')} wants to use {world.company}"),
                el("p", "It may then do all of this in your name:"),
                el("ul", *scopes),
                form,
            ),
        ),
    )


def _wrong(sandbox: Sandbox, problem: str) -> Response:
    said = el("section", el("h2", "This app cannot be let in"), el("p", problem, role="alert"))
    content = document(view.frame(sandbox.world, el("main", said)))
    return Response(content, BAD_REQUEST, page.HEADERS, media_type="text/html")


def _shown(question: Element, asked: Mapping[str, str]) -> Response:
    callback = urlsplit(asked["redirect_uri"])
    policy = page.HEADERS["content-security-policy"].replace(
        "form-action 'self'", f"form-action 'self' {callback.scheme}://{callback.netloc}"
    )
    headers = page.HEADERS | {"content-security-policy": policy, "cache-control": "no-store"}
    return Response(document(question), 200, headers, media_type="text/html")
