"""Every variable: its good and bad values, its documentation, and the secrets that no error may show."""

import os
import re
import stat
import subprocess
import sys
from datetime import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from warmline.environment import VARIABLES, ConfigurationError, Environment, Variable
from warmline.environment_values import EmailServer

ROOT = Path(__file__).parents[1]
SECRETS = [variable.name for variable in VARIABLES if variable.secret]
PROSE = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GOOD = [
    ("WARMLINE_DATA_DIR", "/srv/warmline", Path("/srv/warmline")),
    ("WARMLINE_DATA_DIR", "~/warmline", Path.home() / "warmline"),
    ("WARMLINE_DATA_DIR", "here", Path.cwd() / "here"),
    ("DATABASE_URL", "", ""),
    ("DATABASE_URL", "sqlite:////srv/w.sqlite3", "sqlite:////srv/w.sqlite3"),
    ("WARMLINE_DATABASE_CONNECTIONS", "2", 2),
    ("PIPEDRIVE_BASE_URL", "", "https://api.pipedrive.com"),
    ("PIPEDRIVE_BASE_URL", "https://example.pipedrive.com/", "https://example.pipedrive.com"),
    ("PIPEDRIVE_BASE_URL", " HTTP://127.0.0.1:9000 ", "http://127.0.0.1:9000"),
    ("PIPEDRIVE_BASE_URL", "http://[::1]:9000", "http://[::1]:9000"),
    ("PIPEDRIVE_API_TOKEN", " secret-token\n", "secret-token"),
    ("PIPEDRIVE_CLIENT_ID", " sandbox-client ", "sandbox-client"),
    ("PIPEDRIVE_CLIENT_SECRET", " sandbox-secret\n", "sandbox-secret"),
    ("PIPEDRIVE_OAUTH_URL", "", "https://oauth.pipedrive.com"),
    ("PIPEDRIVE_OAUTH_URL", "http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
    ("WARMLINE_POLL_MINUTES", "", 15),
    ("WARMLINE_POLL_MINUTES", "0", 0),
    ("WARMLINE_TRUST_EVENTS", "", False),
    ("WARMLINE_TRUST_EVENTS", "yes", True),
    ("WARMLINE_SECRET_KEY", "", ""),
    ("WARMLINE_HOSTS", "", ("localhost", "127.0.0.1", "[::1]")),
    ("WARMLINE_HOSTS", " crm.example.com,, .example.org ", ("crm.example.com", ".example.org")),
    ("WARMLINE_PUBLIC_URL", "", ""),
    ("WARMLINE_PUBLIC_URL", " HTTPS://CRM.example.com:8443/ ", "https://crm.example.com:8443"),
    ("WARMLINE_PUBLIC_URL", "https://crm.example.com:443", "https://crm.example.com"),
    ("WARMLINE_PUBLIC_URL", "http://[::1]:80", "http://[::1]"),
    ("WARMLINE_PROXIES", "", (ip_network("127.0.0.1"), ip_network("::1"))),
    ("WARMLINE_PROXIES", "10.1.2.3/8 , 2001:db8::/32", (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))),
    ("WARMLINE_EMAIL_URL", "", None),
    (
        "WARMLINE_EMAIL_URL",
        "smtp://alice:p%40ss%2F@mail.example.com:2525?tls=yes&from=warmline@example.com",
        EmailServer(
            "mail.example.com", 2525, "alice", "p@ss/", starttls=True, tls=False, sender="warmline@example.com"
        ),
    ),
    (
        "WARMLINE_EMAIL_URL",
        "smtps://alice:secret@mail.example.com/?from=Warmline%20<w@example.com>",
        EmailServer(
            "mail.example.com", 465, "alice", "secret", starttls=False, tls=True, sender="Warmline <w@example.com>"
        ),
    ),
    (
        "WARMLINE_EMAIL_URL",
        "smtp://127.0.0.1?from=w@example.com",
        EmailServer("127.0.0.1", 25, "", "", starttls=False, tls=False, sender="w@example.com"),
    ),
    ("WARMLINE_TIME_ZONE", "", ZoneInfo("UTC")),
    ("WARMLINE_TIME_ZONE", "Europe/Berlin", ZoneInfo("Europe/Berlin")),
    ("WARMLINE_PHONE_COUNTRY", "", ""),
    ("WARMLINE_PHONE_COUNTRY", "de", "DE"),
    ("WARMLINE_WARM_THRESHOLD", "", 4),
    ("WARMLINE_WARM_THRESHOLD", "0", 0),
    ("WARMLINE_WARM_THRESHOLD", "10", 10),
    ("WARMLINE_LABEL", "", "Warm Lead"),
    ("WARMLINE_LABEL", " Hot one ", "Hot one"),
    ("WARMLINE_GRACE_SECONDS", "", 10),
    ("WARMLINE_GRACE_SECONDS", "0", 0),
    ("WARMLINE_EARLIER_ACTIVITIES", "", False),
    ("WARMLINE_DELETE_THERE", "", False),
    ("WARMLINE_DELETE_THERE", "yes", True),
    ("WARMLINE_EARLIER_ACTIVITIES", "YES", True),
    ("WARMLINE_EARLIER_ACTIVITIES", "0", False),
    ("WARMLINE_ID_FIELD", "", True),
    ("WARMLINE_ID_FIELD", "no", False),
    ("WARMLINE_ATTEMPTS", "10", 10),
    ("WARMLINE_RETRY_SECONDS", "600", 600),
    ("WARMLINE_BATCH_MINUTES", "1", 1),
    ("WARMLINE_WORKERS", "64", 64),
    ("WARMLINE_DATABASE_CONNECTIONS", "50", 50),
    ("WARMLINE_PLAN", "", ""),
    ("WARMLINE_PLAN", "Growth-OAuth", "growth-oauth"),
    ("WARMLINE_SEATS", "12", 12),
    ("WARMLINE_TOKEN_SHARE", "100", 100),
    ("WARMLINE_DIRECTORY_SHARE", "0", 0),
    ("WARMLINE_AUDIT_AT", "", time(3)),
    ("WARMLINE_AUDIT_AT", "23:59", time(23, 59)),
    ("WARMLINE_AUDIT_AT", "Off", None),
    ("WARMLINE_LIMITS", "", ()),
    ("WARMLINE_LIMITS", "40/2", ((40, 2.0),)),
    ("WARMLINE_LIMITS", " 1 / 0.5 , 3600/3600", ((1, 0.5), (3600, 3600.0))),
    ("WARMLINE_SEARCH_LIMIT", "5/1", ((5, 1.0),)),
    ("WARMLINE_LOG_LEVEL", "debug", "DEBUG"),
    ("WARMLINE_LOG_FORMAT", "", "line"),
    ("WARMLINE_LOG_FORMAT", "JSON", "json"),
    ("WARMLINE_METRICS_TOKEN", "of-prometheus", "of-prometheus"),
    ("WARMLINE_AUDIT_PING_URL", "", ""),
    ("WARMLINE_AUDIT_PING_URL", "https://example.com/ping/1?a=b", "https://example.com/ping/1?a=b"),
    ("WARMLINE_AUDIT_AT", "23:59", time(23, 59)),
    ("WARMLINE_AUDIT_AT", "OFF", None),
    ("PIPEDRIVE_CLIENT_ID", "0a1b", "0a1b"),
    ("PIPEDRIVE_CLIENT_SECRET", "of-the-app", "of-the-app"),
    ("PIPEDRIVE_OAUTH_URL", "", "https://oauth.pipedrive.com"),
    ("PIPEDRIVE_OAUTH_URL", "http://127.0.0.1:9000", "http://127.0.0.1:9000"),
    ("WARMLINE_API_RATE", "", (600, 60.0)),
    ("WARMLINE_API_RATE", "0", None),
    ("WARMLINE_API_RATE", "5/0.5", (5, 0.5)),
    ("WARMLINE_WEBHOOKS_PRIVATE", "yes", True),
]


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_a_good_value(name: str, text: str, value: Any) -> None:
    """An empty one is the default; white space around does not count."""
    assert Environment({name: text})[name] == value


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("WARMLINE_DATA_DIR", ["~nobody-of-this-name/warmline"]),
        ("DATABASE_URL", ["nonsense", "mysql://alice:secret@127.0.0.1/w", "postgres://[half"]),
        (
            "PIPEDRIVE_BASE_URL",
            [
                "api.pipedrive.com",
                "ftp://api.pipedrive.com",
                "https://",
                "https://api.pipedrive.com/v1",
                "https://api.pipedrive.com/api/v2/",
                "https://api.pipedrive.com?api_token=secret",
                "https://api.pipedrive.com?",
                "https://api.pipedrive.com#secret",
                "https://alice:secret@api.pipedrive.com",
                "https://@api.pipedrive.com",
                "https://api.pipedrive.com:port",
                "https://api.pipedrive.com:0",
                "https://api.pipedrive.com:65536",
                "https://api pipedrive.com",
                "https://[::1",
                "https://api\x7f.pipedrive.com",
                "https://-\u2026.pipedrive.com",
                "https://api..pipedrive.com",
                f"https://{70 * 'a'}.pipedrive.com",
            ],
        ),
        ("WARMLINE_HOSTS", [",", " , "]),
        (
            "WARMLINE_PUBLIC_URL",
            [
                "crm.example.com",
                "ftp://crm.example.com",
                "https://",
                "https://crm.example.com/warmline",
                "https://crm.example.com?token=secret",
                "https://alice:secret@crm.example.com",
                "https://crm.example.com:port",
                "https://crm.example.com:0",
                "https://crm.example.com:65536",
                "https://crm_1,example.com",
                "https://*.example.com",
                "https://m\u00fcller.example",
                "https://[::1",
            ],
        ),
        ("WARMLINE_PROXIES", [",", "10.0.0.0/33", "proxy.example.com", "127.0.0.1,", "*", "10.0.0.1:80"]),
        (
            "WARMLINE_EMAIL_URL",
            [
                "mail.example.com",
                "https://mail.example.com?from=w@example.com",
                "smtp://alice:secret@?from=w@example.com",
                "smtp://alice:secret@mail.example.com",
                "smtp://alice:secret@mail.example.com?from=warmline",
                "smtp://alice:secret/more@mail.example.com?from=w@example.com",
                "smtp://alice:secret#more@mail.example.com?from=w@example.com",
                "smtp://alice:secret@mail.example.com:secret?from=w@example.com",
                "smtp://alice:secret@mail.example.com/secret?from=w@example.com",
                "smtp://alice:secret@mail.example.com?from=w@example.com#secret",
                "smtp://alice:secret@mail.example.com?from=w@example.com&password=secret",
                "smtp://alice:secret@mail.example.com?from=w@example.com&tls=secret",
                "smtps://alice:secret@mail.example.com?from=w@example.com&tls=yes",
                "smtp://[half?from=w@example.com",
            ],
        ),
        ("WARMLINE_TIME_ZONE", ["Europe/Nowhere", "Europe", "../../etc/passwd", "/etc/localtime", "CEST\x00"]),
        ("WARMLINE_PHONE_COUNTRY", ["49", "DEU", "XX", "Germany"]),
        ("WARMLINE_WARM_THRESHOLD", ["-1", "11", "4.5", "four", "1e1", "+4"]),
        ("WARMLINE_EARLIER_ACTIVITIES", ["perhaps", "2", "on"]),
        ("WARMLINE_DELETE_THERE", ["perhaps", "2", "on"]),
        ("WARMLINE_ID_FIELD", ["perhaps"]),
        ("WARMLINE_ATTEMPTS", ["0", "11"]),
        ("WARMLINE_RETRY_SECONDS", ["0", "601", "0.5"]),
        ("WARMLINE_BATCH_MINUTES", ["0", "1441"]),
        ("WARMLINE_WORKERS", ["0", "65", "9" * 5000]),
        ("WARMLINE_PLAN", ["essential", "lite oauth"]),
        ("WARMLINE_SEATS", ["0", "10001"]),
        ("WARMLINE_DATABASE_CONNECTIONS", ["1", "1001"]),
        ("WARMLINE_TOKEN_SHARE", ["0", "101", "80%"]),
        ("WARMLINE_DIRECTORY_SHARE", ["101"]),
        ("WARMLINE_AUDIT_AT", ["24:00", "3:00", "03:60", "03:00:00", "never", "03.00", "no"]),
        ("WARMLINE_LIMITS", ["20", "20/", "20/2/1", "0/2", "-1/2", "20/0", "20/3601", "1/nan", "1/inf", "20/2;100/10"]),
        ("WARMLINE_SEARCH_LIMIT", ["10", "0/2", "10/2,5/1", "10/2,"]),
        ("WARMLINE_LOG_LEVEL", ["LOUD", "10"]),
        ("WARMLINE_LOG_FORMAT", ["xml"]),
        ("WARMLINE_AUDIT_PING_URL", ["example.com/secret", "ftp://example.com/secret", "https://[secret", "https://"]),
        ("WARMLINE_AUDIT_AT", ["3:00", "24:00", "03:60", "03:00:00", "at night", "\u0663:00"]),
        (
            "PIPEDRIVE_OAUTH_URL",
            ["oauth.pipedrive.com", "https://oauth.pipedrive.com/token", "https://alice@example.com"],
        ),
        ("WARMLINE_API_RATE", ["no", "0/60", "600", "5/1,5/2"]),
        ("WARMLINE_WEBHOOKS_PRIVATE", ["perhaps"]),
    ],
)
def test_a_bad_value(name: str, texts: list[str]) -> None:
    """The error is one line that names the variable, says what to give, and does not repeat what was given."""
    for text in texts:
        with pytest.raises(ConfigurationError) as caught:
            Environment({name: text})
        message = str(caught.value)
        assert re.fullmatch(rf"{name}: \S[^\n]+\.", message), message
        assert "secret" not in message


