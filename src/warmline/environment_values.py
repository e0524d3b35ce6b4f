"""What the texts of environment variables mean: each function makes a value of one form, or says what it expected.

All raise ValueError. Its message follows the variable's name, and never repeats the text: it may be a secret.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import time
from email.utils import parseaddr
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo, available_timezones

import dj_database_url

from warmline.pipedrive import PLANS, can_be_address


@dataclass(frozen=True)
class EmailServer:
    """Where e-mail is handed over, and whom it comes from.

    Attributes:
        host, port: The SMTP server.
        user, password: To sign in there with; empty: without.
        starttls: Begin in plain and change to TLS.
        tls: TLS from the beginning.
        sender: The address that stands in From.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    starttls: bool
    tls: bool
    sender: str


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return what parses a whole number between two others, both included."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise ValueError(f"expected a whole number from {least} to {most}")
        return int(text)

    return parse


def yes_or_no(text: str) -> bool:
    """Parse yes or no, true or false, 1 or 0; in capitals, too."""
    answers = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    try:
        return answers[text.lower()]
    except KeyError:
        raise ValueError("expected yes or no") from None


def any_text(text: str) -> str:
    """Take the text as it is."""
    return text


def one_name(text: str) -> str:
    """Parse a name: any text that is not blank."""
    name = text.strip()
    if not name:
        raise ValueError("expected a name")
    return name


def host_names(text: str) -> tuple[str, ...]:
    """Parse host names with commas between them; at least one."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise ValueError("expected a host name, several with commas")
    return names


def folder(text: str) -> Path:
    """Parse a path, `~` included, into an absolute one."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ValueError("expected a folder; this machine has no user of that name") from None


def zone(text: str) -> ZoneInfo:
    """Parse the name of a time zone."""
    if text not in available_timezones():
        raise ValueError("expected a time zone such as Europe/Berlin")
    return ZoneInfo(text)


def database(text: str) -> str:
    """Check the address of a database; empty is allowed."""
    form = "expected sqlite:////PATH or postgres://USER:PASSWORD@HOST/NAME"
    scheme = text.partition(":")[0].lower()
    if not text:
        return text
    if scheme not in {"sqlite", "postgres", "postgresql"}:
        raise ValueError(form)
    try:
        name = str(dj_database_url.parse(text).get("NAME") or "")
    except Exception:  # noqa: BLE001 (whatever it makes of it; its own words may repeat a piece of the password)
        raise ValueError(f"{form}, with special characters in the password escaped, such as %2F") from None
    if not name or name == ":memory:":  # two processes share it, and a restart must find it
        raise ValueError(form)
    if scheme.startswith("postgres") and find_spec("psycopg") is None:
        raise ValueError("PostgreSQL needs the Python package psycopg; install it beside Warmline")
    return text


def time_of_day(text: str) -> time | None:
    """Parse a time of day such as `03:00`; `off` means none."""
    if text.lower() == "off":
        return None
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError("expected a time of day such as 03:00, or off")
    return time.fromisoformat(text)


def origin(example: str) -> Callable[[str], str]:
    """Return what parses an origin (scheme, host and port), naming an example of one where it refuses."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        has_more = parts.path.strip("/") or any(sign in text for sign in "?#@ ")
        if parts.scheme not in {"http", "https"} or not parts.hostname or has_more:
            raise ValueError(f"expected scheme, host and port only, such as {example}")
        if parts.port == 0:
            raise ValueError("expected a port from 1 to 65535")
        origin = f"{parts.scheme}://{parts.netloc}"
        if not can_be_address(origin):
            raise ValueError(f"expected a host name that can be reached, such as {example}")
        return origin

    return parse


def public_url(text: str) -> str:
    """Parse an origin in lower case, without the port that its scheme has anyway; empty is allowed."""
    example = "https://warmline.example.com"
    address = origin(example)(text).lower() if text else ""
    name = address.partition("://")[2]
    if address and not re.fullmatch(r"([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]+)?", name):
        raise ValueError(f"expected a host name in letters, digits, dots and dashes, such as {example}")
    return address.removesuffix(":443" if address.startswith("https:") else ":80")


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Parse IP addresses and networks with commas between them."""
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(","))
    except ValueError:
        raise ValueError("expected addresses and networks, several with commas, such as 127.0.0.1,10.0.0.0/8") from None


