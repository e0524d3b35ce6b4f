"""Answers that are far too long: given up in time, and never held as a whole."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import repeat
from threading import Barrier, BrokenBarrierError, Event

import httpx
import pytest
from virtual_clock import VirtualClock

from warmline.pipedrive import Limiter, NewPerson, Pipedrive, PipedriveError, Rejected, Unavailable, Uncertain
from warmline.pipedrive.http_session import LONGEST_LIST, LONGEST_RECORD

PIECE = 1 << 16
ZEROS = bytes(PIECE)


class Pieces(httpx.SyncByteStream):
    """A body that comes in pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces


def _zipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packing = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    for piece in pieces:
        yield packing.compress(piece)
    yield packing.flush()


def _answer(pieces: Iterator[bytes], packed: str = "", status: int = 200) -> httpx.Response:
    headers = {"content-encoding": packed} if packed else {}
    return httpx.Response(status, headers=headers, stream=Pieces(pieces))


def _client(answer: httpx.Response) -> Pipedrive:
    clock = VirtualClock()
    return Pipedrive(
        "https://api.example.com",
        "token",
        limiter=Limiter(clock=clock),
        transport=httpx.MockTransport(lambda _: answer),
        clock=clock,
    )


def _bomb() -> Iterator[bytes]:
    return _zipped(repeat(ZEROS, (1 << 30) // PIECE))  # a gigabyte, of a megabyte on the way


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda: _answer(repeat(ZEROS)), Uncertain),
        (lambda: _answer(_zipped(repeat(ZEROS)), "gzip"), Uncertain),
        (lambda: _answer(_bomb(), "gzip"), Uncertain),
        (lambda: _answer(_zipped(_bomb()), "gzip, gzip"), Uncertain),
        (lambda: _answer(repeat(b"x"), "br"), Uncertain),
        (lambda: _answer(_bomb(), "gzip", status=500), Uncertain),
        (lambda: _answer(_bomb(), "gzip", status=400), Rejected),
        (lambda: _answer(iter([gzip.compress(b"{}")[:-12]]), "gzip"), Uncertain),
    ],
)
def test_a_create_with_such_an_answer(answer: object, kind: type[PipedriveError]) -> None:
    """Nobody can say whether it was done, but where it was refused; and it never takes much memory."""
    made = answer()  # type: ignore[operator]
    tracemalloc.start()
    try:
        with _client(made) as pipedrive, pytest.raises(PipedriveError) as caught:
            pipedrive.create_person(NewPerson(name="Ada", owner_id=2))
        assert tracemalloc.get_traced_memory()[1] < 4 * LONGEST_RECORD
    finally:
        tracemalloc.stop()
    assert type(caught.value) is kind


def test_a_list_may_be_longer_than_a_record() -> None:
    """A page holds hundreds of records; and one that is read asks for less room."""
    text = json.dumps({"success": True, "data": [], "more": "x" * (2 * LONGEST_RECORD)}).encode()
    with _client(_answer(_zipped(iter([text])), "gzip")) as pipedrive:
        assert pipedrive.persons_page(None).records == []
    with _client(_answer(iter([text]))) as pipedrive, pytest.raises(Unavailable, match="too long"):
        pipedrive.person(1)
    with (
        _client(_answer(repeat(ZEROS, LONGEST_LIST // PIECE + 1))) as pipedrive,
        pytest.raises(Unavailable, match="too long"),
    ):
        pipedrive.persons_page(None)


def test_long_answers_are_taken_in_one_at_a_time() -> None:
    """Many threads that are answered without end need the memory of one."""
    begun, meeting, met = Barrier(2), Barrier(2), Event()

    def endless() -> Iterator[bytes]:
        begun.wait()
        yield from repeat(ZEROS, LONGEST_RECORD // PIECE + 1)
        with suppress(BrokenBarrierError):
            meeting.wait(0.3)
            met.set()
        yield from repeat(ZEROS)

    def ask() -> None:
        with _client(_answer(endless())) as pipedrive, pytest.raises(Unavailable, match="too long"):
            pipedrive.persons_page(None)

    with ThreadPoolExecutor(2) as threads:
        for each in [threads.submit(ask) for _ in range(2)]:
            each.result()
    assert not met.is_set()


def test_an_answer_that_says_how_long_it_is_is_not_read_if_that_is_too_long() -> None:
    """Nothing of it is taken in."""
    answer = _answer(iter(()))
    answer.headers["content-length"] = str(LONGEST_LIST + 1)
    with _client(answer) as pipedrive, pytest.raises(Unavailable, match="too long"):
        pipedrive.persons_page(None)


@pytest.mark.parametrize("packed", ["gzip", "GZIP", "", "identity"])
def test_what_is_sent_properly_is_read(packed: str) -> None:
    """Packed or not."""
    text = json.dumps({"success": True, "data": {"id": 7, "name": "Ada"}}).encode()
    pieces = _zipped(iter([text])) if packed.lower() == "gzip" else iter([text])
    with _client(_answer(pieces, packed)) as pipedrive:
        assert pipedrive.person(7).id == 7
