"""Headings: known whatever their separators, case and language, and never taken for what they are not."""

import pytest

from warmline.crm.imports import headings, profiles
from warmline.crm.imports.heading_words import Column

KNOWN = {
    Column.NAME: "Name|FULL NAME|full_name|Display Name|Contact Name|Contact|Person - Name|Contact: Full Name"
    "|Ansprechpartner|Vor- und Nachname|Your name|Name *|Name (required)|Name, Vorname|What is your name?"
    "|Nombre completo|Nome completo|Nom complet|Nom|Nome|Nombre|Anzeigename"
    "|Lead Name|Customer name",
    Column.FIRST_NAME: "First Name|first_name|FirstName|Given Name|FNAME|Vorname|VORNAME|Prénom|PRENOM|Primer nombre"
    "|Primeiro nome|Billing First Name|Name (First)|Forename(s)|Person - First name|firstname|Contact: First Name",
    Column.MIDDLE_NAME: "Middle Name|Additional Name|Weitere Vornamen|Segundo nombre|Deuxième prénom|middle_name"
    "|Segundo nome",
    Column.LAST_NAME: "Last Name|LASTNAME|last-name|Surname|Family Name|LNAME|Nachname|Nom de famille|Apellidos"
    "|Sobrenome"
    "|Cognome|Achternaam|Contact: Last Name|Apelido|Name (Last)|Apellido(s)",
    Column.SUFFIX: "Suffix|Name Suffix|Suffixe",
    Column.EMAIL: "Email|E-mail|E-Mail-Adresse|email_address|Email ID|Work E-mail|E-mail Address|E-mail 2 Address"
    "|E-mail 1 - Value|Email - Work|Email - Home|Email - Other|Person - Email - Work|Primary Email|Secondary Email"
    "|EMAIL"
    "|emailAddress|Email (work)|Mail|E-Mail geschäftlich|E-Mail 2: Adresse|E-Mail (privat)|Correo electrónico|Courriel"
    "|Dirección de correo electrónico|Adresse de messagerie|Adresse e-mail|Endereço de e-mail|Correio eletrônico"
    "|Contact Email|Your e-mail|Ihre E-Mail-Adresse|Email(s)|What is your e-mail address?|Adresse électronique"
    "|Billing Email|Indirizzo e-mail|work_email|e mail|Email 2|Email address (primary)",
    Column.PHONE: "Phone|Phone Number|Business Phone|Business Phone 2|Mobile Phone|Home Phone|Primary Phone|Other Phone"
    "|Company Main Phone|Car Phone|Phone 1 - Value|Phone - Work|Person - Phone - Mobile|MobilePhone"
    "|Mobile Phone Number|Cell"
    "|Cell phone|Tel.|Tel. Nr.|Telefon geschäftlich|Telefon (geschäftlich)|Telefon privat 2|Mobiltelefon|Handy|Handynr."
    "|Téléphone|Téléphone portable|Tél. mobile|Teléfono móvil|Teléfono del trabajo|Telefone celular|Telemóvel|SMS"
    "|WhatsApp"
    "|Phone #|Ph.|Mob. no.|WhatsApp Phone Number|N° de téléphone|phone_number|Phone (iPhone)|Contact number"
    "|Durchwahl|Mobilnummer|Telefonnummer",
    Column.ORGANIZATION: "Organization|Organisation|Company|Company Name|company_name|Organization 1 - Name"
    "|Organization Name"
    "|Person - Organization|Organization - Name|Associated Company|Account Name|AccountName|Firma|Unternehmen|Société"
    "|Entreprise|Empresa|Nome da empresa|Nombre de la empresa|Azienda|Employer|Company/Organization"
    "|Raison sociale|Org name|Company / Account",
    Column.SECTOR: "Industry|Sector|Branche|Organization - Industry|Company industry|Secteur d'activité|Setor"
    "|Industria",
    Column.COUNTRY: "Country|Country/Region|Business Country/Region|Land|Land/Region geschäftlich"
    "|Address 1 - Country|Pays"
    "|País|País/Região (comercial)|Mailing Country|Billing Country|MailingCountry|Country of Address"
    "|Land (geschäftlich)",
    Column.JOB_TITLE: "Job Title|Position|Organization Title|Organization 1 - Title|jobtitle|Function|Role|Cargo|Poste"
    "|Contact: Position|Berufsbezeichnung",
    Column.LINKEDIN: "LinkedIn|LinkedIn URL|linkedin_profile|Person Linkedin Url|LinkedIn Profile URL",
    Column.NOTE: "Notes|Note|Notizen|Bemerkungen|Comments|Contact notes",
    Column.TAGS: "Tags|Labels|Group Membership|Categories|Kategorien|Contact tags",
    Column.SOURCE: "Source|Lead Source|Contact source|Original Source|Quelle|Herkunft",
    Column.WARMNESS: "Warmness|Warmness score|warmness_score|Score|Wärme|Warmness (0 to 10)",
}
UNKNOWN = """|E-mail Type|E-mail Display Name|Email Opt Out|Email Status
|Pager|Business Fax|Home Fax|Assistant's Phone|Assistant's Name|Contact owner|Account Owner|Company size
|Company ID|Title|URL|Connected On|Birthday|Gender|Address
|Business Street|Home Country/Region|Company Domain Name|Website 1 - Value|Phonetic First Name|First Name Phonetic
|Nickname|Label|ID|Spouse|Country code of phone|Reason|2|Email domain|Record ID|Manager's Name|Number|Home|Work"""


