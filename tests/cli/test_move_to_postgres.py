"""Moving to PostgreSQL: a folder that was in use, with the real commands, and a sandbox that tells what was sent."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from postgres_cluster import new_database
from programs import environment, free_port, new_token, serving_warmline, warmline
from programs_on_postgres import synced
from waiting import until

from warmline.sandbox import Sandbox, World, serving

pytestmark = pytest.mark.only_on("postgres")

NAMES = ("Jordan Ames", "Robin Vale", "Kim Ørsted")
COUNT = 'SELECT count(*) FROM "{}"'
OURS = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    " AND table_name NOT LIKE 'procrastinate%'"
    " AND table_name NOT IN ('django_migrations', 'django_content_type', 'auth_permission')"
)


@dataclass(frozen=True)
class Folder:
    """A data folder that was in use, and where it is to go.

    Attributes:
        env: Of a Warmline on the folder.
        target: Of a Warmline on PostgreSQL.
        token: Alice's, of the API.
        sandbox: The Pipedrive of both.
    """

    env: dict[str, str]
    target: dict[str, str]
    token: str
    sandbox: Sandbox

    @property
    def file(self) -> Path:
        """The folder's database."""
        return Path(self.env["WARMLINE_DATA_DIR"]) / "warmline.sqlite3"

    def caller(self, port: int) -> httpx.Client:
        """Return a caller of the API."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{port}/api", headers=headers, trust_env=False, timeout=60)

    def written(self) -> list[str]:
        """Return the calls by which something was written in Pipedrive."""
        return [call.path for call in self.sandbox.world.calls if call.method != "GET"]

    def change(self, statement: str, *parameters: Any) -> None:
        """Change the file."""
        with closing(sqlite3.connect(self.file)) as database, database:
            database.execute(statement, parameters)

    def moved(self) -> dict[str, int]:
        """Return how many rows the tables of the target have."""
        with psycopg.connect(self.target["DATABASE_URL"]) as database:
            tables = [name for (name,) in database.execute(OURS).fetchall()]
            counts = {name: database.execute(COUNT.format(name)).fetchone() for name in tables}
        return {name: row[0] for name, row in counts.items() if row}


@contextmanager
def _working(env: dict[str, str], log: Path) -> Iterator[None]:
    """Run `warmline worker` while the block does."""
    with log.open("wb") as out:
        worker = subprocess.Popen([sys.executable, "-m", "warmline", "worker"], env=env, stdout=out, stderr=out)
        try:
            yield
        finally:
            worker.terminate()
            worker.wait(timeout=60)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """Return a folder with three contacts that are in Pipedrive, and an empty target."""
    folder, port = tmp_path_factory.mktemp("data"), free_port()
    sandbox = Sandbox(World.sample(token="sandbox-token"))
    with serving(sandbox) as url, new_database() as database:
        env = environment(folder, url)
        token = new_token(env, "alice@example.com", "--admin")
        key = (folder / "secret-key").read_text(encoding="ascii")
        target = {**env, "DATABASE_URL": database, "WARMLINE_SECRET_KEY": key}
        made = Folder(env, target, token, sandbox)
        assert warmline(target, "migrate").returncode == 0
        with serving_warmline(env, port, log=folder / "log"), made.caller(port) as api:
            for number, name in enumerate(NAMES):
                organization = {"name": f"Larkspur Mills {number}"}
                contact = {"name": name, "email": f"{number}@example.com", "organization": organization}
                added = api.post("/contacts", json={**contact, "warmness_score": 5}).raise_for_status().json()
                activity = {"type": "call", "note": "Grüße\n\n  zwei  "}
                api.post(f"/contacts/{added['id']}/activities", json=activity)
                until(synced(api, f"/contacts/{added['id']}"))
            refused = warmline(target, "move-to-postgres")  # a server holds the file
            assert refused.returncode == 1
            assert "is in use" in refused.stderr
        made.change("INSERT INTO django_session VALUES ('a-session', 'its data', '2030-01-01 00:00:00')")
        yield made


def test_what_postgresql_cannot_take_is_named_and_nothing_is_moved(used: Folder) -> None:
    """The table, the row and the column; afterwards the target is empty, and the file can be put right."""
    used.change("UPDATE crm_contact SET name = ? WHERE id = 2", "Robin\0Vale")
    used.change("UPDATE crm_contact SET phone = ? WHERE id = 3", "5" * 1000)
    refused = warmline(used.target, "move-to-postgres")
    assert refused.returncode == 1
    assert refused.stderr.startswith("warmline: nothing was moved: PostgreSQL cannot take some values.")
    assert "crm_contact 2, name: has a NUL character" in refused.stderr
    assert "crm_contact 3, phone: has 1000 characters" in refused.stderr
    assert set(used.moved().values()) == {0}
    used.change("UPDATE crm_contact SET name = ? WHERE id = 2", NAMES[1])
    used.change("UPDATE crm_contact SET phone = '' WHERE id = 3")


def test_everything_is_moved_and_nothing_is_sent(used: Folder, tmp_path: Path) -> None:
    """Every table row by row; on PostgreSQL work goes on with new ids, and what is in Pipedrive is left alone."""
    before = used.written()
    done = warmline(used.target, "move-to-postgres")
    assert done.returncode == 0, done.stderr
    assert "WARMLINE_SECRET_KEY" in done.stdout
    with closing(sqlite3.connect(used.file)) as database:
        for table, number in used.moved().items():
            there = database.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", [table]).fetchone()[0]
            assert number == (database.execute(COUNT.format(table)).fetchone()[0] if there else 0), table
    assert used.moved()["django_session"] == 1
    assert used.moved()["crm_contact"] == 3

    again = warmline(used.target, "move-to-postgres")
    assert again.returncode == 1
    assert "the target is not empty" in again.stderr

    port = free_port()
    worker = _working(used.target, tmp_path / "worker.log")
    with serving_warmline(used.target, port, log=tmp_path / "log"), used.caller(port) as api, worker:
        assert [api.get(f"/contacts/{number}").json()["name"] for number in (1, 2, 3)] == list(NAMES)
        added = api.post("/contacts", json={"name": "Sam Lee", "email": "sam@example.com", "warmness_score": 9}).json()
        assert added["id"] == 4
        until(synced(api, "/contacts/4"))
        assert [api.get(f"/contacts/{number}").json()["sync"]["state"] for number in (1, 2, 3)] == ["synced"] * 3
    assert used.written()[len(before) :] == ["/api/v2/persons"]
