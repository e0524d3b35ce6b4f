"""A database in use is not restored into, however few connections others have to it."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_cluster import new_database
from programs import environment, free_port, new_token, serving_warmline, warmline
from programs_on_postgres import KEY
from waiting import until

pytestmark = pytest.mark.only_on("postgres")

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], Path]]:
    """Return an installation with a user, and a backup of it."""
    folder = tmp_path_factory.mktemp("made")
    with new_database() as database:
        env = environment(folder / "data", NOWHERE, DATABASE_URL=database, WARMLINE_SECRET_KEY=KEY)
        assert warmline(env, "migrate").returncode == 0
        new_token(env, "alice@example.com", "--admin")
        file = folder / "backup.zip"
        done = warmline(env, "backup", str(file))
        assert done.returncode == 0, done.stderr
        yield env, file


def test_one_connection_is_enough(made: tuple[dict[str, str], Path]) -> None:
    """That of an idle worker, for example; a person's own look at the database is in nobody's way."""
    env, file = made
    url = env["DATABASE_URL"]
    with psycopg.connect(url, application_name="warmline limits"):
        refused = warmline(env, "restore", str(file), "--replace")
    assert (refused.returncode, "Stop every server and worker" in refused.stderr) == (1, True)
    with psycopg.connect(url, application_name="psql"):
        done = warmline(env, "restore", str(file), "--replace")
    assert done.returncode == 0, done.stderr


def test_an_idle_server_is(made: tuple[dict[str, str], Path], tmp_path: Path) -> None:
    """Once it has ended, nobody has to wait."""
    env, file = made
    with serving_warmline(env, free_port(), log=tmp_path / "log"):
        until(lambda: "in use" in warmline(env, "restore", str(file), "--replace").stderr)
    done = warmline(env, "restore", str(file), "--replace")
    assert done.returncode == 0, done.stderr
