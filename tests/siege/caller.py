"""A caller that costs next to nothing: hundreds of them must not be what is slow."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Caller:
    """Makes one call after the other, over one connection as long as the server keeps it open.

    A server may close a connection between two calls, as any does when too many are open; then another one is opened.

    Args:
        port: Of 127.0.0.1.
        token: The caller's API token.
    """

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, str], bytes]:
        """Make a call of the API.

        Returns:
            Status, headers by their names in lower case, and body.
        """
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        if self._connection is not None:
            try:
                return await self._answer(head.encode() + content)
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                if isinstance(error, asyncio.IncompleteReadError) and error.partial:
                    raise
                self.close()
        self._connection = await asyncio.open_connection("127.0.0.1", self._port)
        return await self._answer(head.encode() + content)

    async def _answer(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        assert self._connection is not None
        reader, writer = self._connection
        writer.write(request)
        await writer.drain()
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0)))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None


@asynccontextmanager
async def calling(port: int, token: str) -> AsyncIterator[Caller]:
    """Make calls while the block runs.

    Args:
        port: Of 127.0.0.1.
        token: The caller's API token.
    """
    caller = Caller(port, token)
    try:
        yield caller
    finally:
        caller.close()
