"""A backup that is restored after many further changes: no duplicate, no lost link, and it says what it found."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from postgres_cluster import new_database
from programs import environment, serving_warmline, warmline
from programs_on_postgres import KEY
from restored import Installation, acceptance

from warmline.programs import STOP_IN_TIME
from warmline.sandbox import Sandbox, World, serving

CHANGES = 1000
QUICK = {
    "WARMLINE_LIMITS": "4000/2",
    "WARMLINE_SEARCH_LIMIT": "1000/2",
    "WARMLINE_PLAN": "ultimate",
    "WARMLINE_SEATS": "50",
}


@pytest.fixture
def sandbox() -> Sandbox:
    """Return a Pipedrive without limits."""
    world = World.sample(token="sandbox-token")
    world.settings.burst = world.settings.searches = 100_000
    return Sandbox(world)


@pytest.mark.only_on("sqlite")
def test_onto_another_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    """On SQLite, with the secret key that was kept apart."""
    with serving(sandbox) as url:

        def installation(name: str) -> Installation:
            folder = tmp_path / name
            folder.mkdir()
            env = environment(folder, url, **QUICK)

            def run(port: int, options: tuple[str, ...]) -> Any:
                return serving_warmline(env, port, *options, log=folder / "log")

            return Installation(env, sandbox, run)

        old, new = installation("old"), installation("new")
        new.env["WARMLINE_SECRET_KEY_FILE"] = str(tmp_path / "old" / "secret-key")
        acceptance(old, new, tmp_path / "backup.zip", changes=CHANGES)


@contextmanager
def _working(env: dict[str, str], port: int, options: tuple[str, ...], log: Path) -> Iterator[None]:
    """Run a server and a worker while the block does."""
    command = [sys.executable, "-m", "warmline", "worker"]
    with serving_warmline(env, port, *options, log=log), log.open("ab") as out:
        worker = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            worker.terminate()
            worker.wait(timeout=STOP_IN_TIME)


@pytest.mark.only_on("postgres")
def test_on_postgresql(sandbox: Sandbox, tmp_path: Path) -> None:
    """The same into another database, on another machine; and once more from the restored one into itself."""
    with serving(sandbox) as url, new_database() as first, new_database() as second:

        def installation(name: str, database: str) -> Installation:
            folder = tmp_path / name
            folder.mkdir()
            own = {"DATABASE_URL": database, "WARMLINE_SECRET_KEY": KEY}
            env = environment(folder, url, **QUICK, **own)
            return Installation(env, sandbox, lambda port, options: _working(env, port, options, folder / "log"))

        old, new = installation("old", first), installation("new", second)
        old.command("migrate")
        acceptance(old, new, tmp_path / "backup.zip", changes=CHANGES)
        refused = warmline(new.env, "restore", str(tmp_path / "backup.zip"))
        assert "--replace puts the backup in its place" in refused.stderr
        assert "Restored the backup of" in new.command("restore", str(tmp_path / "backup.zip"), "--replace")
