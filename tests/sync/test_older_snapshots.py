"""Snapshots of a version that did not know every field of today's: what it does not tell is unknown, and no change.

Each field of each kind plays the one that an upgrade has added, in rows that were linked before.
"""

from collections.abc import Callable
from typing import Any

import pytest
from bench_engine import Bench
from meddler import Meddler
from synced_field_samples import CONFLICTS, SAMPLES, Sample, holds, linked
from who import stated

from warmline.crm.book import OrganizationDetails, add_contact, change_contact, change_organization
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.models import Intent, Notification

pytestmark = pytest.mark.django_db


@pytest.fixture
def upgraded(bench: Bench, sandbox: Sandbox, alice: User) -> Callable[..., Any]:
    """Return a maker of the sample's row, whose snapshot lacks its field, with what a colleague wrote meanwhile."""

    def make(sample: Sample, *, written_there: bool) -> Any:
        row = linked(bench, sandbox, alice)[sample.model]
        agreed = {side: {**values} for side, values in row.pipedrive_agreed.items()}
        for values in agreed.values():
            del values[sample.field]
        type(row)._default_manager.filter(pk=row.pk).update(pipedrive_agreed=agreed)
        if written_there:
            sandbox.people.change(sample.kind, sample.id_in(row), **sample.there)
        row.refresh_from_db()
        return row

    return make


def _others(sample: Sample) -> Sample:
    """Return a change of another field of the same kind."""
    return next(other for other in SAMPLES if other.model is sample.model and other.field != sample.field)


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
@pytest.mark.parametrize("saved_before", [True, False])
def test_an_unrelated_edit_leaves_what_is_there(
    bench: Bench, world: World, upgraded: Callable[..., Any], sample: Sample, *, saved_before: bool
) -> None:
    """Neither is Pipedrive's value replaced, nor a conflict told; from then on the field is known.

    The edit comes after the upgrade, or was saved before it and waits.
    """
    row, other = upgraded(sample, written_there=True), _others(sample)
    before, without = sample.value(row), row.pipedrive_agreed
    other.change(row)
    if saved_before:
        type(row)._default_manager.filter(pk=row.pk).update(pipedrive_agreed=without)

    bench.settle()

    assert holds(sample.record(world, row), {**other.arrives, **sample.there})
    row = stated(row)
    assert row.sync_state == "synced"
    assert sample.value(row) == before
    assert sample.field in row.pipedrive_agreed["ours"]
    assert sample.field in row.pipedrive_agreed["theirs"]
    assert not Notification.objects.filter(kind="change_kept").exists()


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_an_edit_of_such_a_field_goes_over(
    bench: Bench, world: World, upgraded: Callable[..., Any], sample: Sample
) -> None:
    """What a person changes after the upgrade is known to be a change."""
    row = upgraded(sample, written_there=False)
    sample.change(row)

    bench.settle()

    assert holds(sample.record(world, row), sample.arrives)
    assert stated(row).sync_state == "synced"
    assert not Notification.objects.filter(kind="change_kept").exists()


@pytest.mark.parametrize("sample", CONFLICTS, ids=str)
def test_an_edit_of_such_a_field_keeps_what_is_there(
    bench: Bench, world: World, upgraded: Callable[..., Any], sample: Sample
) -> None:
    """What Pipedrive holds was never seen here, so it is kept, and both values are told."""
    row = upgraded(sample, written_there=True)
    sample.change(row)

    bench.settle()

    assert holds(sample.record(world, row), sample.there)
    assert stated(row).sync_state == "synced"
    assert f"{sample.field}: Pipedrive's" in Notification.objects.get(kind="change_kept").text


def test_an_empty_new_field_empties_nothing(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """As after an upgrade that adds a field: empty in every row here, and written there long ago."""
    firm = linked(bench, sandbox, alice)[Organization]
    agreed = {side: {"name": "Larkspur Mills", "sector": "Manufacturing"} for side in ("ours", "theirs")}
    Organization.objects.update(country="", pipedrive_agreed=agreed)
    change_organization(Organization.objects.get(), {"sector": "Baskets"})
    bench.settle()
    assert world.organizations[firm.pipedrive_org_id]["address"]["country"] == "Germany"
    assert Organization.objects.get().country == ""

    change_organization(Organization.objects.get(), {"country": "Peru"})
    bench.settle()
    assert world.organizations[firm.pipedrive_org_id]["address"]["country"] == "Peru"
    assert not Notification.objects.filter(kind="change_kept").exists()


def test_what_an_older_create_did_not_say_goes_over(
    bench: Bench, world: World, sandbox: Sandbox, meddler: Meddler, alice: User
) -> None:
    """Its answer was lost, and the upgrade came before it was found: what is here by then is a change."""
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/persons", times=1))
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    bench.settle(2)
    intent = Intent.objects.get(key=f"contact {contact.pk}")
    del intent.ours["phone"]
    intent.save()
    change_contact(Contact.objects.get(), {"phone": "+1"})

    bench.settle(60)

    assert [phone["value"] for phone in world.persons[1]["phones"]] == ["+1"]
    assert stated(contact).sync_state == "synced"
    assert not Notification.objects.filter(kind="change_kept").exists()


def test_a_colleagues_word_in_such_a_field_is_heard_by_the_other_contact(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, bob: User
) -> None:
    """Of two contacts that are one person: what an edit of something else agreed on was not said by us."""
    firm = OrganizationDetails("Larkspur Mills")
    one, other = (
        add_contact(user, name="Jordan Ames", email="j@example.com", organization=firm, warmness_score=5)
        for user in (alice, bob)
    )
    bench.settle(60)
    one.refresh_from_db()
    for values in one.pipedrive_agreed.values():
        del values["organization"]
    osprey = sandbox.add("organizations", name="Osprey & Sons")
    sandbox.people.change("persons", 1, org_id=osprey["id"])
    change_contact(Contact.objects.get(pk=one.pk), {"phone": "+1"})
    Contact.objects.filter(pk=one.pk).update(pipedrive_agreed=one.pipedrive_agreed)
    bench.settle(60)

    change_contact(Contact.objects.get(pk=other.pk), {"organization": OrganizationDetails("Tern Optics")})
    bench.settle(60)

    assert world.persons[1]["org_id"] == osprey["id"]
    assert Notification.objects.get(kind="change_kept").user == bob
