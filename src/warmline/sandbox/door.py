"""The way into the world that both doors share: who is calling, may they, what goes wrong, and what is the answer.

One lock around it all: each call is one step, as if Pipedrive had one thread. Nothing here knows of sockets.
"""

import threading
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from warmline.sandbox import operations, records
from warmline.sandbox.answers import UNAUTHORIZED, Json, Refused, Request, Response, error_response, json_response
from warmline.sandbox.faults import KINDS, Faults, Silence
from warmline.sandbox.limits import Limits
from warmline.sandbox.world import Call, User, World

SUCCESSFUL = range(200, 300)


class Sandbox:
    """A Pipedrive to call. Safe to share between threads.

    Args:
        world: The company it plays.

    Attributes:
        faults: The rules of what goes wrong.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults = Faults()
        self._limits = Limits()
        self.lock = threading.RLock()

    def answer(self, request: Request) -> Response:
        """Answer one call and write it in the log.

        Raises:
            Silence: A fault has it that no answer comes.
        """
        with self.lock:
            at = self.world.now()
            visitor = _Visitor()
            try:
                response = self._answer(request, visitor)
            except Silence:
                self._log(at, request, 0, visitor)
                raise
            self._log(at, request, response.status, visitor)
            return replace(response, headers={**response.headers, "date": formatdate(at, usegmt=True)})

    def add(self, kind: str, **body: Any) -> Json:
        """Make a record as a colleague would in Pipedrive's own pages: no call, no tokens, but the same checks.

        Args:
            kind: "persons", "organizations" or "activities".
            **body: As for the kind's POST.

        Returns:
            The record as stored.

        Raises:
            Refused: As its POST would be.
        """
        with self.lock:
            user = next(iter(self.world.users.values()))
            return records.create(self.world, records.KINDS[kind], body, user)

    def reset(self) -> None:
        """Go back to the first day: an empty world, no faults, fresh windows."""
        with self.lock:
            self.world.reset()
            self.faults.clear()
            self._limits = Limits()

    def _answer(self, request: Request, visitor: "_Visitor") -> Response:
        fault = self.faults.match(request.method, request.path)
        if fault is not None and not KINDS[fault.kind].after:
            return self.faults.strike(fault, request.version)
        try:
            response = self._served(request, visitor)
        except Refused as refused:
            response = error_response(request.version, refused)
        if fault is not None and response.status in SUCCESSFUL:
            response = self.faults.strike(fault, request.version)
        return replace(response, headers={**response.headers, **visitor.headers})

    def _served(self, request: Request, visitor: "_Visitor") -> Response:
        user, oauth = self._known(request)
        visitor.user = user
        operation, at = operations.find(request)
        visitor.headers = self._limits.admit(
            self.world, user.id, oauth=oauth, search=operation.is_search, tokens=operation.tokens
        )
        visitor.tokens = operation.tokens
        left = self.world.tokens_left
        if left is not None and not oauth and request.method in ("POST", "PUT"):
            visitor.headers["x-daily-requests-left"] = str(left // operation.tokens)
        result = operation.run(operations.Visit(self.world, user, request, at))
        return json_response(200, {"success": True, **result})

    def _known(self, request: Request) -> tuple[User, bool]:
        """Return whose token it is, and whether it came as an OAuth access token.

        Raises:
            Refused: 401; also for a token in the query string, where it would end up in logs.
        """
        token = request.headers.get("x-api-token", "")
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        oauth = not token and scheme.lower() == "bearer"
        user_id = self.world.tokens.get(bearer.strip() if oauth else token)
        user = None if user_id is None else self.world.users[user_id]
        if user is None or not user.active or {"api_token", "x-api-token"} & set(request.query):
            raise Refused("unauthorized access", status=UNAUTHORIZED)
        return user, oauth

    def _log(self, at: float, request: Request, status: int, visitor: "_Visitor") -> None:
        user_id = None if visitor.user is None else visitor.user.id
        self.world.calls.append(Call(at, request.method, request.path, status, visitor.tokens, user_id))


class _Visitor:
    """What is learnt of a caller on the way in; the log and the headers of every answer need it, errors included."""

    def __init__(self) -> None:
        self.user: User | None = None
        self.tokens = 0
        self.headers: dict[str, str] = {}
