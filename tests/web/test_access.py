"""Who gets where: every address of pages and API, walked as everybody, beside what docs/security.md says.

The addresses come from the URL confs, so that a new one cannot be forgotten: the document must say who may see it. Each
request is made anew of the same book, and undone.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from warmline.crm import team
from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.external_ids import ExternalId
from warmline.crm.imports import runs
from warmline.crm.tokens import ApiToken, issue
from warmline.crm.users import User
from warmline.sync.audit_models import Finding
from warmline.webhooks import endpoints
from warmline.webhooks.models import Event
from warmline.webhooks.recording import record

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
UNKNOWN = "PURGE"  # a method that no address knows: its refusal names those that it does
# Sent to the API, which looks at the body before it looks whose a row is.
BODIES: dict[str, Any] = {
    "/api/activities": {"type": "CALL"},  # with Bob's contact, as below
    "/api/contacts": {"name": "Robin"},
    "/api/batch": {"items": []},
    "/api/contacts/import": {"contacts": []},
    "/api/webhooks": {"url": "https://example.com", "events": ["contact.warm"]},
    "/api/contacts/external/": {"name": "Robin"},
    "/api/organizations/external/": {"name": "Robin"},
    "/api/activities/external/": {"type": "CALL"},
    "link": {"create": True},
}


@dataclass(frozen=True)
class Caller:
    """Who asks: what they ask with, and what happened to them before."""

    session: str
    token: str
    before: Callable[[], object] = lambda: None


def addresses(resolver: URLResolver, before: str = "/") -> Iterator[str]:
    """Yield every address that a URL conf knows, as it writes it."""
    for pattern in resolver.url_patterns:
        address = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, address)
        elif isinstance(pattern, URLPattern):
            yield address


@pytest.fixture
def callers(alice: User, bob: User) -> dict[str, Caller]:
    """Return everybody; the book is Bob's."""
    charlie = User.objects.create_user("charlie@example.com", "Charlie")
    User.objects.create_user("carol@example.com", "Carol", is_active=False)
    contact = add_contact(bob, name="Robin Vale", organization=OrganizationDetails("Larkspur Mills"))
    for path in ("/api/activities", "/api/activities/external/"):
        BODIES[path]["contact_id"] = contact.pk
    log_activity(bob, contact, type="CALL")
    runs.begin(bob, "two.csv", b"Name\nDana\n")
    found = {"nobody": Caller("", "")}
    for name, user in (("owner", bob), ("another member", charlie), ("admin", alice)):
        client = Client()
        client.force_login(user)
        found[name] = Caller(client.session.session_key or "", issue(user))
    his = found["owner"]

    def revoke() -> None:
        Session.objects.all().delete()
        ApiToken.objects.all().delete()

    found["deactivated"] = Caller(his.session, his.token, lambda: team.deactivate(User.objects.get(pk=bob.pk), None))
    found["revoked"] = Caller(his.session, his.token, revoke)
    return found


@pytest.fixture
def ids(callers: dict[str, Caller], bob: User) -> dict[str, str]:
    """Return what stands for the parts of an address: Bob's."""
    contact = bob.contacts.get()
    activity = contact.activities.get()
    assert contact.organization is not None
    for kind, row in (("contact", contact), ("organization", contact.organization), ("activity", activity)):
        ExternalId.objects.create(kind=kind, source="form", external_id=str(row.pk), **{kind: row})
    endpoint, _ = endpoints.add("https://example.com", ["contact.warm"])
    record(Event.CONTACT_WARM, "contact:1", {})
    finding = Finding.objects.create(kind="contact", row_id=contact.pk, problem="gone", found_at=contact.created_at)
    return {
        "source": "form",
        "endpoint_id": str(endpoint.pk),
        "delivery_id": str(endpoint.deliveries.get().pk),
        "kind": "contact",
        "uidb64": "MQ",
        "token": "made-up",
        "group": "00000000-0000-4000-8000-000000000000",
        "user_id": str(bob.pk),
        "row_id": str(contact.pk),
        "contact_id": str(contact.pk),
        "organization_id": str(contact.organization_id),
        "activity_id": str(activity.pk),
        "problem": "gone",
        "finding_id": str(finding.pk),
        "run_id": str(runs.ImportRun.objects.get().pk),
        "secret": "made-up",
        "token_id": str(ApiToken.objects.get(user=bob).pk),
        "id": str(contact.pk),
    }


def test_the_document_says_who_gets_where(callers: dict[str, Caller], ids: dict[str, str]) -> None:
    """Each address has its line, and each line its address."""
    lines = []
    for address in sorted(set(addresses(get_resolver()))):
        shown = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", address)
        path = re.sub(r"<(\w+)>", partial(_id, address=shown, ids=ids), shown)
        results: dict[str, list[str]] = {}
        for method in _allowed(callers.values(), path):
            found = " | ".join(_result(caller, method, path) for caller in callers.values())
            results.setdefault(found, []).append(method)
        lines += [f"| `{shown}` | {', '.join(methods)} | {found} |" for found, methods in results.items()]
    documented = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `/")]
    assert documented == lines, "\n".join(lines)


def _id(part: re.Match[str], address: str, ids: dict[str, str]) -> str:
    name = part[1]
    if address.endswith("/return"):
        return str(User.objects.get(name="Carol").pk)
    room = re.match(r"/api/(\w+)s/", address)
    kinds = {"organization": "organization_id", "activitie": "activity_id", "webhook": "endpoint_id"}
    kind = kinds.get(room[1]) if room and name == "id" else None
    return ids[kind or ("organization_id" if name == "row_id" and "/organizations/" in address else name)]


def _allowed(callers: Iterable[Caller], path: str) -> list[str]:
    said = [answer["Allow"] for caller in callers if "Allow" in (answer := _ask(caller, UNKNOWN, path))]
    known = said[0] if said else "GET, POST"  # an address that answers all methods alike
    return [method for method in METHODS if method in known.split(", ")]


def _result(caller: Caller, method: str, path: str) -> str:
    answer = _ask(caller, method, path)
    assert answer.status_code < 500
    if answer.status_code == 302 and answer["Location"].startswith("/sign-in?next="):
        return "door"
    if answer.status_code == 401 and b'action="/sign-in"' in answer.content:  # which keeps what was typed
        return "door"
    refusals = {401, 403, 404, 409} if "/external/" in path else {401, 403, 404}
    return str(answer.status_code) if answer.status_code in refusals else "yes"


def _ask(caller: Caller, method: str, path: str) -> Any:
    """Ask, with cookie and token, and undo what that changed."""
    headers = {"Authorization": f"Bearer {caller.token}"} if caller.token else {}
    heir = User.objects.get(name="Alice").pk  # to whom a contact is handed over
    body, content_type = f"to={heir}".encode(), "application/x-www-form-urlencoded"
    if path.startswith("/api/") and method in {"POST", "PATCH", "PUT"}:
        named = BODIES.get(path, BODIES.get(path.rpartition("/")[2], {})) if method != "PATCH" else {}
        named = next((BODIES[room] for room in BODIES if room.endswith("/") and path.startswith(room)), named)
        body, content_type = json.dumps(named).encode(), "application/json"
    client = Client()
    client.cookies["sessionid"] = caller.session
    with transaction.atomic():
        caller.before()
        answer = client.generic(method, path, body, content_type, headers=headers)
        transaction.set_rollback(True)
    return answer
