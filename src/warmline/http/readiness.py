"""Whether this process can serve: asked by load balancers and supervisors, under any host name, without signing in.

It depends on the database and its tables alone. What Pipedrive or the engine is doing stands in the answer and changes
nothing of it: pages can be read and contacts saved meanwhile, and taking all web processes out would help nobody.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from warmline import schema
from warmline.sync.remote import connection_health

PATIENCE = 2.0  # seconds for the database to answer: whoever asks has little more
KEPT = 1.0  # seconds for which an answer holds, so that nobody can have the database asked by asking this
GetResponse = Callable[[HttpRequest], HttpResponse]


class _Latest:
    lock = Lock()
    at = float("-inf")
    answer: dict[str, Any] = {}


def answer_readiness(get_response: GetResponse) -> GetResponse:
    """Tell whoever asks for `/readyz` whether this process can serve (a middleware of Django's)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info != "/readyz":
            return get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        answer = _latest()
        return JsonResponse(answer, status=200 if answer["ready"] else 503, headers={"Cache-Control": "no-store"})

    return middleware


def _latest() -> dict[str, Any]:
    with _Latest.lock:
        if time.monotonic() >= _Latest.at + KEPT:
            _Latest.answer = readiness()
            _Latest.at = time.monotonic()
        return _Latest.answer


def readiness() -> dict[str, Any]:
    """Return whether this process can serve, and what is the matter.

    Returns:
        `ready`, whether it can; `database` and `schema`, which are "ok" or say what is the matter; and `engine`, the
        state of the connection to Pipedrive as everywhere else, or null when the database cannot be asked.
    """
    try:
        _reach()
        problem = schema.problem()
        engine = None if problem else connection_health.status()
    except DatabaseError:
        return {"ready": False, "database": "cannot be reached", "schema": "unknown", "engine": None}
    return {
        "ready": not problem,
        "database": "ok",
        "schema": problem or "ok",
        "engine": None if engine is None else {"state": engine.state, "since": engine.since},
    }


def _reach() -> None:
    """Find out whether the database answers; a request of a person's would wait longer for a place in the pool."""
    with connection.wrap_database_errors:
        if connection.vendor == "postgresql":
            pool = connection.pool  # type: ignore[attr-defined]  # of PostgreSQL's backend
            with pool.connection(timeout=PATIENCE) as own:
                own.execute("SELECT 1")
        else:
            connection.ensure_connection()
