"""The client for programs: what it knows is what the API's document says, and it loses nothing on a bad network."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import httpx
import pytest
from api.caller import Caller
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections

from warmline import client
from warmline.api.errors import BODY_LIMIT
from warmline.api.urls import api
from warmline.client import RefusedError, UnreachableError, Warmline
from warmline.client import calls as calls_module
from warmline.client.shapes import Call
from warmline.crm import idempotency
from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.crm.signals import contacts_warmed
from warmline.crm.tokens import ApiToken

DOCUMENT: Any = json.loads(json.dumps(api.get_openapi_schema()))
SCHEMAS = DOCUMENT["components"]["schemas"]
GUIDE = Path(__file__).parents[2] / "docs" / "api.md"
Meddle = Callable[[httpx.Request, Callable[[], httpx.Response]], httpx.Response]


class Network(httpx.BaseTransport):
    """A way to the API in this process, on which a test can meddle.

    Args:
        meddle: Is handed each request, and what makes it.
    """

    def __init__(self, meddle: Meddle = lambda _, go: go()) -> None:
        self._wsgi = httpx.WSGITransport(get_wsgi_application())
        self.meddle = meddle

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Make a request."""

        def go() -> httpx.Response:
            response = self._wsgi.handle_request(request)
            response.read()
            return response

        return self.meddle(request, go)


@pytest.fixture
def network(db: None) -> Iterator[Network]:
    """Return a network; the end of a request would close the test's database connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield Network()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def warmline(bob: Caller, network: Network) -> Iterator[Warmline]:
    """Return Bob's client, which does not wait."""
    with Warmline("http://localhost", bob.token, transport=network, sleep=lambda _: None) as made:
        yield made


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("ExternalId", "ExternalIdAnswer"),
        ("Problem", "Problem"),
        ("Problem", "Refusal"),
        ("Sync", "Sync"),
        ("Owner", "OwnerAnswer"),
        ("OrganizationPart", "OrganizationPart"),
        ("Organization", "OrganizationAnswer"),
        ("Contact", "ContactAnswer"),
        ("Activity", "ActivityAnswer"),
        ("NewOrganization", "OrganizationBody"),
        ("NewContact", "NewContact"),
        ("NewActivity", "PutActivity"),
        ("Outcome", "BatchOutcome"),
    ],
)
def test_its_types_are_the_documents(ours: str, theirs: str) -> None:
    """Field by field, and what has to be there."""
    known, told = getattr(client, ours), SCHEMAS[theirs]
    assert get_type_hints(known).keys() == told["properties"].keys()
    assert known.__required_keys__ == set(told.get("required", []))


def test_its_calls_are_the_documents() -> None:
    """Each address that it knows is there, with that method."""
    text = Path(calls_module.__file__).read_text(encoding="utf-8")
    calls = set(re.findall(r'call\(\s*"(\w+)", "(/api/[\w/]+)"', text))
    calls |= {
        (method, f"/api/{kind}/external/{{source}}/{{id}}")
        for kind in ("contacts", "organizations", "activities")
        for method in ("PUT", "GET")
    }
    assert ("POST", "/api/batch") in calls
    for method, path in calls:
        assert method.lower() in DOCUMENT["paths"][path]


def test_what_it_puts_is_there_once(warmline: Warmline, network: Network) -> None:
    """Also where each answer is lost the first times, after the call was done."""
    lost: dict[str, int] = {}

    def lose(request: httpx.Request, go: Callable[[], httpx.Response]) -> httpx.Response:
        response, name = go(), f"{request.method} {request.url}"
        lost[name] = lost.get(name, 0) + 1
        if lost[name] < 3:
            raise httpx.ReadError("lost")
        return response

    network.meddle = lose
    dana = warmline.put_contact("web", "a/b?c", {"name": "Dana", "organization": {"name": "Acme"}})
    assert dana["external_ids"] == [{"source": "web", "id": "a/b?c"}]
    assert warmline.read_contact("web", "a/b?c") == dana
    eli = warmline.add_contact({"name": "Eli"})
    warmline.log_activity({"type": "CALL", "contact_id": eli["id"]})
    warmline.put_activity("phone", "1", {"type": "CALL", "contact_external": {"source": "web", "id": "a/b?c"}})
    warmline.put_organization("web", "1", {"name": "Acme", "sector": "Food"})
    assert (Contact.objects.count(), Activity.objects.count()) == (2, 2)


