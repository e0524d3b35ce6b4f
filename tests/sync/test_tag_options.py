"""Tags in a field of Pipedrive's that offers options: sent as options, and none is lost that no option has."""

from collections.abc import Callable
from typing import Any

import pytest
from bench_engine import Bench
from who import stated

from warmline.crm.book import add_contact, change_contact
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.pipedrive import Field, Option
from warmline.sandbox import Fault, Sandbox, World
from warmline.sandbox.seed_data import field
from warmline.sync import tag_options
from warmline.sync.audit_models import Finding
from warmline.sync.models import Attempt, Notification
from warmline.sync.remote import detail_fields
from warmline.sync.status import detail_choices
from warmline.sync.synced_fields import Target

pytestmark = pytest.mark.django_db

CODE = "a" * 40
LABELS = {1001: "Fair", 1002: "board", 1003: "VIP"}
SEVERAL, ONE = Target(CODE, LABELS), Target(CODE, LABELS, is_single=True)
Offer = Callable[..., Bench]


@pytest.fixture
def offer(bench: Bench, world: World) -> Offer:
    """Return what chooses a field with options, which the company has, for the tags."""
    made = field("Our tags", CODE, "set", custom=True)
    made["options"] = [{"id": number, "label": label} for number, label in LABELS.items()]
    world.fields["persons"].append(made)

    def offered(kind: str = "set", *, of: Bench = bench, adds_options: bool = False) -> Bench:
        made["field_type"] = kind
        detail_choices.choose({"tags": CODE}, adds_options=adds_options)
        return of.under(details={"tags": CODE}, adds_options=adds_options)

    return offered


def _options(world: World) -> list[dict[str, Any]]:
    options: list[dict[str, Any]] = next(each for each in world.fields["persons"] if each["field_code"] == CODE)[
        "options"
    ]
    return options


def _add(owner: User, tags: str, name: str = "Jordan Ames") -> Contact:
    email = f"{name.split(maxsplit=1)[0].lower()}@example.com"
    return add_contact(owner, name=name, email=email, warmness_score=5, tags=tags)


def _there(world: World, number: int = 1) -> Any:
    return world.persons[number]["custom_fields"].get(CODE)


def _change(contact: Contact, **values: Any) -> None:
    contact.refresh_from_db()
    change_contact(contact, values)


def _change_there(sandbox: Sandbox, value: Any) -> None:
    sandbox.people.change("persons", 1, custom_fields={CODE: value})


def test_both_ways_over_http(bench_over_http: Bench, world: World, sandbox: Sandbox, alice: User, offer: Offer) -> None:
    """Whatever their case and order; what a colleague chooses comes here, beside the tags that can only stay here."""
    bench = offer(of=bench_over_http)
    contact = _add(alice, "board, Hamburg, fair")
    bench.settle()
    assert _there(world) == [1001, 1002]
    assert stated(contact).tags == "board, Hamburg, fair"
    told = Notification.objects.get(kind="account_refused").text
    assert told.startswith("Tags such as “Hamburg” stay here, because the field “Our tags” in Pipedrive has no such")

    _change(contact, tags="fair, Hamburg, Kiel")
    bench.settle()
    assert _there(world) == [1001]

    _change_there(sandbox, [1001, 1003])
    _change(contact, name="Jordan P. Ames")
    bench.settle()
    assert stated(contact).tags == "Fair, VIP, Hamburg, Kiel"
    assert stated(contact).sync_state == "synced"
    latest = Attempt.objects.order_by("-pk")[0]
    assert "Tags that are only here: Hamburg, Kiel." in latest.text

    _change_there(sandbox, None)
    _change(contact, name="Jordan Ames")
    bench.settle()
    assert stated(contact).tags == "Hamburg, Kiel"
    _change(contact, tags="")
    bench.settle()
    assert (_there(world), stated(contact).tags) == (None, "")
    assert not Notification.objects.filter(kind="change_kept").exists()


