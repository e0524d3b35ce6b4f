"""Two people who look like one: both are kept or asked for, and what a row could complete is proposed."""

import pytest
from crm.test_exports import imported
from django.utils import timezone

from warmline.crm.book import add_contact
from warmline.crm.emails_phones import Labelled
from warmline.crm.imports import decisions, runs, worker
from warmline.crm.imports.runs import ImportRun
from warmline.crm.models import Contact
from warmline.crm.users import User

pytestmark = pytest.mark.django_db
HEADINGS = "Name,E-mail,Phone,Company,Warmness\n"


def results(run: ImportRun) -> list[str]:
    """Return what became of each row."""
    return list(run.contacts.order_by("number").values_list("result", flat=True))


def reasons(run: ImportRun, number: int) -> list[str]:
    """Return what is said of a row."""
    return list(run.rows.get(number=number).reasons)


def brought(owner: User, rows: str) -> ImportRun:
    """Have a file checked."""
    run = runs.begin(owner, "people.csv", f"{HEADINGS}{rows}".encode())
    while worker.step(timezone.now()):
        pass
    return run


def test_one_mailbox_and_two_phones_are_asked(alice: User) -> None:
    """Nothing is dropped: a person says that it is somebody else, or the row comes back with the rejected ones."""
    rows = "Maria Santos,office@example.com,+49 40 123456,,2\nMaria Santos,office@example.com,+49 40 654321,,9\n"
    run = brought(alice, rows)
    assert results(run) == ["new", "differs"]
    assert reasons(run, 3) == [
        "Not taken over: phone “+49 40 654321”. There it is “+49 40 123456”.",
        "Not taken over: warmness “9”. There it is “2”.",
    ]
    assert decisions.add_as_another(run, None) == 1
    runs.start(run)
    while worker.step(timezone.now()):
        pass
    assert results(run) == ["added", "added"]
    assert set(Contact.objects.values_list("phone", "warmness_score")) == {("+49 40 123456", 2), ("+49 40 654321", 9)}
    assert results(brought(alice, rows)) == ["known", "known"]


def test_one_name_and_two_phones_are_two_people(alice: User) -> None:
    """Both are kept, and it is said; another time both are known."""
    rows = "Maria Santos,,+49 40 123456,Birch,2\nMaria Santos,,+49 40 654321,Birch,9\nMaria Santos,,,Birch,\n"
    run = imported(alice, f"{HEADINGS}{rows}".encode())
    assert results(run) == ["added", "added", "known"]
    assert reasons(run, 3) == [
        "“Maria Santos” has the same name, with another phone. If they are the same person, delete one of them."
    ]
    assert results(brought(alice, rows)) == ["known"] * 3


def test_one_mailbox_and_two_names(alice: User) -> None:
    """Both are kept, each with everything."""
    rows = "Petra Maier,office@example.com,1,,2\nKlaus Petersen,office@example.com,2,,9\n"
    assert results(imported(alice, f"{HEADINGS}{rows}".encode())) == ["added", "added"]
    assert set(Contact.objects.values_list("phone", "warmness_score")) == {("1", 2), ("2", 9)}


@pytest.mark.parametrize("completes", [True, False])
def test_first_without_an_email_and_later_with_it(alice: User, completes: bool) -> None:  # noqa: FBT001 (a table)
    """In one file, of one company: the second completes the first if that is wished, and is never a second person."""
    run = imported(
        alice,
        f"{HEADINGS}Ana Reis,,,Birch,\nAna Reis,ana@example.com,1,BIRCH,5\nAna Reis,,,Birch,\n".encode(),
        completes=completes,
    )
    assert results(run) == ["added", "completed" if completes else "completes", "known"]
    assert reasons(run, 3) == [
        "Adds the e-mail “ana@example.com” to the contact.",
        "Adds the phone “1” to the contact.",
        "Adds the warmness “5” to the contact.",
    ]
    contact = Contact.objects.get()
    expected = ("ana@example.com", "1", 5) if completes else ("", "", 0)
    assert (contact.email, contact.phone, contact.warmness_score) == expected


