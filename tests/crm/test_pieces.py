"""Bulk work lets others in between, and nothing of it is left out or done twice."""

from collections.abc import Sequence

import pytest
from django.db import connection

from warmline.crm import book, chunks, team
from warmline.crm.chunks import Pace, in_pieces
from warmline.crm.imports import decisions, runs
from warmline.crm.imports.runs import ImportRow, ImportRun, Status
from warmline.crm.models import Contact
from warmline.crm.users import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that a test has its pieces take."""
    now = [0.0]
    monkeypatch.setattr("warmline.crm.chunks.time.perf_counter", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("a_row", "sizes"),
    [
        (0.001, [50, 30, 30]),  # seconds for a row
        (0.0001, [50, 100, 200, 300, 300]),
        (0.0, [50, 100, 200, 400, 500]),
        (1.0, [50, 1, 1]),
    ],
)
def test_a_piece_is_as_large_as_is_quick(a_row: float, sizes: list[int], clock: list[float]) -> None:
    """It grows by two at the most, and shrinks at once."""
    pace, seen = Pace(), []
    for _ in sizes:
        seen.append(pace.size)
        with pace.piece():
            clock[0] += a_row * pace.size
    assert seen == pytest.approx(sizes, abs=1)


def test_all_is_done_once_and_counted(clock: list[float]) -> None:
    """In order, each piece in a transaction of its own."""
    done: list[int] = []

    def work(some: Sequence[int]) -> int:
        assert connection.in_atomic_block
        clock[0] += 0.001 * len(some)
        done.extend(some)
        return len(some)

    assert in_pieces(range(1000), work) == 1000
    assert done == list(range(1000))
    assert in_pieces([], work) == 0


class _Longest:
    """The most rows that one transaction has written meanwhile."""

    def __init__(self) -> None:
        self.rows = 0

    def __call__(self, execute: object, sql: str, params: Sequence[object], many: object, context: object) -> object:
        if not sql.startswith(("SELECT", "BEGIN", "SAVEPOINT", "RELEASE")):
            self.rows = max(self.rows, len(params or ()))
        return execute(sql, params, many, context)  # type: ignore[operator]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a piece be ten rows at the most."""
    monkeypatch.setattr(chunks, "MOST", 10)


def _people(owner: User, number: int) -> None:
    for each in range(number):
        book.add_contact(owner, name=f"Ames {each}")


@pytest.mark.usefixtures("few")
def test_leaving_hands_all_over_a_few_at_a_time(alice: User) -> None:
    """No statement names more than a piece, and nothing stays."""
    bob = User.objects.create_user("bob@example.com", "Bob", is_admin=True)
    _people(alice, 25)
    longest = _Longest()
    with connection.execute_wrapper(longest):
        assert team.deactivate(alice, bob) == 25
    assert Contact.objects.filter(owner=bob).count() == 25
    assert longest.rows <= 60  # that ten rows are gone, with six columns each


@pytest.mark.usefixtures("few")
def test_deleting_takes_a_few_at_a_time(alice: User) -> None:
    """And all of them."""
    _people(alice, 25)
    longest = _Longest()
    with connection.execute_wrapper(longest):
        assert book.delete_contacts(Contact.objects.all()) == 25
    assert not Contact.objects.exists()
    assert longest.rows <= 60  # that ten rows are gone, with six columns each


@pytest.mark.usefixtures("few")
def test_an_upload_is_stored_a_few_at_a_time_and_seen_when_it_is_whole(alice: User) -> None:
    """Until then it is nobody's; cut off, it is forgotten."""
    longest = _Longest()
    text = "Name,E-mail\n" + "".join(f"Ames {number},ames{number}@example.org\n" for number in range(99))
    with connection.execute_wrapper(longest):
        run = runs.begin(alice, "people.csv", text.encode())
    assert ImportRun.of(alice).get() == run
    assert run.status == Status.CHECKING
    assert run.rows.count() == 100
    assert longest.rows <= 110  # ten rows with their columns
    ImportRun.objects.update(status=Status.PARTIAL)
    assert not ImportRun.of(alice).exists()
    runs.start(run)
    decisions.choose(run, ["name", "email"], heading=1)
    assert ImportRun.objects.get().status == Status.PARTIAL
    runs.forget_old(run.created_at)
    assert ImportRow.objects.count() == 100
    runs.forget_old(run.created_at + 2 * runs.STORED_BY)
    assert not ImportRow.objects.exists()
    assert not ImportRun.objects.exists()
