"""The document tells the truth, and its page needs nobody else's servers."""

import asyncio
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from api.caller import Caller
from django.core.exceptions import ValidationError
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from jsonschema import Draft202012Validator
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from warmline.api import texts
from warmline.api.urls import api
from warmline.crm import fields
from warmline.crm.activities import Activity
from warmline.sync.models import NotificationKind
from warmline.sync.notifications import tell
from warmline.webhooks import endpoints
from warmline.webhooks.models import Event

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    positive_data_acceptance,
    negative_data_rejection,
]
DOCUMENT: Any = json.loads(json.dumps(api.get_openapi_schema()))
# Who calls is not what is tried here, and a token that the test puts in place of a generated one would be no wrong one.
OPEN = deepcopy(DOCUMENT)
for operation in (operation for item in OPEN["paths"].values() for operation in item.values()):
    del operation["security"]
    # A key that comes twice, and a tag that does not match, are refused by intent; test_programs.py tries them.
    operation["parameters"] = [one for one in operation.get("parameters", []) if one["in"] != "header"]
SCHEMA, UNKNOWN = (schemathesis.openapi.from_dict(OPEN) for _ in range(2))
SCHEMA.app = UNKNOWN.app = get_wsgi_application()
UNKNOWN.config.phases.update(phases=["examples", "fuzzing"])  # who is refused at the door is refused whatever they send