@pytest.mark.parametrize("id", [".", "..", "a/../b", "%2E", "a b", "?#&"])
def test_any_id_is_one(warmline: Warmline, id: str) -> None:
    """Also one that would be a step in a path."""
    dana = warmline.put_contact("web", id, {"name": "Dana"})
    assert dana["external_ids"] == [{"source": "web", "id": id}]
    assert warmline.read_contact("web", id) == dana


def test_an_answer_that_is_not_warmlines(warmline: Warmline, network: Network) -> None:
    """A network that answers itself, with a page to sign in, say, has not done the call: it is tried again."""
    answers = [httpx.Response(200, html="<h1>Sign in</h1>")]
    network.meddle = lambda _, go: answers.pop() if answers else go()
    assert warmline.add_contact({"name": "Dana"})["name"] == "Dana"
    network.meddle = lambda _, __: httpx.Response(200, html="<h1>Sign in</h1>")
    with pytest.raises(UnreachableError, match="no JSON"):
        warmline.changes("contacts")


def test_it_waits_as_it_is_asked_to(bob: Caller, network: Network) -> None:
    """For a 429 and a 503 as long as they say, for other passing troubles longer each time."""
    waits: list[float] = []
    answers = iter(
        [
            httpx.Response(429, headers={"Retry-After": "40"}),
            httpx.Response(503, headers={"Retry-After": "1"}),
            httpx.Response(409, json={"error": {"code": "key_in_use", "message": "m", "field": None}}),
            httpx.Response(502, text="<html>"),
        ]
    )
    network.meddle = lambda _, go: next(answers, None) or go()
    with Warmline("http://localhost", bob.token, transport=network, sleep=waits.append) as warmline:
        warmline.add_contact({"name": "Dana"})
    assert waits[0] == 40
    assert len(waits) == 4
    assert all(0.25 <= wait <= 40 for wait in waits)


def test_it_gives_up_in_the_end(bob: Caller, network: Network) -> None:
    """And says how it stood."""
    tried: list[str] = []

    def fail(request: httpx.Request, _: Any) -> httpx.Response:
        tried.append(request.headers["Idempotency-Key"])
        raise httpx.ConnectError("no")

    network.meddle = fail
    with (
        Warmline("http://localhost", bob.token, tries=3, transport=network, sleep=lambda _: None) as warmline,
        pytest.raises(UnreachableError, match=r"3 tries \(ConnectError\)"),
    ):
        warmline.add_contact({"name": "Dana"})
    assert len(tried) == 3
    assert len(set(tried)) == 1


def test_a_refusal_is_told_at_once(warmline: Warmline) -> None:
    """With status, code and field."""
    with pytest.raises(RefusedError, match="Enter the name") as error:
        warmline.add_contact({"name": ""})
    assert (error.value.status, error.value.code, error.value.field) == (422, "invalid", "name")


def test_a_refusal_in_another_shape(warmline: Warmline, network: Network) -> None:
    """A proxy's page is told by its status."""
    network.meddle = lambda *_: httpx.Response(404, text="<html>")
    with pytest.raises(RefusedError, match="HTTP 404"):
        warmline.read_contact("web", "1")


