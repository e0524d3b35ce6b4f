"""Warmline's programs on a PostgreSQL of their own: a server that answers, and workers that do the work."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from postgres_cluster import HOW_TO_GET_IT, Cluster, NoPostgresError, cluster
from programs import environment, new_token, serving_warmline, warmline

from warmline.programs import STOP_IN_TIME

KEY = "a-key-of-the-tests-that-guards-nothing-at-all"
PATIENCE = 90.0  # seconds, on a machine that is busy with other things


@contextmanager
def own_cluster(**settings: str) -> Iterator[Cluster]:
    """Run a cluster while the block does; without a server's programs the test is not run."""
    try:
        with cluster(**settings) as made:
            yield made
    except NoPostgresError:
        pytest.skip(f"NOT RUN: PostgreSQL is missing. Install it: {HOW_TO_GET_IT}")


class Place:
    """Where the programs run: their database, Pipedrive and data folder.

    Args:
        database: In which their rows are.
        folder: Of their data and logs.
        pipedrive_url: Where the sandbox answers.
        more: Further variables.
    """

    def __init__(self, database: Cluster, folder: Path, pipedrive_url: str, **more: str) -> None:
        self.database, self.folder = database, folder
        own = {"DATABASE_URL": database.url(), "WARMLINE_SECRET_KEY": KEY}
        self.env = environment(folder, pipedrive_url, **own, **more)
        assert warmline(self.env, "migrate").returncode == 0

    @contextmanager
    def serving(self, port: int, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run `warmline serve` while the block does."""
        with serving_warmline(self.env, port, *options, log=self.folder / "serve.log") as program:
            yield program

    @contextmanager
    def working(self, name: str = "worker", *options: str, **more: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run `warmline worker` while the block does; it need not be ready at its beginning."""
        with (self.folder / f"{name}.log").open("ab") as out:
            command = [sys.executable, "-m", "warmline", "worker", *options]
            program = subprocess.Popen(command, env={**self.env, **more}, stdout=out, stderr=subprocess.STDOUT)
            try:
                yield program
            finally:
                program.terminate()
                try:
                    program.wait(timeout=STOP_IN_TIME)
                except subprocess.TimeoutExpired:
                    program.kill()
                    program.wait()

    def log(self, name: str) -> str:
        """Return what a program has said."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def ask(self, query: str, *parameters: Any) -> list[Any]:
        """Return the rows of a query to the database."""
        with psycopg.connect(self.database.url()) as connection:
            return connection.execute(query, parameters).fetchall()

    @contextmanager
    def caller(self, port: int) -> Iterator[httpx.Client]:
        """Return a caller of the API, who is Alice."""
        if not hasattr(self, "_token"):
            self._token = new_token(self.env, "alice@example.com", "--admin")
        headers = {"Authorization": f"Bearer {self._token}"}
        url = f"http://127.0.0.1:{port}/api"
        with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=PATIENCE) as api:
            yield api


def synced(api: httpx.Client, path: str) -> Callable[[], Any]:
    """Return what tells a row when it is in Pipedrive."""

    def row() -> Any:
        found = api.get(path).raise_for_status().json()
        return found if found["sync"]["state"] == "synced" else None

    return row