def test_its_codes_are_those_of_the_page() -> None:
    """Each error code is explained in docs/api.md, and none that there is not."""
    _, _, page = (Path(__file__).parents[2] / "docs" / "api.md").read_text().partition("## Refusals")
    told = [code for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for code in re.findall(r"`(\w+)`", row)]
    schemas = DOCUMENT["components"]["schemas"]
    kinds = [
        schemas[each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        for each in schemas["Refusal"]["properties"]["code"]["anyOf"]
    ]
    assert sorted(told) == sorted(code for kind in kinds for code in kind["enum"])


@pytest.fixture
def book(alice: Caller, bob: Caller) -> Iterator[tuple[Caller, dict[str, int]]]:
    """Fill the book, so that answers have something in them; return Bob, and an id for each kind of row."""
    endpoint, _ = endpoints.add("https://example.com", Event.values)
    contact = bob.add("Dana", email="d@example.org", organization={"name": "Acme", "sector": "Food"}, warmness_score=5)
    activity = bob.log(contact["id"], due_date="2999-01-01", due_time="10:00")
    tell(NotificationKind.CONNECTION_BACK, "The connection is back.", now=timezone.now())
    ids = {
        "contacts": contact["id"],
        "organizations": contact["organization"]["id"],
        "activities": activity["id"],
        "webhooks": endpoint.pk,
    }
    # The end of a request would close the test's database connection; Django's own test client sees to that likewise.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield bob, ids
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@SCHEMA.parametrize()
@settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_what_it_says_is_so(case: Case[Any], book: tuple[Caller, dict[str, int]], alice: Caller) -> None:
    """What is sent as it says is never refused, what is not never taken, and the answer is one that it tells of."""
    bob, ids = book
    given = case.path_parameters.get("id")
    assert case.meta is not None
    if (
        case.meta.generation.mode.is_positive and isinstance(given, int) and given % 4
    ):  # else it names a row hardly ever
        case.path_parameters["id"] = ids[case.path.split("/")[2]]
    # What a change needs beside it is not in the document: a time needs the date that is there.
    Activity.objects.update(due_date=date(2999, 1, 1), due_time=None)
    caller = alice if case.path.startswith("/api/webhooks") else bob
    case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {caller.token}"})


@UNKNOWN.parametrize()
@settings(
    max_examples=3,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@pytest.mark.usefixtures("book")
def test_without_a_token(case: Case[Any]) -> None:
    """Whatever is sent, nobody comes in, and the answer is one that it tells of."""
    response = case.call_and_validate(checks=CHECKS[:-2], headers={"Authorization": "Bearer wl_wrong"})
    assert response.status_code in {401, 404, 405, 429}  # in the end, there were too many guesses


@pytest.mark.parametrize("schema", ["NewContact", "ContactChanges", "OrganizationBody", "OrganizationChanges"])
@pytest.mark.parametrize(
    ("name", "is_taken"),
    [("Dana", True), (" Dana\n", True), ("D\u00fc\u3000\U0001f600", True), ("", False), (" \u00a0\u200b", False)]
    + [(f"a{sign}b", False) for sign in "\0\t\n\x1f\x7f\x85\u2028"],
)
def test_a_name(schema: str, name: str, is_taken: bool) -> None:  # noqa: FBT001 (a column of the table)
    """The document says which names are taken."""
    body = Draft202012Validator({**DOCUMENT["components"]["schemas"][schema], "components": DOCUMENT["components"]})
    assert body.is_valid({"name": name}) == is_taken


@pytest.mark.parametrize(
    ("schema", "body", "is_taken"),
    [
        ("ActivityChanges", {"subject": None}, False),
        ("ActivityChanges", {"subject": " "}, False),
        ("ActivityChanges", {"due_time": "10:00"}, True),
        ("ActivityChanges", {"due_time": "10:00", "due_date": None}, False),
        ("NewActivity", {"contact_id": 1, "type": "CALL", "subject": None, "note": "a\r\n\tb"}, True),
        ("NewActivity", {"contact_id": 1.0, "type": "CALL", "subject": ""}, True),
        ("NewActivity", {"contact_id": 1, "type": "CALL", "due_time": "10:00"}, False),
        ("NewActivity", {"contact_id": 1, "type": "CALL", "due_date": "2000-02-29"}, True),
        ("NewActivity", {"contact_id": 1, "type": "CALL", "due_date": "2100-02-29"}, False),
        ("NewActivity", {"contact_id": 1, "type": "CALL", "due_date": "1899-12-31"}, False),
        ("NewActivity", {"contact_id": 1, "type": "CALL", "note": "a\0b"}, False),
        ("NewContact", {"name": "Dana", "email": "dana"}, False),
        ("NewContact", {"name": "Dana", "email": " ", "warmness_score": 5.0}, True),
        ("NewContact", {"name": "Dana", "warmness_score": 5.5}, False),
        ("NewContact", {"name": "Dana", "phone": "1" * 65}, False),
        ("Import", {"contacts": [{"name": "", "email": "any", "warmness_score": 11}]}, True),
    ],
)
def test_what_is_taken(bob: Caller, schema: str, body: Any, is_taken: bool) -> None:  # noqa: FBT001 (as above)
    """The document says it, and the API does it."""
    checker = Draft202012Validator.FORMAT_CHECKER
    whole = {**DOCUMENT["components"]["schemas"][schema], "components": DOCUMENT["components"]}
    assert Draft202012Validator(whole, format_checker=checker).is_valid(body) == is_taken
    contact = bob.add("Robin")["id"]
    body = {**body, "contact_id": float(contact)} if "contact_id" in body else body
    if schema == "ActivityChanges":
        activity = bob.log(contact, due_date="2999-01-01")
        status = bob.patch(f"/activities/{activity['id']}", body).status
    else:
        room = {"NewActivity": "activities", "NewContact": "contacts", "Import": "contacts/import"}[schema]
        status = bob.post(f"/{room}", body).status
    assert status in ({200, 201} if is_taken else {422})


def test_the_patterns_are_the_validators() -> None:
    """Character by character: what the document says of texts is what crm/fields.py does."""
    rules: list[tuple[str, Sequence[Callable[[str], None]], Callable[[str], str]]] = [
        (texts.NAME, [fields.visible, fields.no_control_characters], fields.without_ends),
        (texts.ONE_LINE, [fields.no_control_characters], fields.without_ends),
        (texts.BLANK, [_nothing], fields.without_ends),
        (texts.LINES, [fields.no_control_characters_but_line_breaks], str),
    ]
    signs = [sign for sign in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(sign) not in {"Cs", "Cn"}]
    for pattern, validators, tidied in rules:
        matches = re.compile(pattern).search
        for form in ("{}", "a{}b", "{}\x1fa", "a\x1f{}"):
            found = [
                sign
                for sign in signs
                if bool(matches(form.format(sign))) != _is_valid(tidied(form.format(sign)), validators)
            ]
            assert found == []


def _nothing(text: str) -> None:
    if text:
        raise ValidationError("This is not empty.")


def _is_valid(text: str, validators: Sequence[Callable[[str], None]]) -> bool:
    try:
        for validate in validators:
            validate(text)
    except ValidationError:
        return False
    return True


def test_every_call_is_described() -> None:
    """Each has a summary and a description of its own, asks for a token, and has all its errors in the one shape."""
    operations = [operation for item in DOCUMENT["paths"].values() for operation in item.values()]
    assert len(operations) == 33
    assert len({operation["summary"] for operation in operations}) == 33
    for operation in operations:
        assert operation["description"]
        assert operation["security"] == [{"Bearer": []}]
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert errors.keys() >= {"401", "404", "422"}
        for status in ("429", "503"):
            assert errors[status]["headers"]["Retry-After"]["required"]
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
