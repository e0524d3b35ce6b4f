"""Who asks, and by which scheme, where a reverse proxy asks for them: held at the door, outside of Django.

Only the proxies of WARMLINE_PROXIES are believed. Each adds the address that asked it at the right of X-Forwarded-For,
so the right-most one that is no such proxy's is the caller's; what stands left of it anybody can have written.
"""

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from warmline.http.asgi_types import App, Message, Receive, Send

IPAddress = IPv4Address | IPv6Address
Networks = Collection[IPv4Network | IPv6Network]
Headers = Iterable[tuple[bytes, bytes]]


class Forwarded:
    """An ASGI application that hands requests on as those of who asked the proxy.

    Args:
        app: The other one.
        proxies: Who is believed.
    """

    def __init__(self, app: App, proxies: Networks) -> None:
        self._app, self._proxies = app, proxies

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
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
    """Return whose request it is.

    Args:
        peer: Who is connected.
        forwarded_for: What was said of whom it asks for, in its order.
        proxies: Who is believed.
    """
    for said in reversed(forwarded_for):
        found = address(said)
        if found is None or not _is_among(peer, proxies):
            break
        peer = found
    return peer


def asked_for(client: tuple[str, int] | None, headers: Headers, proxies: Networks) -> IPAddress | None:
    """Return whose connection it is by what has come so far; None where that is only known to be a proxy.

    Args:
        client: Who is connected.
        headers: What has come, by names in lower case.
        proxies: Who is believed.
    """
    peer = address((client or ("",))[0])
    found = peer and caller(peer, _values(headers, b"x-forwarded-for"), proxies)
    return None if found is None or _is_among(found, proxies) else found


def address(text: str) -> IPAddress | None:
    """Return the address in a text, which may have brackets and a port; None when there is none."""
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