def test_a_known_contact_is_completed(alice: User, jordan: Contact) -> None:
    """What it has stays, and what it has not comes; it counts as changed, so that Pipedrive is told."""
    revision = jordan.revision
    run = imported(alice, b"Name,E-mail,Phone,Company,Sector\nJ. Ames,jordan@example.com,,Birch,Food\n", completes=True)
    assert results(run) == ["completed"]
    assert reasons(run, 2)[0] == "Known as “Jordan Ames”."
    jordan.refresh_from_db()
    assert (jordan.name, jordan.phone, jordan.warmness_score) == ("Jordan Ames", "+49 30 5550100", 2)
    assert jordan.organization is not None
    assert (jordan.organization.name, jordan.organization.sector) == ("Birch", "Food")
    assert jordan.revision == revision + 1


def test_a_known_contact_gets_its_other_values(alice: User, jordan: Contact) -> None:
    """It is known by any of its e-mails; what it has not yet is put behind what it has, and no number comes twice."""
    content = (
        b"Name,E-mail,Private E-mail,Phone,Mobile\n"
        b"Jordan Ames,j.ames@example.org,jordan@example.com,030 5550100,0151 5550102\n"
    )
    run = imported(alice, content, completes=True)
    assert results(run) == ["completed"]
    assert reasons(run, 2) == [
        "Adds the e-mail “j.ames@example.org” to the contact.",
        "Adds the phone “0151 5550102” to the contact.",
    ]
    jordan.refresh_from_db()
    assert jordan.emails == (Labelled("jordan@example.com"), Labelled("j.ames@example.org"))
    assert jordan.phones == (Labelled("+49 30 5550100"), Labelled("0151 5550102", "mobile"))
    assert results(imported(alice, content, completes=True)) == ["known"]


def test_who_would_be_completed_is_gone(alice: User) -> None:
    """Then the row is somebody new."""
    known = add_contact(alice, name="Dana Diaz", email="dana@example.com")
    run = brought(alice, "Dana Diaz,dana@example.com,1,,\n")
    assert results(run) == ["completes"]
    known.delete()
    runs.start(run, completes=True)
    while worker.step(timezone.now()):
        pass
    assert results(run) == ["added"]


def test_what_a_known_row_says_otherwise_is_said(alice: User, jordan: Contact) -> None:
    """Its company's sector, too."""
    imported(alice, b"Name,Company,Sector\nDana Diaz,Birch,Food\n")
    run = brought(alice, "Jordan Ames,jordan@example.com,030 5550100,,7\n")
    assert results(run) == ["known"]
    assert reasons(run, 2) == ["Not taken over: warmness “7”. There it is “2”."]
    run = imported(alice, b"Name,Company,Sector\nKim Lee,Birch,Energy\n")
    assert (results(run), reasons(run, 2)) == (["added"], ["Not taken over: sector “Energy”. There it is “Food”."])


def test_columns_are_remembered(alice: User) -> None:
    """The next file with these headings needs no choice; another person's does."""
    bob = User.objects.create_user("bob@example.com", "Bob")
    content = b"Report\n\nWho,Where from,Reach\nDana,Lima,dana@example.com\n"
    run = runs.begin(alice, "one.csv", content)
    assert run.status == "matching"
    decisions.choose(run, ["name", "", "email"], heading=3)
    again = runs.begin(alice, "two.csv", content.upper())
    assert (again.status, again.columns) == ("checking", ["name", "", "email"])
    assert runs.begin(bob, "three.csv", content).status == "matching"


def test_pointing_at_another_row(alice: User) -> None:
    """Its columns are matched, and what stands above is left out."""
    run = runs.begin(alice, "one.csv", b"Old,x\nName,Email\nDana,dana@example.com\n")
    decisions.choose(run, ["name", ""], heading=1)
    decisions.point_at(run, 2)
    assert (run.columns, run.status) == (["name", "email"], "matching")
    decisions.choose(run, run.columns, heading=2)
    while worker.step(timezone.now()):
        pass
    assert results(run) == ["left_out", "new"]
