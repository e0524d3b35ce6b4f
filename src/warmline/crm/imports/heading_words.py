"""The words of headings in the exports that people have, by what the columns below them hold. Data only.

They are written as people write them; case and accents do not matter. A new word belongs to the kind that it names, or
beside it if it changes nothing of what that is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import TextChoices

from warmline.crm.emails_phones import Label
from warmline.crm.imports.profiles import words


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
class Vocabulary:
    """The words of one kind's headings.

    Attributes:
        things: Words that name the thing itself; one of them has to be there.
        beside: Words that may stand beside it and change nothing of what it is.
    """

    things: frozenset[str]
    beside: frozenset[str]

    def has(self, said: Sequence[str]) -> bool:
        """Tell whether words are a heading of this kind; as one word, they may be two that were run together."""
        joined, known = "".join(said), self.things | self.beside
        for some in (said, *((joined[:at], joined[at:]) for at in range(2, len(joined) + 1))):
            each = {word for word in some if word}
            if each & self.things and each <= known:
                return True
        return False


def _words(text: str) -> frozenset[str]:
    return frozenset(word for each in text.split() for word in words(each))


# Words that tell nothing: articles, "of" and "and", in each of the languages.
FILLERS = _words(
    "a an the of and or to der die das und von im de del della di da do das dos des du et ou la le el lo y o d l s"
    " your ihre ihr deine dein votre su seu sua required optional erforderlich"
)
_WHOSE = (
    "contact contacts contacto contato contatto person persona personne pessoa kontakt lead customer client billing"
)
WHOSE = _words(_WHOSE)
_WHICH = (
    "value wert valeur valor primary secondary tertiary main principal principale haupt first second third work"
    " business office professional home personal private other additional alternate alternative default preferred"
    " direct current company organization organisation geschaftlich geschaeftlich dienstlich arbeit beruflich buro"
    " buero firma privat privater weitere weiteres andere corporate travail pro professionnel professionnelle"
    " domicile bureau personnel personnelle prive privee trabajo casa oficina particular profesional trabalho"
    " comercial profissional pessoal residencial lavoro ufficio privato werk zakelijk thuis geschaftl geschaeftl"
    " dienstl arbete hem arbejde komorkowy primare primaere sekundare sekundaere primaire secondaire secundario"
    " słuzbowy prywatny domowy głowny stacjonarny pracovni domaci soukromy"
)
_OF_COMPANY = "company organization organisation account business name code iso primary main person contact lead"
# Headings in which each word is another thing alone, so that only the whole tells.
WHOLE = {
    Column.NAME: "full name, complete name, display name, contact, contact name, contact person, person, person"
    " name, your name, first and last name, first name last name, first last name, name surname, name and surname,"
    " ansprechpartner, ansprechpartnerin, kontakt, kontaktname, kontaktperson, vollständiger name, voller name,"
    " ganzer name, anzeigename, angezeigter name, vor und nachname, vor und zuname, vorname nachname, vorname und"
    " nachname, name vorname, nachname vorname, nombre completo, nombre y apellidos, nome completo, nome e cognome,"
    " nome e sobrenome, imię i nazwisko, nazwisko i imię, imię nazwisko, osoba kontaktowa, jméno a příjmení, meno a"
    " priezvisko, celé jméno, kontaktní osoba, nom complet, nom et prénom, prénom et nom, volledige naam, lead, lead"
    " name, customer name, contactpersoon, fulde navn, fullt navn, visningsnavn, fullständigt namn, visningsnamn,"
    " koko nimi, teljes név, ονοματεπώνυμο, όνομα επώνυμο, πλήρες όνομα, επαφή, ad soyad, adi soyadi, isim soyisim,"
    " tam ad, yetkili, ilgili kişi, фио, полное имя, контакт, контактное лицо, 氏名, お名前, ご担当者名, 担当者名,"
    " 担当者, 表示名, 姓名, 联系人, 聯絡人, 全名, 성명",
    Column.FIRST_NAME: "first name, given name, given names, forename, forenames, christian name, name first, fname,"
    " first, vorname, vornamen, prénom, prénoms, primer nombre, nombre de pila, nombres, primeiro nome, nome"
    " próprio, voornaam, förnamn, fornavn, imię, jméno, křestní jméno, meno, roepnaam, etunimi, keresztnév, utónév,"
    " μικρό όνομα, 名",
    Column.MIDDLE_NAME: "middle name, middle names, middle, middle initial, additional name, additional names,"
    " second name, weitere vornamen, weiterer vorname, zweiter vorname, zweitname, segundo nombre, segundo nome,"
    " nome do meio, deuxième prénom, autres prénoms, secondo nome, tussenvoegsel, tweede voornaam, mellemnavn,"
    " mellomnavn, mellannamn, toinen nimi, μεσαίο όνομα, πατρώνυμο, ikinci ad, отчество, ミドルネーム, 中间名,"
    " 中間名",
    Column.LAST_NAME: "last name, surname, family name, family names, name last, lname, last, nachname,"
    " familienname, zuname, nom de famille, apellido, apellidos, primer apellido, segundo apellido, apellido"
    " paterno, apellido materno, sobrenome, apelido, apelidos, último nome, nome de família, cognome, achternaam,"
    " efternamn, efternavn, etternavn, nazwisko, příjmení, priezvisko, sukunimi, vezetéknév, családnév, επώνυμο,"
    " επίθετο, soyad, soyadi, soyisim, фамилия, 姓, 姓氏, 성",
    Column.SUFFIX: "suffix, name suffix, generation suffix, honorific suffix, namenszusatz, suffixe, sufijo, sufixo,"
    " επίθημα, sonek",
    Column.PHONE: "contact number, contact no, kontaktnummer, direct dial, direct line, direct number, durchwahl",
    Column.ORGANIZATION: "business name, business, raison sociale, razón social, razão social, ragione sociale, nom"
    " de la société, nom de l'entreprise, nombre de la empresa, nome da empresa, nome azienda, nazwa firmy, název"
    " firmy, název společnosti, 会社, 会社名, 貴社名, 御社名, 組織, 組織名, 勤務先, 法人名, 公司, 公司名称,"
    " 公司名稱, 单位, 企业, 組織名稱, 회사, 회사명",
    Column.JOB_TITLE: "job title, contact title, position, role, job role, function, occupation, organization title,"
    " company title, berufsbezeichnung, stellenbezeichnung, jobtitel, funktion, rolle, beruf, poste, fonction,"
    " intitulé du poste, cargo, puesto, puesto de trabajo, função, profissão, posizione, ruolo, qualifica, functie,"
    " functietitel, stanowisko, befattning, stilling, pozice, funkce, pracovní pozice, arbeitstitel, titel der"
    " organisation, stillingsbetegnelse, yrkestitel, jobbtitel, tehtävänimike, titteli, beosztás, munkakör, θέση,"
    " θέση εργασίας, τίτλος θέσης, ιδιότητα, iş unvani, unvani, görev, görevi, pozisyon, должность, 役職, 肩書,"
    " 肩書き, 职务, 职位, 职称, 職稱, 職位, 직함, 직책, 직위",
    Column.SOURCE: "source, lead source, contact source, original source, herkunft, quelle, origen, origem, fuente,"
    " fonte, bron, provenance, źródło, zdroj, origem do contato, origen del contacto, kilde, källa, lähde, forrás,"
    " πηγή, προέλευση, kaynak, источник, 情報源, 来源, 來源, 출처",
}
# What names a person, beside a last name the first one, and beside a first name the last one: "Name" beside "Vorname".
EITHER = _words("name nom nombre nome naam navn namn nimi név όνομα ad adi isim имя 名前 名字 이름")
VOCABULARIES = {
    Column.EMAIL: Vocabulary(
        _words(
            "email emails mail mails emailaddress emailaddresses mailaddress emailadresse mailadresse emailid"
            " emailadres mailadres epost correo correio courriel messagerie posta epostadress electronique"
            " electronica epostadresse eposta sähköposti sähköpostiosoite ταχυδρομείο ταχυδρομείου почта почты メール"
            " メールアドレス 電子メール 电子邮件 电子邮箱 邮箱 电邮 電子郵件 電郵 信箱 이메일"
        ),
        _words(
            "address addresses adresse id adr electronico electronica eletronico electronique elettronica direccion"
            " endereco indirizzo adres adresi osoite cím διεύθυνση ηλεκτρονικού ηλεκτρονική адрес эл электронная"
            f" электронной アドレス 地址 주소 {_WHOSE} {_WHICH}"
        ),
    ),
    Column.PHONE: Vocabulary(
        _words(
            "phone phones ph telephone telephones tel phonenumber telephonenumber telno phoneno mobile mobilephone"
            " mobilenumber mobileno mob cell cellphone cellular cellnumber landline sms whatsapp iphone telefon"
            " telefonnummer telefonnr telnr rufnummer handy handynummer handynr mobil mobilnummer mobiltelefon"
            " mobilfunk mobilfunknummer fon festnetz festnetznummer autotelefon firmentelefon haupttelefon portable"
            " telefono telefonos movil celular telefone telefones telemovel cellulare telefoon telefoonnummer mobiel"
            " gsm komorka telefonu telefony mobilnr mobiltelefonnummer tlf puhelin puhelinnumero matkapuhelin"
            " työpuhelin kotipuhelin telefonszám τηλέφωνο τηλέφωνα κινητό σταθερό cep телефон телефоны моб 電話"
            " 電話番号 携帯 携帯番号 携帯電話 电话 手机 座机 移动电话 手機 行動電話 전화 전화번호 휴대폰 휴대전화"
            " 핸드폰"
        ),
        _words(
            "number numbers no n nr num numer cislo numero numeros nummer rufnummer e i car radio tty tdd fijo fixe"
            " fixo fisso mobiele op arbeid jobb hjem bolig empresa εργασίας οικίας αριθμός iş ev numarasi мобильный"
            " рабочий домашний номер телефона 番号 会社 自宅 勤務先 号码 號碼 商务 商務 办公 住宅 住家 公司 회사 집"
            f" 번호 {_WHOSE} {_WHICH}"
        ),
    ),
    Column.ORGANIZATION: Vocabulary(
        _words(
            "organization organisation company companies employer account org firm workplace firma firmenname"
            " unternehmen unternehmensname arbeitgeber betrieb kunde organizationname organisationname companyname"
            " accountname societe entreprise employeur empresa compania organizacion organizacao companhia azienda"
            " societa spolecnost spolocnost firmy organizzazione organizacja przedsiebiorstwo pracodawca"
            " zamestnavatel bedrijf bedrijfsnaam organisatie foretag institution virksomhed virksomhet selskab"
            " selskap bedrift arbeidsgiver bolag arbetsgivare företagsnamn yritys organisaatio työnantaja cég cégnév"
            " munkahely εταιρεία εταιρία οργανισμός επιχείρηση επωνυμία şirket kurum kuruluş организация компания"
            " фирма работодатель"
        ),
        _words(
            "name names nom nombre nome naam associated adi nimi название primary current work person contact lead"
            " institution"
        ),
    ),
    Column.SECTOR: Vocabulary(
        _words(
            "industry sector branche branchen industrie sektor secteur setor industria ramo settore rubro branza"
            " odvetvi obor bransje bransch toimiala iparág κλάδος sektörü отрасль 業種 業界 行业 行業 产业 產業 업종"
        ),
        _words(f"activite actividad atividade attivita {_OF_COMPANY}"),
    ),
    Column.COUNTRY: Vocabulary(
        _words(
            "country countryregion land pais pays paese nazione nation kraj zeme krajina staat countrycode"
            " countryname maa ország χώρα ülke страна 国 国名 国家 國家 국가"
        ),
        _words(
            "region regiao mailing billing work office address adresse direccion endereco geschaftlich geschaeftlich"
            " dienstlich buro buero firma firmensitz bureau professionnel travail trabajo trabalho comercial lavoro"
            " hq headquarters empresa regio område arbejde arbeid περιοχή εργασίας bölge iş adresi ev или регион 地域"
            f" 地区 地區 {_OF_COMPANY}"
        ),
    ),
    Column.WARMNESS: Vocabulary(
        _words(
            "warmness warmth warme waerme warmegrad waermegrad score leadscore punkte pontuacao puntuacion punteggio"
        ),
        _words("score lead contact"),
    ),
    Column.LINKEDIN: Vocabulary(_words("linkedin linked"), _words(f"in url link profile profil public {_WHOSE}")),
    Column.NOTE: Vocabulary(
        _words(
            "note notes notiz notizen bemerkung bemerkungen anmerkung anmerkungen comment comments kommentar"
            " kommentare remark remarks nota notas observaciones observacoes commentaire commentaires remarque"
            " remarques observacion observacao observation observations description beschreibung anotacoes opmerking"
            " opmerkingen uwagi anteckning anteckningar noter osservazioni notatka notatki poznamka poznamky message"
            " nachricht mensaje mensagem messaggio wiadomosc bemærkninger notater merknader notities notitie"
            " muistiinpanot megjegyzés σημειώσεις σχόλια παρατηρήσεις not notlar açiklama заметки комментарий"
            " комментарии примечание メモ 備考 备注 附註 備註 메모 비고"
        ),
        _words(f"general internal {_WHOSE}"),
    ),
    Column.TAGS: Vocabulary(
        _words(
            "tag tags labels category categories kategorie kategorien schlagworte etiquetas etiquettes marcadores"
            " categorias categorie etichette groupmembership etykiety tagi stitky kategorier mærker etiketter taggar"
            " categorieën luokat tunnisteet kategóriák címkék ετικέτες κατηγορίες etiket etiketler kategori"
            " kategoriler метки теги категории ラベル タグ カテゴリ 标签 类别 標籤 類別 태그 범주"
        ),
        WHOSE,
    ),
}

# What an e-mail or a phone is for, by the words of its heading; the first kind that has one of them.
LABELS = {
    Label.MOBILE: _words(
        "mobile mobilephone mobilenumber mobileno mob cell cellphone cellular cellnumber iphone handy handynummer"
        " handynr mobil mobilnummer mobiltelefon mobilfunk mobilfunknummer portable movil celular telemovel cellulare"
        " mobiel gsm komorkowy komorka mobiele mobilnr matkapuhelin κινητό cep мобильный моб 携帯 携帯番号 携帯電話"
        " 手机 移动电话 手機 行動電話 휴대폰 휴대전화"
    ),
    Label.HOME: _words(
        "home homephone private personal privat privater domicile personnel personnelle prive privee casa particular"
        " pessoal residencial privato thuis prywatny domowy domaci soukromy hem hjem bolig kotipuhelin οικίας ev"
        " домашний 自宅電話 住宅电话 住家電話"
    ),
    Label.OTHER: _words(
        "other otherphone tertiary additional alternate alternative secondary weitere weiteres andere autre otro otra"
        " outro outra altro altra sekundare sekundaere secondaire secundario"
    ),
    Label.WORK: _words(
        "work workphone businessphone business office professional company corporate arbete arbejde geschaftl"
        " geschaeftl dienstl geschaftlich geschaeftlich dienstlich arbeit beruflich buro buero firma travail pro"
        " professionnel professionnelle bureau trabajo oficina profesional trabalho comercial profissional lavoro"
        " ufficio werk zakelijk słuzbowy pracovni arbeid työpuhelin εργασίας iş рабочий 会社電話 商务电话 商務電話"
    ),
}
