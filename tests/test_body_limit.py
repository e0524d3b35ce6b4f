"""The limit of a body, held at the door: what is longer is refused before it is kept, by words that help."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from warmline.api.errors import BODY_LIMIT
from warmline.asgi import application
from warmline.crm.imports.tables import MOST_BYTES
from warmline.http.body_limit import FILE_LIMIT

PIECE = 100_000  # bytes
Answer = tuple[int, dict[str, str], str]


def post(path: str, pieces: Sequence[int], *, said: int | None = None, is_whole: bool = True) -> Answer:
    """Send a body as a server hands it on, and return the answer's status, headers and text.

    Args:
        path: Where to.
        pieces: Their lengths.
        said: The length that the header says; None for none, as of a body in chunks.
        is_whole: Whether the body ends; else nothing more ever comes, and who waits for it waits in vain.
    """
    sent: list[Any] = []
    is_answered = asyncio.Event()

    def messages() -> Iterator[dict[str, Any]]:
        for number, length in enumerate(pieces, start=1):
            yield {"type": "http.request", "body": b"x" * length, "more_body": not is_whole or number < len(pieces)}

    left = messages()

    async def receive() -> dict[str, Any]:
        if message := next(left, None):
            return message
        await is_answered.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            is_answered.set()

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    if said is not None:
        headers.append((b"content-length", str(said).encode()))
    scope = {
        "type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers, "scheme": "http",
        "server": ("localhost", 80), "client": ("127.0.0.1", 5), "root_path": "", "http_version": "1.1",
    }  # fmt: skip

    async def call() -> None:
        async with asyncio.timeout(60):
            await application(scope, receive, send)

    asyncio.run(call())
    found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:]).decode()


@pytest.mark.parametrize("said", [300_000_000, BODY_LIMIT + 1, 10**30])
def test_a_length_that_is_too_large(said: int) -> None:
    """It is refused by a page before anything of the body was waited for."""
    status, headers, text = post("/sign-in", [], said=said, is_whole=False)
    assert status == 413
    assert "That was too large" in text
    assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/sign-in", "/import", "/static/web/icon.svg", "/nothing"])
def test_a_body_that_says_no_length(path: str) -> None:
    """It is counted, and refused as soon as it is too large, wherever it goes."""
    limit = FILE_LIMIT if path == "/import" else BODY_LIMIT
    status, _, text = post(path, [PIECE] * (limit // PIECE) + [1], is_whole=False)
    assert status == 413
    assert "up to 5 MB" in text


@pytest.mark.parametrize("said", [None, BODY_LIMIT + 1])
def test_the_api_says_so_in_its_own_way(said: int | None) -> None:
    """As all its errors look."""
    status, headers, text = post("/api/contacts", [BODY_LIMIT + 1, PIECE, PIECE], said=said)
    assert (status, headers["content-type"]) == (413, "application/json")
    assert json.loads(text)["error"]["code"] == "too_large"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "length", "status"), [("/api/contacts", BODY_LIMIT, 401), ("/import", MOST_BYTES + PIECE, 403)]
)
@pytest.mark.parametrize("is_said", [True, False])
def test_the_most_that_is_taken(path: str, length: int, status: int, is_said: bool) -> None:  # noqa: FBT001 (a column of the table)
    """It comes through to those who look who sent it: a stranger without a token, or without the cookie of a page."""
    said = length if is_said else None
    assert post(path, [PIECE] * (length // PIECE), said=said)[0] == status
