"""What holds of every field that goes to Pipedrive, of each kind: it goes over, it is kept, and it is taken over."""

from typing import Any

import pytest
from bench_engine import Bench
from django.core.exceptions import FieldDoesNotExist
from meddler import Meddler
from synced_field_samples import CONFLICTS, NOTHING, SAMPLES, Sample, added, holds, linked
from who import stated

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Sandbox, World
from warmline.sync import mapping
from warmline.sync.models import Notification
from warmline.sync.synced_fields import FIELDS, SyncedField, columns_found_by, columns_sent, first_of

KINDS = (Contact, Organization, Activity)
KEPT_IN_STEP = ("update_time", "first_name", "last_name", "marked_as_done_time")  # by Pipedrive
ALL = [(kind, field) for kind, fields in FIELDS.items() for field in fields]


def test_no_field_is_left_out() -> None:
    """Each is described once, and has a sample of a change on both sides."""
    assert set(FIELDS) == set(KINDS)
    assert len(ALL) == len(SAMPLES)
    assert {(kind, field.name) for kind, field in ALL} == {(sample.model, sample.field) for sample in SAMPLES}


@pytest.mark.parametrize("kind", KINDS)
def test_what_pipedrive_is_told_of_is_described(kind: type[Row]) -> None:
    """A column whose changes count is one of the model's, and a record is looked for by none that is not sent."""
    assert columns_found_by(kind) <= columns_sent(kind)
    for column in columns_sent(kind):
        try:
            kind._meta.get_field(column)
        except FieldDoesNotExist:
            pytest.fail(f"{kind.__name__} has no column {column}")


@pytest.mark.parametrize(("kind", "field"), ALL, ids=lambda value: getattr(value, "name", ""))
def test_a_field_that_nothing_tells_how_to_say_is_an_error(kind: type[Row], field: SyncedField) -> None:
    """It is never left out, while the row is called synced; those that are the same in both need no telling."""
    if field.there is None:
        with pytest.raises(LookupError, match=field.name):
            mapping.changes(kind(), [field.name], {})
    else:
        assert mapping.changes(kind(), [field.name], {}) == {field.there: getattr(kind(), field.name)}
    with pytest.raises(LookupError, match="unheard_of"):
        mapping.changes(kind(), ["unheard_of"], {})


@pytest.mark.django_db
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_what_is_made_says_it(bench: Bench, world: World, sandbox: Sandbox, alice: User, sample: Sample) -> None:
    """A record that is made has each field from the first."""
    for name in ("Osprey & Sons", "Finch Foods"):
        sandbox.add("organizations", name=name)
    row = added(alice)[sample.model]
    sample.change(row)

    bench.settle()

    row = stated(row)
    assert holds(sample.record(world, row), sample.arrives)
    assert row.sync_state == "synced"
    assert row.revision == row.pipedrive_revision
    assert {call.method for call in world.calls if call.path.startswith("/api/v2/")} <= {"GET", "POST"}


@pytest.mark.django_db
@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_a_change_here_goes_over(bench: Bench, world: World, sandbox: Sandbox, alice: User, sample: Sample) -> None:
    """It arrives, nothing else of the record changes, and the row is synced."""
    row = linked(bench, sandbox, alice)[sample.model]
    before = sample.record(world, row)
    sample.change(row)

    bench.settle()

    after = sample.record(world, row)
    assert holds(after, sample.arrives)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed <= {*sample.arrives, *KEPT_IN_STEP}
    row = stated(row)
    assert row.sync_state == "synced"
    assert row.pipedrive_agreed["ours"].keys() == row.pipedrive_agreed["theirs"].keys()
    assert row.pipedrive_agreed["ours"].keys() == {field.name for field in FIELDS[sample.model]}


@pytest.mark.django_db
@pytest.mark.parametrize("sample", CONFLICTS, ids=str)
def test_a_change_on_both_sides_is_kept_and_told(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, sample: Sample
) -> None:
    """Pipedrive's value stays, is taken over where it can be, and both are told."""
    row = linked(bench, sandbox, alice)[sample.model]
    sandbox.people.change(sample.kind, sample.id_in(row), **sample.there)
    sample.change(row)
    ours: Any = sample.value(row)

    bench.settle()

    assert holds(sample.record(world, row), sample.there)
    assert stated(row).sync_state == "synced"
    row.refresh_from_db()
    assert sample.value(row) == (ours if sample.becomes is NOTHING else sample.becomes)
    assert f"{sample.field}: Pipedrive's" in Notification.objects.get(kind="change_kept").text
    field = next(field for field in FIELDS[sample.model] if field.name == sample.field)
    assert field.taken_over == (sample.becomes is not NOTHING)


@pytest.mark.django_db
@pytest.mark.parametrize("sample", CONFLICTS, ids=str)
def test_a_conflict_ends_as_it_was_told_whatever_else_is_edited_meanwhile(
    bench: Bench, meddler: Meddler, world: World, sandbox: Sandbox, alice: User, sample: Sample
) -> None:
    """Another field is edited while the attempt that finds the conflict is under way."""
    row = linked(bench, sandbox, alice)[sample.model]
    group = first_of(sample.field) or sample.field
    others = [each for each in SAMPLES if each.model is sample.model and (first_of(each.field) or each.field) != group]
    record_id = sample.id_in(row)
    meddler.once("GET", f"/api/v2/{sample.kind}/{record_id}", lambda: others[0].change(stated(row)))
    sandbox.people.change(sample.kind, record_id, **sample.there)
    sample.change(row)
    ours: Any = sample.value(row)

    bench.settle(30)

    assert meddler.is_done
    assert holds(sample.record(world, row), sample.there)
    row = stated(row)
    assert row.sync_state == "synced"
    assert sample.value(row) == (ours if sample.becomes is NOTHING else sample.becomes)
    assert holds(others[0].record(world, row), others[0].arrives)
    assert Notification.objects.filter(kind="change_kept").count() == 1
