"""Sends one request to an address that somebody has entered, and trusts neither the address nor the answer.

The name is looked up once, and the address that was checked is the one connected to. Private addresses are refused
unless WARMLINE_WEBHOOKS_PRIVATE allows them: a webhook must not be a way into the network around us. Redirects are not
followed, an answer is read only to its beginning, and all of it has to be over in time.
"""

import http.client
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Timer
from urllib.parse import urlsplit

CONNECT, WHOLE = 5.0, 15.0  # seconds: for each address; for everything
READ = 2000  # bytes of an answer
NAT64 = IPv6Network("64:ff9b::/96")  # in whose last 32 bits an address of IPv4 stands
# All of IPv6 that is given out for the internet. Beside it are forms of IPv4 and a site's own networks, some of which
# Python calls global.
PUBLIC = IPv6Network("2000::/3")

Address = IPv4Address | IPv6Address


class NotSentError(Exception):
    """Nothing was answered; the message says why, for an admin."""


@dataclass(frozen=True)
class Answer:
    """What a receiver answered.

    Attributes:
        status: HTTP's.
        text: The beginning of the body.
    """

    status: int
    text: str

    @property
    def is_good(self) -> bool:
        """Whether it has taken what was sent."""
        return 200 <= self.status < 300  # noqa: PLR2004 (HTTP's successes)


def what_is_wrong(url: str) -> str:
    """Return why an address cannot be one of a webhook, in words for whoever entered it; empty when it can."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "This is not a valid address."
    is_plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_plain or port == 0:
        return "This must be an address such as https://example.com/hook."
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "This must not have a user, a password or a part after `#`."
    return ""


def is_private(address: Address) -> bool:
    """Tell whether an address may lead to what is not on the internet, whatever it is wrapped in."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_private(inner)
        if address not in PUBLIC:
            return True
    return not address.is_global or address.is_multicast


def post(url: str, headers: Mapping[str, str], body: bytes, *, private: bool) -> Answer:
    """Send a POST.

    Args:
        url: Where to.
        headers: Beside the usual ones.
        body: The body.
        private: Whether private addresses are allowed.

    Returns:
        What was answered.

    Raises:
        NotSentError: When there was no answer, or nothing was sent.
    """
    if wrong := what_is_wrong(url):
        raise NotSentError(wrong)
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(host, port, timeout=WHOLE)  # which is given its socket
    timer: Timer | None = None
    try:
        sock = connection.sock = _connected(host, port, private=private)
        if parts.scheme == "https":
            context = ssl.create_default_context()
            sock = connection.sock = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        timer = Timer(WHOLE, _shut, [sock])  # a receiver that sends a byte now and then must not hold us up
        timer.daemon = True
        timer.start()
        if isinstance(sock, ssl.SSLSocket):
            sock.do_handshake()
        connection.request("POST", target, body, {**headers, "Host": parts.netloc, "Connection": "close"})
        response = connection.getresponse()
        text = response.read(READ).decode("utf-8", "replace").replace("\0", "\ufffd")
        return Answer(response.status, text)
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise NotSentError(_words(error)) from error
    finally:
        if timer is not None:
            timer.cancel()
        connection.close()


def _connected(host: str, port: int, *, private: bool) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSentError(f"The name {host} cannot be found.") from error
    allowed = [each for each in found if private or not is_private(ip_address(str(each[4][0]).partition("%")[0]))]
    if not allowed:
        text = "This address is private. Set WARMLINE_WEBHOOKS_PRIVATE=yes if Warmline may call it."
        raise NotSentError(text)
    last: OSError | None = None
    for family, kind, protocol, _, address in allowed[:4]:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(CONNECT)
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            last = error
        else:
            sock.settimeout(WHOLE)
            return sock
    raise last or OSError("no address")


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"The encrypted connection failed: {error.reason or 'unknown reason'}."
    if isinstance(error, TimeoutError):
        return "It did not answer in time."
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"The connection failed: {str(text)[:200].rstrip('.')}."