def test_a_single_option(world: World, sandbox: Sandbox, alice: User, offer: Offer) -> None:
    """The first tag that is an option goes there; another choice there replaces that one alone."""
    bench = offer("enum")
    contact = _add(alice, "Hamburg, board, fair")
    bench.settle()
    assert _there(world) == 1002
    _change_there(sandbox, 1003)
    _change(contact, name="Jordan P. Ames")
    bench.settle()
    assert stated(contact).tags == "VIP, Hamburg, fair"
    _change(contact, tags="Hamburg, fair")
    bench.settle()
    assert _there(world) == 1001
    _change(contact, tags="Hamburg")
    bench.settle()
    assert (_there(world), stated(contact).sync_state) == (None, "synced")


def test_of_two_changes_pipedrives_is_kept(world: World, sandbox: Sandbox, alice: User, offer: Offer) -> None:
    """As for every detail; what it cannot have stays all the same."""
    bench = offer()
    contact = _add(alice, "fair, Hamburg")
    bench.settle()
    _change_there(sandbox, [1003])
    _change(contact, tags="board, Hamburg")
    bench.settle()
    assert (_there(world), stated(contact).tags) == ([1003], "VIP, Hamburg")
    told = Notification.objects.get(kind="change_kept").text
    assert "tags: Pipedrive's “VIP” was kept, not “board, Hamburg”." in told


@pytest.mark.parametrize("kind", ["no_answer", "no_answer_after"])
def test_a_lost_answer_loses_nothing(world: World, sandbox: Sandbox, alice: User, offer: Offer, kind: Any) -> None:
    """Neither a tag without an option, nor what a colleague has chosen since."""
    bench = offer()
    sandbox.faults.add(Fault(kind=kind, method="POST", path="/api/v2/persons", times=1))
    contact = _add(alice, "fair, Hamburg")
    bench.settle(300)
    assert (_there(world), stated(contact).tags) == ([1001], "fair, Hamburg")
    sandbox.faults.add(Fault(kind=kind, method="PATCH", path="/api/v2/persons/*", times=1))
    _change(contact, tags="board, Hamburg, Kiel")
    bench.settle(300)
    assert (_there(world), stated(contact).tags) == ([1002], "board, Hamburg, Kiel")
    assert stated(contact).sync_state == "synced"
    assert not Notification.objects.filter(kind="change_kept").exists()


def test_options_are_added_where_that_is_set(world: World, alice: User, offer: Offer) -> None:
    """Once for all contacts, and not for those whose tags are as they were."""
    bench = offer(adds_options=True)
    contacts = [_add(alice, "fair, Hamburg"), _add(alice, "hamburg", "Robin Vale")]
    bench.settle(60)
    options = {each["label"]: each["id"] for each in _options(world)}
    assert list(options) == ["Fair", "board", "VIP", "Hamburg"]
    assert [_there(world, number) for number in (1, 2)] == [[1001, options["Hamburg"]], [options["Hamburg"]]]
    assert [stated(each).tags for each in contacts] == ["fair, Hamburg", "hamburg"]
    assert not Notification.objects.filter(kind="account_refused").exists()


def test_a_refusal_holds_nothing_back(world: World, alice: User, offer: Offer) -> None:
    """It is told once, and the other tags go over."""
    bench = offer(adds_options=True)
    world.settings.refuse_new_fields = True
    contacts = [_add(alice, "fair, Hamburg"), _add(alice, "Hamburg, board", "Robin Vale")]
    bench.settle(60)
    assert [_there(world, number) for number in (1, 2)] == [[1001], [1002]]
    assert {stated(each).sync_state for each in contacts} == {"synced"}
    told = [each.text for each in Notification.objects.filter(kind="account_refused") if "Hamburg" in each.text]
    assert len(told) == 1


def test_an_option_that_is_new_there(world: World, sandbox: Sandbox, alice: User, offer: Offer) -> None:
    """A colleague made and chose it just now: it comes here by its name, and our next change does not remove it."""
    bench = offer()
    contact = _add(alice, "fair")
    bench.settle()
    bench.clock.sleep(90)
    _options(world).append({"id": 2001, "label": "Sponsor, gold"})
    _change_there(sandbox, [1001, 2001])
    _change(contact, name="Jordan P. Ames")
    bench.settle()
    assert stated(contact).tags == "Fair, Sponsor gold"
    _change(contact, tags="Fair, Sponsor gold, board")
    bench.settle()
    assert _there(world) == [1001, 1002, 2001]


