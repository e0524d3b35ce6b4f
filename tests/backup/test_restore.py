"""A backup that is restored after many further changes: no duplicate, no lost link, and it says what it found."""

from pathlib import Path
from typing import Any

import pytest
from programs import environment, serving_warmline
from restored import Installation, acceptance

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
    return Sandbox(World.sample(token="sandbox-token"))


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
