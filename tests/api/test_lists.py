"""Lists: pages, filters, and what they cost."""

from typing import Any

import pytest
from api.caller import Caller
from elsewhere import ONE_JOB, ONE_LOOK
from pytest_django import DjangoAssertNumQueries

from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization


def _names(answer: Any) -> list[str]:
    assert answer.status == 200, answer
    return [item["name"] for item in answer.body["items"]]


@pytest.fixture
def people(bob: Caller) -> None:
    """Have Bob know three people, the second of them warm."""
    bob.add("Dana Diaz", email="d@example.org", organization={"name": "Grün & Söhne"})
    bob.add("Eli Étienne", email="eli@example.net", warmness_score=4)
    bob.add("Fay 100%_\\", email="fay@example.com", warmness_score=3)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["Dana Diaz", "Eli Étienne", "Fay 100%_\\"]),
        ({"search": ""}, ["Dana Diaz", "Eli Étienne", "Fay 100%_\\"]),
        ({"search": "DIA"}, ["Dana Diaz"]),
        ({"search": " dana   diaz "}, ["Dana Diaz"]),
        ({"search": "étienne"}, ["Eli Étienne"]),
        ({"search": "e\u0301TIENNE"}, ["Eli Étienne"]),
        ({"search": "Example.NET"}, ["Eli Étienne"]),
        ({"search": "söhne"}, ["Dana Diaz"]),
        ({"search": "fay 100%_\\"}, ["Fay 100%_\\"]),
        ({"search": "diaz dana"}, ["Dana Diaz"]),
        ({"search": "dana söhne d@ex"}, ["Dana Diaz"]),
        ({"search": "@example.org"}, ["Dana Diaz"]),
        ({"search": "Grün & S"}, ["Dana Diaz"]),
        ({"search": "na"}, []),
        ({"search": "ana"}, ["Dana Diaz"]),
        ({"search": "dana eli"}, []),
        ({"search": "%"}, []),
        ({"search": "nobody"}, []),
        ({"warm": "true"}, ["Eli Étienne"]),
        ({"warm": "false"}, ["Dana Diaz", "Fay 100%_\\"]),
        ({"state": "wanted"}, ["Eli Étienne"]),
        ({"state": "not_wanted", "search": "example.com"}, ["Fay 100%_\\"]),
        ({"state": "failed"}, []),
    ],
)
def test_contacts_are_found(bob: Caller, query: dict[str, str], names: list[str]) -> None:
    """A search is for the beginnings of words of name, e-mail and organization, as one writes them."""
    assert _names(bob.get("/contacts", **query)) == names


def test_organizations_are_found(bob: Caller) -> None:
    """By a part of the name and by state; one that no warm contact works for is not wanted."""
    bob.add("Dana", organization={"name": "Acme Nord"}, warmness_score=5)
    bob.add("Eli", organization={"name": "Acme Süd"})
    assert _names(bob.get("/organizations", search="SÜD")) == ["Acme Süd"]
    assert _names(bob.get("/organizations", search="acme", state="wanted")) == ["Acme Nord"]


def test_activities_are_found(bob: Caller) -> None:
    """By contact and by state."""
    dana, eli = bob.add("Dana", warmness_score=5), bob.add("Eli")
    first, second = bob.log(dana["id"]), bob.log(eli["id"])
    assert bob.get("/activities", contact_id=eli["id"]).body["items"] == [second]
    assert bob.get("/activities", state="wanted").body["items"] == [first]
    assert bob.get("/activities", contact_id=dana["id"] + 99).body["items"] == []


def test_pages_follow_each_other(bob: Caller) -> None:
    """Each page leads to the next; what is added meanwhile comes at the end, and nothing comes twice."""
    for number in range(5):
        bob.add(f"Contact {number}")
    first = bob.get("/contacts", limit=2).body
    second = bob.get("/contacts", limit=2, cursor=first["next"]).body
    bob.add("Contact 5")
    third = bob.get("/contacts", limit=2, cursor=second["next"]).body
    assert isinstance(first["next"], str)
    pages = [[item["name"][-1] for item in page["items"]] for page in (first, second, third)]
    assert pages == [["0", "1"], ["2", "3"], ["4", "5"]]
    assert third["next"] is None


