"""Installations whose programs are killed: on SQLite a server alone, on PostgreSQL a server and a worker."""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from postgres_cluster import Cluster
from programs import environment, serving_warmline
from programs_on_postgres import Place


class OnSqlite:
    """An installation with a data folder of its own.

    Args:
        folder: For its data and logs.
        pipedrive_url: Where the sandbox answers.
        more: Further variables of its environment.
    """

    def __init__(self, folder: Path, pipedrive_url: str, **more: str) -> None:
        self.env = environment(folder, pipedrive_url, **more)
        self._folder = folder

    @contextmanager
    def running(self, port: int) -> Iterator[Callable[[], None]]:
        """Run its programs while the block does; yield what kills them all at once."""
        with serving_warmline(self.env, port, log=self._folder / "warmline.log") as server:
            yield lambda: os.killpg(server.pid, signal.SIGKILL)  # both of its processes

    def ids(self, table: str, link: str) -> set[Any]:
        """Return the ids of the records to which the rows of a table are linked, None if any row is not."""
        with closing(sqlite3.connect(self._folder / "warmline.sqlite3")) as connection:
            return {row[0] for row in connection.execute(f"SELECT {link} FROM {table}")}  # noqa: S608 (our own names)


class OnPostgres:
    """An installation with a database in a cluster.

    Args:
        database: The cluster.
        folder: For logs.
        pipedrive_url: As of `OnSqlite`.
        more: As of `OnSqlite`.
    """

    def __init__(self, database: Cluster, folder: Path, pipedrive_url: str, **more: str) -> None:
        self._place = Place(database, folder, pipedrive_url, **more)
        self.env = self._place.env

    @contextmanager
    def running(self, port: int) -> Iterator[Callable[[], None]]:
        """Run a server and a worker while the block does; yield what kills both at once."""
        with self._place.serving(port) as server, self._place.working() as worker:

            def kill() -> None:
                os.killpg(server.pid, signal.SIGKILL)
                worker.kill()

            yield kill

    def ids(self, table: str, link: str) -> set[Any]:
        """Return the same as of `OnSqlite`."""
        return {row[0] for row in self._place.ask(f"SELECT {link} FROM {table}")}  # noqa: S608 (our own names)


Installation = OnSqlite | OnPostgres
