"""2,000 persons and 5,000 activities: 20 problems of each kind are found, nothing else, for the price of the pages."""

from datetime import timedelta
from typing import Any

import pytest
from audit_account import MARKS, Account
from audit_desk import Desk

from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import Sandbox
from warmline.sync.audit_models import Finding, Problem

pytestmark = pytest.mark.django_db

EACH = 20
PAGES = 4 + 1 + 10  # persons, organizations, activities: 500 to a page
GETS = 1  # token


def test_each_of_160_is_found(desk: Desk, sandbox: Sandbox, alice: User) -> None:
    """First it is clean, and costs what has to be read; then each problem is found, once."""
    account = Account(sandbox, desk.policy, alice).fill(organizations=300, contacts=2000, activities=5000)

    first = desk.audit()

    assert first.is_clean, list(Finding.objects.values("kind", "row_id", "problem", "values")[:5])
    assert (first.warm, first.there, first.compared) == (2000, 2000, 7300)
    assert first.tokens <= 1.2 * 10 * PAGES

    planted = plant(account, desk)
    second = desk.audit()

    assert desk.found() == planted
    assert dict(second.problems) == dict.fromkeys(Problem, EACH)
    assert second.tokens <= 1.2 * (10 * PAGES + GETS * 12 * EACH)


def plant(account: Account, desk: Desk) -> set[tuple[str, int, str]]:
    """Do 20 of each kind to the account; return what there is to be found."""
    planter, planted = Planter(account, desk), set()
    for n, problem in enumerate(Problem):
        for number in range(n * EACH, (n + 1) * EACH):
            row = getattr(planter, problem.value)(number)
            planted.add(("activity" if isinstance(row, Activity) else "contact", row.pk, problem.value))
    return planted


class Planter:
    """Has a method for each kind of problem, which takes the number of a contact and returns the row."""

    def __init__(self, account: Account, desk: Desk) -> None:
        self._account, self._desk, self._people = account, desk, desk.sandbox.people

    def missing(self, number: int) -> Contact:
        """Lose a contact on both sides, long ago."""
        contact = self.gone(number)
        due = self._desk.clock.now() - timedelta(hours=1)
        lost = Contact.objects.filter(pk=contact.pk)
        lost.update(pipedrive_person_id=None, next_pipedrive_sync_attempt=due)
        return contact

    def gone(self, number: int) -> Contact:
        """Delete a person there."""
        contact = self._account.contacts[number]
        self._people.delete("persons", contact.pipedrive_person_id or 0)
        return contact

    def double(self, number: int) -> Contact:
        """Have a second person: with the same Warmline ID, or with the same e-mail in capitals."""
        contact = self._account.contacts[number]
        entry = {"value": contact.email.upper(), "primary": True, "label": "work"}
        same = {"custom_fields": {MARKS["persons"]: str(contact.warmline_id)}} if number % 2 else {"emails": [entry]}
        self._people.add("persons", name=contact.name, **same)
        return contact

    def different(self, number: int) -> Contact:
        """Rename a person there."""
        return self._change(number, name=f"Somebody {number}")

    def owner(self, number: int) -> Contact:
        """Give a person to somebody else there."""
        return self._change(number, owner_id=2)

    def label(self, number: int) -> Contact:
        """Take the label off there."""
        return self._change(number, label_ids=[])

    def organization(self, number: int) -> Contact:
        """Have a person work for others there."""
        others = self._account.organizations[(number + 1) % len(self._account.organizations)]
        return self._change(number, org_id=others.pipedrive_org_id)

    def activity(self, number: int) -> Activity:
        """Delete an activity there, or change it."""
        activity = self._account.activities[number]
        if number % 2:
            self._people.delete("activities", activity.pipedrive_activity_id or 0)
        else:
            self._people.change("activities", activity.pipedrive_activity_id or 0, subject="Another")
        return activity

    def _change(self, number: int, **values: Any) -> Contact:
        contact = self._account.contacts[number]
        self._people.change("persons", contact.pipedrive_person_id or 0, **values)
        return contact
