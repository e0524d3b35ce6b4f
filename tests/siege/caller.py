"""A caller that costs next to nothing: hundreds of them must not be what is slow."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Caller:
    """One open connection, over which one call goes after the other.

    Args:
        reader, writer: The connection.
        token: The caller's API token.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer, self._token = reader, writer, token

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
        self._writer.write(head.encode() + content)
        await self._writer.drain()
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), headers, await self._reader.readexactly(int(headers.get("content-length", 0)))


@asynccontextmanager
async def calling(port: int, token: str) -> AsyncIterator[Caller]:
    """Open a connection while the block runs.

    Args:
        port: Of 127.0.0.1.
        token: The caller's API token.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Caller(reader, writer, token)
    finally:
        writer.close()