@pytest.mark.parametrize(
    ("heading", "expected"),
    [(heading, kind) for kind, said in KNOWN.items() for heading in said.split("|")]
    + [(heading, Column.IGNORED) for heading in UNKNOWN.replace("\n", "").split("|")],
)
def test_a_heading(heading: str, expected: Column) -> None:
    """It is known, or not taken for what it only resembles; also in capitals, with underscores, and in camel case."""
    words = heading.replace("-", " ").split()
    camel = "".join(word[:1].upper() + word[1:].lower() for word in words)
    spellings = {heading, heading.upper(), heading.lower(), f" {heading} ", "_".join(words), f"\ufeff{heading}:"}
    if all(map(str.isalpha, words)) and "email" not in camel.lower():
        spellings.add(camel)
    assert {spelling: headings.kind(spelling) for spelling in spellings} == dict.fromkeys(spellings, expected)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("Vorname,Name", "first_name,last_name"),
        ("Prénom,Nom", "first_name,last_name"),
        ("Nombre,Apellidos", "first_name,last_name"),
        ("Nome,Sobrenome", "first_name,last_name"),
        ("Name,Surname", "first_name,last_name"),
        ("Name,Vorname,Nachname", "name,first_name,last_name"),
        ("Full Name,First Name", "name,first_name"),
        ("Name,E-mail,Phone", "name,email,phone"),
        ("Telefon,Mobil", "phone,phone"),
    ],
)
def test_headings_beside_each_other(names: str, expected: str) -> None:
    """A bare "name" is what is missing beside a first or a last one."""
    assert ",".join(headings.kinds(names.split(","))) == expected


