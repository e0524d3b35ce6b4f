"""Requests that no browser sends are refused or answered, and never a fault of ours; a lost database is told."""

from typing import Any

import pytest
from api.caller import Caller
from django.db import connection
from django.test import Client
from elsewhere import elsewhere

from warmline.crm.users import User
from warmline.storage import Matter

ODD = [
    "x" * 300,
    f"{'x' * 300}@example.com",
    "a@" + "b" * 300,
    "\0",
    "a\0@example.com",
    "ﷺ" * 254,
]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ODD)
def test_odd_user_names(client: Client, alice: User, name: str) -> None:
    """Signing in with them fails as with any other that nobody has."""
    response = client.post("/sign-in", {"username": name, "password": "x" * 300})
    assert response.status_code == 200
    assert client.post("/password/new", {"email": name}).status_code in {200, 302, 404}


@pytest.mark.django_db
@pytest.mark.parametrize("forwarded", ["not-an-ip", "1.2.3.4, not-an-ip", "::1%eth0", "[::1", "", "x" * 3000])
def test_odd_forwarded_addresses(client: Client, alice: User, forwarded: str) -> None:
    """What is said of an address is nothing that must be one."""
    headers: dict[str, Any] = {"X-Forwarded-For": forwarded}
    response = client.post("/sign-in", {"username": "a@example.com", "password": "x"}, headers=headers)
    assert response.status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/contacts?q=%00",
        "/contacts?q=a%00b&after=%00",
        "/contacts?q=%ff%fe",
        "/contacts?q=" + "界" * 500,
        "/%00",
        "/organizations?q=%00",
    ],
)
def test_odd_addresses(alices: Client, path: str) -> None:
    """A page is shown, or there is none."""
    assert alices.get(path, follow=True).status_code in {200, 400, 404}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/contacts?search=%00", f"/contacts/{10**18}9", f"/contacts/{10**30}", f"/notifications?after={2**63}"]
)
def test_odd_calls(bob: User, path: str) -> None:
    """The API names what is wrong."""
    assert Caller(bob).http.get(f"/api{path}").status_code in {200, 400, 404, 422}


@pytest.mark.django_db(transaction=True)
@pytest.mark.only_on("postgres")
@pytest.mark.parametrize("for_programs", [False, True])
def test_a_database_that_goes_away_is_told(alice: User, *, for_programs: bool) -> None:
    """A request that loses its connection is answered with 503, what to do, and when; the next one is well."""
    http = Caller(alice).http
    if not for_programs:
        http = Client(raise_request_exception=False)
        http.force_login(alice, "django.contrib.auth.backends.ModelBackend")
    path = "/api/contacts" if for_programs else "/contacts"
    assert http.get(path).status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

    def cut() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])

    with elsewhere() as other:
        other.do(cut)
    response = http.get(path)
    connection.close()

    assert (response.status_code, response["Warmline-Matter"]) == (503, Matter.NO_DATABASE)
    assert int(response["Retry-After"]) > 0
    if for_programs:
        assert response.json()["error"]["code"] == "no_database"
    else:
        assert "Warmline cannot reach its database" in response.content.decode()
    assert http.get(path).status_code == 200
