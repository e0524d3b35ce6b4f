"""Strangers at the door of the running program, behind a reverse proxy that speaks TLS: guesses, hosts, headers."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
from programs import PASSWORD, environment, free_port, serving_warmline, warmline

PUBLIC = "https://crm.example.com:8443"
ALICE = "alice@example.com"
FORM = ["POST /sign-in HTTP/1.1", "Host: localhost", f"Cookie: csrftoken={'a' * 32}", "Content-Length: 0"]
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
PATIENCE = 15  # seconds, on a busy machine; a stream that nobody ends lasts 300


class Stranger:
    """A browser somewhere, as the proxy hands its requests on.

    Args:
        port: Where Warmline listens.
        address: The browser's.
        headers: More of them; an empty one is left out.
    """

    def __init__(self, port: int, address: str, **headers: str) -> None:
        sent = {"Host": "crm.example.com:8443", "X-Forwarded-Proto": "https", "X-Forwarded-For": address}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        self._at = f"http://127.0.0.1:{port}"
        self.headers = {name: value for name, value in sent.items() if value}
        self.cookies: dict[str, str] = {}

    def ask(self, path: str, data: dict[str, str] | None = None) -> httpx.Response:
        """Send a request, with the cookies that were given before; what follows a redirect is not asked for."""
        headers = {**self.headers, "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if data is None:
            answer = httpx.get(self._at + path, headers=headers, trust_env=False)
        else:
            headers["Referer"] = f"{PUBLIC}{path}"
            answer = httpx.post(self._at + path, headers=headers, data=data, trust_env=False, timeout=30)
        self.cookies |= dict(answer.cookies)
        return answer

    def send(self, path: str, **data: str) -> httpx.Response:
        """Fill in the form of a page and send it."""
        (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', self.ask(path).text))
        return self.ask(path, {**data, "csrfmiddlewaretoken": token})

    def sign_in(self, password: str = PASSWORD, email: str = ALICE) -> httpx.Response:
        """Sign in."""
        return self.send("/sign-in", username=email, password=password)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve a Warmline with Alice in it; afterwards its log has nothing of what was tried."""
    folder, port = tmp_path_factory.mktemp("door"), free_port()
    env = environment(folder, "http://127.0.0.1:9", PIPEDRIVE_API_TOKEN="", WARMLINE_PUBLIC_URL=PUBLIC)
    assert warmline(env, "user", "add", ALICE, "--name", "Alice", "--admin", typed=PASSWORD).returncode == 0
    with serving_warmline(env, port, log=folder / "log"):
        yield port
    log = Path(folder / "log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert len(log) < 1000


def test_guesses_from_many_addresses(port: int) -> None:
    """They are slowed; Alice gets in where she has signed in, and soon elsewhere."""
    hers = Stranger(port, "203.0.113.1")
    assert hers.sign_in().status_code == 302
    # On a machine so slow that each guess takes longer than the first waits, a few more are taken.
    answers = (Stranger(port, f"192.0.2.{number}").sign_in(f"wrong-{number}") for number in range(30))
    slowed = next(answer for answer in answers if answer.status_code == 429)
    assert 1 <= int(slowed.headers["Retry-After"]) <= 60
    assert Stranger(port, "203.0.113.1").sign_in().status_code == 302
    hers.cookies.pop("sessionid")
    assert hers.sign_in().status_code == 302


def test_signing_out_in_one_tab(port: int) -> None:
    """The stream of another tab ends with the session, long before its own end."""
    browser = Stranger(port, "203.0.113.1")
    assert browser.sign_in().status_code == 302
    headers = {**browser.headers, "Cookie": f"sessionid={browser.cookies['sessionid']}"}
    with httpx.stream("GET", f"http://127.0.0.1:{port}/events", headers=headers, trust_env=False, timeout=30) as events:
        pieces = events.iter_text()
        assert next(pieces).startswith("retry:")
        (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.ask("/contacts").text))
        began = monotonic()
        assert browser.ask("/sign-out", {"csrfmiddlewaretoken": token}).status_code == 302
        assert list(pieces) == []
    assert monotonic() - began < PATIENCE


