"""Strangers who forge what a request says of itself: host, address, scheme, names; and members who export formulas."""

import csv
import http.client
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from itertools import cycle
from time import monotonic
from urllib.parse import quote, urlencode

from siege.attack import Attack, Said
from siege.ground import MEMBER, Ground
from siege.mailbox import Mailbox

PUBLIC = "https://crm.example.com:8443"
FORGERY = "a" * 32
MOST = 2000  # requests
LONG = "x" * 300
SIGNS = "=+-@"  # with which a spreadsheet's formula begins; their full-width forms do, too
WIDE_SIGNS = "".join(chr(ord(sign) + 0xFEE0) for sign in SIGNS)
FORMULAS = tuple(f"{sign}SUM(1)" for sign in SIGNS + WIDE_SIGNS)

REFUSED, ANSWERED = {HTTPStatus.BAD_REQUEST}, {HTTPStatus.OK, HTTPStatus.FOUND, HTTPStatus.NOT_FOUND}
# Each of them as path, headers, and what may be answered. The proxy's own word comes from loopback, which is trusted.
UNKNOWN = {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}  # guesses of tokens are slowed
FORGED: tuple[tuple[str, dict[str, str], set[HTTPStatus]], ...] = (
    ("/sign-in", {"Host": "other.example:31337"}, REFUSED),
    ("/sign-in", {"Host": "[::1"}, REFUSED),
    ("/sign-in", {"X-Forwarded-For": "not-an-ip"}, ANSWERED),
    ("/sign-in", {"X-Forwarded-For": "1" * 300}, ANSWERED),
    (
        "/sign-in",
        {"X-Forwarded-For": "192.0.2.1,,[", "X-Forwarded-Proto": "gopher"},
        ANSWERED | {HTTPStatus.MOVED_PERMANENTLY},
    ),
    ("/sign-in", {"X-Forwarded-Host": "other.example"}, ANSWERED),
    ("/%00", {}, REFUSED),
    ("/sign-in?next=%00", {}, ANSWERED | REFUSED),
    ("/api/contacts?search=%00", {}, REFUSED | {HTTPStatus.UNAUTHORIZED}),
    (f"/sign-in?next={quote('https://other.example/')}", {}, ANSWERED),
    (f"/api/contacts?search={LONG}", {"Authorization": f"Bearer {LONG}"}, UNKNOWN),
)


def _forge_headers(place: Ground, seconds: float) -> Said:
    said, end, sent = Said(""), monotonic() + seconds, 0
    for path, headers, allowed in cycle(FORGED):
        if sent >= MOST or monotonic() > end:
            break
        sent += 1
        with _answer(place, "GET", path, headers) as answer:
            if answer.status not in allowed:
                said.breaches.append(f"{path} with {headers or 'nothing more'}: status {answer.status}")
                break
            if "other.example" in answer.headers.get("Location", ""):
                said.breaches.append(f"{path}: leads to a stranger")
    for name in (LONG, "not-a-name", "nobody@example.org"):
        form = {"username": name, "password": "wrong", "csrfmiddlewaretoken": FORGERY}
        with _answer(place, "POST", "/sign-in", {"Cookie": f"csrftoken={FORGERY}"}, form) as answer:
            if answer.status not in {HTTPStatus.OK, HTTPStatus.TOO_MANY_REQUESTS}:
                said.breaches.append(f"a name of {len(name)} letters: status {answer.status}")
    said.load = f"{sent} requests of {len(FORGED)} kinds"
    return said


def _forge_the_host_of_a_mail(place: Ground, _seconds: float) -> Said:
    said = Said("3 requests for a new password, 2 of them with a forged host")
    form = {"email": MEMBER, "csrfmiddlewaretoken": FORGERY}
    cookie = {"Cookie": f"csrftoken={FORGERY}", "Origin": PUBLIC, "Referer": f"{PUBLIC}/password/new"}
    with _answer(place, "POST", "/password/new", {**cookie, "Host": "other.example:31337"}, form) as answer:
        if answer.status != HTTPStatus.BAD_REQUEST:
            said.breaches.append(f"a forged host: status {answer.status}")
    for hosts in ({"Host": "crm.example.com:31337"}, {"Host": "crm.example.com:8443"}):
        with _answer(place, "POST", "/password/new", {**cookie, **hosts, "X-Forwarded-Proto": "https"}, form) as answer:
            if answer.status != HTTPStatus.FOUND:
                said.breaches.append(f"{hosts}: status {answer.status}")
    links = [link for mail in MAILBOX.received(within=place.within(10)) for link in re.findall(r"https?://\S+", mail)]
    if not links:
        said.breaches.append("the member got no mail")
    said.breaches += [f"a link leads to {link[:30]}" for link in links if not link.startswith(f"{PUBLIC}/")]
    return said


def _export_formulas(place: Ground, _seconds: float) -> Said:
    said = Said(f"{len(FORMULAS)} names that a spreadsheet would work out")
    for formula in FORMULAS:
        status, answer = place.ask("POST", "/api/contacts", {"name": f"{formula} Ames", "phone": formula})
        if status != HTTPStatus.CREATED:
            said.breaches.append(f"{formula}: {answer}")
    with place.browser() as browser:
        exported = browser.get("/contacts/export").raise_for_status().content
    cells = [cell for row in csv.reader(io.StringIO(exported.decode("utf-8-sig"))) for cell in row]
    said.breaches += [f"unguarded: {cell}" for cell in cells if cell.startswith(tuple(SIGNS + WIDE_SIGNS))]
    if not any(FORMULAS[-1] in cell for cell in cells):
        said.breaches.append("they are not in the export")
    return said


@contextmanager
def _answer(
    place: Ground, method: str, path: str, headers: dict[str, str], form: dict[str, str] | None = None
) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=180)
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    connection.request(method, path, urlencode(form) if form else None, {**kind, **headers})
    answer = connection.getresponse()
    answer.read()
    try:
        yield answer
    finally:
        connection.close()


MAILBOX = Mailbox()
ATTACKS = (
    Attack("forged headers", _forge_headers, slower=8.0),
    Attack(
        "a forged host in a mail",
        _forge_the_host_of_a_mail,
        env={"WARMLINE_PUBLIC_URL": PUBLIC},
        beside=MAILBOX.open,
    ),
    Attack("formulas in an export", _export_formulas),
)
