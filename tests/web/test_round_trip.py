"""Export and import again, in each form: the same contacts, and nothing new the second time."""

from itertools import chain
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warmline.crm.book import OrganizationDetails, add_contact
from warmline.crm.emails_phones import Label, Labelled
from warmline.crm.emails_phones_columns import COLUMNS
from warmline.crm.imports import csv_files, runs, vcards, workbooks, worker
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.web import export
from warmline.web.export import FileForm

pytestmark = pytest.mark.django_db
NAMED = (
    "name",
    *chain(*dict.fromkeys(COLUMNS.values())),
    "warmness_score",
    *Contact.DETAILS,
    "organization__name",
    "organization__sector",
    "organization__country",
)
TRICKY: list[dict[str, Any]] = [
    {"name": "Total"},
    {"name": "Name"},
    {"name": "=Dana", "phone": "030 1234567 / 0171 2345678"},
    {"name": "'t Hooft", "phone": "-"},
    {"name": "Dana; Diaz, \\n", "email": "o'brien@example.com", "phone": "+1 555 0100;ext=5", "warmness_score": 10},
    {"name": "-5 ::: +3", "phone": "'1", "organization": OrganizationDetails("A ::: B", sector='"=1"', country="@x")},
    {
        "name": "Kim Lee",
        "emails": [
            Labelled("kim@example.com", "home"),
            Labelled("k@example.net"),
            Labelled("lee@example.org", "other"),
        ],
        "phones": [Labelled("home: 1"), Labelled("+49 30 1 ::: 2", "mobile"), Labelled("work: ::: 3", "home")],
    },
    {
        "name": "Lu Roth",
        "job_title": "=Buyer ::: Seller",
        "linkedin": "https://www.linkedin.com/in/lu;roth",
        "note": "Likes tea, \\n\n-5\nTotal: 3\n\u2028'=1",
        "tags": "VIP, a;b, -x, 'y, c\\",
        "source": "LinkedIn, 12 Nov 2026",
    },
    {"name": "Di Roth", "note": "🙂 " * 9_999 + "end", "tags": ", ".join(f"{n}" + "x" * 90 for n in range(50))},
    {"name": "Diaz, Dana", "job_title": '="Buyer"', "note": "a &lt; b &amp;amp;\n&nbsp;", "tags": '"VIP", &amp;, a|b'},
    {"name": "Mo", "phones": [Labelled("mobile: 030 1234567"), Labelled("a, b; c"), Labelled(":::", "other")]},
    {"name": "Jörg 「Weiß」 🙂" * 12, "organization": OrganizationDetails("Larkspur, Mills; GmbH", sector="Food")},
]
TEXT = st.text(st.characters(exclude_categories=["C"]) | st.sampled_from(" ;,|:='\"+-@\\\t"), min_size=1, max_size=60)


def file_of(contacts: Any, form: str) -> bytes:
    """Return the file in which contacts are exported."""
    rows = [export._cells(contact) for contact in contacts]
    if form == FileForm.EXCEL:
        return workbooks.written(chain([export.COLUMNS], rows))
    if form == FileForm.VCARD:
        cards = [
            (dict(zip(export.COLUMNS, row, strict=True)), contact.emails, contact.phones)
            for row, contact in zip(rows, contacts, strict=True)
        ]
        return "".join(vcards.written(cards)).encode()
    return "".join(csv_files.written(chain([export.COLUMNS], rows))).encode()


def imported(owner: User, content: bytes) -> set[str]:
    """Import a file, and return what became of its rows."""
    run = runs.begin(owner, "people", content)
    for _ in range(2):
        while worker.step(timezone.now()):
            pass
        runs.start(run, completes=True)
    return set(run.contacts.values_list("result", flat=True))


def round_trip(owner: User, other: User, rows: list[dict[str, Any]], form: str) -> None:
    """Add contacts, and have them exported and imported."""
    for row in rows:
        try:
            with transaction.atomic():
                add_contact(owner, **row)
        except ValidationError:  # nobody has such a contact
            pass
    before = sorted(Contact.objects.filter(owner=owner).values_list(*NAMED), key=str)
    if not before:
        return
    content = file_of(Contact.objects.filter(owner=owner).select_related("organization", "owner"), form)
    assert imported(owner, content) <= {"known"}
    assert imported(other, content) == {"added"}
    assert sorted(Contact.objects.filter(owner=other).values_list(*NAMED), key=str) == before
    assert imported(other, content) == {"known"}
    assert Contact.objects.count() == 2 * len(before)


@pytest.fixture
def carol() -> User:
    """Return somebody without contacts."""
    return User.objects.create_user("carol@example.com", "Carol")


@pytest.mark.parametrize("form", FileForm.values)
def test_what_is_hard_to_write(bob: User, carol: User, form: str) -> None:
    """Values that look like totals, headings, formulas, or several values."""
    round_trip(bob, carol, TRICKY, form)
    assert Contact.objects.filter(owner=carol).count() == len(TRICKY)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=TEXT,
    phones=st.lists(st.builds(Labelled, TEXT, st.sampled_from(Label.values)), max_size=3),
    company=TEXT,
    sector=st.just("") | TEXT,
    note=st.just("") | TEXT,
    tags=st.lists(TEXT.map(lambda text: text.replace(",", "")), max_size=3),
    form=st.sampled_from(FileForm.values),
)
def test_any_contact(
    bob: User,
    carol: User,
    *,
    name: str,
    phones: list[Labelled],
    company: str,
    sector: str,
    note: str,
    tags: list[str],
    form: str,
) -> None:
    """Whatever was typed comes back."""
    with transaction.atomic():
        organization = OrganizationDetails(company, sector=sector)
        row = {"name": name, "phones": phones, "organization": organization, "note": note, "tags": ", ".join(tags)}
        round_trip(bob, carol, [row], form)
        Contact.objects.all().delete()
        Organization.objects.all().delete()
        transaction.set_rollback(True)
