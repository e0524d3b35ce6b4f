"""A real server, killed with -9 in the middle of a burst and started again: nothing lost, nothing doubled."""

from pathlib import Path

from chaos.killing import kill_round


def test_kills_in_a_burst_lose_and_double_nothing(tmp_path: Path) -> None:
    """A hundred warm contacts with an activity each, the server killed four times on the way."""
    result = kill_round(tmp_path, 20261201, contacts=100, kills=4)
    assert result.breaches == []
    assert result.kills == 4