def test_an_option_made_later_goes_over_with_the_next_change_of_tags(
    world: World, sandbox: Sandbox, alice: User, offer: Offer
) -> None:
    """Until then nothing is taken away here, whatever a colleague chooses."""
    bench = offer()
    contact = _add(alice, "fair, Hamburg")
    bench.settle()
    bench.clock.sleep(90)
    _options(world).append({"id": 2001, "label": "Hamburg"})
    _change_there(sandbox, [1001, 1003])
    bench.clock.sleep(3600)
    _change(contact, name="Jordan P. Ames")
    bench.settle()
    assert stated(contact).tags == "Fair, VIP, Hamburg"
    _change(contact, tags="Fair, VIP, Hamburg, board")
    bench.settle()
    assert _there(world) == [1001, 1002, 1003, 2001]


def test_a_field_that_is_deleted_stops_nothing(world: World, alice: User, offer: Offer) -> None:
    """Also where a new tag made us ask for its options."""
    bench = offer()
    contact = _add(alice, "fair")
    bench.settle()
    world.fields["persons"][:] = [each for each in world.fields["persons"] if each["field_code"] != CODE]
    world.persons[1]["custom_fields"].pop(CODE)
    bench.clock.sleep(3600)
    _change(contact, tags="Hamburg")
    bench.settle()
    assert (stated(contact).tags, stated(contact).sync_state) == ("Hamburg", "synced")


def test_the_audit_misses_no_tag_without_an_option(
    desk: Any, world: World, sandbox: Sandbox, alice: User, offer: Offer
) -> None:
    """It finds what a colleague chose, and nothing else."""
    bench = offer()
    _add(alice, "fair, Hamburg")
    bench.settle()
    desk = type(desk)(bench.pipedrive, bench.policy, bench.clock, sandbox)
    bench.clock.sleep(3600)
    desk.audit()
    assert not Finding.objects.exists()
    _change_there(sandbox, [1002])
    bench.clock.sleep(3600)
    desk.audit()
    assert list(Finding.objects.get().values.values()) == [["fair, Hamburg", "board"]]


def test_two_contacts_of_one_person(bench: Bench, world: World, alice: User, bob: User, offer: Offer) -> None:
    """What one of them fills is no colleague's word to the other."""
    one, other = (_add(user, "") for user in (alice, bob))
    bench.settle(60)
    _change(one, tags="fair, Hamburg")
    later = offer()
    later.settle(60)
    _change(other, phone="+49 30 5550100")
    later.settle(60)
    assert len(world.persons) == 1
    assert (_there(world), [stated(each).tags for each in (one, other)]) == ([1001], ["fair, Hamburg", ""])


def test_only_tags_go_to_options() -> None:
    """Other details would need an option for each contact."""
    fields = [Field(code=CODE, type=kind, is_custom=True) for kind in ("set", "enum")]
    assert detail_fields.suitable("tags", fields) == fields
    assert not any(detail_fields.suitable(name, fields) for name in ("note", "source", "linkedin", "job_title"))
    made = Field(code=CODE, type="set", is_custom=True, options=(Option(id=7, label="Sales, EU"),))
    assert detail_fields.target(made) == Target(CODE, {7: "Sales EU"})


@pytest.mark.parametrize(
    ("value", "said"),
    [([1003, 1001], "Fair, VIP"), (1002, "board"), ("1002", "board"), ("1003,1001", "Fair, VIP"), (None, ""), ([], "")],
)
def test_how_pipedrive_says_them(value: Any, said: str) -> None:
    """As numbers, or as v1 has them."""
    assert tag_options.as_tags(value, SEVERAL) == said


def test_what_is_sent() -> None:
    """Each option once, in the order of the field; of a single one the first tag's."""
    assert tag_options.ids("vip, FAIR, other", SEVERAL) == [1001, 1003]
    assert tag_options.ids("vip, FAIR, other", ONE) == 1003
    assert tag_options.ids("other", SEVERAL) is None
    assert tag_options.ids("other", ONE) is None
