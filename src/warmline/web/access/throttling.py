"""Who guesses, as a request tells: from which address, and in which browser.

A browser in which somebody has signed in keeps a cookie by which it is known again. It opens nothing; what others guess
elsewhere just does not count there (see crm/throttling.py).
"""

from secrets import token_urlsafe

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from warmline import storage
from warmline.crm import throttling
from warmline.crm.throttling import FAMILIAR_FOR, GuessInProgress, TooManyGuessesError
from warmline.crm.users import User

BROWSER = "browser"  # the cookie
LONGEST_COOKIE = 64  # characters of its value that are looked at


def at_password(request: HttpRequest, email: str) -> GuessInProgress:
    """Begin a guess at a user's password.

    Args:
        request: Somebody's.
        email: Whose password, however it is written.

    Raises:
        TooManyGuessesError: When it has to wait.
    """
    return throttling.at_password(email, _address(request), _browser(request))


def at_secret(request: HttpRequest, kind: str, whose: str) -> None:
    """Count a wrong guess at a secret too long to be guessed, if that can be written down.

    Args:
        request: Somebody's.
        kind: Of secret.
        whose: Who or what it would open.

    Raises:
        TooManyGuessesError: When there were too many.
    """
    with storage.if_possible():
        throttling.at_secret(kind, whose, _address(request))


def at_mailbox(request: HttpRequest, email: str) -> GuessInProgress:
    """Count an e-mail that somebody wants sent.

    Args:
        request: Somebody's.
        email: Where to.

    Returns:
        What to forget when it could not be sent.

    Raises:
        TooManyGuessesError: When there were enough.
    """
    return throttling.at_mailbox(email, _address(request))


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Note that a user has signed in here, with the password that holds from now on.

    Args:
        request: The user's.
        response: Takes the cookie along.
        user: Who.
    """
    browser = _browser(request) or token_urlsafe(24)
    throttling.remember(user, _address(request), browser)
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
