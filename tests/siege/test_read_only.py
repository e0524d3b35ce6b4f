"""A disk that is mounted read-only: Warmline says so in one sentence, and leaves what is there alone."""

import subprocess
from pathlib import Path

import pytest
from programs import environment, warmline
from siege.attack import NotRunError
from siege.attacks.disk import fill, small_disk


def test_a_disk_that_cannot_be_written(tmp_path: Path) -> None:
    """At the start; and the same of one without any room, on which there is nothing yet."""
    try:
        with small_disk(tmp_path) as disk:
            env = environment(disk / "data", "http://127.0.0.1:9", PIPEDRIVE_API_TOKEN="")
            filler = fill(disk)
            said = warmline(env, "serve", "--port", "0")
            assert (said.returncode, said.stderr.count("\n")) == (1, 1), said.stderr
            assert "No space left" in said.stderr or "disk is full" in said.stderr
            filler.unlink()
            assert warmline(env, "sync", "status").returncode == 0
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
            said = warmline(env, "serve", "--port", "0")
            assert said.returncode == 1
            assert said.stderr.startswith(f"warmline: cannot write into {disk / 'data'}. Set WARMLINE_DATA_DIR")
            assert said.stderr.count("\n") == 1
    except NotRunError as reason:
        pytest.skip(f"NOT RUN: {reason}")
