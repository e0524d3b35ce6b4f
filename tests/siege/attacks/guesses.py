"""Strangers who guess passwords: for one user from many addresses, from one network, and for many users from one."""

import http.client
from collections.abc import Iterable
from http import HTTPStatus
from itertools import count
from urllib.parse import urlencode

from siege.attack import Attack, Said
from siege.ground import MEMBER, Ground

FORGERY = "a" * 32
MOST = 60  # guesses of each kind; on a slow machine each takes as long as the first waits
LONGEST = 60  # seconds that somebody may be told to wait after a few dozen guesses: nobody is locked out for long
ROUNDS = count()

Guess = tuple[str, str]  # whose password, and from which address


def _campaigns(round_number: int) -> dict[str, Iterable[Guess]]:
    """Return what is tried, from addresses that no round before has used."""
    return {
        "one user from many addresses": ((MEMBER, f"192.0.{round_number % 256}.{number}") for number in range(MOST)),
        "one user from one /64": (
            ("stranger@example.org", f"2001:db8:{round_number:x}::{number:x}") for number in range(MOST)
        ),
        "many users from one address": (
            (f"member{number}@example.org", f"198.51.{round_number % 256}.7") for number in range(MOST)
        ),
    }


def _guess_all(place: Ground, _seconds: float) -> Said:
    said, guesses = Said(""), 0
    for name, campaign in _campaigns(next(ROUNDS)).items():
        for user, address in campaign:
            guesses += 1
            answer = _sign_in(place, user, address)
            if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
                if (wait := int(answer.headers["Retry-After"])) > LONGEST:
                    said.breaches.append(f"{name}: told to wait {wait} s")
                break
            if answer.status != HTTPStatus.OK:
                said.breaches.append(f"{name}: status {answer.status}")
        else:
            said.breaches.append(f"{name}: never slowed")
    said.load = f"{guesses} guesses in 3 ways until each was slowed"
    return said


def _sign_in(place: Ground, user: str, address: str) -> http.client.HTTPResponse:
    headers = {
        "X-Forwarded-For": address,
        "Cookie": f"csrftoken={FORGERY}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    fields = {"username": user, "password": "a-wrong-password", "csrfmiddlewaretoken": FORGERY}
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=180)
    connection.request("POST", "/sign-in", urlencode(fields), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


ATTACKS = (Attack("guesses of passwords", _guess_all),)
