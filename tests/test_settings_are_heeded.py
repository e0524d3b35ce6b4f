"""A setting that can be changed changes something: whoever adds one, and forgets to read it, hears of it here."""

import re
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from warmline.crm import preferences
from warmline.crm.preferences import Preferences, StoredPreferences
from warmline.sync.policy import Policy

PACKAGE = Path(__file__).parents[1] / "src" / "warmline"
SHOWN_AND_STORED = ("crm/preferences.py", "web/forms/settings.py")
VARIABLE = re.compile(r"^([A-Z_]+)\b.*=.*\benv\[", re.MULTILINE)


@cache
def _sources() -> dict[str, str]:
    files = [file for file in sorted(PACKAGE.rglob("*.py")) if "migrations" not in file.parts]
    return {file.relative_to(PACKAGE).as_posix(): file.read_text(encoding="utf-8") for file in files}


def _readers(name: str) -> set[str]:
    """Return the modules that read an attribute of this name."""
    return {file for file, text in _sources().items() if re.search(rf"[\w)]\.{name}\b(?!\s*=[^=])", text)}


@pytest.mark.parametrize("name", [field.name for field in fields(Preferences)])
def test_a_preference_is_read(name: str) -> None:
    """Not only by what shows and stores it."""
    assert _readers(name) - {*SHOWN_AND_STORED}
    assert name in {field.name for field in StoredPreferences._meta.fields}


@pytest.mark.parametrize("name", [field.name for field in fields(Policy)])
def test_a_rule_of_the_sync_is_read(name: str) -> None:
    """By something beside the policy itself."""
    assert _readers(name) - {"sync/policy.py", *SHOWN_AND_STORED}


@pytest.mark.parametrize("name", VARIABLE.findall(_sources()["settings.py"]))
def test_what_the_environment_says_is_read(name: str) -> None:
    """By its name, or as what overrides a preference; Django reads its own."""
    of_preferences = {setting for _, setting in preferences.SETTINGS.values()}
    is_used_there = len(re.findall(rf"\b{name}\b", _sources()["settings.py"])) > 1
    assert _readers(name) or name in of_preferences or is_used_there
