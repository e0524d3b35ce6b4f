"""What a person decides about a problem, and what is mended without one."""

from typing import Any

import pytest
from audit_desk import Desk
from bench_engine import Bench
from meddler import Meddler

from warmline.crm import book
from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import Sandbox
from warmline.sync.audit.repairing import Repairs
from warmline.sync.audit_models import AuditedLink, Finding, Problem
from warmline.sync.status import audit_choices
from warmline.sync.status.audit_findings import described

pytestmark = pytest.mark.django_db


@pytest.fixture
def vera(bench: Bench, alice: User) -> Contact:
    """Return a warm contact in Pipedrive, with an organization and an activity."""
    mill = book.OrganizationDetails("North Mill", country="Sweden")
    contact = book.add_contact(
        alice, name="Vera Holm", email="vera@example.com", phone="+46 8 1", warmness_score=8, organization=mill
    )
    bench.settle()
    book.log_activity(alice, contact, type="CALL", subject="First call", note="Long")
    bench.settle()
    contact.refresh_from_db()
    return contact


def repair(desk: Desk, bench: Bench) -> None:
    """Have everything repaired that was found, as a person does; then all is well."""
    for finding in Finding.objects.all():
        assert described([finding])[0].repair
        assert audit_choices.repair(finding)
    Repairs(desk.pipedrive, desk.policy, desk.clock).repair_all()
    assert not Finding.objects.exists()
    bench.settle(30)
    result = desk.audit()
    assert result.is_clean, Finding.objects.values()
    assert (result.warm, result.there) == (1, 1)


def changed(kind: str, **values: Any) -> Any:
    """Return a case: a record is changed there."""
    return pytest.param(kind, values, id=f"{kind}-{'-'.join(values)}")


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        changed("persons", name="Viola Lind"),
        changed("persons", emails=[]),
        changed("persons", emails=[{"value": "private@example.com", "primary": True, "label": "home"}]),
        changed("persons", phones=[{"value": "+49 30 2", "primary": True, "label": "work"}]),
        changed("persons", owner_id=2),
        changed("persons", label_ids=[11]),
        changed("persons", org_id=None),
        changed("organizations", name="South Mill"),
        changed("organizations", address={"value": "Peru", "country": "Peru"}),
        changed("organizations", owner_id=2),
        changed("activities", subject="Another"),
        changed("activities", note="Short"),
        changed("activities", done=False),
        changed("activities", due_date="2026-05-05"),
        changed("activities", type="task"),
    ],
)
def test_what_was_changed_there_is_accepted_or_repaired(
    desk: Desk, bench: Bench, sandbox: Sandbox, vera: Contact, kind: Any, values: dict[str, Any]
) -> None:
    """It is one problem, which nobody mends unasked. Accepted, it counts no more; until it changes again."""
    assert vera.organization is not None
    record_id = {
        "persons": vera.pipedrive_person_id,
        "organizations": vera.organization.pipedrive_org_id,
        "activities": Activity.objects.get().pipedrive_activity_id,
    }[kind]
    before = dict(sandbox.world.records[kind][record_id or 0])
    sandbox.people.change(kind, record_id or 0, **values)
    desk.audit()
    (finding,) = Finding.objects.all()
    assert not finding.mends_itself
    assert audit_choices.repair_what_needs_nobody() == 0

    audit_choices.accept(finding)
    assert desk.audit().is_clean, Finding.objects.values()

    AuditedLink.objects.update(accepted={})  # as if nobody had
    desk.audit()
    repair(desk, bench)
    after = sandbox.world.records[kind][record_id or 0]
    field = next(iter(values))
    if field in {"emails", "label_ids"}:  # a colleague's stay
        mine = [*values[field], *before[field]]
        assert sorted(map(_value, after[field])) == sorted(map(_value, mine))
    elif field == "phones":
        assert before["phones"][0]["value"] in map(_value, after["phones"])
    else:
        assert after[field] == before.get(field)


def _value(entry: Any) -> Any:
    return entry["value"] if isinstance(entry, dict) else entry


def test_what_was_accepted_counts_when_it_changes_again(desk: Desk, sandbox: Sandbox, vera: Contact) -> None:
    """Another name is another decision."""
    sandbox.people.change("persons", vera.pipedrive_person_id or 0, name="Viola Holm")
    desk.audit()
    audit_choices.accept(Finding.objects.get())
    sandbox.people.change("persons", vera.pipedrive_person_id or 0, name="Somebody Else")

    desk.audit()

    assert desk.found() == {("contact", vera.pk, "different")}


@pytest.mark.parametrize("kind", ["persons", "organizations", "activities"])
def test_what_was_deleted_there_is_accepted_or_created_again(
    desk: Desk, bench: Bench, sandbox: Sandbox, vera: Contact, kind: Any
) -> None:
    """Nobody undoes a deletion unasked."""
    assert vera.organization is not None
    activity = Activity.objects.get()
    row: Any = {"persons": vera, "organizations": vera.organization, "activities": activity}[kind]
    gone = getattr(row, row.LINK)
    sandbox.people.delete(kind, gone)
    desk.audit()
    (finding,) = Finding.objects.all()
    assert finding.problem == (Problem.ACTIVITY if row == activity else Problem.GONE)
    assert not finding.mends_itself

    audit_choices.accept(finding)
    assert desk.audit().is_clean

    AuditedLink.objects.update(accepted={})
    desk.audit()
    repair(desk, bench)
    row.refresh_from_db()
    assert getattr(row, row.LINK) not in {None, gone}


