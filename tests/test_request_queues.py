"""How many may save at once, and what the others are told."""

import asyncio
from typing import Any

import pytest
from django.test import RequestFactory

from warmline.http import error_pages, request_queues
from warmline.http.request_queues import (
    FULL,
    READ_PLACES,
    AdmissionControl,
    AdmissionQueue,
    FullError,
    refuse_when_full,
)
from warmline.storage import Matter


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_places_are_given_in_order() -> None:
    """Two at a time, and whoever waits comes in as one goes out."""

    async def run() -> list[int]:
        lane, came, go = AdmissionQueue(2), [], [asyncio.Event() for _ in range(5)]

        async def one(number: int) -> None:
            async with lane.place():
                came.append(number)
                await go[number].wait()

        tasks = [asyncio.create_task(one(number)) for number in range(5)]
        await _settle()
        assert came == [0, 1]
        for number in range(5):
            go[number].set()
            await _settle()
        await asyncio.gather(*tasks)
        return came

    assert asyncio.run(run()) == [0, 1, 2, 3, 4]


def test_who_would_wait_too_long_is_refused_at_once() -> None:
    """By the pace at which places became free of late."""

    async def run() -> None:
        now = 0.0
        lane = AdmissionQueue(1, clock=lambda: now)
        go = [asyncio.Event() for _ in range(8)]

        async def one(number: int) -> None:
            async with lane.place():
                await go[number].wait()

        tasks = [asyncio.create_task(one(number)) for number in range(6)]
        await _settle()
        for number in range(2):  # each takes ten seconds
            now += 10.0
            go[number].set()
            await _settle()
        with pytest.raises(FullError):
            async with lane.place():
                pass
        for event in go:
            event.set()
        await asyncio.gather(*tasks)
        async with lane.place():  # it is empty again
            pass

    asyncio.run(run())


def test_who_waits_longer_than_was_expected_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the place goes to others later."""
    monkeypatch.setattr(request_queues, "LONGEST_WAIT", 0.01)

    async def run() -> None:
        lane, go = AdmissionQueue(1), asyncio.Event()

        async def holds() -> None:
            async with lane.place():
                await go.wait()

        task = asyncio.create_task(holds())
        await _settle()
        with pytest.raises(FullError):
            async with lane.place():
                pass
        go.set()
        await task
        async with lane.place():
            pass
        assert (lane._free, len(lane._waiting)) == (1, 0)

    asyncio.run(run())


def test_one_who_goes_leaves_no_gap() -> None:
    """Whoever waits and goes is passed over; whoever was given a place and goes gives it on."""

    async def run() -> None:
        lane, go, came = AdmissionQueue(1), asyncio.Event(), []

        async def one(name: str) -> None:
            async with lane.place():
                came.append(name)
                await go.wait()

        tasks = {}
        for name in ("first", "gone", "last"):
            tasks[name] = asyncio.create_task(one(name))
            await _settle()
        tasks["gone"].cancel()
        go.set()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        assert came == ["first", "last"]

    asyncio.run(run())


def test_a_slow_one_gives_up_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that waits for a mail server keeps nobody from saving, and gives its place up only once."""
    monkeypatch.setattr(request_queues, "PLACE_KEPT_FOR", 0.0)

    async def run() -> None:
        lane, go = AdmissionQueue(1), asyncio.Event()

        async def slow() -> None:
            async with lane.place():
                await go.wait()

        task = asyncio.create_task(slow())
        await _settle()
        async with lane.place():
            pass
        go.set()
        await task
        assert lane._free == 1

    asyncio.run(run())


