"""How Warmline is set up: what cannot work is told in a sentence that names the variable, and so is what is unsafe."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from programs import environment, warmline

from warmline.programs import END_IN_TIME


def _said(env: dict[str, str], *command: str) -> str:
    """Return the one line that a command fails with."""
    done = warmline(env, *(command or ("sync", "status")))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Return the environment of an installation that is not there yet."""
    return environment(tmp_path / "data", "http://127.0.0.1:9", PIPEDRIVE_API_TOKEN="")


def test_a_key_of_one_s_own_and_no_folder(env: dict[str, str]) -> None:
    """The folder is made, and what is in it is nobody else's."""
    folder = Path(env["WARMLINE_DATA_DIR"])
    assert warmline({**env, "WARMLINE_SECRET_KEY": "k" * 32}, "sync", "status").returncode == 0
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in [folder, *folder.iterdir()]}
    assert modes.pop(folder.name) == 0o700
    assert "warmline.sqlite3" in modes
    assert set(modes.values()) == {0o600}


def test_a_key_that_can_be_guessed(env: dict[str, str]) -> None:
    """Is refused of a new installation; of one that works it is told, and it goes on."""
    short = {**env, "WARMLINE_SECRET_KEY": "abcde"}
    assert _said(short).startswith("warmline: WARMLINE_SECRET_KEY: expected at least 32 characters")
    assert warmline(env, "sync", "status").returncode == 0
    assert warmline(short, "sync", "status").returncode == 0
    assert "problem  WARMLINE_SECRET_KEY has 5 characters" in warmline(short, "doctor").stdout


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite://:memory:", "sqlite:///:memory:", "postgres://alice:pa/ss@h:x/w"]
)
def test_a_database_that_cannot_be(env: dict[str, str], url: str) -> None:
    """The variable is named, and nothing of the value is."""
    said = _said({**env, "DATABASE_URL": url})
    assert said.startswith("warmline: DATABASE_URL: expected sqlite:////PATH or postgres://")
    assert "alice" not in said
    assert "ss@h" not in said


def _is_a_file(folder: Path) -> None:
    folder.write_text("no folder")


def _has_an_empty_key(folder: Path) -> None:
    folder.mkdir()
    (folder / "secret-key").touch()


def _has_a_key_of_another_kind(folder: Path) -> None:
    folder.mkdir()
    (folder / "secret-key").write_bytes(b"\xff\xfe")


@pytest.mark.parametrize(
    ("break_", "words"),
    [
        (_is_a_file, "it is a file. Set WARMLINE_DATA_DIR to a folder of your own."),
        (_has_an_empty_key, "holds no key. Put it back from a backup"),
        (_has_a_key_of_another_kind, "holds no key. Put it back from a backup"),
    ],
)
def test_a_folder_that_cannot_be_used(env: dict[str, str], break_: Callable[[Path], None], words: str) -> None:
    """It is named, and what to do."""
    break_(Path(env["WARMLINE_DATA_DIR"]))
    said = _said(env)
    assert env["WARMLINE_DATA_DIR"] in said
    assert words in said


def test_a_folder_that_cannot_be_written(env: dict[str, str]) -> None:
    """Before anything else is tried."""
    Path(env["WARMLINE_DATA_DIR"]).mkdir(mode=0o500)
    # To the superuser every folder is open, so that is taken away.
    as_others = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    if subprocess.run([*as_others, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this superuser may not do without its rights, and to it every folder is open")
    program = [*as_others, sys.executable, "-m", "warmline", "sync", "status"]
    done = subprocess.run(program, env=env, capture_output=True, text=True, check=False, timeout=END_IN_TIME)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "Set WARMLINE_DATA_DIR" in done.stderr


def test_migrating_is_what_every_command_does(env: dict[str, str]) -> None:
    """On SQLite the command for it is there, and does nothing that others do not."""
    assert warmline(env, "migrate").stdout == "The database is ready.\n"
    assert warmline(env, "migrate").returncode == 0


def test_data_of_a_newer_version(env: dict[str, str]) -> None:
    """They are left alone."""
    assert warmline(env, "sync", "status").returncode == 0
    with closing(sqlite3.connect(f"{env['WARMLINE_DATA_DIR']}/warmline.sqlite3")) as database, database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('crm', '9999_later', '2030-01-01')"
        )
    said = _said(env, "serve", "--port", "0")
    assert said.startswith("warmline: the data belongs to a newer Warmline (crm.9999_later).")
    assert "WARMLINE_DATA_DIR" in said


def test_files_that_others_can_read(env: dict[str, str]) -> None:
    """A folder of before, with 0755 and what was made in it, is told; closed, it is well whatever is in it."""
    folder = Path(env["WARMLINE_DATA_DIR"])
    folder.mkdir(mode=0o755)
    (folder / "warmline.sqlite3").touch()
    (folder / "warmline.sqlite3").chmod(0o644)
    folder.chmod(0o755)
    said = warmline(env, "doctor").stdout
    assert "problem  Other users of this machine can read warmline.sqlite3" in said
    assert f"chmod -R go= {folder}" in said
    assert "secret-key" not in said
    folder.chmod(0o700)
    assert "Other users" not in warmline(env, "doctor").stdout
