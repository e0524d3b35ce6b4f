"""What the heading of a column means. Pure: no database.

A heading is taken apart into its words, so that separators, case, accents and order do not matter. It is known when
all of its words are, and one of them names the thing itself: "E-mail 2 Address", "email_address" and "Work E-mail" are
e-mails, and "E-mail Type" is none. The words are those of the exports that people have, in several languages.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import TextChoices

from warmline.crm.emails_phones import Label
from warmline.crm.imports import profiles
from warmline.crm.imports.profiles import words
from warmline.crm.imports.tables import MOST_COLUMNS

WITHIN = 20  # rows: further down no column is named


class Column(TextChoices):
    """What a column holds."""

    IGNORED = "", "Leave out"
    NAME = "name", "Name"
    FIRST_NAME = "first_name", "First name"
    MIDDLE_NAME = "middle_name", "Middle name"
    LAST_NAME = "last_name", "Last name"
    SUFFIX = "suffix", "Suffix of the name"
    EMAIL = "email", "E-mail"
    PHONE = "phone", "Phone"
    ORGANIZATION = "organization", "Organization"
    SECTOR = "sector", "Sector"
    COUNTRY = "country", "Country"
    WARMNESS = "warmness_score", "Warmness (0 to 10)"
    JOB_TITLE = "job_title", "Job title"
    LINKEDIN = "linkedin", "LinkedIn"
    NOTE = "note", "Note"
    TAGS = "tags", "Tags"
    SOURCE = "source", "Source"
    LABEL = "label", "What the next e-mail or phone is for"


@dataclass(frozen=True)
class _Vocabulary:
    """The words of one kind's headings.

    Attributes:
        things: Words that name the thing itself; one of them has to be there.
        beside: Words that may stand beside it and change nothing of what it is.
    """

    things: frozenset[str]
    beside: frozenset[str]

    def has(self, words: Sequence[str]) -> bool:
        """Tell whether words are a heading of this kind; as one word, they may be two that were run together."""
        joined, known = "".join(words), self.things | self.beside
        for some in (words, *((joined[:at], joined[at:]) for at in range(2, len(joined) + 1))):
            said = {word for word in some if word}
            if said & self.things and said <= known:
                return True
        return False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that tell nothing: articles, "of" and "and", in each of the languages.
_FILLERS = _words(
    "a an the of and or to der die das und von im de del della di da do das dos des du et ou la le el lo y o d l s"
    " your ihre ihr deine dein votre su seu sua required optional erforderlich"
)
_WHOSE = (
    "contact contacts contacto contato contatto person persona personne pessoa kontakt lead customer client billing"
)
_WHICH = (
    "value wert valeur valor primary secondary main principal principale haupt first second third work business office"
    " professional home personal private other additional alternate alternative default preferred direct current"
    " company organization organisation geschaftlich geschaeftlich dienstlich arbeit beruflich buro buero firma privat"
    " privater weitere weiteres andere corporate travail pro professionnel professionnelle domicile bureau personnel"
    " personnelle prive privee trabajo casa oficina particular profesional trabalho comercial profissional pessoal"
    " residencial lavoro ufficio privato werk zakelijk thuis geschaftl geschaeftl dienstl arbete hem arbejde komorkowy"
    " primare primaere sekundare sekundaere primaire secondaire secundario słuzbowy prywatny domowy głowny stacjonarny"
    " pracovni domaci soukromy"
)
_OF_COMPANY = "company organization organisation account business name code iso primary main person contact lead"
# Headings in which each word is another thing alone, so that only the whole tells.
_WHOLE = {
    Column.NAME: "full name, complete name, display name, contact, contact name, contact person, person, person name,"
    "  your name, first and last name, first name last name, first last name, name surname, name and surname,"
    " ansprechpartner, ansprechpartnerin, kontakt, kontaktname, kontaktperson, vollständiger name, voller name, ganzer"
    " name, anzeigename, angezeigter name, vor und nachname, vor und zuname, vorname nachname, vorname und nachname,"
    " name vorname, nachname vorname, nombre completo, nombre y apellidos, nome completo, nome e cognome, nome e"
    " sobrenome, imię i nazwisko, nazwisko i imię, imię nazwisko, osoba kontaktowa, jméno a příjmení,  meno a"
    " priezvisko, celé jméno, kontaktní osoba, nom complet, nom et prénom, prénom et nom, volledige naam, lead, lead"
    " name, customer name",
    Column.FIRST_NAME: "first name, given name, given names, forename, forenames, christian name, name first, fname,"
    " first, vorname, vornamen, prénom, prénoms, primer nombre, nombre de pila, nombres, primeiro nome, nome próprio,"
    " voornaam, förnamn, fornavn, imię, jméno, křestní jméno, meno",
    Column.MIDDLE_NAME: "middle name, middle names, middle, middle initial, additional name, additional names,"
    "  second name, weitere vornamen, weiterer vorname, zweiter vorname, zweitname, segundo nombre, segundo nome, nome"
    " do meio, deuxième prénom, autres prénoms, secondo nome, tussenvoegsel",
    Column.LAST_NAME: "last name, surname, family name, family names, name last, lname, last, nachname,"
    "  familienname, zuname, nom de famille, apellido, apellidos, primer apellido, segundo apellido, apellido paterno,"
    " apellido materno, sobrenome, apelido, apelidos, último nome, nome de família, cognome, achternaam, efternamn,"
    " efternavn, etternavn, nazwisko, příjmení, priezvisko",
    Column.SUFFIX: "suffix, name suffix, generation suffix, honorific suffix, namenszusatz, suffixe, sufijo, sufixo",
    Column.PHONE: "contact number, contact no, kontaktnummer, direct dial, direct line, direct number, durchwahl",
    Column.ORGANIZATION: "business name, business, raison sociale, razón social, razão social, ragione sociale, nom"
    "  de la société, nom de l'entreprise, nombre de la empresa, nome da empresa, nome azienda, nazwa firmy, název"
    " firmy, název společnosti",
    Column.JOB_TITLE: "job title, contact title, position, role, job role, function, occupation, organization"
    " title, company title, berufsbezeichnung, stellenbezeichnung, jobtitel, funktion, rolle, beruf, poste, fonction,"
    " intitulé du poste, cargo, puesto, puesto de trabajo, função, profissão, posizione, ruolo, qualifica, functie,"
    " functietitel, stanowisko, befattning, stilling, pozice, funkce, pracovní pozice, arbeitstitel, titel der"
    " organisation",
    Column.SOURCE: "source, lead source, contact source, original source, herkunft, quelle, origen, origem, fuente,"
    " fonte, bron, provenance, źródło, zdroj, origem do contato, origen del contacto",
}
# What names a person, beside a last name the first one, and beside a first name the last one: "Name" beside "Vorname".
_EITHER = _words("name nom nombre nome naam")
_VOCABULARIES = {
    Column.EMAIL: _Vocabulary(
        _words(
            "email emails mail mails emailaddress emailaddresses mailaddress emailadresse mailadresse emailid"
            " emailadres mailadres epost correo correio courriel messagerie posta epostadress electronique electronica"
        ),
        _words(
            "address addresses adresse id adr electronico electronica eletronico electronique elettronica direccion"
            f" endereco indirizzo adres {_WHOSE} {_WHICH}"
        ),
    ),
    Column.PHONE: _Vocabulary(
        _words(
            "phone phones ph telephone telephones tel phonenumber telephonenumber telno phoneno mobile mobilephone"
            " mobilenumber mobileno mob cell cellphone cellular cellnumber landline sms whatsapp iphone telefon"
            " telefonnummer telefonnr telnr rufnummer handy handynummer handynr mobil mobilnummer mobiltelefon"
            " mobilfunk mobilfunknummer fon festnetz festnetznummer autotelefon firmentelefon haupttelefon portable"
            " telefono telefonos movil celular telefone telefones telemovel cellulare telefoon telefoonnummer mobiel"
            " gsm komorka telefonu telefony"
        ),
        _words(
            "number numbers no n nr num numer cislo numero numeros nummer rufnummer e i car radio tty tdd fijo fixe"
            " fixo fisso"
            f" {_WHOSE} {_WHICH}"
        ),
    ),
    Column.ORGANIZATION: _Vocabulary(
        _words(
            "organization organisation company companies employer account org firm workplace firma firmenname"
            " unternehmen unternehmensname arbeitgeber betrieb kunde organizationname organisationname companyname"
            " accountname  societe entreprise employeur empresa compania organizacion organizacao companhia azienda"
            " societa spolecnost spolocnost firmy  organizzazione organizacja przedsiebiorstwo pracodawca zamestnavatel"
            " bedrijf bedrijfsnaam organisatie foretag institution"
        ),
        _words("name names nom nombre nome naam associated primary current work person contact lead institution"),
    ),
    Column.SECTOR: _Vocabulary(
        _words(
            "industry sector branche branchen industrie sektor secteur setor industria ramo settore rubro branza"
            " odvetvi obor"
        ),
        _words(f"activite actividad atividade attivita {_OF_COMPANY}"),
    ),
    Column.COUNTRY: _Vocabulary(
        _words(
            "country countryregion land pais pays paese nazione nation kraj zeme krajina staat countrycode countryname"
        ),
        _words(
            "region regiao mailing billing work office address adresse direccion endereco geschaftlich geschaeftlich"
            " dienstlich buro buero firma firmensitz bureau professionnel travail trabajo trabalho comercial lavoro hq"
            f" headquarters {_OF_COMPANY}"
        ),
    ),
    Column.WARMNESS: _Vocabulary(
        _words(
            "warmness warmth warme waerme warmegrad waermegrad score leadscore punkte pontuacao puntuacion punteggio"
        ),
        _words("score lead contact"),
    ),
    Column.LINKEDIN: _Vocabulary(_words("linkedin linked"), _words(f"in url link profile profil public {_WHOSE}")),
    Column.NOTE: _Vocabulary(
        _words(
            "note notes notiz notizen bemerkung bemerkungen anmerkung anmerkungen comment comments kommentar"
            " kommentare  remark remarks nota notas observaciones observacoes commentaire commentaires remarque"
            " remarques observacion observacao observation observations  description beschreibung anotacoes opmerking"
            " opmerkingen uwagi anteckning anteckningar noter osservazioni notatka notatki poznamka poznamky message"
            " nachricht mensaje mensagem messaggio wiadomosc"
        ),
        _words(f"general internal {_WHOSE}"),
    ),
    Column.TAGS: _Vocabulary(
        _words(
            "tag tags labels category categories kategorie kategorien schlagworte etiquetas etiquettes marcadores"
            " categorias categorie etichette groupmembership etykiety tagi stitky"
        ),
        _words(_WHOSE),
    ),
}

# What an e-mail or a phone is for, by the words of its heading; the first kind that has one of them.
_LABELS = {
    Label.MOBILE: _words(
        "mobile mobilephone mobilenumber mobileno mob cell cellphone cellular cellnumber iphone handy handynummer"
        " handynr mobil mobilnummer mobiltelefon mobilfunk mobilfunknummer portable movil celular telemovel cellulare"
        " mobiel gsm komorkowy komorka"
    ),
    Label.HOME: _words(
        "home private personal privat privater domicile personnel personnelle prive privee casa particular pessoal"
        " residencial privato thuis prywatny domowy domaci soukromy"
    ),
    Label.OTHER: _words(
        "other additional alternate alternative secondary weitere weiteres andere autre otro otra outro outra altro"
        " altra sekundare sekundaere secondaire secundario"
    ),
    Label.WORK: _words(
        "work business office professional company corporate arbete arbejde geschaftl geschaeftl dienstl geschaftlich"
        " geschaeftlich dienstlich arbeit beruflich buro buero firma travail pro professionnel professionnelle bureau"
        " trabajo oficina profesional trabalho comercial profissional lavoro ufficio werk zakelijk słuzbowy pracovni"
    ),
}

# Headings that tell only beside the others of a program.
_IN_PROFILES = {
    "LinkedIn": {"url": Column.LINKEDIN, "connected on": Column.SOURCE},
}
_OF_NEXT = re.compile(  # at Google
    r"(?:e-?mail|phone|tel[eé]?[fl]\w+)[\s_]*\d+[\s_]*[-\u2013][\s_]*(?:label|type|typ|tipo|étiquette|etiqueta)",
    re.IGNORECASE,
)
_COMPANYS = "lead name"  # beside that of the contact
_TITLES = frozenset({"title", "titre"})  # of a job, unless that has a column of its own
_ADDRESS = re.compile(r"\S@\S")


def kind(heading: str) -> Column:
    """Return what a column with a heading holds; IGNORED when the heading does not tell.

    Args:
        heading: As it stands in the file.
    """
    if _OF_NEXT.fullmatch(heading.strip()):
        return Column.LABEL
    found = [word for word in words(heading) if word not in _FILLERS] or words(heading)
    if whole := _BY_WHOLE.get("".join(found)):
        return whole
    for column, vocabulary in _VOCABULARIES.items():
        if vocabulary.has(found):
            return column
    rest = [word for word in found if word not in _words(_WHOSE)]
    return _BY_WHOLE.get("".join(rest), Column.IGNORED) if len(rest) < len(found) else Column.IGNORED


def label(heading: str) -> str:
    """Return what the e-mails or phones below a heading are for; empty when it does not tell.

    Args:
        heading: As it stands in the file, or before a value in a cell.
    """
    said = set(words(heading))
    return next((kind.value for kind, known in _LABELS.items() if said & known), "")


def own_label(cell: str) -> str:
    """Return what the next e-mail or phone is for; empty unless the cell says just that.

    Args:
        cell: Of a column of its own for that.
    """
    said = set(words(cell))
    found = (kind.value for kind, known in _LABELS.items() if said and said <= known)
    return "" if any(map(str.isdigit, cell)) else next(found, "")


def kinds(headings: Sequence[str]) -> list[Column]:
    """Return what each column holds, as far as the headings tell; several columns can hold the same.

    Args:
        headings: The cells of the row that names the columns.
    """
    own = _IN_PROFILES.get(profiles.of(headings), {})
    found = [own.get(" ".join(words(heading))) or kind(heading) for heading in headings]
    titles = [place for place, heading in enumerate(headings) if " ".join(words(heading)) in _TITLES]
    if titles and Column.JOB_TITLE not in found:
        found[titles[-1]] = Column.JOB_TITLE  # Outlook in French has the one of a letter's address before it
    names = [" ".join(words(heading)) for heading in headings]
    if _COMPANYS in names and "contact name" in names:
        found[names.index(_COMPANYS)] = Column.ORGANIZATION
    first, last = Column.FIRST_NAME in found, Column.LAST_NAME in found
    if first == last:  # a name beside both is all of it, or one of them again: each row tells
        return found
    missing = Column.LAST_NAME if first else Column.FIRST_NAME
    # In German files "Name" beside "Vorname" is the last name, in Spanish ones "Nombre" beside "Apellidos" the first.
    return [
        missing if column == Column.NAME and _is_either(heading) else column
        for column, heading in zip(found, headings, strict=True)
    ]


def find(rows: Sequence[Sequence[str]]) -> int | None:
    """Return which of the first rows names the columns: the one in which most headings are known.

    Args:
        rows: The cells of the first rows that have any.

    Returns:
        Its index; None when there is no such row, because the first one is a contact already.
    """
    some = [[cell for cell in row if cell.strip()] for row in rows[:WITHIN]]
    scores = [0 if _has_address(cells) else len(set(map(kind, cells)) - {Column.IGNORED}) for cells in some]
    best = max(range(len(some)), key=lambda index: (scores[index], -index), default=0)
    above = some[:best]
    is_title = all(len(cells) == 1 for cells in above)
    if scores and scores[best] and (is_title or (scores[best] > 1 and not any(map(_has_address, above)))):
        return best
    # Nothing is known of it. A title is one cell wide, and a contact has an address.
    wide = next((index for index, cells in enumerate(some) if len(cells) > 1), 0)
    return None if not some or any(map(_has_address, some[: wide + 1])) else wide


def known(headings: Sequence[str]) -> int:
    """Return how many different things the headings are known to name, of as many as a file may have."""
    return len(set(map(kind, headings[:MOST_COLUMNS])) - {Column.IGNORED})


def _has_address(cells: Sequence[str]) -> bool:
    return any(_ADDRESS.search(cell) for cell in cells)


def _is_either(heading: str) -> bool:
    return _EITHER.issuperset(words(heading))


def _joined(heading: str) -> str:
    return "".join(word for word in words(heading) if word not in _FILLERS)


_BY_WHOLE = {
    _joined(heading): column for column, said in _WHOLE.items() for heading in said.split(",")
} | dict.fromkeys(_EITHER, Column.NAME)
