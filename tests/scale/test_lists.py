"""What a page of a list costs does not grow with the book, in whatever order and however narrowed."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice, product
from typing import Any

import pytest
from api.caller import Caller
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from scale.filling import fill
from scale.test_growth import _steps, by_steps

from warmline.crm import search
from warmline.crm.models import Contact, Organization
from warmline.sync.status import row_lists
from warmline.sync.status.row_lists import Asked, Order, Show

pytestmark = pytest.mark.django_db

TEXTS = ("", "dana", "eli", "mills dana", "ill iaz", "buyer")
WHOLE = (
    Asked(tag="fair"),
    Asked(tag="rare"),
    Asked(tag="nobody's"),
    Asked(source="Fair 2026"),
    Asked("iaz", tag="fair"),
)


@by_steps
def test_a_page_of_a_larger_book(alice: Caller, bob: Caller, carol: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a book ten times as large, it costs at most half as much again, on the first page and on the next."""
    # What is common in the large book is so in the small one.
    monkeypatch.setattr(search, "RARE", 50)
    monkeypatch.setattr(row_lists, "FEW", 30)
    monkeypatch.setattr(row_lists, "MANY", 30)
    monkeypatch.setattr(row_lists, "COUNTED", 100)
    costs = []
    for first, last in ((0, 400), (400, 4000)):
        fill(bob.user, first, last)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        costs.append({name: _steps(ask) for name, ask in asking(alice, bob, carol)})
    grown = [(name, cost, costs[1][name]) for name, cost in costs[0].items() if costs[1][name] > 1.5 * cost + 50]
    assert not grown


def asking(*callers: Caller) -> list[tuple[tuple[object, ...], Callable[[], None]]]:
    """Return each list's name, and what reads its first two pages."""
    found: list[tuple[tuple[object, ...], Callable[[], None]]] = []
    for caller, show, order, text in product(callers, (None, *Show), Order, TEXTS):
        contacts = Contact.objects.seen_by(caller.user).select_related("owner", "organization")
        read = partial(_read, contacts, Asked(text, show, order=order))
        found.append(((caller.user.name, show, order, text), read))
    for caller, show, order, whole in product(callers, (None, Show.WARM, Show.WAITING), Order, WHOLE):
        contacts = Contact.objects.seen_by(caller.user).select_related("owner", "organization")
        read = partial(_read, contacts, replace(whole, show=show, order=order))
        found.append(((caller.user.name, show, order, whole.text, *whole.whole), read))
    shows, orders = (None, Show.SYNCED, Show.WAITING, Show.FAILED), (Order.NAME, Order.ADDED)
    for show, order, text in product(shows, orders, ("", "mills", "birch")):
        read = partial(_read, Organization.objects.all(), Asked(text, show, order=order))
        found.append((("organizations", show, order, text), read))
    return found


def _read(rows: QuerySet[Any], asked: Asked) -> None:
    pages = row_lists.pages(rows, asked, size=50, threshold=4, now=timezone.now())
    for _ in islice(pages, 2):
        pass
