"""Who asks behind reverse proxies: only the trusted ones are believed, and what is no address breaks nothing."""

import asyncio
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from warmline.http.forwarded import Forwarded, address, caller

PROXIES = [ip_network(text) for text in ("127.0.0.1", "::1", "10.0.0.0/8")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:443", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("not-an-ip", None),
        ("", None),
        ("unknown", None),
        ("192.0.2.1.5", None),
        ("999.0.2.1", None),
        ("[", None),
        ("\0", None),
        ("1" * 5000, None),
    ],
)
def test_an_address(text: str, found: str | None) -> None:
    """It may have a port and brackets, as some proxies write it."""
    assert address(text) == (found and ip_address(found))


@pytest.mark.parametrize(
    ("peer", "said", "whose"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["203.0.113.9", "192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["203.0.113.9", "192.0.2.1", "10.1.2.3"], "192.0.2.1"),
        ("127.0.0.1", ["10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", ["192.0.2.1", "not-an-ip"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1", "not-an-ip", "10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", ["not-an-ip", "192.0.2.1"], "192.0.2.1"),
        ("198.51.100.7", ["192.0.2.1"], "198.51.100.7"),
    ],
)
def test_whose_request_it_is(peer: str, said: list[str], whose: str) -> None:
    """The right-most address that is no trusted proxy's."""
    assert caller(ip_address(peer), said, PROXIES) == ip_address(whose)


@pytest.mark.parametrize(
    ("peer", "headers", "client", "scheme"),
    [
        ("127.0.0.1", [("for", "192.0.2.1"), ("proto", "https")], ("192.0.2.1", 0), "https"),
        ("::ffff:127.0.0.1", [("for", "192.0.2.1"), ("for", "10.0.0.1")], ("192.0.2.1", 0), "http"),
        ("127.0.0.1", [("for", "not-an-ip"), ("proto", "gopher")], ("127.0.0.1", 5), "http"),
        ("127.0.0.1", [("proto", "https, http")], ("127.0.0.1", 5), "http"),
        ("127.0.0.1", [("proto", "HTTPS")], ("127.0.0.1", 5), "https"),
        ("192.0.2.7", [("for", "127.0.0.1"), ("proto", "https")], ("192.0.2.7", 5), "http"),
        (None, [("for", "127.0.0.1"), ("proto", "https")], None, "http"),
    ],
)
def test_what_is_handed_on(peer: str | None, headers: list[Any], client: Any, scheme: str) -> None:
    """Of a proxy's request the caller and the scheme that it asked by; of anybody else's nothing is believed."""
    seen: dict[str, Any] = {}

    async def app(scope: Any, *_: Any) -> None:
        seen.update(scope)

    said = [(f"x-forwarded-{name}".encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "client": peer and (peer, 5), "scheme": "http", "headers": said}
    asyncio.run(Forwarded(app, PROXIES)(scope, None, None))
    assert (seen["client"], seen["scheme"]) == (client, scheme)
