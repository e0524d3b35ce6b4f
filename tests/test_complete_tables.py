"""Tables that know something of each member of a kind know it of every one, so that a new member is forgotten nowhere.

Read from the source: dictionaries whose keys are members of an enumeration, wherever they stand. One that leaves
members out on purpose is listed here with these.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

from warmline.crm.activities import SUBJECTS, ActivityType, Row, default_subject
from warmline.crm.contact_details import ContactDetails
from warmline.pipedrive import PLANS
from warmline.sandbox import faults
from warmline.sandbox.settings import Plan
from warmline.sync import mapping
from warmline.sync.models import ConnectionState, NotificationKind
from warmline.sync.priorities import RowKind
from warmline.sync.status import not_sent_list
from warmline.sync.synced_fields import DETAILS, FIELDS
from warmline.web.forms import contact_book
from warmline.web.forms import settings as settings_forms
from warmline.web.presentation import icons, sync_overview
from warmline.web.presentation.badges import BADGES

PACKAGE = Path(__file__).parents[1] / "src" / "warmline"
ENUMS = {"Enum", "StrEnum", "IntEnum", "TextChoices"}
NO_FAILURE = {kind.name for kind in NotificationKind if not kind.endswith("_failed")}
LEFT_OUT: dict[tuple[str, str], set[str]] = {
    # Only of these there are several values, of which one is the primary.
    ("sync/synced_fields.py", "FIRST"): {"LINE", "EMAIL", "PHONE", "LISTED", "NOTE", "EXACT", "LINES", "TAGS"},
    ("sync/probe_waits.py", "PROBE_WAITS"): {"OK", "NO_TOKEN"},  # there is nothing to probe
    ("sync/remote/doctor.py", "ADVICE"): {"OK"},  # there is nothing to do
    # Who has just typed a token does something else than the doctor says only if it was refused.
    ("sync/remote/setup.py", "TRY_ANEW"): {state.name for state in ConnectionState} - {"UNAUTHORIZED"},
    ("web/presentation/sync_overview.py", "HEADINGS"): {
        "BUSY",
        "NO_DATABASE",
    },  # these pass, and without a database there is no page
    ("web/presentation/toasts.py", "FAILING"): NO_FAILURE,
}
# No heading says that a column is to be left out, or what the next one is for. Each other kind is in one of the two.
TOGETHER = {("crm/imports/heading_words.py", name): {"IGNORED", "LABEL"} for name in ("WHOLE", "VOCABULARIES")}


@cache
def _parsed() -> list[tuple[str, ast.Module]]:
    files = [file for file in sorted(PACKAGE.rglob("*.py")) if "migrations" not in file.parts]
    return [(file.relative_to(PACKAGE).as_posix(), ast.parse(file.read_text(encoding="utf-8"))) for file in files]


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _enumerations() -> dict[str, set[str]]:
    """Return the members of each enumeration, by its name; two of one name would hide each other."""
    found: dict[str, set[str]] = {}
    for _, module in _parsed():
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef) and any(_last_name(base) in ENUMS for base in node.bases):
                assert node.name not in found
                members = (each.targets for each in node.body if isinstance(each, ast.Assign))
                found[node.name] = {_last_name(target) for targets in members for target in targets}
    return found


def _tables() -> Iterator[tuple[tuple[str, str], str, set[str]]]:
    """Return each table by its file and the name that it is given, with an enumeration and its members in it."""
    for file, module in _parsed():
        names = {
            node.value: _last_name(node.target if isinstance(node, ast.AnnAssign) else node.targets[0])
            for node in ast.walk(module)
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        }
        for node in ast.walk(module):
            if isinstance(node, ast.Dict):
                keys = [key for key in node.keys if isinstance(key, ast.Attribute)]
                for name in sorted({_last_name(key.value) for key in keys} & ENUMERATIONS.keys()):
                    has = {key.attr for key in keys if _last_name(key.value) == name}
                    yield (file, names.get(node, "")), name, ENUMERATIONS[name] - has


ENUMERATIONS = _enumerations()
TABLES = list(_tables())
_parsed.cache_clear()


ALONE = [table for table in TABLES if table[0] not in TOGETHER]


@pytest.mark.parametrize(("place", "name", "missing"), ALONE, ids=[f"{place} {name}" for place, name, _ in ALONE])
def test_a_table_knows_every_member(place: tuple[str, str], name: str, missing: set[str]) -> None:
    """Or leaves out just those that are listed, each for its reason."""
    allowed = LEFT_OUT.get(place, set())
    assert missing == (allowed if allowed & ENUMERATIONS[name] else set())


def test_tables_know_every_member_together() -> None:
    """A column of a file is known by its whole heading, by the words of it, or by both."""
    missing = [members for place, _, members in TABLES if place in TOGETHER]
    assert len(missing) == len(TOGETHER)
    assert set.intersection(*missing) == set.union(*TOGETHER.values())


def test_what_is_listed_is_there() -> None:
    """Nothing is excused that does not exist, and the tables that started this are seen."""
    places = {place for place, _, _ in TABLES}
    assert LEFT_OUT.keys() <= places
    assert {("crm/activities.py", "SUBJECTS"), ("sync/mapping.py", "TYPES")} <= places
    assert ("web/presentation/toasts.py", "TOPICS") in places


@pytest.mark.parametrize(
    ("table", "members"),
    [
        (not_sent_list.TABLES, get_args(RowKind)),
        (sync_overview.KIND_NAMES, get_args(RowKind)),
        (FIELDS, get_args(Row)),
        (DETAILS, ContactDetails.DETAILS),
        (faults.KINDS, get_args(faults.FaultKind)),
        (settings_forms.PLAN_NAMES, [plan.name.lower() for plan in Plan]),
        ({name: 1 for name in PLANS if not name.endswith("-oauth")}, [plan.name.lower() for plan in Plan]),
        ({name.removesuffix("-oauth"): 1 for name in PLANS if name.endswith("-oauth")}, settings_forms.PLAN_NAMES),
    ],
)
def test_a_table_by_kind_knows_every_kind(table: dict[Any, Any], members: Any) -> None:
    """So do tables whose keys are texts or classes."""
    assert set(table) == set(members)


@pytest.mark.parametrize("type", ActivityType)
def test_an_activity_type_is_known_everywhere(type: ActivityType) -> None:
    """It has a subject, an icon that is drawn, a place in the log form and a type in Pipedrive."""
    assert default_subject(type, "Kim") == SUBJECTS[type].format("Kim")
    assert contact_book.TYPE_ICONS[type] in icons.ICONS
    assert type.value in {value for value, _, _ in contact_book.TYPE_BUTTONS}
    assert mapping.TYPES[type]


def test_every_badge_is_drawn() -> None:
    """Its icon exists."""
    assert {drawing for drawing, _ in BADGES.values()} <= icons.ICONS.keys()