def test_a_page_has_fifty_rows_unless_asked_otherwise(bob: Caller) -> None:
    """The default limit is 50."""
    Contact.objects.bulk_create(Contact(owner=bob.user, name=f"{n}", name_key=f"{n}") for n in range(51))
    page = bob.get("/contacts").body
    assert (len(page["items"]), page["next"] is None) == (50, False)
    assert len(bob.get("/contacts", limit=500).body["items"]) == 51


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/contacts", "limit", "0"),
        ("/contacts", "limit", "501"),
        ("/contacts", "limit", "many"),
        ("/contacts", "cursor", "elsewhere"),
        ("/contacts", "cursor", "-1"),
        ("/contacts", "cursor", str(2**63)),
        ("/contacts", "state", "done"),
        ("/contacts", "warm", "lukewarm"),
        ("/contacts", "search", "a\x00b"),
        ("/contacts", "search", "x" * 256),
        ("/contacts", "serach", "dana"),
        ("/organizations", "state", ""),
        ("/organizations", "warm", "true"),
        ("/activities", "contact_id", "x"),
        ("/activities", "contact_id", str(2**63)),
        ("/notifications", "after", "x"),
        ("/notifications", "limit", "501"),
        ("/notifications", "cursor", "1"),
    ],
)
def test_a_bad_filter_is_named(bob: Caller, path: str, name: str, value: str) -> None:
    """A filter that nobody knows is refused like one of a wrong type, so that it is not lost without a word."""
    assert bob.get(path, **{name: value}).problem == (422, "invalid", name)


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/contacts", 6),
        ("/contacts?state=wanted", 7 + ONE_LOOK),  # on PostgreSQL at which rows are open
        ("/contacts?search=a&warm=true", 8),
        ("/organizations", 6),
        ("/activities", 6),
        ("/notifications", 2 + ONE_LOOK),
    ],
)
def test_a_page_costs_the_same_however_long_it_is(
    bob: Caller, path: str, queries: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """The token, where to go on, the leases that are held (once more for a state), the ids, the rows, and their names.

    A search counts the matches of a term among contacts and among organizations before.
    """
    for number in range(4):
        contact = bob.add(f"Contact {number}", organization={"name": f"Acme {number}"}, warmness_score=5)
        bob.log(contact["id"])
    with django_assert_num_queries(queries):
        assert bob.http.get(f"/api{path}").status_code == 200


def test_what_the_other_calls_cost(bob: Caller, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Reading a row is four queries. Adding a contact is thirteen, two of which open and close the transaction."""
    contact = bob.add("Dana", organization={"name": "Acme"}, warmness_score=5)
    address = f"/contacts/{contact['id']}"
    with django_assert_num_queries(4):
        bob.get(address)
    with django_assert_num_queries(13 + ONE_JOB):
        bob.add("Eli", organization={"name": "Acme"}, warmness_score=5)


@pytest.mark.usefixtures("people")
def test_states_are_told_and_filtered_alike(bob: Caller) -> None:
    """In whatever state a row is, the filter for that state finds it."""
    Contact.objects.filter(name="Dana Diaz").update(pipedrive_person_id=7)
    Contact.objects.filter(name="Eli Étienne").update(pipedrive_sync_failed=True)
    Organization.objects.update(pipedrive_org_id=8)
    bob.log(bob.get("/contacts").body["items"][0]["id"])
    Activity.objects.update(replicate=True)
    for path in ("/contacts", "/organizations", "/activities"):
        rows = bob.get(path).body["items"]
        assert rows
        for row in rows:
            assert row in bob.get(path, state=row["sync"]["state"]).body["items"]