def test_each_variable_has_a_tried_value() -> None:
    """The table above has forgotten none."""
    assert {name for name, _, _ in GOOD} == {variable.name for variable in VARIABLES}


@pytest.mark.parametrize("name", ["WARMLINE_LABLE", "WARMLINE_", "WARMLINE_LABEL_FILE", "WARMLINE_HOSTS_FILE"])
def test_an_unknown_variable_is_an_error(name: str) -> None:
    """It is named, and what is in it is not shown."""
    with pytest.raises(ConfigurationError, match=rf"^{name} is not a Warmline setting") as caught:
        Environment({"HOME": "/", name: "secret"})
    assert "secret" not in str(caught.value)


def test_the_variables_of_others_are_left_alone() -> None:
    """Only ours are read."""
    assert Environment({"PATH": "", "PIPEDRIVE_SOMETHING": "x", "DJANGO_DEBUG": "1"})["WARMLINE_LABEL"] == "Warm Lead"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_from_a_file(tmp_path: Path, name: str) -> None:
    """The variable itself goes first; the line's end in the file does not count."""
    texts = ("sqlite:////srv/w.sqlite3", "sqlite:///other")
    if name == "WARMLINE_EMAIL_URL":
        texts = ("smtp://mail.example.com?from=w@example.com", "smtp://other.example.com?from=w@example.com")
    if name == "WARMLINE_AUDIT_PING_URL":
        texts = ("https://example.com/ping/1", "https://example.com/ping/2")
    (tmp_path / "secret").write_text(f"{texts[0]}\n", encoding="utf-8")
    file = str(tmp_path / "secret")
    first, second = (Environment({name: text})[name] for text in texts)
    assert Environment({f"{name}_FILE": file})[name] == first != second
    assert Environment({f"{name}_FILE": file, name: texts[1]})[name] == second
    assert not Environment({f"{name}_FILE": ""})[name]
    Path(file).write_bytes(b"\xef\xbb\xbf" + texts[0].encode())  # as an editor on Windows saves it
    assert Environment({f"{name}_FILE": file})[name] == first


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("content", [None, b"hunter2 \xff\xfe"], ids=["no file", "not text"])
def test_a_secret_from_a_file_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None) -> None:
    """The error names the variable and the file, and shows nothing of what is in it."""
    file = tmp_path / "the-file"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"^{name}_FILE: .*{file}") as caught:
        Environment({f"{name}_FILE": str(file)})
    assert "hunter2" not in str(caught.value)


