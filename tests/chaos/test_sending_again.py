"""Programs that send each lead up to five times, side by side, to a real server that dies: each is there once."""

from pathlib import Path

from chaos.sending_again import send_round


def test_each_lead_is_there_once(tmp_path: Path) -> None:
    """Sixty leads, connections that break, the server killed twice; `make leads` sends more."""
    result = send_round(tmp_path, 20261127, leads=60)
    assert result.breaches == []
    assert result.kills == 2
