"""The audit on the pages: one line, the records behind each number, and what a person can do about them."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from web.pages import look

from warmline.crm import book
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync.audit_models import Audit, AuditedLink, AuditState, Finding, Problem


@pytest.fixture
def vera(alice: User) -> Contact:
    """Return a contact in Pipedrive."""
    contact = book.add_contact(alice, name="Vera Holm", email="vera@example.com", warmness_score=8)
    Contact.objects.update(pipedrive_person_id=5)
    AuditedLink.objects.create(kind="contact", row_id=contact.pk, record_id=5, linked_at=timezone.now())
    return contact


def done(**more: Any) -> Audit:
    """Have an audit that is done."""
    now = timezone.now()
    values = {"state": AuditState.DONE, "is_open": False, "started_at": now, "finished_at": now, **more}
    return Audit.objects.create(**values)


def found(contact: Contact, problem: str, **more: Any) -> Finding:
    """Have a problem that was found."""
    now = timezone.now()
    return Finding.objects.create(kind="contact", row_id=contact.pk, record_id=5, problem=problem, found_at=now, **more)


def test_before_the_first_audit(alices: Client, bobs: Client, settings: Settings) -> None:
    """It says when there will be one, and who can start one."""
    assert "An audit runs every night; you can also start one now." in look(alices.get("/sync"))
    assert "An audit runs every night." in look(bobs.get("/sync"))
    settings.AUDIT_AT = None
    assert "Nightly audits are switched off (WARMLINE_AUDIT_AT); start one." in look(alices.get("/sync"))
    assert "An admin can start an audit." in look(bobs.get("/sync"))


def test_one_line_says_it(alices: Client, vera: Contact) -> None:
    """With a page behind each number; the usual ones are always there, the others if there is one."""
    html = look(alices.get("/sync"))
    assert "Not compared with Pipedrive yet." in html
    done(warm=4212, there=4211)
    found(vera, "gone")
    html = look(alices.get("/sync"))
    line = html.partition('<section class="card audit"')[2].partition("</section>")[0]
    for part in ("4,212 warm", "4,211 in Pipedrive", "0 missing", "1 gone", "0 double", "0 different", "checked "):
        assert part in line
    assert "with another owner" not in line
    assert 'href="/sync/audit/gone"' in line


def test_each_number_leads_to_its_records(alices: Client, bobs: Client, vera: Contact) -> None:
    """Whose they are, what is wrong, and what can be done; a colleague does not see them."""
    found(vera, "different", fields=["name"], values={"name": ["Vera Holm", "<Viola>"]})
    html = look(alices.get("/sync/audit/different"))
    assert "Vera Holm" in html
    assert "the name is “&lt;Viola&gt;”; here it is “Vera Holm”." in html
    assert "Send our value" in html
    assert "No problems of this kind" in look(bobs.get("/sync/audit/different"))
    assert alices.get("/sync/audit/strange").status_code == 404


@pytest.mark.parametrize(
    ("problem", "values"),
    [
        ("missing", {}),
        ("gone", {}),
        ("double", {"email": [5, [6, 7]]}),
        ("owner", {"owner": [1, 2]}),
        ("label", {"label": [99, None]}),
        ("organization", {"organization": ["organization 1", None]}),
        ("different", {"phone": ["", None], "name": ["a" * 500, "b"]}),
    ],
)
def test_every_problem_is_told(alices: Client, vera: Contact, problem: str, values: dict[str, Any]) -> None:
    """In words, whatever it is, and it can be accepted."""
    finding = found(vera, problem, values=values, fields=sorted(values), others=[6, 7] if problem == "double" else [])
    assert "Vera Holm" in look(alices.get(f"/sync/audit/{problem}"))
    answer = alices.post(f"/sync/audit/problem/{finding.pk}", {"decision": "accept"})
    assert answer["Location"] == f"/sync/audit/{problem}"
    assert not Finding.objects.exists()
    assert Problem(problem).value in AuditedLink.objects.get().accepted or values.keys() & set(
        AuditedLink.objects.get().accepted
    )


def test_a_person_has_it_repaired(alices: Client, bobs: Client, vera: Contact) -> None:
    """It is noted, and the page says so; whoever does not see it cannot."""
    finding = found(vera, "owner", values={"owner": [1, 2]}, fields=["owner"])
    assert bobs.post(f"/sync/audit/problem/{finding.pk}", {"decision": "repair"}).status_code == 404
    assert alices.post(f"/sync/audit/problem/{finding.pk}", {"decision": "shrug"}).status_code == 400
    alices.post(f"/sync/audit/problem/{finding.pk}", {"decision": "repair"})
    assert Finding.objects.get().wish
    assert "Being repaired" in look(alices.get("/sync/audit/owner"))


def test_an_admin_begins_one(alices: Client, bobs: Client) -> None:
    """A member does not."""
    assert bobs.post("/sync/audit").status_code == 403
    assert alices.post("/sync/audit")["Location"] == "/sync"
    assert Audit.objects.get().state == AuditState.RUNNING
    assert "is running" in look(alices.get("/sync"))


def test_an_old_result_says_its_day(alices: Client) -> None:
    """A time of day alone would be taken for today's."""
    long_ago = timezone.now() - timedelta(days=9)
    done(finished_at=long_ago)
    assert f"checked {long_ago:%-d %b}" in look(alices.get("/sync"))
