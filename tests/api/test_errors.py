"""Every error has one shape, whoever noticed it: a view, ninja, or Django itself."""

from typing import Any

import pytest
from api.caller import Answer, Caller
from django.db import IntegrityError, connection
from django.test import Client
from meanwhile import meanwhile

from warmline.crm.book import delete_contacts
from warmline.crm.models import Contact, Organization


def _break_with(error: Exception) -> Any:
    def wrapper(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise error
        return execute(sql, *arguments)

    return connection.execute_wrapper(wrapper)


@pytest.mark.parametrize("path", ["/", "/nothing", "/contacts/", "/contacts/1/nothing", "/docs/nothing"])
@pytest.mark.parametrize("method", ["get", "post", "patch", "delete"])
def test_an_address_that_leads_nowhere(bob: Caller, path: str, method: str) -> None:
    """What is no address of the API answers 404 in the same shape."""
    response = getattr(bob.http, method)(f"/api{path}")
    assert Answer(response.status_code, response.json()).problem == (404, "not_found", None)


def test_another_addresss_error_is_not_ours(client: Client) -> None:
    """Outside of the API an error is a page, for people."""
    response = client.get("/nothing")
    assert (response.status_code, response["Content-Type"]) == (404, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("delete", "/contacts/1", {"GET", "PATCH"}),
        ("put", "/contacts/1", {"GET", "PATCH"}),
        ("get", "/contacts/1/retry", {"POST"}),
        ("post", "/sync", {"GET"}),
        ("post", "/organizations", {"GET"}),
    ],
)
def test_a_wrong_method(bob: Caller, method: str, path: str, allowed: set[str]) -> None:
    """A method that an address does not know answers 405, with those that it knows."""
    response = getattr(bob.http, method)(f"/api{path}")
    assert Answer(response.status_code, response.json()).problem == (405, "method_not_allowed", None)
    assert set(response["Allow"].split(", ")) == allowed


def test_what_is_deleted_meanwhile(bob: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """It answers 404, like what was never there, and the log says so."""
    contact = bob.add("Dana Diaz")["id"]
    with meanwhile(lambda: delete_contacts(Contact.objects.all())):
        assert bob.patch(f"/contacts/{contact}", {"name": "Dana"}).problem == (404, "not_found", None)
    assert f"api.row_gone path=/api/contacts/{contact}" in caplog.text


@pytest.mark.parametrize(
    "body",
    [b"{", b"name=Dana", b"\xff\xfe\xff", b"{'name': 'Dana'}", b"[" * 100_000, b'{"name": ' + b"9" * 5000 + b"}"],
)
def test_a_body_that_is_no_json(bob: Caller, body: bytes) -> None:
    """What cannot be read as JSON answers 400."""
    response = bob.http.post("/api/contacts", body, content_type="application/json")
    assert Answer(response.status_code, response.json()).problem == (400, "malformed", None)


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({}, "name", "The field `name` is required. Add it."),
        ({"name": 7}, "name", "The field `name` must be text, in quotes."),
        ({"name": "Dana", "colour": "red"}, "colour", "The field `colour` does not exist. Remove it."),
        ({"name": "Dana", "email": True}, "email", "The field `email` must be text, in quotes."),
        ({"name": "Dana", "email": "dana"}, "email", "Enter an e-mail address such as kim@example.com."),
        ({"name": " "}, "name", "Enter the name."),
        ({"name": "Dana", "organization": {"name": ""}}, "organization.name", "Enter the organization name."),
    ],
)
def test_what_is_wrong_with_a_field(bob: Caller, body: dict[str, Any], field: str, says: str) -> None:
    """The message names the field and says what to do."""
    answer = bob.post("/contacts", body)
    assert answer.problem == (422, "invalid", field)
    assert answer.body["error"]["message"] == says


def test_a_filter_that_does_not_exist(bob: Caller) -> None:
    """It is named as well; a misspelt filter would be no filter."""
    answer = bob.get("/contacts", worm="true")
    assert (answer.problem, answer.body["error"]["message"]) == (
        (422, "invalid", "worm"),
        "The field `worm` does not exist. Remove it.",
    )
    assert (
        bob.get("/contacts", limit=501)
        .body["error"]["message"]
        .startswith("The field `limit` should be less than or equal to")
    )


def test_no_body_at_all(bob: Caller) -> None:
    """A call that needs a body says so."""
    response = bob.http.post("/api/contacts", b"", content_type="application/json")
    assert Answer(response.status_code, response.json()).problem == (422, "invalid", None)


def test_an_unknown_host(bob: Caller) -> None:
    """A name that the installation does not go by is refused by Django, and told by us."""
    response = bob.http.get("/api/contacts", headers={"Host": "elsewhere.example.com"})
    assert Answer(response.status_code, response.json()).problem == (400, "bad_request", None)


def test_what_breaks_inside_stays_inside(bob: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """A failure of ours answers 500 and tells nothing of itself; the log tells it, but not the caller's token."""
    contact = bob.add("Dana")
    with _break_with(RuntimeError("the inside")):
        answer = bob.patch(f"/contacts/{contact['id']}", {"name": "Eli"})
    assert answer.problem == (500, "internal", None)
    assert "the inside" not in str(answer.body)
    assert "the inside" in caplog.text
    assert bob.token not in caplog.text
    assert Contact.objects.get().name == "Dana"


def test_a_race_lost_at_the_database(bob: Caller) -> None:
    """When a constraint finds what validation could not see yet, the caller is told which field, and what to do."""
    organization = bob.add("Dana", organization={"name": "Acme"})["organization"]
    with meanwhile(lambda: Organization.objects.bulk_create([Organization(name="Beta")]), ("UPDATE",)):
        answer = bob.patch(f"/organizations/{organization['id']}", {"name": "BETA"})
    assert answer.problem == (409, "conflict", "name")
    assert "An organization with this name already exists" in answer.body["error"]["message"]
    assert Organization.objects.get(pk=organization["id"]).name == "Acme"


@pytest.mark.parametrize(
    "said",
    [
        "CHECK constraint failed: organization_has_a_name",
        "FOREIGN KEY constraint failed",
        "NOT NULL constraint failed: crm_organization.sector",
        "UNIQUE constraint failed: crm_organization.warmline_id",
    ],
)
def test_a_broken_constraint_is_a_fault_of_ours(bob: Caller, caplog: pytest.LogCaptureFixture, said: str) -> None:
    """Nobody else had to do with it, so nobody is told to read again: it is logged."""
    organization = bob.add("Dana", organization={"name": "Acme"})["organization"]
    with _break_with(IntegrityError(said)):
        answer = bob.patch(f"/organizations/{organization['id']}", {"name": "Beta"})
    assert answer.problem == (500, "internal", None)
    assert said in caplog.text
