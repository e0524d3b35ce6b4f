"""Every environment variable that Warmline reads: its form, unit, default and reason.

`settings.py` asks here and nowhere else reads the environment. A `WARMLINE_...` variable that is not listed is an
error, so a misspelt one cannot be ignored in silence. A secret can come from a file, named by the variable with
`_FILE` behind it. `docs/configuration.md` holds the same table for people; a test compares the two.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warmline.environment_values import (
    any_text,
    database,
    email,
    folder,
    host_names,
    level,
    log_format,
    networks,
    one_name,
    one_window,
    origin,
    phone_country,
    plan,
    public_url,
    time_of_day,
    web_address,
    whole,
    window_or_none,
    windows_or_none,
    yes_or_no,
    zone,
)


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


VARIABLES = (
    Variable("WARMLINE_DATA_DIR", "~/.local/share/warmline", folder, "Folder of the database file and the secret key."),
    Variable("DATABASE_URL", "", database, "Database to use; empty: the SQLite file in the data folder.", secret=True),
    Variable(
        "WARMLINE_DATABASE_CONNECTIONS",
        "20",
        whole(2, 1000),
        "Connections to PostgreSQL that one process opens at most; SQLite needs no limit.",
    ),
    Variable(
        "PIPEDRIVE_BASE_URL",
        "https://api.pipedrive.com",
        origin("https://api.pipedrive.com"),
        "Address of Pipedrive: scheme, host and port.",
    ),
    Variable(
        "PIPEDRIVE_API_TOKEN",
        "",
        any_text,
        "Pipedrive API token; empty: the one entered on the Settings page.",
        secret=True,
    ),
    Variable("PIPEDRIVE_CLIENT_ID", "", any_text, "Id of your OAuth app in Pipedrive; empty: connect by API token."),
    Variable("PIPEDRIVE_CLIENT_SECRET", "", any_text, "Secret of that app.", secret=True),
    Variable(
        "PIPEDRIVE_OAUTH_URL",
        "https://oauth.pipedrive.com",
        origin("https://oauth.pipedrive.com"),
        "Address of Pipedrive's OAuth server: scheme, host and port.",
    ),
    Variable(
        "WARMLINE_SECRET_KEY",
        "",
        any_text,
        "Key that signs sessions; empty: created once, kept in the data folder.",
        secret=True,
    ),
    Variable("WARMLINE_HOSTS", "localhost,127.0.0.1,[::1]", host_names, "Host names at which Warmline may be reached."),
    Variable(
        "WARMLINE_PUBLIC_URL",
        "",
        public_url,
        "Address where people reach Warmline, used in links: scheme, host and port; empty: the first host.",
    ),
    Variable(
        "WARMLINE_PROXIES",
        "127.0.0.1,::1",
        networks,
        "Trusted reverse proxies, by address or network: their word on client and scheme is taken.",
    ),
    Variable(
        "WARMLINE_EMAIL_URL",
        "",
        email,
        "SMTP server for invitations and new passwords; empty: one-time links to copy.",
        secret=True,
    ),
    Variable("WARMLINE_TIME_ZONE", "UTC", zone, "Time zone of new users, unless another is given."),
    Variable(
        "WARMLINE_PHONE_COUNTRY",
        "",
        phone_country,
        "Country of phone numbers that name none, by its two letters; empty: that of WARMLINE_TIME_ZONE.",
    ),
    Variable("WARMLINE_WARM_THRESHOLD", "4", whole(0, 10), "Warmness score from which a contact is a warm lead."),
    Variable(
        "WARMLINE_GRACE_SECONDS",
        "10",
        whole(0, 600),
        "Seconds in which making a contact warm on a page can be undone before it is sent; 0: it is sent at once.",
    ),
    Variable("WARMLINE_LABEL", "Warm Lead", one_name, "Label of a warm lead in Pipedrive."),
    Variable(
        "WARMLINE_EARLIER_ACTIVITIES",
        "no",
        yes_or_no,
        "Whether activities from before a contact was warm are sent too.",
    ),
    Variable(
        "WARMLINE_DELETE_THERE",
        "no",
        yes_or_no,
        "Whether an activity that is deleted here is deleted in Pipedrive too.",
    ),
    Variable(
        "WARMLINE_ID_FIELD",
        "yes",
        yes_or_no,
        "Whether records that Warmline creates carry its own id in the field “Warmline ID”.",
    ),
    Variable("WARMLINE_ATTEMPTS", "3", whole(1, 10), "Attempts before a row is failed and left to batch processing."),
    Variable(
        "WARMLINE_RETRY_SECONDS",
        "2",
        whole(1, 600),
        "Seconds before the second attempt; doubled for each further one.",
    ),
    Variable("WARMLINE_BATCH_MINUTES", "15", whole(1, 1440), "Minutes until a failed row is retried automatically."),
    Variable(
        "WARMLINE_WORKERS",
        "8",
        whole(1, 64),
        "Rows synced in parallel; a quarter, at least one, is reserved for what people wait for.",
    ),
    Variable(
        "WARMLINE_PLAN", "", plan, "Plan in Pipedrive, which sets limits and tokens; empty: those of the smallest."
    ),
    Variable("WARMLINE_SEATS", "1", whole(1, 10_000), "Seats in Pipedrive; each adds to the daily tokens."),
    Variable("WARMLINE_TOKEN_SHARE", "80", whole(1, 100), "Percent of the daily tokens that Warmline may use."),
    Variable(
        "WARMLINE_DIRECTORY_SHARE",
        "20",
        whole(0, 100),
        "Percent of Warmline's tokens for indexing what Pipedrive holds, once.",
    ),
    Variable(
        "WARMLINE_AUDIT_AT",
        "03:00",
        time_of_day,
        "Time of day, in WARMLINE_TIME_ZONE, at which everything is compared with Pipedrive; off: never by itself.",
    ),
    Variable(
        "WARMLINE_POLL_MINUTES",
        "15",
        whole(0, 1440),
        "Minutes between two looks at what people changed in Pipedrive; 0: only when a row is sent.",
    ),
    Variable(
        "WARMLINE_TRUST_EVENTS",
        "no",
        yes_or_no,
        "Whether leads are created without a look first while Pipedrive's webhooks are proven to arrive.",
    ),
    Variable("WARMLINE_LIMITS", "", windows_or_none, "Requests per window of seconds; empty: those of the plan."),
    Variable("WARMLINE_SEARCH_LIMIT", "10/2", one_window, "Searches per window of seconds."),
    Variable(
        "WARMLINE_API_RATE",
        "600/60",
        window_or_none,
        "Calls per window of seconds that each token of Warmline's API may make; 0: as many as it likes.",
    ),
    Variable(
        "WARMLINE_WEBHOOKS_PRIVATE",
        "no",
        yes_or_no,
        "Whether webhooks may go to private addresses, such as programs on this machine or network.",
    ),
    Variable(
        "WARMLINE_METRICS_TOKEN",
        "",
        any_text,
        "Bearer token with which /metrics can be read from elsewhere; empty: only on this machine.",
        secret=True,
    ),
    Variable(
        "WARMLINE_AUDIT_PING_URL",
        "",
        web_address,
        "Address that gets a POST after each clean audit (a dead man's switch); empty: none.",
        secret=True,
    ),
    Variable("WARMLINE_LOG_FORMAT", "line", log_format, "Form of the log: line, or json, an object a line."),
    Variable("WARMLINE_LOG_LEVEL", "INFO", level, "Lowest level of log lines on standard error."),
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