class _Request:
    """A request over ASGI, and whether it was let in.

    Args:
        method, path: Of the request.
        messages: What is received.
    """

    def __init__(self, method: str, path: str = "/api/contacts", messages: tuple[dict[str, Any], ...] = ()) -> None:
        self.scope: Any = {"type": "http", "method": method, "path": path, "headers": []}
        self._messages = list(messages) or [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive(self) -> Any:
        if self._messages:
            return self._messages.pop(0)
        return await asyncio.get_running_loop().create_future()

    async def send(self, message: Any) -> None:
        raise AssertionError(message)


async def _busy(requests: list[_Request]) -> dict[int, bool]:
    """Return whether each request was let in, refused, or (missing) waits, when all of them take for ever."""
    seen: dict[int, bool] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        seen[id(scope)] = not scope.get(FULL, False)
        if not scope.get(FULL, False):
            await asyncio.get_running_loop().create_future()

    door = AdmissionControl(app)
    tasks = [asyncio.create_task(door(each.scope, each.receive, each.send)) for each in requests]
    for _ in range(5):
        await _settle()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {place: seen[id(each.scope)] for place, each in enumerate(requests) if id(each.scope) in seen}


def test_who_reads_holds_up_nobody_who_saves() -> None:
    """However many read, they go in turn, and one who saves is let in at once."""
    requests = [_Request("GET") for _ in range(50)] + [_Request("POST")]
    let_in = asyncio.run(_busy(requests))
    assert len(let_in) == READ_PLACES + 1
    assert let_in[50]


def test_half_a_request_takes_no_place() -> None:
    """Those whose body does not come keep nobody out."""
    half = [_Request("POST", messages=({"type": "http.request", "body": b"x", "more_body": True},)) for _ in range(50)]
    assert asyncio.run(_busy([*half, _Request("POST")])) == {50: True}


def test_strangers_at_the_door_hold_nobody_back() -> None:
    """Signing in has a lane of its own."""
    strangers = [_Request("POST", "/sign-in") for _ in range(50)]
    assert asyncio.run(_busy([*strangers, _Request("PATCH")]))[50]


def test_a_refusal_says_when_to_come_again() -> None:
    """As the API's errors look."""
    request: Any = RequestFactory().post("/api/contacts", "{}", content_type="application/json")
    request.scope = {FULL: True}
    answer = refuse_when_full(lambda _: pytest.fail("let in"))(request)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "1"
    assert answer["Warmline-Matter"] == "busy"
    assert b'"code": "busy"' in answer.content


def test_a_page_keeps_what_was_typed() -> None:
    """The form stands there again, to be sent with one press, and nothing in it becomes markup."""
    sent = {"name": "</textarea><script>", "note": "\ntwo\nlines", "csrfmiddlewaretoken": "t"}
    answer = error_pages.not_stored(RequestFactory().post("/contacts/new?x=1", sent | {}), Matter.BUSY)
    assert answer.status_code == 503  # a file may have been sent: multipart is not handed back
    form = RequestFactory().post(
        "/contacts/new",
        "name=%3C%2Ftextarea%3E%3Cscript%3E&note=%0Atwo%0Alines&csrfmiddlewaretoken=t",
        content_type="application/x-www-form-urlencoded",
    )
    page = error_pages.not_stored(form, Matter.BUSY).content.decode()
    assert 'action="/contacts/new"' in page
    assert "<script>" not in page.replace("<script src", "")
    assert "\n\ntwo\nlines</textarea>" in page
    assert 'name="csrfmiddlewaretoken"' in page


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("username=a&password=secret-1", False),
        ("new_password1=secret-1", False),
        ("&".join(f"f{number}=1" for number in range(1500)), False),
        ("name=Ames", True),
    ],
)
def test_passwords_and_floods_are_not_handed_back(body: str, kept: bool) -> None:  # noqa: FBT001 (a column)
    """What a page shows again is what a person typed into a form of the team's."""
    request = RequestFactory().post("/sign-in", body, content_type="application/x-www-form-urlencoded")
    page = error_pages.not_stored(request, Matter.DISK_FULL).content.decode()
    assert ("<textarea" in page) is kept
    assert "secret-1" not in page
