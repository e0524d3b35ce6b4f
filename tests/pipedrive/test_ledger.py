"""The figures of the limits, on a disk that is full for a while."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from warmline.pipedrive import FileLedger


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the ledger is."""
    return tmp_path / "limits.sqlite3"


@pytest.fixture
def ledger(file: Path) -> Iterator[FileLedger]:
    """Return a ledger that knows ten tokens."""
    with closing(FileLedger(file, "us")) as made:
        with made.open() as used:
            used.tokens["1"] = 10
        yield made


def _stop(ledger: FileLedger) -> None:
    """Have its file take nothing more, as on a disk that is full."""
    assert ledger._db is not None
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count = {pages}")


def _go_on(ledger: FileLedger) -> None:
    assert ledger._db is not None
    ledger._db.execute("PRAGMA max_page_count = 1000000")


def _stored(file: Path) -> dict[str, int]:
    with closing(FileLedger(file, "us")) as another, another.open() as used:
        return used.tokens


def test_figures_are_kept_until_there_is_room(ledger: FileLedger, file: Path) -> None:
    """They hold in this process at once, and in the file once it takes them; nothing that others wrote is lost."""
    _stop(ledger)
    many = [float(number) for number in range(10_000)]  # too long for what is left of the file
    with ledger.open() as used:
        used.turns, used.tokens["2"] = many, 5
    with ledger.open() as used:
        assert used.tokens == {"1": 10, "2": 5}
    assert _stored(file) == {"1": 10}
    with closing(FileLedger(file, "us")) as another, another.open() as used:
        used.tokens["1"] = 12
    _go_on(ledger)
    with ledger.open() as used:
        assert used.tokens == {"1": 12, "2": 5}
    assert _stored(file) == {"1": 12, "2": 5}


def test_who_only_looks_writes_nothing(ledger: FileLedger, file: Path) -> None:
    """So a page that shows the figures needs no room."""
    with closing(sqlite3.connect(file)) as database:
        before = database.execute("PRAGMA data_version").fetchone()
        with ledger.open() as used:
            assert used.tokens == {"1": 10}
        assert database.execute("PRAGMA data_version").fetchone() == before


def test_a_block_that_raises_changes_nothing(ledger: FileLedger, file: Path) -> None:
    """Neither in the file nor in what is kept."""
    for is_full in (False, True):
        if is_full:
            _stop(ledger)
        with pytest.raises(ZeroDivisionError), ledger.open() as used:
            used.tokens["1"] = 99
            raise ZeroDivisionError
        with ledger.open() as used:
            assert used.tokens == {"1": 10}
    assert _stored(file) == {"1": 10}


def test_a_file_that_is_no_database_is_set_aside(file: Path) -> None:
    """After a broken disk or a wrong copy the limits begin anew, and the file is kept for whoever wants to look."""
    file.write_bytes(b"this is no database, whatever it was before" * 100)

    with closing(FileLedger(file, "us")) as ledger, ledger.open() as used:
        used.tokens["1"] = 10

    assert _stored(file) == {"1": 10}
    assert file.with_name("limits.sqlite3.broken").read_bytes().startswith(b"this is no database")


def test_a_file_that_breaks_while_it_is_open(ledger: FileLedger, file: Path) -> None:
    """The same, in the middle of the work: no call waits for somebody to mend it."""
    ledger.close()
    file.write_bytes(b"overwritten" * 1000)
    ledger._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)

    with ledger.open() as used:
        used.tokens["2"] = 5

    assert _stored(file) == {"2": 5}
