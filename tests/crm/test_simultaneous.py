"""What two do at the same moment, in the two orders that only PostgreSQL lets happen."""

from datetime import date
from functools import partial
from typing import Any

import pytest
from api.caller import Caller
from django.db import connection, transaction
from django.test import Client
from elsewhere import Elsewhere, elsewhere, open_transaction, wait_until_somebody_waits

from warmline.crm import book, row_changes
from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails
from warmline.crm.imports import bulk
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.web.access.first_admin import FIRST_CODE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgres")]


@pytest.fixture
def planned(jordan: Contact) -> tuple[Activity, Activity]:
    """Return two activities that were not done yet, the first one the later one."""
    user = jordan.owner
    first = book.log_activity(user, jordan, type="CALL", due_date=date(2026, 1, 5), done=False)
    return first, book.log_activity(user, jordan, type="CALL", due_date=date(2026, 1, 2), done=False)


def test_the_last_contact_is_that_of_both(jordan: Contact, planned: tuple[Activity, Activity]) -> None:
    """Two activities are marked as done at once: the later day counts, whichever is stored last."""
    first, second = planned
    with elsewhere() as other:
        with open_transaction(lambda: book.change_activity(first, {"done": True})):
            other.begin(lambda: book.change_activity(second, {"done": True}))
            wait_until_somebody_waits()
        other.end()
    jordan.refresh_from_db()
    assert jordan.last_contacted == date(2026, 1, 5)


def test_a_request_in_a_deadlock_is_done_again(jordan: Contact, alice: User) -> None:
    """It locks the organization and then the contact; another one the other way round. Nobody hears of it."""
    organization = Organization.objects.create(name="Example Ltd")
    book.change_contact(jordan, {"organization": OrganizationDetails("Example Ltd")})
    api = Caller(alice)

    def hold_contact() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '60s'")  # so that it is the request that is undone
        row_changes.locked(jordan).get(pk=jordan.pk)

    def change() -> int:
        body = {"organization": {"name": "Example Ltd", "sector": "Software"}, "warmness_score": 3}
        return api.patch(f"/contacts/{jordan.pk}", body).status

    with elsewhere() as request, elsewhere() as other:
        atomic = transaction.atomic()
        other.do(atomic.__enter__)
        other.do(hold_contact)
        request.begin(change)
        wait_until_somebody_waits()
        other.do(lambda: row_changes.locked(organization).get(pk=organization.pk))
        other.do(lambda: atomic.__exit__(None, None, None))
        assert request.end() == 200
    jordan.refresh_from_db()
    assert (jordan.warmness_score, Organization.objects.get().sector) == (3, "Software")


def _import_thrice(user: User, rows: list[dict[str, Any]]) -> list[Any]:
    return [*bulk.import_contacts(user, rows * 3)]


def _post(path: str, form: dict[str, str]) -> int:
    return Client().post(path, form).status_code


def test_two_imports_of_the_same_organizations_do_not_wait_for_each_other(alice: User) -> None:
    """Whatever the order in which their rows name them."""
    bob = User.objects.create_user("bob@example.com", "Bob")
    names = [f"Example {number}" for number in range(30)]
    others: list[Elsewhere] = []
    for user, order in ((alice, names), (bob, names[::-1])):
        rows = [{"name": name, "organization": OrganizationDetails(name, sector=user.name)} for name in order]
        others.append(Elsewhere())
        others[-1].begin(partial(_import_thrice, user, rows))
    try:
        for other in others:
            other.end()
    finally:
        for other in others:
            other.close()
    assert (Organization.objects.count(), Contact.objects.count()) == (30, 60)


def test_two_first_admins_at_once_are_one(client: object) -> None:
    """The second one who enters the code finds the first one done."""
    code = FIRST_CODE.issue()

    def form(name: str) -> dict[str, str]:
        passwords = {"password1": "a long enough one", "password2": "a long enough one"}
        return {"code": code, "name": name, "email": f"{name}@example.com", "time_zone": "UTC", **passwords}

    others = [Elsewhere(), Elsewhere()]
    try:
        for other, name in zip(others, ("alice", "bob"), strict=True):
            other.begin(partial(_post, "/welcome", form(name)))
        for other in others:
            assert other.end() in {302, 404}
    finally:
        for other in others:
            other.close()
    assert User.objects.count() == 1
