"""Whose tables they are: on PostgreSQL one command migrates, and the others wait for it or end."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_cluster import new_database
from programs import environment, free_port, serving_warmline, warmline
from waiting import until

from warmline import schema

pytestmark = pytest.mark.only_on("postgres")

KEY = "a-key-of-the-tests-that-guards-nothing-at-all"
PATIENCE = 120  # seconds
LATER = "INSERT INTO django_migrations (app, name, applied) VALUES ('crm', '9999_later', '2030-01-01')"
HURRIED = "from warmline import schema, cli; schema.PATIENCE = 0.5; cli.main()"


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the environment of a Warmline on an empty database."""
    with new_database() as url:
        yield environment(
            tmp_path / "data", "http://127.0.0.1:9", PIPEDRIVE_API_TOKEN="", DATABASE_URL=url, WARMLINE_SECRET_KEY=KEY
        )


def _started(env: dict[str, str], *command: str) -> "subprocess.Popen[str]":
    program = [sys.executable, "-m", "warmline", *command]
    return subprocess.Popen(program, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _hurried(env: dict[str, str], *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that does not wait for a minute."""
    program = [sys.executable, "-c", HURRIED, *command]
    return subprocess.run(program, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE)


def test_only_one_command_migrates(env: dict[str, str]) -> None:
    """The others wait for it, and end with what to do; several at once do it once."""
    refused = _hurried(env, "sync", "status")
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == (
        "warmline: the database is not ready for this version of Warmline. Run `warmline migrate`."
    )
    both = [_started(env, "migrate"), _started(env, "migrate")]
    assert [process.communicate(timeout=PATIENCE) for process in both] == [("The database is ready.\n", "")] * 2
    assert warmline(env, "sync", "status").returncode == 0


def test_a_program_that_was_started_first_waits(env: dict[str, str]) -> None:
    """It goes on as soon as the tables are there."""
    early = _started(env, "sync", "status")
    assert early.stderr is not None
    assert "schema.waiting for=60s" in early.stderr.readline()
    assert warmline(env, "migrate").returncode == 0
    out, said = early.communicate(timeout=PATIENCE)
    assert "in_progress  0" in out, said
    assert early.returncode == 0


def test_tables_of_a_newer_version(env: dict[str, str]) -> None:
    """Nobody of this version touches them."""
    assert warmline(env, "migrate").returncode == 0
    with psycopg.connect(env["DATABASE_URL"]) as database:
        database.execute(LATER)
    for command in (("migrate",), ("sync", "status"), ("serve", "--port", "0")):
        refused = _hurried(env, *command)
        assert refused.returncode == 1
        assert "warmline: the data belongs to a newer Warmline (crm.9999_later)." in refused.stderr


def test_a_server_ends_when_a_newer_version_has_migrated(env: dict[str, str], tmp_path: Path) -> None:
    """It says so and ends as one that failed: its supervisor starts the version that is there by then."""
    assert warmline(env, "migrate").returncode == 0
    with serving_warmline(env, free_port(), log=tmp_path / "log") as server:
        with psycopg.connect(env["DATABASE_URL"]) as database:
            database.execute(LATER)
        assert server.wait(timeout=PATIENCE) == 1
    said = (tmp_path / "log").read_text(encoding="utf-8")
    assert said.splitlines()[-1].startswith("warmline: the data belongs to a newer Warmline (crm.9999_later).")
    assert "Traceback" not in said


def test_a_worker_ends_when_a_newer_version_has_migrated(env: dict[str, str]) -> None:
    """As a server does."""
    assert warmline(env, "migrate").returncode == 0
    worker = _started({**env, "WARMLINE_LOG_LEVEL": "INFO"}, "worker")
    assert worker.stderr is not None
    said = [worker.stderr.readline()]
    while "worker.ready" not in said[-1] and said[-1]:
        said.append(worker.stderr.readline())
    with psycopg.connect(env["DATABASE_URL"]) as database:
        database.execute(LATER)
    _, rest = worker.communicate(timeout=PATIENCE)
    assert worker.returncode == 1, "".join([*said, rest])
    assert rest.splitlines()[-1].startswith("warmline: the data belongs to a newer Warmline (crm.9999_later).")
    assert "Traceback" not in rest


def test_who_migrates_waits_for_another_who_does(env: dict[str, str]) -> None:
    """However long that takes; here until the test lets go of the lock."""
    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [schema.LOCK])
        second = _started(env, "migrate")
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        until(lambda: other.execute(waiting).fetchone() == (1,))
        assert other.execute("SELECT to_regclass('crm_contact')").fetchone() == (None,)
    assert second.communicate(timeout=PATIENCE) == ("The database is ready.\n", "")


def test_a_database_that_is_not_there(env: dict[str, str]) -> None:
    """The command says so in the end, without the password."""
    refused = _hurried({**env, "DATABASE_URL": "postgres://alice:hers-alone@127.0.0.1:9/warmline"}, "migrate")
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].endswith("See WARMLINE_DATA_DIR and DATABASE_URL.")
    assert "hers-alone" not in refused.stderr
    assert "Traceback" not in refused.stderr
