"""Every environment variable that Warmline reads: its form, unit, default and reason.

`settings.py` asks here and nowhere else reads the environment. A `WARMLINE_...` variable that is not listed is an
error, so a misspelt one cannot be ignored in silence. A secret can come from a file, named by the variable with
`_FILE` behind it. `docs/configuration.md` holds the same table for people; a test compares the two.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo, available_timezones

import dj_database_url

from warmline.pipedrive import PLANS, can_be_address


class ConfigurationError(Exception):
    """A variable is unknown or has a value that cannot be used; the message names it and says what to do."""


@dataclass(frozen=True)
class Variable:
    """One environment variable.

    Attributes:
        name: Its name in the environment.
        default: The text that stands in when it is not set or empty.
        parse: Makes the value from the text; raises ValueError with what was expected.
        why: What it is for, with its unit, in one line.
        secret: Whether `NAME_FILE` may name a file that holds it.
    """

    name: str
    default: str
    parse: Callable[[str], Any]
    why: str
    secret: bool = False


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


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise ValueError(f"expected a whole number from {least} to {most}")
        return int(text)

    return parse


def _yes_or_no(text: str) -> bool:
    answers = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    try:
        return answers[text.lower()]
    except KeyError:
        raise ValueError("expected yes or no") from None


def _text(text: str) -> str:
    return text


def _name(text: str) -> str:
    name = text.strip()
    if not name:
        raise ValueError("expected a name")
    return name


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise ValueError("expected a host name, several with commas")
    return names


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ValueError("expected a folder; this machine has no user of that name") from None


def _zone(text: str) -> ZoneInfo:
    if text not in available_timezones():
        raise ValueError("expected a time zone such as Europe/Berlin")
    return ZoneInfo(text)


def _database(text: str) -> str:
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


def _origin(example: str) -> Callable[[str], str]:
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


def _public_url(text: str) -> str:
    example = "https://warmline.example.com"
    origin = _origin(example)(text).lower() if text else ""
    name = origin.partition("://")[2]
    if origin and not re.fullmatch(r"([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]+)?", name):
        raise ValueError(f"expected a host name in letters, digits, dots and dashes, such as {example}")
    return origin.removesuffix(":443" if origin.startswith("https:") else ":80")


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(","))
    except ValueError:
        raise ValueError("expected addresses and networks, several with commas, such as 127.0.0.1,10.0.0.0/8") from None


def _email(text: str) -> EmailServer | None:
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
    sender, starttls, tls = options.pop("from", ""), _yes_or_no(options.pop("tls", "no")), parts.scheme == "smtps"
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


def _windows(text: str) -> tuple[tuple[int, float], ...]:
    try:
        windows = tuple(
            (int(calls), float(seconds)) for calls, seconds in (part.split("/") for part in text.split(","))
        )
    except ValueError:
        raise ValueError("expected CALLS/SECONDS, several with commas, such as 20/2,100/10") from None
    if any(calls < 1 or not 0 < seconds <= 3600 for calls, seconds in windows):  # noqa: PLR2004 (an hour is the longest sensible window)
        raise ValueError("expected at least one call in 0 to 3600 seconds")
    return windows


def _windows_or_none(text: str) -> tuple[tuple[int, float], ...]:
    return _windows(text) if text else ()


def _plan(text: str) -> str:
    if text and text.lower() not in PLANS:
        raise ValueError(f"expected one of {', '.join(PLANS)}")
    return text.lower()


def _one_window(text: str) -> tuple[tuple[int, float], ...]:
    if "," in text:
        raise ValueError("expected one CALLS/SECONDS, such as 10/2")
    return _windows(text)


def _window_or_none(text: str) -> tuple[int, float] | None:
    return None if text == "0" else _one_window(text)[0]


def _level(text: str) -> str:
    levels = ("DEBUG", "INFO", "WARNING", "ERROR")
    if text.upper() not in levels:
        raise ValueError(f"expected one of {', '.join(levels)}")
    return text.upper()


VARIABLES = (
    Variable(
        "WARMLINE_DATA_DIR", "~/.local/share/warmline", _folder, "Folder of the database file and the secret key."
    ),
    Variable("DATABASE_URL", "", _database, "Database to use; empty: the SQLite file in the data folder.", secret=True),
    Variable(
        "PIPEDRIVE_BASE_URL",
        "https://api.pipedrive.com",
        _origin("https://api.pipedrive.com"),
        "Address of Pipedrive: scheme, host and port.",
    ),
    Variable(
        "PIPEDRIVE_API_TOKEN",
        "",
        _text,
        "Pipedrive API token; empty: the one entered on the Settings page.",
        secret=True,
    ),
    Variable(
        "WARMLINE_SECRET_KEY",
        "",
        _text,
        "Key that signs sessions; empty: created once, kept in the data folder.",
        secret=True,
    ),
    Variable("WARMLINE_HOSTS", "localhost,127.0.0.1,[::1]", _names, "Host names at which Warmline may be reached."),
    Variable(
        "WARMLINE_PUBLIC_URL",
        "",
        _public_url,
        "Address where people reach Warmline, used in links: scheme, host and port; empty: the first host.",
    ),
    Variable(
        "WARMLINE_PROXIES",
        "127.0.0.1,::1",
        _networks,
        "Trusted reverse proxies, by address or network: their word on client and scheme is taken.",
    ),
    Variable(
        "WARMLINE_EMAIL_URL",
        "",
        _email,
        "SMTP server for invitations and new passwords; empty: one-time links to copy.",
        secret=True,
    ),
    Variable("WARMLINE_TIME_ZONE", "UTC", _zone, "Time zone of new users, unless another is given."),
    Variable("WARMLINE_WARM_THRESHOLD", "4", _whole(0, 10), "Warmness score from which a contact is a warm lead."),
    Variable("WARMLINE_LABEL", "Warm Lead", _name, "Label of a warm lead in Pipedrive."),
    Variable(
        "WARMLINE_EARLIER_ACTIVITIES",
        "no",
        _yes_or_no,
        "Whether activities from before a contact was warm are sent too.",
    ),
    Variable(
        "WARMLINE_ID_FIELD",
        "yes",
        _yes_or_no,
        "Whether records that Warmline creates carry its own id in the field “Warmline ID”.",
    ),
    Variable("WARMLINE_ATTEMPTS", "3", _whole(1, 10), "Attempts before a row is failed and left to batch processing."),
    Variable(
        "WARMLINE_RETRY_SECONDS",
        "2",
        _whole(1, 600),
        "Seconds before the second attempt; doubled for each further one.",
    ),
    Variable("WARMLINE_BATCH_MINUTES", "15", _whole(1, 1440), "Minutes until a failed row is retried automatically."),
    Variable(
        "WARMLINE_WORKERS",
        "8",
        _whole(1, 64),
        "Rows synced in parallel; a quarter, at least one, is reserved for what people wait for.",
    ),
    Variable(
        "WARMLINE_PLAN", "", _plan, "Plan in Pipedrive, which sets limits and tokens; empty: those of the smallest."
    ),
    Variable("WARMLINE_SEATS", "1", _whole(1, 10_000), "Seats in Pipedrive; each adds to the daily tokens."),
    Variable("WARMLINE_TOKEN_SHARE", "80", _whole(1, 100), "Percent of the daily tokens that Warmline may use."),
    Variable(
        "WARMLINE_DIRECTORY_SHARE",
        "20",
        _whole(0, 100),
        "Percent of Warmline's tokens for indexing what Pipedrive holds, once.",
    ),
    Variable("WARMLINE_LIMITS", "", _windows_or_none, "Requests per window of seconds; empty: those of the plan."),
    Variable("WARMLINE_SEARCH_LIMIT", "10/2", _one_window, "Searches per window of seconds."),
    Variable(
        "WARMLINE_API_RATE",
        "600/60",
        _window_or_none,
        "Calls per window of seconds that each token of Warmline's API may make; 0: as many as it likes.",
    ),
    Variable(
        "WARMLINE_WEBHOOKS_PRIVATE",
        "no",
        _yes_or_no,
        "Whether webhooks may go to private addresses, such as programs on this machine or network.",
    ),
    Variable("WARMLINE_LOG_LEVEL", "INFO", _level, "Lowest level of log lines on standard error."),
)


class Environment:
    """The variables' values, read once.

    Args:
        source: The environment; a test hands in its own.

    Attributes:
        given: The names of the variables that are set here, and not left to their defaults.

    Raises:
        ConfigurationError: When a variable is unknown or its value cannot be used.
    """

    def __init__(self, source: Mapping[str, str] = os.environ) -> None:
        known = {variable.name for variable in VARIABLES}
        known |= {f"{variable.name}_FILE" for variable in VARIABLES if variable.secret}
        for name in source:
            if name.startswith("WARMLINE_") and name not in known:
                raise ConfigurationError(f"{name} is not a Warmline setting. docs/configuration.md lists all settings.")
        self._values = {variable.name: _value(variable, source) for variable in VARIABLES}
        self.given = frozenset(name for name in known if source.get(name, "").strip())

    def __getitem__(self, name: str) -> Any:
        return self._values[name]


def _value(variable: Variable, source: Mapping[str, str]) -> Any:
    text = source.get(variable.name, "").strip()
    file = source.get(f"{variable.name}_FILE", "") if variable.secret else ""
    if file and not text:
        try:
            text = Path(file).read_text(encoding="utf-8-sig").strip()  # Windows puts a mark before it
        except OSError as error:
            raise ConfigurationError(f"{variable.name}_FILE: cannot read {file}: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise ConfigurationError(f"{variable.name}_FILE: {file} is not text in UTF-8.") from None
    try:
        return variable.parse(text or variable.default)
    except ValueError as error:
        # The value is not shown: a token or a password may have been put into the wrong variable.
        raise ConfigurationError(f"{variable.name}: {error}.") from None