def test_a_chain_of_untrue_words(port: int) -> None:
    """What a stranger writes before the proxy's own word changes nothing; what is no address breaks nothing."""
    chains = (f"198.51.100.{number}, 192.0.2.77" for number in range(30))
    assert 429 in (Stranger(port, chain).sign_in("wrong", "bob@example.com").status_code for chain in chains)
    for odd in ("not-an-ip", "[2001:db8::7]:443", "192.0.2.7:443", "[", "1" * 300, "192.0.2.1,,", "::ffff:192.0.2.8"):
        assert Stranger(port, odd).ask("/sign-in").status_code == 200


def test_plain_http(port: int) -> None:
    """It leads to the public address, unless it comes from this machine; the probe of health is answered anyhow."""
    answer = Stranger(port, "192.0.2.1", X_Forwarded_Proto="http", Host="crm.example.com").ask("/sign-in?next=/sync")
    assert (answer.status_code, answer.headers["Location"]) == (301, f"{PUBLIC}/sign-in?next=/sync")
    answer = Stranger(port, "192.0.2.1").ask("/sign-in")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "; Secure" in answer.headers["Set-Cookie"]
    answer = httpx.get(f"http://127.0.0.1:{port}/sign-in", trust_env=False)
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers
    assert "Secure" not in answer.headers["Set-Cookie"]
    for host in ("10.0.0.5", "crm.example.com"):
        answer = Stranger(port, "192.0.2.1", X_Forwarded_Proto="http", Host=host).ask("/healthz")
        assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.parametrize(
    "lines",
    [
        ["GET /%00 HTTP/1.1", "Host: localhost"],
        ["GET /static/%00 HTTP/1.1", "Host: localhost"],
        ["GET /api/%00 HTTP/1.1", "Host: localhost"],
        ["GET / HTTP/1.1", "Host: localhost\0"],
        ["GET / HTTP/1.1", "Host: localhost", "X-Forwarded-For: \0"],
        ["GET / HTTP/1.1", "Host: localhost", 'Cookie: sessionid="\\000"'],
        ["GET / HTTP/1.1", "Host: other.example:31337"],
        ["GET / HTTP/1.1", "Host: [::1"],
        ["GET / HTTP/1.1"],
        ["GET /healthz-not HTTP/1.1", "Host: localhost", "Content-Type: text/plain; charset*=nobodys''x"],
        ["GET /api/contacts HTTP/1.1", "Host: localhost", "Content-Type: application/json; a*=undefined''%41"],
        *([*FORM, f"Content-Type: {kind}; charset={charset}"] for kind in FORMS for charset in ("utf8", "hex", "idna")),
    ],
    ids=lambda lines: " ".join(lines).replace("\0", "NUL"),
)
def test_what_cannot_be_read(port: int, lines: list[str]) -> None:
    """It is refused, and nothing breaks."""
    assert answers(port, [*lines, "Connection: close", "", ""]).startswith(b"HTTP/1.1 400 ")


def test_a_body_of_two_lengths(port: int) -> None:
    """It is refused, and what seems to follow is not read: to a proxy in front it may be a part of the body."""
    lengths = ["Content-Length: 80", "Transfer-Encoding: chunked", "", "0", "", ""]
    following = ["GET /healthz HTTP/1.1", "Host: localhost", "Connection: close", "", ""]
    answered = answers(port, ["POST /sign-in HTTP/1.1", "Host: localhost", *lengths[:-1], *following])
    assert re.findall(rb"HTTP/1.1 (\d+)", answered) == [b"400"]


def answers(port: int, lines: list[str]) -> bytes:
    """Send lines on one connection and return all that comes back on it."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as door:
        door.sendall("\r\n".join(lines).encode("latin-1"))
        found: Any = b"".join(iter(lambda: door.recv(65536), b""))
    return bytes(found)
