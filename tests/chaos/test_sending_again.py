"""Programs that send each lead up to five times, side by side, to real programs that die: each is there once."""

from functools import partial
from pathlib import Path

from chaos.installations import OnPostgres
from chaos.killing import Round
from chaos.sending_again import send_round
from programs_on_postgres import own_cluster


def test_each_lead_is_there_once(tmp_path: Path) -> None:
    """Sixty leads, connections that break, the server killed twice; `make leads` sends more."""
    check(send_round(tmp_path, 20261127, leads=60))


def test_each_lead_is_there_once_on_postgres(tmp_path: Path) -> None:
    """The same with a server and a worker that die together."""
    with own_cluster() as database:
        check(send_round(tmp_path, 20261128, leads=40, install=partial(OnPostgres, database)))


def check(result: Round) -> None:
    """Expect no breach, and that the programs were killed."""
    assert result.breaches == []
    assert result.kills == 2