@pytest.mark.parametrize("kind", ["persons", "organizations", "activities"])
def test_what_somebody_restored_there_meanwhile_is_not_created_again(
    desk: Desk, bench: Bench, sandbox: Sandbox, vera: Contact, kind: Any
) -> None:
    """It was gone when it was found. Now it is there, and it would be there twice."""
    sandbox.people.delete(kind, 1)
    desk.audit()
    sandbox.world.records[kind][1]["is_deleted"] = False

    repair(desk, bench)

    assert list(sandbox.world.records[kind]) == [1]


def test_what_is_no_problem_any_more_is_left_alone(desk: Desk, sandbox: Sandbox, vera: Contact, bob: User) -> None:
    """Owner and label were found to be wrong; since then the contact was handed over here, and has become cold."""
    sandbox.people.change("persons", 1, owner_id=2, label_ids=[])
    desk.audit()
    book.hand_over(Contact.objects.all(), bob)
    vera.refresh_from_db()
    book.change_contact(vera, {"warmness_score": 0})

    for finding in Finding.objects.all():
        assert audit_choices.repair(finding)
    Repairs(desk.pipedrive, desk.policy, desk.clock).repair_all()

    assert not Finding.objects.exists()
    assert (sandbox.world.persons[1]["owner_id"], sandbox.world.persons[1]["label_ids"]) == (2, [])


def test_a_merged_person_is_followed_without_anybody(desk: Desk, bench: Bench, sandbox: Sandbox, vera: Contact) -> None:
    """The link leads on to whom it was merged into."""
    entry = {"value": "vera@example.com", "primary": True, "label": "work"}
    other = sandbox.add("persons", name="Vera Holm", emails=[entry])
    sandbox.people.merge("persons", vera.pipedrive_person_id or 0, other["id"])
    desk.audit()
    (finding,) = Finding.objects.all()
    assert (finding.problem, finding.mends_itself) == ("gone", True)

    assert audit_choices.repair_what_needs_nobody() == 1
    Repairs(desk.pipedrive, desk.policy, desk.clock).repair_all()
    bench.settle(30)

    vera.refresh_from_db()
    assert vera.pipedrive_person_id == other["id"]
    assert desk.audit().is_clean, Finding.objects.values()


def test_a_value_that_was_never_sent_is_sent_without_anybody(
    desk: Desk, bench: Bench, sandbox: Sandbox, vera: Contact
) -> None:
    """Whatever has lost it, such as a database that was restored."""
    Contact.objects.filter(pk=vera.pk).update(phone="+46 8 2")
    desk.audit()
    assert desk.found() == {("contact", vera.pk, "different")}

    assert audit_choices.repair_what_needs_nobody() == 1
    Repairs(desk.pipedrive, desk.policy, desk.clock).repair_all()
    bench.settle(30)

    assert sandbox.world.persons[vera.pipedrive_person_id or 0]["phones"][0]["value"] == "+46 8 2"
    assert desk.audit().is_clean, Finding.objects.values()


def test_a_refused_repair_says_so_and_stays(desk: Desk, sandbox: Sandbox, vera: Contact) -> None:
    """The label's option is gone, for example."""
    sandbox.people.change("persons", vera.pipedrive_person_id or 0, label_ids=[])
    labels = next(each for each in sandbox.world.fields["persons"] if each["field_code"] == "label_ids")
    labels["options"] = [option for option in labels["options"] if option["label"] != "Warm Lead"]
    desk.audit()
    audit_choices.repair(Finding.objects.get())

    Repairs(desk.pipedrive, desk.policy, desk.clock).repair_all()

    (finding,) = Finding.objects.all()
    assert (finding.problem, finding.wish) == ("label", False)
    assert "refused" in described([finding])[0].text


def test_a_double_is_merged_by_people(desk: Desk, sandbox: Sandbox, vera: Contact) -> None:
    """Warmline deletes nothing: two are merged in Pipedrive, or accepted as they are."""
    entry = {"value": "vera@example.com", "primary": True, "label": "work"}
    other = sandbox.add("persons", name="Vera Holm", emails=[entry])
    desk.audit()
    finding = Finding.objects.get()
    assert not audit_choices.repair(finding)
    audit_choices.accept(finding)
    assert desk.audit().is_clean

    AuditedLink.objects.update(accepted={})
    desk.audit()
    assert desk.found() == {("contact", vera.pk, "double")}
    sandbox.people.merge("persons", other["id"], vera.pipedrive_person_id or 0)
    assert desk.audit().is_clean, Finding.objects.values()


def test_what_a_person_changed_meanwhile_is_not_sent_over(
    desk: Desk, bench: Bench, sandbox: Sandbox, vera: Contact, meddler: Meddler
) -> None:
    """A colleague types another name between the audit and the repair: Pipedrive's value wins, as always."""
    sandbox.people.change("persons", vera.pipedrive_person_id or 0, name="Viola Holm")
    desk.audit()
    audit_choices.repair(Finding.objects.get())
    sandbox.people.change("persons", vera.pipedrive_person_id or 0, name="Vera Holm-Lind")

    Repairs(desk.pipedrive, desk.policy, desk.clock).repair_all()
    bench.settle(30)

    vera.refresh_from_db()
    assert sandbox.world.persons[vera.pipedrive_person_id or 0]["name"] == "Vera Holm-Lind" == vera.name
