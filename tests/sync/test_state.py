"""The state of a row, defined once: every row has exactly one, and lists, counts and rows agree."""

from datetime import timedelta
from itertools import product

import pytest
from django.utils import timezone

from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sync.models import Lease
from warmline.sync.row_state import SyncState, conditions, counts, describe, parts, with_state

pytestmark = pytest.mark.django_db


@pytest.fixture
def book(alice: User) -> None:
    """Fill the book with every combination that a state depends on."""
    now = timezone.now()
    for linked, score, failed, leased, has_organization in product(
        (None, 7), (3, 4), (True, False), (True, False), (True, False)
    ):
        number = Contact.objects.count()
        name = f"Larkspur {number}"
        organization = (
            Organization.objects.create(name=name, pipedrive_sync_failed=failed) if has_organization else None
        )
        contact = Contact.objects.create(
            owner=alice,
            name="Jordan",
            warmness_score=score,
            pipedrive_person_id=linked,
            pipedrive_sync_failed=failed,
            pipedrive_sync_error_code="organization_failed" if failed and organization else "",
            organization=organization,
        )
        for replicate, while_warm in product((None, True, False), (True, False)):
            Activity.objects.create(
                contact=contact,
                type="CALL",
                subject="Call",
                time_zone="UTC",
                replicate=replicate,
                logged_while_warm=while_warm,
                pipedrive_sync_failed=failed,
            )
        if leased:
            for row in (contact, organization, contact.activities.first()):
                if row is not None:
                    kind = row._meta.model_name or ""
                    later = now + timedelta(minutes=1)
                    Lease.objects.create(key=f"{kind}{row.pk}", holder="h", expires_at=later, kind=kind, row_id=row.pk)


def test_an_organization_without_contacts_is_not_on_its_way(alice: User) -> None:
    """Someone asked for it by hand, and then its last contact was deleted: nobody brings it over, and it says so."""
    organization = Organization.objects.create(name="Larkspur Mills", pipedrive_asked_for=True)
    contact = Contact.objects.create(owner=alice, name="Jordan", organization=organization)
    now = timezone.now()
    assert with_state(Organization.objects.all(), threshold=4, now=now).get().sync_state == SyncState.WANTED
    contact.delete()
    assert with_state(Organization.objects.all(), threshold=4, now=now).get().sync_state == SyncState.NOT_WANTED
    listed = parts(Organization.objects.all(), SyncState.NOT_WANTED, threshold=4, now=now)
    assert [row.pk for part in listed for row in part] == [organization.pk]


@pytest.mark.parametrize("model", [Contact, Organization, Activity])
def test_every_row_has_one_state(book: None, model: type[Contact]) -> None:
    """The conditions divide the table, and agree with the state that a row is read with."""
    now = timezone.now()
    states = {row.pk: row.sync_state for row in with_state(model.objects.all(), threshold=4, now=now)}
    seen: dict[int, str] = {}
    for state, condition in conditions(model, threshold=4, now=now).items():
        for pk in model.objects.filter(condition).values_list("pk", flat=True):
            assert pk not in seen
            seen[pk] = state
    assert seen == states
    assert set(seen.values()) >= {"not_wanted", "wanted", "in_progress", "failed"}


def test_counts_are_those_of_the_rows(book: None, alice: User, bob: User) -> None:
    """The sums over the three tables; Bob sees the team's organizations and none of Alice's rows."""
    now = timezone.now()
    rows = [
        row.sync_state
        for model in (Contact, Organization, Activity)
        for row in with_state(model._default_manager.all(), threshold=4, now=now)
    ]
    found = counts(alice, threshold=4, now=now)
    assert found == {state: rows.count(state) for state in (SyncState.WANTED, SyncState.IN_PROGRESS, SyncState.FAILED)}
    assert sum(counts(bob, threshold=4, now=now).values()) < sum(found.values())


@pytest.mark.parametrize(
    ("linked", "failed", "code", "has_next", "has_error"),
    [
        (None, False, "", True, False),
        (None, False, "unavailable", True, True),
        (None, True, "ambiguous", True, True),
        (9, False, "", False, False),
    ],
)
def test_what_is_told_of_a_row(
    alice: User, linked: int | None, code: str, *, failed: bool, has_next: bool, has_error: bool
) -> None:
    """A row that waits says until when, a failed attempt why, and candidates are shown where a person must choose."""
    Contact.objects.create(
        owner=alice,
        name="Jordan",
        warmness_score=5,
        pipedrive_person_id=linked,
        pipedrive_sync_failed=failed,
        pipedrive_sync_error_code=code,
        pipedrive_sync_error_message="why",
        pipedrive_candidates=[{"pipedrive_id": 1, "name": "J"}],
    )
    sync = describe(with_state(Contact.objects.all(), threshold=4, now=timezone.now()).get())
    assert (sync.next_attempt_at is not None) is has_next
    assert (sync.error is not None) is has_error
    assert bool(sync.candidates) is (code == "ambiguous")