@pytest.mark.django_db(transaction=True)  # what is not committed is told again
def test_it_follows_through_all_pages(warmline: Warmline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows, those that are gone, and where to go on."""
    monkeypatch.setattr(calls_module, "ON_A_PAGE", 2)
    list(warmline.batch({"method": "POST", "path": "/contacts", "body": {"name": f"C{n}"}} for n in range(5)))
    first = warmline.changes("contacts")
    assert [row["name"] for row in first.rows] == [f"C{n}" for n in range(5)]
    assert warmline.changes("contacts", first.until).rows == []


def test_a_long_batch_is_cut_into_several(warmline: Warmline, monkeypatch: pytest.MonkeyPatch) -> None:
    """With keys of their own, so that all of it can be sent again."""
    monkeypatch.setattr(calls_module, "IN_A_BATCH", 2)
    for _ in range(2):
        calls = [client.Call(method="POST", path="/contacts", body={"name": f"C{n}"}) for n in range(5)]
        assert [outcome["status"] for outcome in warmline.batch(calls, key="k")] == [201] * 5
    assert Contact.objects.count() == 5


def test_a_large_batch_is_cut_too(warmline: Warmline, network: Network) -> None:
    """A server takes no more than a megabyte at once."""
    lengths: list[int] = []

    def meddle(request: httpx.Request, go: Callable[[], httpx.Response]) -> httpx.Response:
        lengths.append(len(request.content))
        return go()

    network.meddle = meddle
    body = {"contact_id": warmline.add_contact({"name": "Dana"})["id"], "type": "CALL", "note": "\u00fc" * 15_000}
    calls: list[Call] = [{"method": "POST", "path": "/activities", "body": body}] * 40
    assert [outcome["status"] for outcome in warmline.batch(calls)] == [201] * 40
    assert max(lengths) <= BODY_LIMIT < sum(lengths)


@pytest.fixture
def busy_item(bob: Caller, network: Network) -> list[httpx.Request]:
    """Have the second item of the first batch be under way elsewhere, from a try whose connection was cut."""
    asked: list[httpx.Request] = []
    scope = f"token:{ApiToken.objects.get(user=bob.user).pk}"

    def meddle(request: httpx.Request, go: Callable[[], httpx.Response]) -> httpx.Response:
        asked.append(request)
        if len(asked) > 1:
            return go()
        with idempotency.running(scope, "k-0\t1"):
            return go()

    network.meddle = meddle
    return asked


def test_what_a_batch_could_not_do_yet_is_done(warmline: Warmline, busy_item: list[httpx.Request]) -> None:
    """An item that was still under way is sent again with its batch: nothing is lost, and nothing is done twice."""
    calls: list[Call] = [{"method": "POST", "path": "/contacts", "body": {"name": f"C{n}"}} for n in range(3)]
    assert [outcome["status"] for outcome in warmline.batch(calls, key="k")] == [201] * 3
    assert len(busy_item) == 2
    assert Contact.objects.count() == 3


def test_what_a_batch_cannot_do_is_told_in_the_end(bob: Caller, network: Network) -> None:
    """As the API says it, after as many tries as of any call; what is refused for good is not sent again."""

    def fail(**_: Any) -> None:
        raise RuntimeError

    bodies: list[dict[str, Any]] = [{"name": "A", "warmness_score": 9}, {"name": ""}]
    calls: list[Call] = [{"method": "POST", "path": "/contacts", "body": body} for body in bodies]
    waits: list[float] = []
    with Warmline("http://localhost", bob.token, transport=network, sleep=waits.append, tries=3) as warmline:
        assert [outcome["status"] for outcome in warmline.batch(calls)] == [201, 422]
        assert waits == []
        contacts_warmed.connect(fail)
        try:
            assert [outcome["status"] for outcome in warmline.batch(calls)] == [500, 422]
        finally:
            contacts_warmed.disconnect(fail)
    assert len(waits) == 2


def test_the_examples_of_the_guide(
    bob: Caller, network: Network, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They run one after the other, as they stand there, and do what the guide says."""
    examples = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 7
    names: dict[str, Any] = {}

    def made(url: str, _: str) -> Warmline:
        return Warmline(url, bob.token, transport=network, sleep=lambda _: None)

    exec(compile(examples[0].replace("Warmline(", "made("), "api.md", "exec"), {"made": made}, names)  # noqa: S102 (our own)
    for example in examples[1:]:
        exec(compile(example, "api.md", "exec"), names)  # noqa: S102 (as above)
    names["warmline"].close()
    assert "wanted" in capsys.readouterr().out
    assert Contact.objects.count() == 21
    assert sorted(Activity.objects.values_list("type", flat=True)) == ["CALL", "MEETING"]
    assert names["copy"].keys() == {names["contact"]["id"]}


def test_the_guides_bodies_are_valid(bob: Caller) -> None:
    """What it shows for other programs is what the API takes."""
    found = re.search(r"-d '(.*?)'", GUIDE.read_text(encoding="utf-8"))
    assert found is not None
    assert bob.put("/contacts/external/website/lead-4711", json.loads(found[1])).status == 201
