"""Which names can be one person's: tables and properties, no database."""

# ruff: noqa: RUF001 (names are written with letters that look like others)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.crm.name_agreement import agree

AGREE = [
    # What people leave out, shorten and turn round.
    ("Ann K.", "Ann Known"),
    ("J. Ames", "Jordan Ames"),
    ("Smith, Bob", "Bob Smith"),
    ("Ames Jordan", "Jordan Ames"),
    ("Jordan P. Ames", "Jordan Ames"),
    ("Jordan P. Ames", "Jordan Peter Ames"),
    ("jordan.ames", "Jordan Ames"),
    ("JORDAN  AMES", "jordan ames"),
    ("JP Ames", "J.P. Ames"),
    ("JP Ames", "Jordan Peter Ames"),
    ("J. P. Ames", "Jordan P. Ames"),
    ("Ana", "Ana Reis"),
    ("Reis", "Ana Reis"),
    ("P. 7", "Person 7"),
    # Titles, and what follows a name.
    ("Dr Jordan Ames", "jordan ames"),
    ("Prof. Dr. Jordan Ames, MBA", "Jordan P. Ames PhD"),
    ("Jordan Ames, Ph.D.", "Jordan P. Ames"),
    ("Dipl.-Ing. Petra Maier", "Petra K. Maier"),
    ("Mag. Petra Maier", "Frau Petra Maier"),
    ("Dr. med. Petra Maier", "Mme Petra Maier"),
    ("Jordan Ames Jr.", "Jordan Ames"),
    ("Dr. Ames", "Ames"),
    # Double names and particles.
    ("Anna-Lena Meyer-Schulz", "Anna Lena Meyer Schulz"),
    ("Anna-Lena Meyer-Schulz", "Anna Meyer"),
    ("Annalena Baer", "Anna-Lena Bär"),
    ("Jan van der Berg", "Berg, Jan"),
    ("Jan v. d. Berg", "Jan van der Berg"),
    ("Juan de la Cruz", "Juan Delacruz"),
    ("García López, Juan Carlos", "Juan Carlos Garcia Lopez"),
    ("Sean O'Neill", "Sean ONeill"),
    ("Sean O’Neill", "Sean O Neill"),
    ("Sean O´Neill", "Sean O`Neill"),
    # Nicknames and companies beside the name.
    ("Robert (Bob) Smith", "Bob Smith"),
    ("Robert (Bob) Smith", "Robert J. Smith"),
    ('Robert "Bob" Smith', "Smith, Bob"),
    ("Ana Reis - Acme", "Ana M. Reis"),
    ("Ana Reis | Acme GmbH", "Ana M. Reis"),
    ("Ana Reis @ Acme", "Ana M. Reis"),
    ("Ana Reis (Acme GmbH)", "Ana M. Reis"),
    ("Jordan Ames <jordan@example.com>", "Jordan P. Ames"),
    ("Klaus Petersen, Acme GmbH", "K. Petersen"),
    ("Klaus Petersen / Acme Ltd.", "Petersen, Klaus"),
    ("Acme GmbH - Klaus Petersen", "Klaus Petersen"),
    ("Petersen, Klaus (Acme GmbH)", "Klaus Petersen"),
    ('"Ames, Jordan"', "Jordan Ames"),
    ("<Jordan Ames>", "Jordan Ames"),
    # Accents and their spellings.
    ("Müller", "Mueller"),
    ("Müller", "Muller"),
    ("Mueller", "Muller"),
    ("Åsa Öberg", "Asa Oeberg"),
    ("Åse Berg", "Aase Berg"),
    ("Søren Kjær", "Soeren Kjaer"),
    ("Søren Kjær", "Soren Kjar"),
    ("Łukasz Wiśniewski", "Lukasz Wisniewski"),
    ("Novak Đoković", "Novak Djokovic"),
    ("Novak Đoković", "Novak Dokovic"),
    ("Jürgen Groß", "Juergen GROSS"),
    ("Žofie Dvořáková", "Zofie Dvorakova"),
    ("Begoña Núñez", "Begona Nunez"),
    ("Ngọc Ánh", "Ngoc Anh"),
    ("Jørgen Ås", "Joergen Aas"),
    ("Ali Öz", "Ali Oez"),
    ("IŞIK Yıldız", "Işik Yildiz"),
    ("Zoe\u0308 Ames", "Zoë Ames"),
    # Other scripts, and what nobody sees.
    ("山田 太郎", "山田太郎"),
    ("太郎 山田", "山田太郎"),
    ("Мария Иванова", "ИВАНОВА, мария"),
    ("А. Петров", "Андрей Петров"),
    ("Пётр Ильин", "Петр Ильин"),
    ("Γιώργος Παπαδόπουλος", "ΓΙΩΡΓΟΣ ΠΑΠΑΔΟΠΟΥΛΟΣ"),
    ("محمد علي", "علي محمد"),
    ("Jordan\u200b Ames\u200e", "Jordan Ames"),
    ("👩🏽‍💻 Ada 🚀", "Ada"),
]
DISAGREE = [
    ("Ana Reis", "Ana Silva"),
    ("Petra Maier", "Klaus Petersen"),
    ("Petra Maier", "Klaus Maier"),
    ("Jordan P. Ames", "Jordan Q. Ames"),
    ("Jordan Peter Ames", "Jordan Paul Ames"),
    ("Ana", "Anna"),
    ("Ana", "Anabel Reis"),
    ("Jo Smith", "Joe Smith"),
    ("Anna Bauer", "Anna Baur"),
    ("Robert Smith", "Bob Smith"),
    # Initials alone say too little.
    ("J. A.", "Jordan Ames"),
    ("J. Ames", "Jordan A."),
    ("A.", "Ana Reis"),
    # A title is no name, and may be one.
    ("Mag Ruffman", "Petra Ruffman"),
    ("Frau Maier", "Herr Maier"),
    ("Mr J Ames", "Mrs J Ames"),
    ("Pak, Se Ri", "Pak Min"),
    ("Herr K. Maier", "Frau K. Maier"),
    ("Acme GmbH", "Klaus Petersen"),
    ("Acme GmbH", "Klaus Petersen, Acme GmbH"),
    ("Dr", "Dr Ames"),
    ("Jordan Ames Jr.", "Jordan Ames Sr."),
    # Several people, or somebody who is only named.
    ("Familie Maier", "Klaus Maier"),
    ("Petra & Klaus Maier", "Klaus Maier"),
    ("Petra und Klaus Maier", "Petra Maier"),
    ("Petra Maier / Klaus Petersen", "Klaus Petersen"),
    ("Petra Maier, Klaus Petersen", "Klaus Petersen"),
    ("Klaus Petersen - Assistent von Petra Maier", "Petra Maier"),
    ("Petra Maier (Assistentin von Klaus Petersen)", "Klaus Petersen"),
    ("Acme Office", "Klaus Petersen"),
    ("Person 7", "Person 8"),
    # Where scripts have no capitals, a letter is a word.
    ("王 伟", "王 芳"),
    ("王 伟", "王 伟明"),
    ("محمد علي", "محمد حسن"),
    ("がく", "かく"),
    # Nothing to compare.
    ("", "Ana Reis"),
    ("🚀", "🚀🚀"),
    ("🚀", "Ana"),
]
OFFICE = "office@acme.example.com"

