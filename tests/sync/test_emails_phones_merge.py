"""Several e-mails and phones: each goes over and is merged by itself, and a person is found by any of them."""

from collections.abc import Callable
from typing import Any

import pytest
from bench_engine import Bench
from hypothesis import given
from hypothesis import strategies as st
from meddler import Meddler
from who import stated

from warmline.crm.book import add_contact, change_contact
from warmline.crm.emails_phones import Label, Labelled, as_json
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.models import Lease, Notification
from warmline.sync.pending import END_OF_TIME
from warmline.sync.reconcile import emails_phones_merge
from warmline.sync.reconcile.three_way_merge import grant, merge

OURS = (Labelled("jordan@example.com"), Labelled("j.ames@example.org", "home"), Labelled("ames@example.net", "other"))
PHONES = (Labelled("+49 30 5550100"), Labelled("0151 5550102", "mobile"))
MORE = "second@example.org"

ADDRESSES = st.sampled_from(["a@x.example", "B@x.example", "c@x.example", "d@x.example"])
SIDES = st.lists(st.tuples(ADDRESSES, st.sampled_from(Label.values)), unique_by=lambda each: each[0], max_size=4)


def jordan(owner: User, **more: Any) -> Contact:
    """Return a warm contact with several of each."""
    return add_contact(owner, name="Jordan Ames", warmness_score=5, **{"emails": OURS, "phones": PHONES, **more})


def there(world: World, name: str = "emails", person_id: int = 1) -> list[tuple[str, str, bool]]:
    """Return what a person has there."""
    return [(each["value"], each["label"], each["primary"]) for each in world.persons[person_id][name]]


def change(contact: Contact, **changes: Any) -> None:
    """Change a contact as it is stored."""
    change_contact(Contact.objects.get(pk=contact.pk), changes)


def _side(values: Any) -> dict[str, Any]:
    pairs = [list(each) for each in values]
    return {"email": pairs[0][0] if pairs else "", "emails": pairs}


@given(now=SIDES, then=SIDES)
def test_what_is_changed_only_here_is_there_afterwards(now: Any, then: Any) -> None:
    """Whatever is added, taken away, labelled or moved; and nothing is kept."""
    ours, before = _side(now), _side(then)
    decided = merge(ours, before, {"ours": before, "theirs": before})
    assert not decided.keep
    sent = dict(decided.send.get("emails", ()))
    after = {**dict(then), **sent}
    replaced = {"email"} <= decided.send.keys()
    assert {value for value, label in after.items() if label} - ({ours["email"]} if replaced else set()) == (
        {value for value, _ in now} - ({ours["email"]} if replaced else set())
    )


@given(then=SIDES, here=ADDRESSES, colleague=ADDRESSES)
def test_what_both_sides_add_is_lost_on_neither(then: Any, here: str, colleague: str) -> None:
    """Each side's new one stands beside the others."""
    pairs = [("first@x.example", "work"), *then]
    known = {value for value, _ in pairs}
    ours = _side(pairs + ([(here, "home")] if here not in known else []))
    theirs = _side(pairs + ([(colleague, "home")] if colleague not in known else []))
    before = _side(pairs)
    decided = merge(ours, theirs, {"ours": before, "theirs": before})
    assert not decided.keep
    assert decided.send.get("emails", []) == ([[here, "home"]] if here not in known and here != colleague else [])


@given(now=SIDES, then=SIDES, found=SIDES)
def test_what_is_decided_brings_both_sides_in_line(now: Any, then: Any, found: Any) -> None:
    """After sending and keeping, a second merge has nothing to do: no state is false, and nothing goes to and fro."""
    kept = [("first@x.example", "work")]
    ours, theirs, before = _side(kept + now), _side(kept + found), _side(kept + then)
    decided = merge(ours, theirs, {"ours": before, "theirs": before})
    ours_after = emails_phones_merge.changed("emails", ours["emails"], decided.keep.get("emails", ()))
    theirs_after = emails_phones_merge.changed("emails", theirs["emails"], decided.send.get("emails", ()))
    touched = {value for value, _ in [*decided.keep.get("emails", ()), *decided.send.get("emails", ())]}
    assert {tuple(each) for each in ours_after if each[0] in touched} == (
        {tuple(each) for each in theirs_after if each[0] in touched}
    )
    again = merge(
        {**ours, "emails": ours_after},
        {**theirs, "emails": theirs_after},
        {"ours": {**ours, "emails": ours_after}, "theirs": {**theirs, "emails": theirs_after}},
    )
    assert not again.send
    assert not again.keep