def email(text: str) -> EmailServer | None:
    """Parse the URL of an SMTP server; empty is allowed."""
    if not text:
        return None
    form = "smtp://USER:PASSWORD@HOST:587?tls=yes&from=ADDRESS or smtps://USER:PASSWORD@HOST:465?from=ADDRESS"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        # Its own words repeat what stands in the port's place: of a password with an unescaped "/", a piece.
        raise ValueError(f"expected {form}, with special characters in the password escaped, such as %2F") from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    sender, starttls, tls = options.pop("from", ""), yes_or_no(options.pop("tls", "no")), parts.scheme == "smtps"
    is_known = parts.scheme in {"smtp", "smtps"} and not options and not parts.path.strip("/") and not parts.fragment
    if not is_known or not parts.hostname or "@" not in parseaddr(sender)[1] or (tls and starttls):
        raise ValueError(f"expected {form}")
    return EmailServer(
        host=parts.hostname,
        port=port or (465 if tls else 587 if starttls else 25),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=starttls,
        tls=tls,
        sender=sender,
    )


def windows(text: str) -> tuple[tuple[int, float], ...]:
    """Parse limits such as `20/2,100/10`: calls, and the seconds in which so many are allowed."""
    try:
        windows = tuple(
            (int(calls), float(seconds)) for calls, seconds in (part.split("/") for part in text.split(","))
        )
    except ValueError:
        raise ValueError("expected CALLS/SECONDS, several with commas, such as 20/2,100/10") from None
    if any(calls < 1 or not 0 < seconds <= 3600 for calls, seconds in windows):  # noqa: PLR2004 (an hour is the longest sensible window)
        raise ValueError("expected at least one call in 0 to 3600 seconds")
    return windows


def windows_or_none(text: str) -> tuple[tuple[int, float], ...]:
    """Parse limits as `windows` does; empty is allowed."""
    return windows(text) if text else ()


def phone_country(text: str) -> str:
    """Parse the two letters of a country that has phone numbers; empty is allowed."""
    if not text:
        return ""
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415 (its tables take 5 MB; see crm/phone_numbers.py)

    if text.upper() not in SUPPORTED_REGIONS:
        raise ValueError("expected the two letters of a country, such as DE")
    return text.upper()


def plan(text: str) -> str:
    """Parse the name of one of Pipedrive's plans into lower case; empty is allowed."""
    if text and text.lower() not in PLANS:
        raise ValueError(f"expected one of {', '.join(PLANS)}")
    return text.lower()


def one_window(text: str) -> tuple[tuple[int, float], ...]:
    """Parse one limit such as `10/2`: calls, and the seconds in which so many are allowed."""
    if "," in text:
        raise ValueError("expected one CALLS/SECONDS, such as 10/2")
    return windows(text)


def window_or_none(text: str) -> tuple[int, float] | None:
    """Parse one limit such as `600/60`; `0` means none."""
    return None if text == "0" else one_window(text)[0]


def level(text: str) -> str:
    """Parse the level of a log into capitals."""
    levels = ("DEBUG", "INFO", "WARNING", "ERROR")
    if text.upper() not in levels:
        raise ValueError(f"expected one of {', '.join(levels)}")
    return text.upper()


def log_format(text: str) -> str:
    """Parse the form of a log into lower case."""
    if text.lower() not in {"line", "json"}:
        raise ValueError("expected line or json")
    return text.lower()


def web_address(text: str) -> str:
    """Check an address of the web, with whatever path; empty is allowed."""
    form = "expected an address such as https://example.com/ping/1"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(form) from None  # its own words repeat a piece of it
    is_plain = text.isascii() and text.isprintable() and " " not in text
    if text and (parts.scheme not in {"http", "https"} or not parts.hostname or not is_plain or port == 0):
        raise ValueError(form)
    return text