CONTACT = ["Ana", "ana@example.com", "Larkspur"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["First Name", "Email", "Company"], CONTACT], 0),
        ([["Notes:"], ["When exporting, you may notice that…"], ["First Name", "Email", "Company"], CONTACT], 2),
        ([["All contacts"], ["As of 12 Nov 2026"], ["Who", "Where"], ["Ana", "Lima"]], 2),
        ([["Contacts, by Ana"], ["Name"], ["Ana"]], 1),
        ([["Contact", ""], ["Name", "E-mail"], CONTACT], 1),
        ([["Name", "Notes"], ["Ana", "x"]], 0),
        ([["Alpha", "Beta"], ["x", "y"]], 0),
        ([["Name"], ["Ana"]], 0),
        ([["Wer", "Was"], ["Ana", "Mobile"], ["Name", "x"]], 0),
        ([CONTACT, ["Kim", "kim@example.com", "Mobile"]], None),
        ([CONTACT, ["Name", "Phone", "E-mail"]], None),
        ([["Dana", "dana@example.com"]], None),
    ],
)
def test_the_row_of_the_headings(rows: list[list[str]], expected: int | None) -> None:
    """It is found below a title, and a contact is none."""
    assert headings.find(rows) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("First Name,Last Name,URL,Email Address,Company,Position,Connected On", "LinkedIn"),
        ("Name,Given Name,Family Name,Group Membership,E-mail 1 - Type,E-mail 1 - Value", "Google Contacts"),
        ("First Name,Last Name,Business Phone,E-mail Address,E-mail Type", "Outlook"),
        ("First Name,Last Name,Display Name,Nickname,Primary Email", "Thunderbird"),
        ("Person - Name,Person - Organization", "Pipedrive"),
        ("Record ID,First Name,Last Name,Email,Associated Company", "HubSpot"),
        ("Name,E-mail", ""),
    ],
)
def test_the_program(names: str, expected: str) -> None:
    """Known exports are told by headings that only they have."""
    assert profiles.of(names.split(",")) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            "Επώνυμο, Όνομα, Εταιρεία, Διεύθυνση ηλεκτρονικού ταχυδρομείου, Κινητό, Χώρα, Σημειώσεις",
            "last_name first_name organization email phone country note",
        ),
        (
            "Soyadı, ADI, ŞİRKET, E-POSTA ADRESİ, İş Telefonu, İŞ UNVANI, Ülke/Bölge, Etiketler",  # noqa: RUF001 (Turkish)
            "last_name first_name organization email phone job_title country tags",
        ),
        (
            "Fornavn, Mellemnavn, Efternavn, Virksomhed, Telefon (arbejde), Bemærkninger, Land/område, Kilde",
            "first_name middle_name last_name organization phone note country source",
        ),
        ("Navn, Selskap, Stilling, Telefon jobb, Bransje", "name organization job_title phone sector"),
        ("Namn, Bolag, Befattning, Telefon hem, Källa", "name organization job_title phone source"),
        (
            "Etunimi, Sukunimi, Sähköpostiosoite, Matkapuhelin, Yritys, Tehtävänimike",
            "first_name last_name email phone organization job_title",
        ),
        ("Contactpersoon, Mobiele telefoon, Land/regio, Categorieën, Notities", "name phone country tags note"),
        ("Nome, Apelido, Telefone da Empresa, País/Região da Empresa", "first_name last_name phone country"),
        (
            "姓, 名, 会社名, 役職, メールアドレス, 携帯電話, 国/地域, 備考",
            "last_name first_name organization job_title email phone country note",
        ),
        (
            "姓名, 公司, 职务, 电子邮件地址, 商务电话, 国家/地区, 标签",
            "name organization job_title email phone country tags",
        ),
        ("姓氏, 名字, 公司, 電子郵件地址, 行動電話, 附註", "last_name first_name organization email phone note"),
        (
            "성, 이름, 회사, 직함, 이메일 주소, 휴대폰, 메모",
            "last_name first_name organization job_title email phone note",
        ),
        ("ФИО, Организация, Должность, Эл. почта, Рабочий телефон", "name organization job_title email phone"),
        ("Vezetéknév, Keresztnév, Cég, Beosztás, E-mail cím", "last_name first_name organization job_title email"),
    ],
)
def test_other_languages(names: str, expected: str) -> None:
    """With their accents, in capitals, and without spaces between words."""
    assert headings.kinds(names.split(", ")) == headings.kinds(names.upper().split(", ")) == expected.split()


def test_what_a_phone_is_for_in_other_languages() -> None:
    """As far as the word for it stands there."""
    mobile, home, work = (
        ["Κινητό", "Cep Telefonu", "Matkapuhelin", "携帯電話", "手机"],
        ["Τηλέφωνο οικίας", "Ev Telefonu", "Telefon hem", "自宅電話"],
        ["İş Telefonu", "Telefon arbeid", "Рабочий телефон", "商务电话"],
    )
    found = [{headings.label(heading) for heading in some} for some in (mobile, home, work)]
    assert found == [{"mobile"}, {"home"}, {"work"}]