LETTERS = st.text("abcdefgijkoprstuwyzäöüåøéłñчяωa -.,'’()", max_size=20)
WORDS = st.lists(
    st.sampled_from(
        ["ana", "reis", "j", "müller", "mueller", "o'neill", "dr", "jr", "jp", "anna-lena", "山田", "太郎"]
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize(("one", "other"), AGREE)
def test_they_agree(one: str, other: str) -> None:
    """One person may be named so and so."""
    assert agree(one, other)
    assert agree(other, one)


@pytest.mark.parametrize(("one", "other"), DISAGREE)
def test_they_do_not(one: str, other: str) -> None:
    """A person is asked, rather than a stranger changed."""
    assert not agree(one, other)
    assert not agree(other, one)


@pytest.mark.parametrize(
    ("one", "other", "emails", "expected"),
    [
        ("Klaus Petersen", OFFICE, [OFFICE], True),
        ("Klaus Petersen", "OFFICE@Acme.example.com ", ["klaus@acme.example.com", OFFICE], True),
        ("Klaus Petersen", OFFICE, ["klaus@acme.example.com"], False),
        ("Klaus Petersen", "office", [OFFICE], False),
        ("Klaus Petersen", "", [""], False),
        ("Klaus Petersen", "klaus.petersen", ["klaus.petersen@acme.example.com"], True),
    ],
)
def test_who_is_named_by_an_address_agrees_with_everyone(
    one: str, other: str, emails: list[str], *, expected: bool
) -> None:
    """The address is one of the record's; a part of it is a name like any other."""
    assert agree(one, other, emails) is agree(other, one, emails) is expected


@given(LETTERS, LETTERS)
def test_it_is_symmetric_and_reflexive(one: str, other: str) -> None:
    """It does not matter which of the two is ours."""
    assert agree(one, one)
    assert agree(one, other) is agree(other, one)


@given(WORDS, WORDS, st.randoms(use_true_random=False))
def test_order_case_and_spaces_change_nothing(some: list[str], others: list[str], chance: object) -> None:
    """However somebody has typed it."""
    one, other = " ".join(some), " ".join(others)
    shuffled = list(some)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert agree(one, other) is agree("  ".join(shuffled).upper(), other)
    family, *given_names = some
    if len(given_names) == 1:
        assert agree(one, other) is agree(f"{given_names[0]}, {family}", other)


@pytest.mark.parametrize(
    ("one", "other"), [("a " * 127 + "b", "a " * 128), ("(x) " * 60, "x, " * 80), ("é" * 255, "è" * 255)]
)
def test_long_names_take_no_time(one: str, other: str) -> None:
    """What is compared grows with the names and not with the ways to match them."""
    assert agree(one, other) is agree(other, one)
