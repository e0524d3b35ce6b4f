"""Finds out the client's address and scheme behind a reverse proxy, outside of Django.

Only the proxies in WARMLINE_PROXIES are trusted. Each appends the address that called it to X-Forwarded-For, so the
right-most address that is not a trusted proxy is the client's. Anything to the left of it may be made up.
"""

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from warmline.http.asgi_types import App, Message

IPAddress = IPv4Address | IPv6Address
Networks = Collection[IPv4Network | IPv6Network]
Headers = Iterable[tuple[bytes, bytes]]


class Forwarded:
    """ASGI middleware that replaces the proxy's address and scheme by those of its client.

    Args:
        app: The wrapped application.
        proxies: Trusted proxies.
    """

    def __init__(self, app: App, proxies: Networks) -> None:
        self._app, self._proxies = app, proxies

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Answer a request."""
        peer = address((scope.get("client") or ("",))[0])
        if peer and _is_among(peer, self._proxies):
            asked_for = caller(peer, _values(scope["headers"], b"x-forwarded-for"), self._proxies)
            if asked_for != peer:
                scope["client"] = (str(asked_for), 0)
            schemes = _values(scope["headers"], b"x-forwarded-proto")
            if schemes and schemes[-1].lower() in {"http", "https"}:
                scope["scheme"] = schemes[-1].lower()
        await self._app(scope, receive, send)


def caller(peer: IPAddress, forwarded_for: list[str], proxies: Networks) -> IPAddress:
    """Return the address of the client that sent a request.

    Args:
        peer: The other end of the connection.
        forwarded_for: The addresses in X-Forwarded-For, in their order.
        proxies: Trusted proxies.
    """
    for said in reversed(forwarded_for):
        found = address(said)
        if found is None or not _is_among(peer, proxies):
            break
        peer = found
    return peer


def asked_for(client: tuple[str, int] | None, headers: Headers, proxies: Networks) -> IPAddress | None:
    """Return the address that a connection serves, judging by what has arrived; None if only a proxy is known.

    Args:
        client: The other end of the connection: host and port.
        headers: The headers that have arrived, with names in lower case.
        proxies: Trusted proxies.
    """
    peer = address((client or ("",))[0])
    found = peer and caller(peer, _values(headers, b"x-forwarded-for"), proxies)
    return None if found is None or _is_among(found, proxies) else found


def address(text: str) -> IPAddress | None:
    """Parse an IP address, which may have brackets and a port; return None if it is not one."""
    host, bracket, _ = text.removeprefix("[").partition("]")
    if not bracket and text.count(":") == 1:
        host = text.partition(":")[0]
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _is_among(found: IPAddress, networks: Networks) -> bool:
    return any(found in network for network in networks)


def _values(headers: Headers, name: bytes) -> list[str]:
    values: Iterable[bytes] = (value for each, value in headers if each == name)
    return [part.strip() for value in values for part in value.decode("latin-1").split(",")]
