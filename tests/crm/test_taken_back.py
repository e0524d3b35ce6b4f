"""An import is taken back: what it added and nobody touched since goes, and everything else stays."""

import pytest
from crm.test_exports import imported
from django.utils import timezone

from warmline.crm import chunks
from warmline.crm.book import OrganizationDetails, add_contact, change_contact, hand_over, log_activity
from warmline.crm.imports import runs, worker
from warmline.crm.imports.runs import ImportRun, Status
from warmline.crm.models import Contact
from warmline.crm.users import User

pytestmark = pytest.mark.django_db
NAMES = ["Dana", "Kim", "Robin", "Jordan", "Ana", "Petra"]
FILE = ("Name,E-mail,Phone,Company,Warmness\n" + "".join(f" {name} ,,'1,Birch,5\n" for name in NAMES)).encode()


def results(run: ImportRun) -> list[str]:
    """Return what became of each row."""
    return list(run.contacts.order_by("number").values_list("result", flat=True))


def taken_back(run: ImportRun) -> None:
    """Have an import taken back."""
    runs.take_back(run)
    while worker.step(timezone.now()):
        pass
    run.refresh_from_db()
    assert run.status == Status.DONE


def test_what_nobody_touched_goes(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was changed, used, handed over or deleted since is left alone, and so is what was there before."""
    monkeypatch.setattr(chunks, "MOST", 2)
    bob = User.objects.create_user("bob@example.com", "Bob")
    add_contact(alice, name="Petra", organization=OrganizationDetails("Birch"), phone="1", warmness_score=5)
    run = imported(alice, FILE)
    assert results(run) == ["added"] * 5 + ["known"]
    contacts = {contact.name: contact for contact in Contact.objects.filter(owner=alice)}
    change_contact(contacts["Kim"], {"warmness_score": 6})
    log_activity(alice, contacts["Robin"], type="CALL")
    hand_over(Contact.objects.filter(name="Jordan"), bob)
    contacts["Ana"].delete()
    taken_back(run)
    assert results(run) == ["taken_back", "kept", "kept", "kept", "kept", "known"]
    assert set(Contact.objects.values_list("name", flat=True)) == {"Kim", "Robin", "Jordan", "Petra"}
    assert set(Contact.objects.filter(pk__in=runs.contacts_of(run.pk)).values_list("name", flat=True)) == {
        "Kim",
        "Robin",
        "Jordan",
    }


def test_again_is_nothing(alice: User) -> None:
    """And the file can be imported again."""
    run = imported(alice, FILE)
    for _ in range(2):
        taken_back(run)
        assert results(run) == ["taken_back"] * 6
    assert not Contact.objects.exists()
    assert results(imported(alice, FILE)) == ["added"] * 6


def test_only_what_is_done(alice: User) -> None:
    """Before that there is nothing to take back, and meanwhile nobody forgets the file."""
    run = runs.begin(alice, "people.csv", FILE)
    runs.take_back(run)
    run.refresh_from_db()
    assert run.status == Status.CHECKING
    run = imported(alice, b"Name\nEli\n")
    runs.take_back(run)
    assert not runs.discard(run)