@pytest.mark.parametrize(
    ("now", "then", "found", "found_then", "send", "keep"),
    [
        (["a w", "b w"], ["a w"], ["a w"], ["a w"], ["b w"], []),  # added
        (["a w"], ["a w", "b w"], ["a w", "b w"], ["a w", "b w"], ["b -"], []),  # taken away
        (["a w", "b h"], ["a w", "b w"], ["a w", "b w"], ["a w", "b w"], ["b h"], []),  # another label
        (["a w", "b h"], ["a w", "b w"], ["a w", "b fax"], ["a w", "b w"], [], ["b fax"]),  # on both sides
        (["a w", "b h"], ["a w", "b w"], ["a w"], ["a w", "b w"], [], ["b -"]),  # gone there
        (["a w"], ["a w", "b w"], ["a w", "b fax"], ["a w", "b w"], [], ["b fax"]),  # labelled there
        (["a w"], ["a w", "b w"], ["a w"], ["a w", "b w"], [], []),  # gone on both sides
        (["a w", "b w"], ["a w"], ["a w", "b w"], ["a w"], [], []),  # added on both sides
        (["a w", "b h"], ["a w"], ["a w", "b w"], ["a w"], [], ["b w"]),  # with two labels
        (["a w", "b h"], ["a w"], ["a w", "b w"], ["a w", "b w"], ["b h"], []),  # it was there before
        (["a w", "b o"], ["a w", "b w"], ["a w", "b fax"], ["a w", "b fax"], [], []),  # which is "other" to us
        (["a w"], ["a w"], ["a fax", "c w"], ["a w"], [], []),  # only there
        (["b w", "a w"], ["a w", "b w"], ["a w", "b w"], ["a w", "b w"], ["b w"], []),  # made the primary one
        (["b w"], ["a w", "b w"], ["a w", "b w"], ["a w", "b w"], ["a -", "b w"], []),  # which is next
        (["c w", "b w"], ["a w", "b w"], ["a w", "b w"], ["a w", "b w"], ["a -", "c w"], []),  # replaced
    ],
)
def test_each_value_is_merged_by_itself(
    now: list[str], then: list[str], found: list[str], found_then: list[str], send: list[str], keep: list[str]
) -> None:
    """Value and label on each side, now and when they last agreed; a dash for what is taken away."""
    names = {"w": "work", "h": "home", "o": "other", "-": None, "fax": "fax"}

    def pairs(values: list[str]) -> list[list[Any]]:
        return [[f"{value}@x.example", names[label]] for value, label in map(str.split, values)]

    agreed = {"ours": _side(pairs(then)), "theirs": _side(pairs(found_then))}
    decided = merge(_side(pairs(now)), _side(pairs(found)), agreed)
    assert decided.send.get("emails", []) == pairs(send)
    assert decided.keep.get("emails", []) == pairs(keep)


def test_what_a_lost_update_did_is_no_colleagues_change() -> None:
    """What Pipedrive turns out to have is agreed on; what it has not is still to be sent."""
    agreed = {"ours": _side([("a@x.example", "work")]), "theirs": _side([("a@x.example", "fax")])}
    said = {"emails": [["b@x.example", "home"], ["c@x.example", "home"], ["a@x.example", "mobile"]]}
    found = {"emails": [["a@x.example", "fax"], ["b@x.example", "home"]]}
    after = grant(agreed, found, said, {"emails": []})
    assert after["ours"]["emails"] == [["a@x.example", "work"], ["b@x.example", "home"]]
    assert after["theirs"]["emails"] == [["a@x.example", "fax"], ["b@x.example", "home"]]


