"""Following: whoever goes on from `until` ends with exactly what we have."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from api.caller import Caller
from crm.test_exports import imported
from django.db import connection, transaction
from django.utils import timezone

from warmline.crm import book, commit_order, following
from warmline.crm.activities import Activity
from warmline.crm.activity_deletion import delete_activity
from warmline.crm.following import GoneRow
from warmline.crm.imports import runs, worker
from warmline.crm.imports.bulk import import_contacts
from warmline.crm.models import Contact, Organization
from warmline.crm.retention import sweep
from warmline.crm.undo import Keeper, undo
from warmline.crm.users import User

pytestmark = pytest.mark.django_db(transaction=True)  # each call is one, as positions want it

KINDS = ("contacts", "organizations", "activities")


class Follower:
    """A program that keeps a copy, and may stop at any moment.

    Args:
        caller: Whose rows.
        limit: Rows in a page.
    """

    def __init__(self, caller: Caller, limit: int = 2) -> None:
        self._caller, self._limit = caller, limit
        self.rows: dict[str, dict[int, Any]] = {kind: {} for kind in KINDS}
        self._since = dict.fromkeys(KINDS, "0")
        self._cursor: dict[str, str | None] = dict.fromkeys(KINDS)

    def step(self, kind: str) -> bool:
        """Read a page; tell whether there is more."""
        cursor = {"cursor": self._cursor[kind]} if self._cursor[kind] else {}
        answer = self._caller.get(f"/{kind}", updated_since=self._since[kind], limit=self._limit, **cursor)
        assert answer.status == 200, answer
        for item in answer.body["items"]:
            if item.get("deleted"):
                assert item == {"id": item["id"], "deleted": True}
                self.rows[kind].pop(item["id"], None)
            else:
                self.rows[kind][item["id"]] = item
        self._cursor[kind] = answer.body["next"]
        if self._cursor[kind] is None:
            self._since[kind] = answer.body["until"]
        return self._cursor[kind] is not None

    def catch_up(self) -> None:
        """Read all there is."""
        for kind in KINDS:
            while self.step(kind):
                pass


def all_rows(caller: Caller) -> dict[str, dict[int, Any]]:
    """Return what a caller sees now."""
    return {kind: {row["id"]: row for row in caller.get(f"/{kind}", limit=500).body["items"]} for kind in KINDS}


def test_what_has_changed_and_nothing_else(bob: Caller) -> None:
    """The first call tells all; the next ones what changed, the moment itself included, and then nothing."""
    first, second = bob.add("Dana")["id"], bob.add("Eli")["id"]
    until = bob.get("/contacts").body["until"]
    assert [row["id"] for row in bob.get("/contacts", updated_since="0").body["items"]] == [first, second]
    assert bob.get("/contacts", updated_since=until).body["items"] == []
    changed = bob.patch(f"/contacts/{second}", {"phone": "1"}).body
    for _ in range(2):
        assert bob.get("/contacts", updated_since=until).body["items"] == [changed]
    until = bob.get("/contacts", updated_since=until).body["until"]
    assert bob.get("/contacts", updated_since=until).body["items"] == []


def test_a_moment_is_a_beginning(bob: Caller) -> None:
    """With an offset or in UTC; other forms are refused."""
    before = timezone.now()
    dana = bob.add("Dana")
    at = Contact.objects.get().changed_at
    for moment in (before.isoformat(), at.isoformat(), at.isoformat().replace("+00:00", "Z"), "2000-01-01T00:00:00Z"):
        assert bob.get("/contacts", updated_since=moment).body["items"] == [dana]
    assert bob.get("/contacts", updated_since="2999-01-01T00:00:00+05:30").body["items"] == []
    for bad in ("yesterday", "2026-11-27", "2026-11-27T10:00:00", "-1", "", "9" * 19, "2026-02-30T00:00:00Z"):
        assert bob.get("/contacts", updated_since=bad).problem == (422, "invalid", "updated_since")


def test_all_pages_have_one_until(bob: Caller) -> None:
    """What changes between two pages, on a page that was read already, comes with the next call."""
    rows = [bob.add(f"Contact {number}")["id"] for number in range(4)]
    first = bob.get("/contacts", updated_since="0", limit=2).body
    bob.patch(f"/contacts/{rows[0]}", {"phone": "1"})
    last = bob.get("/contacts", updated_since="0", limit=2, cursor=first["next"]).body
    assert (first["until"], last["next"]) == (last["until"], None)
    assert [row["id"] for row in bob.get("/contacts", updated_since=last["until"]).body["items"]] == [rows[0]]


def test_what_was_deleted_or_handed_over_is_gone(alice: Caller, bob: Caller, charlie: Caller) -> None:
    """To whom it was handed it is new; to an admin only what was deleted is gone; and what comes back is there."""
    followers = {caller: Follower(caller) for caller in (alice, bob, charlie)}
    dana, eli = (bob.add(name, warmness_score=5)["id"] for name in ("Dana", "Eli"))
    for contact in (dana, eli):
        bob.log(contact)

    def check() -> None:
        for caller, follower in followers.items():
            follower.catch_up()
            assert follower.rows == all_rows(caller)

    check()
    book.hand_over(Contact.objects.filter(pk=dana), charlie.user)
    check()
    assert followers[bob].rows["contacts"].keys() == {eli}
    book.delete_contacts(Contact.objects.filter(pk=eli))
    check()
    book.hand_over(Contact.objects.filter(pk=dana), bob.user)
    check()
    assert followers[charlie].rows["contacts"] == {}
    book.delete_contacts(Contact.objects.filter(pk=dana))
    check()
    assert followers[alice].rows["activities"] == {}


def test_gone_rows_are_kept_for_90_days(bob: Caller) -> None:
    """But for the newest, so that no position comes twice."""
    for _ in range(2):
        bob.add()
        book.delete_contacts(Contact.objects.all())
    assert GoneRow.objects.count() == 2
    newest = commit_order.horizon()
    sweep(timezone.now() + following.KEPT)
    assert GoneRow.objects.count() == 1
    assert commit_order.horizon() >= newest


def delete_kept(activity: Activity, keeper: Keeper) -> None:
    """Delete an activity so that it can be undone."""
    delete_activity(activity, keeper.deleted)


def imported_and_taken_back(owner: User, text: str) -> None:
    """Import a file, and take that back."""
    run = imported(owner, text.encode())
    runs.take_back(run)
    while worker.step(timezone.now()):
        pass


@pytest.mark.parametrize("seed", range(3))
def test_a_follower_that_stops_and_goes_on_at_random(bob: Caller, charlie: Caller, seed: int) -> None:
    """Between any two pages, anything may happen; in the end both have the same."""
    chance = random.Random(seed)
    follower = Follower(bob)
    deeds: list[Callable[[], Any]] = [
        lambda: bob.add(f"C{chance.random()}", organization={"name": f"O{chance.randrange(3)}"}, warmness_score=5),
        lambda: [bob.log(pk) for pk in some(Contact)],
        lambda: [bob.patch(f"/contacts/{pk}", {"warmness_score": chance.randrange(11)}) for pk in some(Contact)],
        lambda: [bob.patch(f"/contacts/{pk}", {"organization": None}) for pk in some(Contact)],
        lambda: [bob.patch(f"/activities/{pk}", {"note": str(chance.random())}) for pk in some(Activity)],
        lambda: [bob.patch(f"/organizations/{pk}", {"sector": str(chance.random())}) for pk in some(Organization)],
        lambda: Organization.objects.filter(pk__in=some(Organization)).update(pipedrive_org_id=8),
        lambda: Contact.objects.filter(pk__in=some(Contact)).update(pipedrive_sync_failed=True),
        lambda: book.delete_contacts(Contact.objects.filter(pk__in=some(Contact))),
        lambda: book.hand_over(Contact.objects.filter(pk__in=some(Contact)), chance.choice([bob, charlie]).user),
        lambda: undoable(
            lambda keeper: book.delete_contacts(Contact.objects.filter(pk__in=some(Contact)), keeper.deleted)
        ),
        lambda: undoable(
            lambda keeper: book.hand_over(
                Contact.objects.filter(pk__in=some(Contact)), charlie.user, keeper.handed_over(charlie.user)
            )
        ),
        lambda: [undoable(partial(delete_kept, each)) for each in Activity.objects.filter(pk__in=some(Activity))],
        lambda: list(
            import_contacts(bob.user, [{"name": f"I{chance.randrange(6)}"}, {"name": "J", "warmness_score": 9}])
        ),
        lambda: imported_and_taken_back(
            bob.user, f"Name,Email\nKim {chance.random()},k{chance.random()}@example.com\n"
        ),
        lambda: bob.put(f"/contacts/external/form/{chance.randrange(4)}", {"name": "Eli"}),
    ]

    def some(model: Any) -> list[int]:
        rows = model.objects.all() if model is Organization else model.objects.filter(owner=bob.user)
        return chance.sample(ids, min(len(ids), 2)) if (ids := sorted(rows.values_list("pk", flat=True))) else []

    undone: list[Keeper] = []

    def undoable(deed: Callable[[Keeper], Any]) -> Keeper:
        deed(keeper := Keeper(bob.user))
        undone.append(keeper)
        return keeper

    def undo_some() -> None:
        chance.shuffle(undone)
        if undone and (group := undone.pop().group):
            undo(bob.user, group)

    deeds += [undo_some, undo_some]
    for _ in range(90):
        chance.choice(deeds)()
        if chance.random() < 0.5:
            follower.step(chance.choice(KINDS))
    follower.catch_up()  # what was begun
    follower.catch_up()
    assert follower.rows == all_rows(bob)


def test_what_an_organization_or_a_user_is_called_is_told_with_contacts(bob: Caller) -> None:
    """Renaming either changes what is told of a contact."""
    bob.add("Dana", organization={"name": "Acme"})
    follower = Follower(bob)
    follower.catch_up()
    bob.user.name = "Robert"
    bob.user.save(update_fields=["name"])
    bob.patch(f"/organizations/{Organization.objects.get().pk}", {"name": "Beta"})
    follower.catch_up()
    assert follower.rows == all_rows(bob)
    until = bob.get("/contacts").body["until"]
    bob.user.save(update_fields=["last_login"])
    assert bob.get("/contacts", updated_since=until).body["items"] == []


def test_positions_are_in_the_order_of_commits(bob: Caller) -> None:
    """Every change, however it is written, has a position that reaches the horizon of before."""
    contact = Contact.objects.get(pk=bob.add("Dana", organization={"name": "Acme"})["id"])
    writes: list[Callable[[], Any]] = [
        contact.save,
        lambda: contact.save(update_fields=["phone"]),
        lambda: Contact.objects.filter(pk=contact.pk).update(phone="1"),
        lambda: Contact.objects.bulk_update([contact], ["phone"]),
        lambda: Contact.objects.bulk_create([Contact(owner=bob.user, name=str(n)) for n in range(3)]),
    ]
    for write in writes:
        before = commit_order.horizon()
        with transaction.atomic():
            write()
            if connection.vendor == "postgresql":
                assert commit_order.horizon() <= before + 1
        assert Contact.objects.filter(changed_in__gte=before).exists()
    assert contact.changed_in == 0 or isinstance(contact.changed_in, int)
