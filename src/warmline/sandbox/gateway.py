"""Handles a call, however it came in: authentication, limits, injected faults, and the answer.

One lock covers everything, so calls happen one after the other. Commits that a fault has delayed are carried out before
the next call, with their own times. Nothing here deals with sockets.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from email.utils import formatdate
from functools import partial
from typing import Any

from warmline.sandbox import oauth, routes, scopes, webhooks
from warmline.sandbox.answers import (
    FORBIDDEN,
    UNAUTHORIZED,
    Json,
    Refused,
    Request,
    Response,
    error_response,
    json_response,
)
from warmline.sandbox.faults import NOTHING_YET, Faults, Rule, Silence, When
from warmline.sandbox.limits import Limits
from warmline.sandbox.oauth import Grant
from warmline.sandbox.outgoing import Outgoing, Post
from warmline.sandbox.web_app_edits import KindName, People
from warmline.sandbox.world import Call, User, World

SUCCESSFUL = range(200, 300)


class Sandbox:
    """A simulated Pipedrive. Thread-safe.

    Args:
        world: The company that it simulates.
        seed: Seed of the random numbers that faults use.

    Attributes:
        faults: The rules that inject faults.
        people: Changes that colleagues make in Pipedrive's web app.
    """

    def __init__(self, world: World, *, seed: int = 0) -> None:
        self.world = world
        self._lock = threading.RLock()
        self.faults = Faults(world.now, self._lock, seed=seed)
        self.people = People(world, self.step)
        self._limits = Limits()
        self._put_off: list[tuple[float, Callable[[], Json]]] = []

    @contextmanager
    def step(self) -> Iterator[None]:
        """Hold the lock during the block, after carrying out the commits that are due; then send out what happened."""
        with self._lock:
            self.commit_late()
            try:
                yield
            finally:
                webhooks.send_out(self.world, self.faults)

    def answer(self, request: Request) -> Response:
        """Answer one call and log it.

        Raises:
            Silence: If a fault suppresses the answer.
        """
        with self.step():
            at = self.world.now()
            visitor = _Visitor()
            try:
                response = self._answer(request, visitor)
            except Silence:
                self._log(at, request, 0, visitor)
                raise
            self._log(at, request, response.status, visitor)
            return replace(response, headers={**response.headers, "date": formatdate(at, usegmt=True)})

    def add(self, kind: KindName, **body: Any) -> Json:
        """Create a record as a colleague would; short for `people.add`."""
        return self.people.add(kind, **body)

    def commit_late(self) -> int:
        """Carry out the delayed commits that are due, as the next call would; for tests that look at the world.

        Returns:
            How many are still delayed.
        """
        with self._lock:
            now = self.world.now()
            due = sorted((one for one in self._put_off if one[0] <= now), key=lambda one: one[0])
            self._put_off = [one for one in self._put_off if one[0] > now]
            for moment, commit in due:
                # What it refers to may be gone by now, and nobody is waiting for the refusal.
                with self.world.at(moment), suppress(Refused):
                    commit()
            return len(self._put_off)

    def take_outgoing(self) -> list[Outgoing]:
        """Take what is due to be sent: events, and the word of an uninstalled app. Say of each how it ended."""
        with self.step():
            return webhooks.due(self.world)

    def answered(self, sent: Outgoing, status: int) -> None:
        """Say how it ended: the HTTP status, or 0 when no answer came within ten seconds."""
        with self.step():
            webhooks.answered(self.world, sent, status)

    def deliver(self, post: Post) -> int:
        """Send everything that is due by now, one after the other; for tests in process.

        Args:
            post: Sends one and returns the status, 0 for no answer.

        Returns:
            How many were sent.
        """
        ready = self.take_outgoing()
        for one in ready:
            self.answered(one, post(one))
        return len(ready)

    def reset(self) -> None:
        """Start over: an empty world, no faults, empty rate limit windows, and the seed's first random number."""
        with self._lock:
            self._put_off = []
            self.world.reset()
            self.faults.clear()
            self.faults.reseed(self.faults.seed)
            self._limits = Limits()

    def _answer(self, request: Request, visitor: "_Visitor") -> Response:
        rule = self.faults.match(request.method, request.path)
        when = None if rule is None else rule.outcome.when
        if rule is not None and when is When.ARRIVAL:
            return self._struck(rule, request, visitor)
        try:
            commit = self._admitted(request, visitor)
            if rule is not None and when is When.COMMIT:
                self._put_off.append((self.world.now() + rule.fault.delay, commit))
                return self._struck(rule, request, visitor)
            response = json_response(visitor.status, commit())
        except Refused as refused:
            response = error_response(request.version, refused)
        if rule is not None and when is When.ANSWER and response.status in SUCCESSFUL:
            response = self._struck(rule, request, visitor, response)
        return replace(response, headers={**response.headers, **visitor.headers})

    def _struck(self, rule: Rule, request: Request, visitor: "_Visitor", response: Response = NOTHING_YET) -> Response:
        visitor.fault = rule.fault.kind
        return self.faults.strike(rule, request.version, response)

    def _admitted(self, request: Request, visitor: "_Visitor") -> Callable[[], Json]:
        """Authenticate a call and charge its tokens; the returned function carries it out.

        Raises:
            Refused: 401, 404 or 429.
        """
        if request.method == "POST" and request.path in oauth.PATHS:
            return partial(oauth.answer, self.world, request)
        user, is_oauth, grant = self._known(request)
        visitor.user = user
        operation, at = routes.find(request)
        if grant is not None and not operation.scopes & (grant.scopes | {scopes.BASE}):
            raise Refused("Scope and URL mismatch", status=FORBIDDEN, code="ERR_SCOPE_MISMATCH")
        visitor.headers = self._limits.admit(
            self.world, user.id, oauth=is_oauth, search=operation.is_search, tokens=operation.tokens
        )
        visitor.tokens = operation.tokens
        left = self.world.tokens_left
        if left is not None and not is_oauth and request.method in ("POST", "PUT"):
            visitor.headers["x-daily-requests-left"] = str(left // operation.tokens)
        visitor.status = operation.status
        visit = routes.Visit(self.world, user, request, at)

        def commit() -> Json:
            with self.world.acting(user.id, "api"):
                return {"success": True, **operation.run(visit)}

        return commit

    def _known(self, request: Request) -> tuple[User, bool, Grant | None]:
        """Return whose token it is, whether it came as an OAuth access token, and the grant that it is of.

        Raises:
            Refused: 401; also for a token in the query string, where it would end up in logs.
        """
        token = request.headers.get("x-api-token", "")
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        is_oauth = not token and scheme.lower() == "bearer"
        grant = oauth.grant_of(self.world, bearer.strip()) if is_oauth else None
        user_id = grant.user_id if grant else self.world.tokens.get(bearer.strip() if is_oauth else token)
        user = None if user_id is None else self.world.users[user_id]
        if user is None or not user.active or {"api_token", "x-api-token"} & set(request.query):
            raise Refused("unauthorized access", status=UNAUTHORIZED)
        return user, is_oauth, grant

    def _log(self, at: float, request: Request, status: int, visitor: "_Visitor") -> None:
        user_id = None if visitor.user is None else visitor.user.id
        self.world.calls.append(
            Call(at, request.method, request.path, status, visitor.tokens, user_id, fault=visitor.fault)
        )


class _Visitor:
    """What is known about a caller so far; needed for the log and the headers of every answer, including errors."""

    def __init__(self) -> None:
        self.user: User | None = None
        self.tokens = 0
        self.status = 200
        self.headers: dict[str, str] = {}
        self.fault = ""
