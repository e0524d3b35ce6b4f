"""The second process of `serve` as the first one keeps it; tests/cli/test_serve.py has them both at work."""

import sys
from collections.abc import Callable
from threading import Event

import pytest

from warmline.engine_process import Beside

PATIENCE = 60.0  # seconds


def wait_for(there: Callable[[], bool]) -> None:
    """Wait until something is so."""
    poll = Event()
    for _ in range(int(PATIENCE / 0.05)):
        if there():
            return
        poll.wait(0.05)
    pytest.fail(f"not so after {PATIENCE:.0f} s")


def test_a_process_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As when the machine is out of memory for a moment."""
    real = sys.executable
    monkeypatch.setattr(sys, "executable", f"{real}-that-is-not-there")
    with Beside() as beside:
        wait_for(lambda: "serve.engine_not_started" in caplog.text)
        monkeypatch.setattr(sys, "executable", real)
        wait_for(lambda: beside._program is not None)
