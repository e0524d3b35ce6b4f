"""Lists in any order, narrowed in any way, page by page: the same as if all was read and sorted."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from django.utils import timezone

from warmline.crm import search, search_index
from warmline.crm.models import NO_STEP, NOT_CONTACTED, Contact, Organization
from warmline.crm.users import User
from warmline.sync.status import row_lists
from warmline.sync.status.row_lists import Asked, Order, Place, Show

pytestmark = pytest.mark.django_db

SIZE, THRESHOLD = 12, 4
FIRST = date(2026, 1, 1)
SORTED_BY: dict[Order, Callable[[Contact], Any]] = {
    Order.NAME: lambda row: (row.name_key, row.pk),
    Order.WARMEST: lambda row: (-row.warmness_score, -row.pk),
    Order.RECENT: lambda row: (-row.last_contacted_on.toordinal(), -row.pk),
    Order.NEGLECTED: lambda row: (row.last_contacted_on, row.pk),
    Order.NEXT_STEP: lambda row: (row.next_step_on, row.pk),
    Order.ADDED: lambda row: -row.pk,
}
SHOWN: dict[Show | None, Callable[[Contact], bool]] = {
    None: lambda _: True,
    Show.WARM: lambda row: row.warmness_score >= THRESHOLD,
    Show.SYNCED: lambda row: row.is_linked and row.revision == row.pipedrive_revision,
    Show.WAITING: lambda row: not row.pipedrive_sync_failed and _is_open(row),
    Show.FAILED: lambda row: row.pipedrive_sync_failed and _is_open(row),
}


def _is_open(row: Contact) -> bool:
    if row.is_linked:
        return row.revision > row.pipedrive_revision
    return row.warmness_score >= THRESHOLD


@pytest.fixture
def mills(db: None) -> Organization:
    """Return an organization."""
    return Organization.objects.create(name="Larkspur Mills")


@pytest.fixture
def book(alice: User, bob: User, mills: Organization) -> list[Contact]:
    """Return 60 contacts of all kinds, Bob's and Alice's."""
    contacts = Contact.objects.bulk_create(
        Contact(
            owner=bob if number % 3 else alice,
            name=f"{'Kim' if number % 2 else 'Zoë'} {number % 7}",
            organization=mills if number % 4 == 0 else None,
            warmness_score=number % 11,
            pipedrive_person_id=number if number % 5 == 0 else None,
            revision=2 if number % 10 == 0 else 1,
            pipedrive_sync_failed=number % 6 == 0,
            last_contacted_on=FIRST + timedelta(number % 9) if number % 2 else NOT_CONTACTED,
            next_step_on=FIRST + timedelta(number % 7) if number % 3 else NO_STEP,
        )
        for number in range(60)
    )
    search_index.fill(contacts)
    return contacts


def pages(rows: Any, asked: Asked, place: Place | None = None) -> list[list[Contact]]:
    """Return the pages from a place on, in the direction of the place."""
    found = []
    while True:
        page = row_lists.page(
            rows,
            Asked(asked.text, asked.show, asked.organization, asked.order, place),
            size=SIZE,
            threshold=THRESHOLD,
            now=timezone.now(),
        )
        found.append(page.rows)
        backwards = place is not None and place.backwards
        place = page.before if backwards else page.after
        if place is None:
            return found


@pytest.mark.parametrize(("bound", "ahead"), [(5000, 500), (0, 500), (0, 3)])
@pytest.mark.parametrize("who", ["alice", "bob"])
def test_every_list_is_whole_and_in_order(
    book: list[Contact],
    request: pytest.FixtureRequest,
    mills: Organization,
    monkeypatch: Any,
    who: str,
    bound: int,
    ahead: int,
) -> None:
    """Whatever is shown in whatever order, sorted here, read along the index, or sorted by the database."""
    monkeypatch.setattr(row_lists, "FEW", bound)
    monkeypatch.setattr(row_lists, "AHEAD", ahead)
    monkeypatch.setattr(search, "RARE", bound)
    user = request.getfixturevalue(who)
    user.is_admin = who == "alice"
    rows = Contact.objects.seen_by(user).select_related("owner", "organization")
    for show, order, organization, text in product(SHOWN, Order, (None, mills), ("", "kim")):
        asked = Asked(text, show, organization.pk if organization else None, order)
        expected = [
            row.pk
            for row in sorted(book, key=SORTED_BY[order])
            if SHOWN[show](row)
            and (user.is_admin or row.owner == user)
            and organization in {None, row.organization}
            and text in row.name_key
        ]
        forwards = pages(rows, asked)
        assert [row.pk for page in forwards for row in page] == expected, asked
        if len(forwards) > 1:
            last = forwards[-1][0]
            key = {
                "name": last.name_key,
                "warmest": last.warmness_score,
                "added": last.pk,
                "next": last.next_step_on,
            }
            place = Place((key.get(order, last.last_contacted_on), last.pk), backwards=True)
            backwards = pages(rows, asked, place)
            assert [[row.pk for row in page] for page in reversed(backwards)][-1] == [row.pk for row in forwards[-2]], (
                asked
            )
            there = [row.pk for page in reversed(backwards) for row in page]
            assert there == expected[: -len(forwards[-1])], asked


def test_how_many_there_are(book: list[Contact], bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted up to a bound; not at all where counting would mean to read everything."""

    def total(**asked: Any) -> int | None:
        rows = Contact.objects.all()
        return row_lists.page(rows, Asked(**asked), size=SIZE, threshold=THRESHOLD, now=timezone.now()).total

    assert total() == 60
    assert total(show=Show.WARM) == sum(row.warmness_score >= THRESHOLD for row in book)
    monkeypatch.setattr(row_lists, "COUNTED", 10)
    assert (total(), total(show=Show.WARM)) == (11, 11)
    monkeypatch.setattr(row_lists, "FEW", 5)
    assert total(show=Show.WARM) is None


@pytest.mark.parametrize("bound", [0, 5000])
def test_organizations(alice: User, monkeypatch: pytest.MonkeyPatch, bound: int) -> None:
    """By name and by when they came, and by where they stand."""
    monkeypatch.setattr(row_lists, "FEW", bound)
    names = ["Cedar", "Alder", "Birch", "Dogwood"]
    made = [Organization.objects.create(name=name) for name in names]
    Organization.objects.filter(name="Cedar").update(pipedrive_org_id=1)
    Organization.objects.filter(name="Alder").update(pipedrive_sync_failed=True)
    for organization in made[1:3]:
        Contact.objects.create(owner=alice, name="Kim", organization=organization, warmness_score=5)

    def found(**asked: Any) -> list[str]:
        page = row_lists.page(
            Organization.objects.all(), Asked(**asked), size=SIZE, threshold=THRESHOLD, now=timezone.now()
        )
        return [row.name for row in page.rows]

    assert found() == sorted(names)
    assert found(order=Order.ADDED) == names[::-1]
    assert found(text="birch") == ["Birch"]
    assert found(show=Show.SYNCED) == ["Cedar"]
    assert found(show=Show.FAILED) == ["Alder"]
    assert found(show=Show.WAITING) == ["Birch"]