@pytest.mark.django_db
class TestInPipedrive:
    """The engine and the sandbox."""

    def test_all_go_over(self, bench: Bench, world: World, alice: User) -> None:
        """The first is the primary one; each has its label."""
        jordan(alice)
        bench.settle()
        assert there(world) == [
            ("jordan@example.com", "work", True),
            ("j.ames@example.org", "home", False),
            ("ames@example.net", "other", False),
        ]
        assert there(world, "phones") == [("+49 30 5550100", "work", True), ("0151 5550102", "mobile", False)]

    @pytest.mark.parametrize("lost", [True, False])
    @pytest.mark.parametrize("cleaning", [True, False])
    @pytest.mark.parametrize(
        ("changes", "after"),
        [
            ({"emails": OURS[:1]}, [("jordan@example.com", "work", True)]),
            ({"emails": ()}, []),
            ({"email": ""}, [("j.ames@example.org", "home", True), ("ames@example.net", "other", False)]),
            (
                {"email": "new@example.com"},
                [
                    ("new@example.com", "work", True),
                    ("j.ames@example.org", "home", False),
                    ("ames@example.net", "other", False),
                ],
            ),
            (
                {"emails": (OURS[1], OURS[0], OURS[2])},
                [
                    ("jordan@example.com", "work", False),
                    ("j.ames@example.org", "home", True),
                    ("ames@example.net", "other", False),
                ],
            ),
            (
                {"emails": (Labelled("new@example.com", "home"), OURS[2], Labelled("x@example.net"))},
                [
                    ("new@example.com", "home", True),
                    ("ames@example.net", "other", False),
                    ("x@example.net", "work", False),
                ],
            ),
            (
                {"emails": (Labelled("new@example.com", "home"), *OURS)},
                [
                    ("jordan@example.com", "work", False),
                    ("j.ames@example.org", "home", False),
                    ("ames@example.net", "other", False),
                    ("new@example.com", "home", True),
                ],
            ),
            (
                {"email_label": "mobile"},
                [
                    ("jordan@example.com", "mobile", True),
                    ("j.ames@example.org", "home", False),
                    ("ames@example.net", "other", False),
                ],
            ),
        ],
    )
    def test_a_change_goes_over(
        self, bench: Bench, world: World, sandbox: Sandbox, alice: User, changes: Any, after: Any, *,
        lost: bool, cleaning: bool,
    ) -> None:  # fmt: skip
        """And nobody is told that a colleague changed anything, whether the answer arrives or is lost."""
        world.settings.cleaning = cleaning
        contact = jordan(alice)
        bench.settle()
        if lost:
            sandbox.faults.add(Fault(kind="no_answer_after", method="PATCH", path="/api/v2/persons/*", times=1))
        change(contact, **changes)
        bench.settle(60)
        assert there(world) == after
        row = stated(contact)
        assert row.sync_state == "synced"
        assert not Notification.objects.filter(kind="change_kept").exists()
        # The next change finds the two sides in line.
        change(contact, phone="+1")
        bench.settle(60)
        assert there(world) == after
        assert there(world, "phones")[0][0] == "+1"

    def test_what_colleagues_add_stays(self, bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
        """Beside what is added here at the same time; and it is shown here, with a label that we know."""
        contact = jordan(alice, emails=OURS[:1])
        bench.settle()
        theirs = [{"value": "jordan@example.com", "label": "work"}, {"value": "boss@example.com", "label": "Assistant"}]
        sandbox.people.change("persons", 1, emails=theirs)
        change(contact, emails=OURS[:2])
        bench.settle()
        assert [each[:2] for each in there(world)] == [
            ("jordan@example.com", "work"),
            ("boss@example.com", "Assistant"),
            ("j.ames@example.org", "home"),
        ]
        assert stated(contact).emails == (*OURS[:2], Labelled("boss@example.com", "other"))
        assert not Notification.objects.filter(kind="change_kept").exists()

    def test_a_label_that_we_do_not_know_is_other(
        self, bench: Bench, world: World, sandbox: Sandbox, alice: User
    ) -> None:
        """It is told as it is there, and stays there."""
        contact = jordan(alice, emails=OURS[:2])
        bench.settle()
        theirs = [{"value": "jordan@example.com", "label": "Kitchen"}, {"value": "J.Ames@example.org", "label": "home"}]
        sandbox.people.change("persons", 1, emails=theirs)
        change(contact, emails=(Labelled("jordan@example.com", "mobile"), OURS[1]))
        bench.settle()
        assert there(world)[0][:2] == ("jordan@example.com", "Kitchen")
        assert stated(contact).emails == (Labelled("jordan@example.com", "other"), OURS[1])
        told = Notification.objects.get(kind="change_kept").text
        assert "emails: Pipedrive's “jordan@example.com (Kitchen)” was kept, not “jordan@example.com (mobile)”." in told

    def test_what_was_taken_away_there_and_labelled_here_is_gone(
        self, bench: Bench, sandbox: Sandbox, alice: User
    ) -> None:
        """If that was the primary one, the next takes its place."""
        contact = jordan(alice, emails=OURS[:2])
        bench.settle()
        sandbox.people.change("persons", 1, emails=[{"value": "j.ames@example.org", "label": "home"}])
        change(contact, email_label="mobile")
        bench.settle()
        assert stated(contact).emails == (OURS[1],)
        assert "no jordan@example.com" in Notification.objects.get(kind="change_kept").text
        change(contact, emails=(*OURS[1:2], Labelled(MORE)))
        bench.settle()
        assert stated(contact).sync_state == "synced"

    def test_a_replaced_primary_one_is_kept_beside_the_others(
        self, bench: Bench, world: World, sandbox: Sandbox, alice: User
    ) -> None:
        """A colleague replaced it as well: theirs is the primary one here, and what else was changed goes over."""
        contact = jordan(alice, emails=OURS[:2])
        bench.settle()
        theirs = [{"value": "there@example.net", "label": "work"}, {"value": "j.ames@example.org", "label": "home"}]
        sandbox.people.change("persons", 1, emails=theirs)
        change(contact, emails=(Labelled("here@example.com"), OURS[1], OURS[2]))
        bench.settle()
        assert stated(contact).emails == (Labelled("there@example.net"), *OURS[1:])
        assert [each[0] for each in there(world)] == ["there@example.net", "j.ames@example.org", "ames@example.net"]
        change(contact, emails=stated(contact).emails[1:])
        bench.settle()
        assert [each[0] for each in there(world)] == ["j.ames@example.org", "ames@example.net"]

    def test_what_two_contacts_have_is_taken_away_by_both(
        self, either: Bench, world: World, alice: User, bob: User
    ) -> None:
        """Two users know the person; each takes away only what is their own."""
        one = jordan(alice, emails=(*OURS[:1], Labelled(MORE)), phones=())
        other = jordan(bob, emails=(Labelled("bobs@example.com"), Labelled(MORE)), phones=())
        either.settle(60)
        assert stated(one).pipedrive_person_id == stated(other).pipedrive_person_id == 1
        change(other, emails=(Labelled("bobs@example.com"), Labelled(MORE), Labelled("x@example.com")))
        either.settle(60)
        change(one, emails=OURS[:1])
        either.settle(60)
        assert MORE in [each[0] for each in there(world)]
        change(other, emails=(Labelled("bobs@example.com"),))
        either.settle(60)
        assert [each[0] for each in there(world)] == ["jordan@example.com"]
        assert not Notification.objects.filter(kind="change_kept").exists()

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_a_person_is_found_by_any_of_them(
        self, either: Bench, world: World, colleagues: Callable[..., Any], alice: User, place: int
    ) -> None:
        """Whichever of the contact's e-mails it is, and wherever it stands there."""
        colleagues("Jordan Ames", "unknown@example.com", OURS[place].value.upper())
        contact = jordan(alice)
        either.settle()
        assert stated(contact).pipedrive_person_id == 1
        assert len(world.persons) == 1
        assert [each[0] for each in there(world)] == ["unknown@example.com", OURS[place].value.upper()]

    def test_two_persons_of_one_contact_are_asked_about(
        self, either: Bench, colleagues: Callable[..., Any], alice: User
    ) -> None:
        """One has its first e-mail, the other its second."""
        colleagues("Jordan Ames", OURS[0].value)
        colleagues("Jordan Ames", OURS[1].value)
        contact = jordan(alice)
        either.settle()
        row = stated(contact)
        assert row.sync_state == "failed"
        assert [each["pipedrive_id"] for each in row.pipedrive_candidates] == [1, 2]

    def test_two_who_share_a_second_address_are_two(self, either: Bench, world: World, alice: User) -> None:
        """The office's mailbox beside their own: nobody is taken for the other; a person decides about the second."""
        petra, klaus = (
            add_contact(alice, name=name, emails=(Labelled(own), Labelled("office@acme.example.com")), warmness_score=5)
            for name, own in (("Petra Maier", "petra@example.com"), ("Klaus Petersen", "klaus@example.com"))
        )
        either.settle(60)
        first, second = stated(petra), stated(klaus)
        assert first.pipedrive_person_id == 1
        assert len(world.persons) == 1
        assert second.sync_state == "failed"
        assert [each["name"] for each in second.pipedrive_candidates] == ["Petra Maier"]

    def test_one_who_is_made_is_not_made_again_by_another_address(
        self, bench: Bench, world: World, meddler: Meddler, alice: User, bob: User
    ) -> None:
        """While it is under way, who shares a further e-mail waits."""
        one = jordan(alice, emails=(Labelled("one@example.com"), Labelled(MORE)))
        other = jordan(bob, emails=(Labelled("other@example.com"), Labelled(MORE)))
        due = {work.row_id: work for work in bench.engine.due(bench.clock.now())}
        brought: list[bool] = []
        meddler.once("POST", "/api/v2/persons", lambda: brought.append(bench.engine.bring(due[other.pk])))
        bench.engine.bring(due[one.pk])
        assert brought == [False]
        bench.settle(60)
        assert len(world.persons) == 1
        assert stated(one).pipedrive_person_id == stated(other).pipedrive_person_id == 1
        assert not Lease.objects.exists()

    def test_a_lost_create_is_found_by_any_address(
        self, bench: Bench, world: World, sandbox: Sandbox, alice: User, bob: User
    ) -> None:
        """Its contact does not have the shared e-mail any more; who has it looks for what was made all the same."""
        world.settings.search_delay = 600
        sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/persons", times=1))
        one = jordan(alice, emails=(Labelled("one@example.com"), Labelled(MORE)))
        bench.searching().settle(1)
        assert len(world.persons) == 1
        change(one, emails=(Labelled("one@example.com"),))
        Contact.objects.update(next_pipedrive_sync_attempt=END_OF_TIME)  # the other one is first
        other = jordan(bob, emails=(Labelled("other@example.com"), Labelled(MORE)))
        bench.searching().settle(90)
        assert len(world.persons) == 1
        assert stated(other).pipedrive_person_id == 1

    def test_an_older_snapshot_sends_nothing(self, bench: Bench, world: World, alice: User) -> None:
        """The second e-mail was there before the upgrade knew of any; another change leaves it alone."""
        contact = jordan(alice, emails=OURS[:1])
        bench.settle()
        agreed = Contact.objects.get().pipedrive_agreed
        for side in agreed.values():
            del side["emails"], side["phones"]
        Contact.objects.update(pipedrive_agreed=agreed, more_emails=as_json(OURS[1:2]))
        change(contact, name="Jordan P. Ames")
        bench.settle()
        assert [each[0] for each in there(world)] == ["jordan@example.com"]
        change(contact, emails=(*OURS[:2], Labelled(MORE)))
        bench.settle()
        assert [each[0] for each in there(world)] == ["jordan@example.com", MORE]

    def test_thirty_go_over(self, bench: Bench, world: World, alice: User) -> None:
        """And one of them changes."""
        many = [Labelled(f"n{number}@example.com") for number in range(30)]
        contact = jordan(alice, emails=many)
        bench.settle()
        assert len(there(world)) == 30
        change(contact, emails=many[:29])
        bench.settle()
        assert len(there(world)) == 29
