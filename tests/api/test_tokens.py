"""Tokens: what is stored of them, whom they let in, and what their use costs."""

import hashlib
from datetime import timedelta

import pytest
from api.caller import Answer, Caller
from django.test import Client
from django.utils import timezone
from elsewhere import ONE_LOOK
from pytest_django import DjangoAssertNumQueries

from warmline.crm.tokens import ApiToken, issue


def test_only_a_digest_is_stored(bob: Caller) -> None:
    """Nothing in the row is the token, and nothing that Python shows of the row is."""
    token = issue(bob.user, "a script")
    row = ApiToken.objects.get(name="a script")
    assert token.startswith("wl_")
    assert len(token) == len("wl_") + 43
    assert row.digest == hashlib.sha256(token.encode()).hexdigest()
    assert token not in "".join(map(repr, [row, str(row), row.__dict__]))
    assert issue(bob.user) != token


@pytest.mark.django_db
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wl_" + "x" * 43,
        "Bearer \u00e9\u0007",
        "Token wl_x",
        "Basic YTpi",
    ],
)
@pytest.mark.parametrize("path", ["/api/contacts", "/api/contacts/nothing", "/api/sync"])
def test_without_a_valid_token_nobody_comes_in(authorization: str | None, path: str) -> None:
    """Every call without one answers 401, before anything else is looked at."""
    response = Client(headers={} if authorization is None else {"Authorization": authorization}).get(path)
    assert Answer(response.status_code, response.json()).problem == (401, "unauthorized", None)
    assert response["WWW-Authenticate"] == "Bearer"


def test_who_left_the_team_stays_out(bob: Caller) -> None:
    """An inactive user's token is refused, and works again when they come back."""
    bob.user.is_active = False
    bob.user.save()
    assert bob.get("/contacts").problem == (401, "unauthorized", None)
    bob.user.is_active = True
    bob.user.save()
    assert bob.get("/contacts").status == 200


def test_the_scheme_may_be_written_in_any_case(bob: Caller) -> None:
    """`bearer` is as good as `Bearer`, as HTTP says of schemes."""
    assert bob.http.get("/api/contacts", headers={"Authorization": f"bearer {bob.token}"}).status_code == 200


def test_its_use_is_written_down_once_a_minute(bob: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """The first call writes when it was, the second reads only, and one a minute later writes again."""
    with django_assert_num_queries(3 + ONE_LOOK):
        bob.get("/notifications")
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    with django_assert_num_queries(2 + ONE_LOOK):
        bob.get("/notifications")
    for long_ago in (timedelta(minutes=1), timedelta(days=-365)):  # the latter by a clock that was set back since
        ApiToken.objects.update(last_used_at=timezone.now() - long_ago)
        with django_assert_num_queries(3 + ONE_LOOK):
            bob.get("/notifications")


def test_it_ends_with_its_user(bob: Caller) -> None:
    """A deleted user's tokens are deleted with them."""
    bob.user.delete()
    assert not ApiToken.objects.exists()
    assert bob.get("/contacts").status == 401
