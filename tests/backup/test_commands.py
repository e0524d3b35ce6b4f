"""`warmline backup` and `warmline restore` change nothing unless all is well, and say what is in the way."""

import json
import sqlite3
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from programs import environment, new_token, warmline

from warmline.backup.archive import CONTENTS, CannotBackUpError, CannotRestoreError, Contents, making, reading

pytestmark = pytest.mark.only_on("sqlite")

NOWHERE = "http://127.0.0.1:9"
OF_NOTHING = Contents("sqlite", "2026-11-27T00:00:00+00:00", [("crm", "0001_initial")])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], Path]:
    """Return an installation with a user, and a backup of it."""
    folder = tmp_path_factory.mktemp("made")
    env = environment(folder / "data", NOWHERE)
    new_token(env, "alice@example.com", "--admin")
    file = folder / "backup.zip"
    done = warmline(env, "backup", str(file))
    assert done.returncode == 0, done.stderr
    assert f"Keep {folder / 'data' / 'secret-key'} in another safe place" in done.stdout
    return env, file


def test_only_its_user_can_read_it_and_no_key_is_in_it(made: tuple[dict[str, str], Path]) -> None:
    """It holds password hashes and an encrypted token; the key that decrypts it is elsewhere."""
    env, file = made
    key = (Path(env["WARMLINE_DATA_DIR"]) / "secret-key").read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    assert [each.name for each in file.parent.iterdir() if each.is_file()] == ["backup.zip"]
    with zipfile.ZipFile(file) as archive:
        assert all(key.strip() not in archive.read(name) for name in archive.namelist())


def test_no_file_is_written_over(made: tuple[dict[str, str], Path]) -> None:
    """Nor is a missing folder made."""
    env, file = made
    before = file.read_bytes()
    again = warmline(env, "backup", str(file))
    assert (again.returncode, again.stderr) == (
        1,
        f"warmline: there is no backup: {file} exists already. Choose another name.\n",
    )
    assert file.read_bytes() == before
    nowhere = warmline(env, "backup", str(file.parent / "missing" / "backup.zip"))
    assert nowhere.returncode == 1
    assert "No such file or directory" in nowhere.stderr


def test_a_team_is_replaced_only_on_request_and_kept(made: tuple[dict[str, str], Path]) -> None:
    """The database that was there stays beside the restored one, whole."""
    env, file = made
    folder = Path(env["WARMLINE_DATA_DIR"])
    new_token(env, "bob@example.com")
    refused = warmline(env, "restore", str(file))
    assert refused.returncode == 1
    assert "--replace puts the backup in its place" in refused.stderr
    with closing(sqlite3.connect(folder / "warmline.sqlite3")) as held:
        held.execute("BEGIN IMMEDIATE")
        used = warmline(env, "restore", str(file), "--replace")
    assert used.returncode == 1
    assert "is in use. Stop the server" in used.stderr
    done = warmline(env, "restore", str(file), "--replace")
    assert done.returncode == 0, done.stderr
    (kept,) = folder.glob("warmline.sqlite3.replaced-*")
    for path, number in ((folder / "warmline.sqlite3", 1), (kept, 2)):
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("SELECT count(*) FROM crm_user").fetchone() == (number,)
    assert not list(folder.glob("*restoring*"))


def test_onto_an_empty_folder_with_another_key(made: tuple[dict[str, str], Path], tmp_path: Path) -> None:
    """It works, and is the database of the folder from then on."""
    _, file = made
    env = environment(tmp_path / "new", NOWHERE)
    done = warmline(env, "restore", str(file))
    assert done.returncode == 0, done.stderr
    assert "Restored the backup of" in done.stdout
    assert warmline(env, "token", "alice@example.com").returncode == 0
    assert "A backup was restored." in warmline(env, "sync", "status").stdout


def test_one_at_a_time(made: tuple[dict[str, str], Path], tmp_path: Path) -> None:
    """The second one would take away what the first one is writing, and be none itself."""
    _, file = made
    env = environment(tmp_path / "new", NOWHERE)
    with ThreadPoolExecutor() as side_by_side:
        done = list(side_by_side.map(lambda _: warmline(env, "restore", str(file)), range(3)))
    assert [each.returncode for each in done].count(0) == 1
    for each in done:
        is_refused = "another backup is being restored" in each.stderr or "is in use" in each.stderr
        assert is_refused == bool(each.returncode), each.stderr
    with closing(sqlite3.connect(tmp_path / "new" / "warmline.sqlite3")) as database:
        assert database.execute("SELECT count(*) FROM crm_user").fetchone() == (1,)


@pytest.mark.parametrize("damage", ["cut", "byte", "text", "empty", "missing"])
def test_what_is_damaged_changes_nothing(made: tuple[dict[str, str], Path], tmp_path: Path, damage: str) -> None:
    """Cut short, a byte changed, another file, none: one line, and no database."""
    whole = made[1].read_bytes()
    file = tmp_path / "damaged.zip"
    contents = {
        "cut": whole[: len(whole) // 2],
        "byte": whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 0xFF]) + whole[len(whole) // 2 + 1 :],
        "text": b"Larkspur Mills",
        "empty": b"",
    }
    if damage in contents:
        file.write_bytes(contents[damage])
    env = environment(tmp_path / "new", NOWHERE)
    refused = warmline(env, "restore", str(file))
    assert refused.returncode == 1
    assert refused.stderr.startswith("warmline: nothing was restored: ")
    assert refused.stderr.count("\n") == 1
    assert not list((tmp_path / "new").glob("warmline.sqlite3*"))


def test_a_backup_of_another_kind_or_version(tmp_path: Path) -> None:
    """What belongs elsewhere is refused before anything is read of it."""
    env = environment(tmp_path / "new", NOWHERE)
    for name, contents, words in (
        ("postgres", Contents("postgresql", "now", [("crm", "0001_initial")]), "the backup is of PostgreSQL"),
        ("newer", Contents("sqlite", "now", [("crm", "9999_later")]), "a newer Warmline made this backup"),
        ("nothing", OF_NOTHING, "the backup has no database in it"),
    ):
        file = tmp_path / f"{name}.zip"
        with making(file, contents):
            pass
        refused = warmline(env, "restore", str(file))
        assert words in refused.stderr
        assert refused.returncode == 1


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Whatever happens while it is written."""
    with pytest.raises(CannotBackUpError, match="No space left"), making(tmp_path / "a.zip", OF_NOTHING):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_another_archive_and_a_later_format(tmp_path: Path) -> None:
    """A zip of something else, and one of a Warmline to come."""
    for name, read in (("other.zip", None), ("later.zip", {"format": 2, "database": "sqlite", "migrations": []})):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(CONTENTS if read else "a.txt", json.dumps(read))
        with pytest.raises(CannotRestoreError), reading(tmp_path / name):
            pass
