"""Strangers who sign in at once: each guess takes its time to work out, and those who save do not notice."""

import http.client
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from itertools import count
from urllib.parse import urlencode

from siege.attack import Attack, Said
from siege.ground import Ground

STRANGERS = 30
PATIENCE = 180  # seconds, on a busy machine: 30 wait for one another
FORGERY = "a" * 32
KNOWN = {HTTPStatus.OK, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
NUMBERS = count()


def _sign_in(place: Ground, seconds: float) -> Said:
    end = time.monotonic() + seconds
    with ThreadPoolExecutor(STRANGERS) as strangers:
        answers = sum(strangers.map(lambda one: _guess(place, one, end), range(STRANGERS)), Counter[int]())
    wrong = set(answers) - KNOWN
    told = ", ".join(f"{number} x {status}" for status, number in sorted(answers.items()))
    said = Said(f"{STRANGERS} at once: {told}", [f"status {each}" for each in sorted(wrong)])
    if not answers[HTTPStatus.OK]:
        said.breaches.append("no stranger had an answer")
    return said


def _guess(place: Ground, one: int, end: float) -> Counter[int]:
    """Guess until the end, at another user each time, from an address of one's own; count the answers by status."""
    answers: Counter[int] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=PATIENCE)
    while time.monotonic() < end:
        name = f"stranger{next(NUMBERS)}@example.org"
        headers = {
            "X-Forwarded-For": f"198.51.100.{one}",
            "Cookie": f"csrftoken={FORGERY}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        fields = {"username": name, "password": "a-wrong-password", "csrfmiddlewaretoken": FORGERY}
        connection.request("POST", "/sign-in", urlencode(fields), headers)
        answer = connection.getresponse()
        answer.read()
        answers[answer.status] += 1
        if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
            time.sleep(float(answer.headers["Retry-After"]))
    connection.close()
    return answers


ATTACKS = (Attack("strangers sign in", _sign_in),)
