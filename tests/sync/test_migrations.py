"""A data folder of an earlier version opens with this one."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from programs import environment, warmline

from warmline.sandbox import Sandbox, World, serving

FIRST = """
import json, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

first = [("crm", "0001_initial"), ("sync", "0001_initial")]
for app, name in first:
    call_command("migrate", app, name, verbosity=0)
apps = MigrationExecutor(connection).loader.project_state(first).apps
me, account = json.loads(sys.argv[1])
user = apps.get_model("crm", "User").objects.create(email="alice@example.com", email_key="alice@example.com", name="A")
contacts = apps.get_model("crm", "Contact").objects
contact = contacts.create(owner=user, name="Jordan", name_key="jordan", warmness_score=5, pipedrive_person_id=1)
now = timezone.now()
apps.get_model("sync", "Intent").objects.create(key="activity 1", what="activity 1", sent_at=now, begun_at=now)
if me:
    apps.get_model("sync", "Remembered").objects.create(name="me", value=[me], at=now)
if account:
    apps.get_model("crm", "StoredPreferences").objects.create(pk=1, pipedrive_account=account)
"""
ALDER = {"id": 1, "name": "Alice", "company_name": "Alder & Finch Consulting", "company_domain": "alderfinch"}
BIRCH = {"id": 1, "name": "Charlie", "company_name": "Birch & Wren Partners", "company_domain": "birchwren"}


def test_every_change_of_a_table_has_its_migration() -> None:
    """Also one that no query needs, such as another choice; `make migrations` writes it."""
    migrations = MigrationLoader(None, ignore_no_migrations=True)
    found = MigrationAutodetector(migrations.project_state(), ProjectState.from_apps(apps))
    assert found.changes(graph=migrations.graph) == {}


@pytest.mark.parametrize(
    ("me", "account", "expected"),
    [
        (ALDER, {}, [(None, "Alder & Finch Consulting", "alderfinch")]),
        (None, ALDER, [(None, "Alder & Finch Consulting", "alderfinch")]),
        (ALDER, BIRCH, [(None, "Alder & Finch Consulting", "alderfinch")]),
        ({"id": 1}, ALDER, [(None, "Alder & Finch Consulting", "alderfinch")]),
        (None, {}, []),
    ],
)
def test_the_company_is_that_of_the_remembered_account(
    tmp_path: Path, me: dict[str, Any] | None, account: dict[str, Any], expected: list[tuple[Any, ...]]
) -> None:
    """The one that the engine has met last, else that of the token that was tried on the page; else nobody knows."""
    with serving(Sandbox(World.sample(company_id=2))) as url:
        env = {**environment(tmp_path, url), "DJANGO_SETTINGS_MODULE": "warmline.settings"}
        subprocess.run([sys.executable, "-c", FIRST, json.dumps([me, account])], env=env, check=True, timeout=120)
        doctor = warmline(env, "doctor")
    with closing(sqlite3.connect(tmp_path / "warmline.sqlite3")) as database:
        assert database.execute("SELECT company_id, name, domain FROM sync_company").fetchall() == expected
        assert database.execute("SELECT creator_id FROM sync_intent").fetchall() == [(None,)]
    assert (doctor.returncode == 1) == bool(expected)
    assert ("1 contact, 0 organizations and 0 activities are linked." in doctor.stdout) == bool(expected)
