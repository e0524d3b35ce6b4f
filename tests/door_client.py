"""Knocks at the door for Pipedrive's reports, in the process and on the connection of the test."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
from asgiref.sync import async_to_sync

from warmline.asgi import application
from warmline.sandbox.outgoing import Outgoing

HERE, DOOR = "http://127.0.0.1:8000", "/events/pipedrive"


def knock(method: str, path: str, content: bytes, headers: Mapping[str, str]) -> int:
    """Send a request to the application as it is served, and return the status of the answer."""

    async def ask() -> int:
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            answer = await client.request(method, path, content=content, headers=dict(headers))
        return answer.status_code

    return async_to_sync(ask)()


def deliver(one: Outgoing) -> int:
    """Bring what the sandbox sends to the door, and return the status of the answer."""
    assert one.url == HERE + DOOR
    return knock(one.method, urlsplit(one.url).path, one.content, dict(one.headers))
