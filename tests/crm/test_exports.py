"""The exports of other programs: every value in its field, or named as left out."""

import pytest
from crm.export_samples import EXPORTS
from django.utils import timezone

from warmline.crm.imports import runs, worker
from warmline.crm.imports.runs import ImportRun, RowResult
from warmline.crm.models import Contact
from warmline.crm.users import User

pytestmark = pytest.mark.django_db


def imported(owner: User, content: bytes, *, completes: bool = False) -> ImportRun:
    """Import a file as far as its columns are known."""
    run = runs.begin(owner, "people.csv", content)
    while worker.step(timezone.now()):
        pass
    runs.start(run, completes=completes)
    while worker.step(timezone.now()):
        pass
    run.refresh_from_db()
    return run


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export(alice: User, name: str) -> None:
    """Its headings are found and known, its people come whole, and the rest is named."""
    export = EXPORTS[name]
    run = imported(alice, export.text.encode(export.encoding))
    said = Contact.objects.order_by("pk").values_list("name", "email", "phone", "organization__name")
    assert [tuple(value or "" for value in contact) for contact in said] == export.contacts
    assert run.profile == export.profile
    names = run.names(run.rows.get(is_heading=True))
    left_out = {
        name for name, column, filled in zip(names, run.columns, run.filled, strict=True) if not column and filled
    }
    assert left_out == export.columns
    said_left_out = [reason for row in run.contacts.filter(result=RowResult.ADDED) for reason in row.reasons]
    assert {reason for reason in said_left_out if "Left out" in reason} <= {"Left out: the group “myContacts”."}
    details = Contact.objects.order_by("pk").values_list(*Contact.DETAILS)
    for said, expected in zip(details, export.details, strict=False):
        assert said[:-1] == expected[:-1]
        assert said[-1].startswith(expected[-1])
    more = [each for contact in Contact.objects.all() for each in (*contact.emails[1:], *contact.phones[1:])]
    assert {(each.value, each.label) for each in more} == export.more
    assert run.contacts.filter(result=RowResult.LEFT_OUT).count() == export.others
    assert run.contacts.count() == len(export.contacts) + export.others


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_again(alice: User, name: str) -> None:
    """Nothing is new the second time, nor is anything completed."""
    export = EXPORTS[name]
    for _ in range(2):
        run = imported(alice, export.text.encode(export.encoding), completes=True)
    assert set(run.contacts.values_list("result", flat=True)) <= {"known", "left_out"}
    assert Contact.objects.count() == len(export.contacts)