def test_the_values_are_in_no_repr() -> None:
    """What a debugger or a log line shows of the environment has no secret in it."""
    mail = "smtp://alice:secret-word@mail.example.com?from=w@example.com"
    environment = Environment({"PIPEDRIVE_API_TOKEN": "secret-token", "WARMLINE_EMAIL_URL": mail})
    shown = repr(environment) + str(environment) + repr(environment["WARMLINE_EMAIL_URL"])
    assert "secret" not in shown


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_each_variable_is_documented(variable: Variable) -> None:
    """One row of docs/configuration.md has its name, its default and what it is for."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `{variable.name}` |")
    ]
    assert len(rows) == 1
    assert rows[0][1] == (f"`{variable.default}`" if variable.default else "empty")
    assert variable.why in rows[0][2]


@pytest.mark.parametrize("file", PROSE, ids=lambda file: file.name)
def test_no_other_variable_is_documented(file: Path) -> None:
    """What README and docs/ call a variable is one."""
    known = {variable.name for variable in VARIABLES} | {f"{name}_FILE" for name in SECRETS}
    found = set(re.findall(r"\b(?:WARMLINE|PIPEDRIVE)_[A-Z_]*[A-Z]\b", file.read_text(encoding="utf-8")))
    assert found <= known


def test_the_secret_key_is_made_once(tmp_path: Path) -> None:
    """In a folder of the user's own, readable by them alone; a second start reads it and does not change it."""
    folder = tmp_path / "new" / "data"
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("WARMLINE_", "DJANGO_"))}
    command = [sys.executable, "-c", "from warmline.settings import SECRET_KEY; print(SECRET_KEY)"]
    keys = [
        subprocess.run(
            command, env={**keep, "WARMLINE_DATA_DIR": str(folder)}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]
    file = folder / "secret-key"
    assert keys == [file.read_text(encoding="ascii")] * 2
    assert len(keys[0]) >= 50
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
