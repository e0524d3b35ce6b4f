"""Limits guessing by address and browser, as the request shows them (see crm/guess_limits.py for the rules).

A browser in which someone has signed in keeps a cookie that identifies it. The cookie grants nothing; it only means
that wrong guesses from elsewhere do not count here.
"""

from secrets import token_urlsafe

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from warmline import storage
from warmline.crm import guess_limits
from warmline.crm.guess_limits import FAMILIAR_FOR, GuessInProgress, TooManyGuessesError
from warmline.crm.users import User

BROWSER = "browser"  # name of the cookie
LONGEST_COOKIE = 64  # characters; the rest of its value is ignored


def at_password(request: HttpRequest, email: str) -> GuessInProgress:
    """Start a guess at a user's password.

    Args:
        request: The request with the guess.
        email: The user's e-mail, in any spelling.

    Raises:
        TooManyGuessesError: If the guess has to wait.
    """
    return guess_limits.at_password(email, _address(request), _browser(request))


def at_secret(request: HttpRequest, kind: str, whose: str) -> None:
    """Count a wrong guess at a long secret, if it can be stored.

    Args:
        request: The request with the guess.
        kind: The kind of secret, such as "link".
        whose: The user or thing that the secret belongs to.

    Raises:
        TooManyGuessesError: If there were too many.
    """
    with storage.if_possible():
        guess_limits.at_secret(kind, whose, _address(request))


def at_mailbox(request: HttpRequest, email: str) -> GuessInProgress:
    """Count an e-mail that a stranger asks us to send.

    Args:
        request: The request that asks for it.
        email: The recipient.

    Returns:
        The counted guess; call its `forget` if the e-mail could not be sent.

    Raises:
        TooManyGuessesError: If enough were sent already.
    """
    return guess_limits.at_mailbox(email, _address(request))


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Remember that a user has signed in from this address and browser.

    Args:
        request: The user's request.
        response: The response that sets the cookie.
        user: The user, with their current password.
    """
    browser = _browser(request) or token_urlsafe(24)
    guess_limits.remember(user, _address(request), browser)
    response.set_cookie(BROWSER, browser, max_age=FAMILIAR_FOR, httponly=True, samesite="Lax")


def too_many(request: HttpRequest, error: TooManyGuessesError) -> HttpResponse:
    """Return the page that says how long to wait."""
    response = render(request, "429.html", {"seconds": error.seconds}, status=429)
    response["Retry-After"] = str(error.seconds)
    return response


def _address(request: HttpRequest) -> str:
    address: str = request.META.get("REMOTE_ADDR", "")
    return address


def _browser(request: HttpRequest) -> str:
    return request.COOKIES.get(BROWSER, "")[:LONGEST_COOKIE]
