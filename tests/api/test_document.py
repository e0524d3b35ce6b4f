"""The document tells the truth, and its page needs nobody else's servers."""

import asyncio
import json
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import httpx
import pytest
import schemathesis
from api.caller import Caller
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from warmline.api.urls import api
from warmline.sync.models import NotificationKind
from warmline.sync.notify import tell

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DOCUMENT: Any = json.loads(json.dumps(api.get_openapi_schema()))
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
SCHEMA.app = get_wsgi_application()


@pytest.fixture
def book(bob: Caller) -> Iterator[tuple[Caller, dict[str, int]]]:
    """Fill the book, so that answers have something in them; return Bob, and an id for each kind of row."""
    contact = bob.add("Dana", email="d@example.org", organization={"name": "Acme", "sector": "Food"}, warmness_score=5)
    activity = bob.log(contact["id"], due_date="2999-01-01", due_time="10:00")
    tell(NotificationKind.CONNECTION_BACK, "The connection is back.", now=timezone.now())
    ids = {"contacts": contact["id"], "organizations": contact["organization"]["id"], "activities": activity["id"]}
    # The end of a request would close the test's database connection; Django's own test client sees to that likewise.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield bob, ids
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@SCHEMA.parametrize()
@settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_what_it_says_is_so(case: Case[Any], book: tuple[Caller, dict[str, int]]) -> None:
    """Whatever is sent, right or wrong, the answer is one that the document tells of."""
    bob, ids = book
    given = case.path_parameters.get("id")
    if isinstance(given, int) and given % 4:  # a random id names a row hardly ever
        case.path_parameters["id"] = ids[case.path.split("/")[2]]
    case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {bob.token}"})


def test_every_call_is_described() -> None:
    """Each has a summary and a description of its own, asks for a token, and has all its errors in the one shape."""
    operations = [operation for item in DOCUMENT["paths"].values() for operation in item.values()]
    assert len(operations) == 20
    assert len({operation["summary"] for operation in operations}) == 20
    for operation in operations:
        assert operation["description"]
        assert operation["security"] == [{"Bearer": []}]
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert errors.keys() >= {"401", "404", "422"}
        for answer in errors.values():
            assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorAnswer"}


def test_the_page_loads_everything_from_here(client: Client) -> None:
    """The page names no other server, asks none to check the document, and its files are served by this one."""
    page = client.get("/api/docs")
    assert page.status_code == 200
    html = page.content.decode()
    assert not re.search(r"(https?:)?//", html)
    assert '"validatorUrl": null' in html
    files = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(files) == 5
    for file in files:
        response = client.get(file)
        assert response.status_code == 200
        assert b"".join(response)


def test_a_server_that_speaks_asgi_gets_the_same_answers() -> None:
    """The application that uvicorn serves answers as the tests' door does."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(import_module("warmline.asgi").application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/api/sync")

    response = asyncio.run(ask())
    assert (response.status_code, response.json()["error"]["code"]) == (401, "unauthorized")
