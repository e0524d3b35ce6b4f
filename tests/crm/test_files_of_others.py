"""Files as many programs and people write them: of each kind the smallest that once lost or misread something."""

from typing import Any

import pytest
from crm.test_exports import imported

from warmline.crm.imports import headings, profiles
from warmline.crm.imports.heading_words import Column
from warmline.crm.imports.headings import kinds
from warmline.crm.models import Contact
from warmline.crm.users import User

pytestmark = pytest.mark.django_db
DANA = {"name": "Dana Diaz"}
FILES: dict[str, tuple[str, dict[str, Any]]] = {
    "a title is that of the job": ("Name,Title\nDana Diaz,Buyer\n", {**DANA, "job_title": "Buyer"}),
    "unless the job has its own": ("Name,Title,Job Title\nDana Diaz,Dr.,Buyer\n", {**DANA, "job_title": "Buyer"}),
    "last name first": ('Name,Email\n"Diaz, Dana",\n', DANA),
    "with what stands behind it": ('Name,Email\n"de la Cruz, Ana María, Jr.",\n', {"name": "Ana María de la Cruz Jr."}),
    "a comma before a degree": ('Name,Email\n"Dana Diaz, PhD",\n', {"name": "Dana Diaz, PhD"}),
    "a comma in a company": ('Name,Email\n"Larkspur Mills, Inc.",\n', {"name": "Larkspur Mills, Inc."}),
    "two people in a cell": ('Name,Email\n"Diaz, Dana & Kim",\n', {"name": "Diaz, Dana & Kim"}),
    "entities of HTML": (
        "Name,Company\nJ&ouml;rg O&#39;Neill,M&uuml;ller &amp; Co\n",
        {"name": "Jörg O'Neill", "organization__name": "Müller & Co"},
    ),
    "no entity": ("Name,Company\nDana Diaz,AT&T; R&D\n", {**DANA, "organization__name": "AT&T; R&D"}),
    "a text for a spreadsheet": ('Name,Phone\nDana Diaz,="+49 171 1234567"\n', {**DANA, "phone": "+49 171 1234567"}),
    "tags in quotation marks": ('Name,TAGS\nDana Diaz,"""VIP"",""Fair"""\n', {**DANA, "tags": "VIP, Fair"}),
    "what says that there is nothing": (
        "Name,Company,Country,Job Title,Notes\nDana Diaz,#N/A,-,(none),#REF!\n",
        {**DANA, "organization": None, "job_title": "", "note": ""},
    ),
    "what only looks so": (
        "Name,Company,Country\nDana Null,Acme,NA\n",
        {"name": "Dana Null", "organization__country": "NA"},
    ),
    "what a program writes for nothing": (
        "Name,Email,Phone,Company,Notes\nDana Diaz,nan,NaN,NULL,None\n",
        {**DANA, "email": "", "organization": None},
    ),
    "a space before quotation marks": (
        'Name, Company, Email\n"Dana Diaz", "Larkspur, Inc.", "dana@example.com"\n',
        {**DANA, "organization__name": "Larkspur, Inc.", "email": "dana@example.com"},
    ),
    "the name of a lead beside the contact's": (
        "lead_name,contact_name,contact_title\nLarkspur,Dana Diaz,Buyer\n",
        {**DANA, "organization__name": "Larkspur", "job_title": "Buyer"},
    ),
    "two titles": ("Titre,Prénom,Nom,Titre\n,Dana,Diaz,Acheteuse\n", {**DANA, "job_title": "Acheteuse"}),
    "a mark twice": ("\ufeff\ufeffName,Email\nDana Diaz,dana@example.com\n", {**DANA, "email": "dana@example.com"}),
    "a delimiter that is said": ('"sep=;"\r\nName;Phone\r\nDana Diaz;1,2\r\n', {**DANA, "phone": "1,2"}),
    "addresses of pages in Notion": (
        'Name,Company,Tags\nDana Diaz,Larkspur Mills (https://www.notion.so/Larkspur-1a2b?pvs=21),"fair, vip"\n',
        {**DANA, "organization__name": "Larkspur Mills", "tags": "fair, vip"},
    ),
    "a name with a comma in Airtable": (
        'Name,Company\nDana Diaz,"""Larkspur, Inc."""\n',
        {**DANA, "organization__name": "Larkspur, Inc."},
    ),
    "Salesforce's names of columns": (
        "LASTNAME,FIRSTNAME,HOMEPHONE,ACCOUNT.NAME\nDiaz,Dana,1,Larkspur\n",
        {**DANA, "phone": "1", "phone_label": "home", "organization__name": "Larkspur"},
    ),
    "a label of its own": (
        "Name,E-mail 1 - Type,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value\nDana,* Home,d@example.com,Mobile,1\n",
        {"email": "d@example.com", "email_label": "home", "phone_label": "mobile"},
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_each_value_is_where_it_belongs(alice: User, name: str) -> None:
    """And nothing is said to be left out."""
    text, expected = FILES[name]
    run = imported(alice, text.encode())
    (found,) = Contact.objects.values(*expected)
    assert found == expected
    assert {reason for row in run.contacts for reason in row.reasons} == set()


def test_a_label_that_is_none_of_ours_is_named(alice: User) -> None:
    """As is one of an e-mail that is not there, and what else stands in the cell."""
    text = (
        "Name,Phone 1 - Label,Phone 1 - Value,E-mail 1 - Label,E-mail 1 - Value\n"
        "Dana Diaz,Assistant,+49 171 1234567,Home,\n"
    )
    run = imported(alice, f"{text}Kim Lee,Work; b@example.net,+49 171 7654321,,\n".encode())
    assert [row.reasons for row in run.contacts.order_by("number")][1] == ["Left out: label “Work; b@example.net”."]
    assert run.contacts.earliest("number").reasons == ["Left out: label “Assistant”.", "Left out: label “Home”."]


def test_what_warmline_wrote_comes_back_as_it_is(alice: User) -> None:
    """A name with a comma, entities and a text for a spreadsheet are what somebody typed here."""
    text = 'Name,Warmness,Last contacted,Owner,Note,Source,Job title\n"Diaz, Dana",0,,Alice,a &lt; b,"\'=""x""",n/a\n'
    imported(alice, text.encode())
    contact = Contact.objects.get()
    assert (contact.name, contact.note, contact.source) == ("Diaz, Dana", "a &lt; b", '="x"')
    assert contact.job_title == "n/a"


def test_several_pages_of_notion(alice: User) -> None:
    """The first is the organization, and the others are named."""
    text = 'Name,Company\nDana,"Larkspur (https://www.notion.so/L-1), Birch (https://www.notion.so/B-2)"\n'
    run = imported(alice, text.encode())
    assert Contact.objects.values_list("organization__name", flat=True).get() == "Larkspur"
    assert run.contacts.get().reasons == ["Left out: organization “Birch”."]


def test_several_last_names_in_a_cell(alice: User) -> None:
    """The first counts, and the others are named."""
    run = imported(alice, b"First name,Last name\nTaro,Yamada ::: Tanaka\n")
    assert Contact.objects.get().name == "Taro Yamada"
    assert run.contacts.get().reasons == ["Left out: last name “Tanaka”."]


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("Tel. geschäftl.", Column.PHONE),
        ("Mobil geschäftl.", Column.PHONE),
        ("Weiteres Telefon", Column.PHONE),
        ("Corporate Phone", Column.PHONE),
        ("Telefon komórkowy", Column.PHONE),
        ("Telefon arbete", Column.PHONE),
        ("Anotações", Column.NOTE),
        ("Opmerkingen", Column.NOTE),
        ("Uwagi", Column.NOTE),
        ("Anteckningar", Column.NOTE),
        ("Description", Column.NOTE),
        ("Stanowisko", Column.JOB_TITLE),
        ("Message", Column.NOTE),
        ("Observação", Column.NOTE),
        ("Primäre E-Mail-Adresse", Column.EMAIL),
        ("Sekundäre E-Mail-Adresse", Column.EMAIL),
        ("Imię i nazwisko", Column.NAME),
        ("Jméno", Column.FIRST_NAME),
        ("Příjmení", Column.LAST_NAME),
        ("Nazwa firmy", Column.ORGANIZATION),
        ("Společnost", Column.ORGANIZATION),
        ("Numer telefonu", Column.PHONE),
        ("Telefon służbowy", Column.PHONE),
        ("Branża", Column.SECTOR),
        ("Země", Column.COUNTRY),
        ("Źródło", Column.SOURCE),
        ("Pontuação", Column.WARMNESS),
        ("E-mail 2 - Label", Column.LABEL),
        ("Telefon 1 \u2013 Label", Column.LABEL),
        ("", Column.IGNORED),
        ("PHONE_1_-_TYPE", Column.LABEL),
        ("E-Mail-Typ", Column.IGNORED),
        ("E-mail 2 Type", Column.IGNORED),
        ("Title", Column.IGNORED),
        ("Tertiary Email", Column.EMAIL),
    ],
)
def test_more_headings(heading: str, column: Column) -> None:
    """In the languages and the words of more programs."""
    assert headings.kind(heading) == column


def test_a_title_beside_others() -> None:
    """It is that of the job where no other column is."""
    assert kinds(["Name", "Title"])[1] == kinds(["Nom", "Titre"])[1] == Column.JOB_TITLE
    assert kinds(["Name", "Title", "Job Title"])[1] == Column.IGNORED


@pytest.mark.parametrize(
    ("said", "profile"),
    [
        ("First Name,Last Name,Account Name,Lead Source,Title,Secondary Email,Email Opt Out", "Zoho"),
        ("First Name,Last Name,Title,Seniority,Contact Owner,Person Linkedin Url,Secondary Email", "Apollo"),
        ("First Name,Last Name,Title,Account Name,Mailing Country", "Salesforce"),
        ("First Name,Last Name,Company / Account,Lead Source,Lead Status", "Salesforce"),
        ("Record Id,Lead Owner,Company,Lead Source,Lead Status,Secondary Email,Email Opt Out", "Zoho"),
    ],
)
def test_whose_export_it_is(said: str, profile: str) -> None:
    """Also where one program has headings of another."""
    assert profiles.of(said.split(",")) == profile
