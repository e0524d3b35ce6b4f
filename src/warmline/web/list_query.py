"""Reads what a list's address asks for, and writes it into an address again.

Nothing in an address is an error: what makes no sense is ignored, so that an old or mistyped link still shows a list.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.core import signing
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from warmline.crm.imports import runs
from warmline.crm.models import ContactQuerySet
from warmline.sync.status.row_lists import Asked, Order, Place, Show

LONGEST_TEXT = 255
DIGITS = 18  # of the largest id that every database can store
SALT = "list"  # so that a place in a timeline is not accepted as one in a list
DATES = {Order.RECENT, Order.NEGLECTED, Order.NEXT_STEP}


@dataclass(frozen=True)
class ListRequest:
    """What a list's address asks for.

    Attributes:
        asked: What to list, and in which order.
        owner: The id of the user whose contacts are listed; None for all contacts that one may see.
        imported: The id of the import that added or completed the contacts that are listed; None for all.
    """

    asked: Asked
    owner: int | None = None
    imported: int | None = None

    @classmethod
    def read(
        cls, query: QueryDict, orders: Collection[Order], shows: Collection[Show], whose: Collection[str] = ()
    ) -> "ListRequest":
        """Read it from an address.

        Args:
            query: What follows the `?`.
            orders: The orders that the list offers.
            shows: The filters that the list offers.
            whose: By what else it can be filtered: "owner", "organization", "import", "tag", "source".
        """
        ids = {name: number(query.get(name, "")) for name in whose}
        order = next((each for each in orders if each == query.get("order")), Order.NAME)
        asked = Asked(
            text=text(query, "q"),
            show=next((each for each in shows if each == query.get("show")), None),
            organization=ids.get("organization"),
            tag=text(query, "tag") if "tag" in whose else "",
            source=text(query, "source") if "source" in whose else "",
            order=order,
            place=_place(query, order),
        )
        return cls(asked, ids.get("owner"), ids.get("import"))

    def among(self, contacts: ContactQuerySet) -> ContactQuerySet:
        """Return the contacts of the requested owner and import."""
        some = contacts if self.owner is None else contacts.filter(owner=self.owner)
        return some if self.imported is None else some.filter(pk__in=runs.contacts_of(self.imported))

    def query(self, place: Place | None = None) -> str:
        """Write it into an address.

        Args:
            place: Where the page starts; None for the first page.

        Returns:
            What follows the path: `?` and more, or an empty string.
        """
        asked = self.asked
        values = {
            "q": asked.text,
            "show": asked.show,
            "owner": self.owner,
            "organization": asked.organization,
            "import": self.imported,
            "tag": asked.tag,
            "source": asked.source,
            "order": asked.order if asked.order != Order.NAME else "",
            "before" if place and place.backwards else "after": _written(place, asked.order) if place else "",
        }
        written = urlencode({name: value for name, value in values.items() if value})
        return f"?{written}" if written else ""


def list_address(request: HttpRequest) -> str:
    """Return the address of the contact list from which a form was sent; the form holds its `query`."""
    query = request.POST.get("query", "")
    return reverse("web:contacts") + (query if query.startswith("?") else "")


def text(query: QueryDict, name: str) -> str:
    """Return a search text, cut to a length that is enough for every search."""
    return query.get(name, "").replace("\0", "").strip()[:LONGEST_TEXT]


def number(text: str) -> int | None:
    """Return the id that a browser sent; None if it is not a number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else None


def _place(query: QueryDict, order: Order) -> Place | None:
    for name in ("before", "after"):
        if name in query:
            try:
                sorted_by, key, row_id = signing.loads(query.get(name, ""), salt=SALT)
            except signing.BadSignature:
                return None
            if sorted_by == order:
                key = date.fromisoformat(key) if order in DATES else key
                return Place((key, row_id), backwards=name == "before")
    return None


def _written(place: Place, order: Order) -> str:
    """Return a place as text. It is signed, so that nothing else is accepted as one."""
    key, row_id = place.key
    return signing.dumps([order, key.isoformat() if order in DATES else key, row_id], salt=SALT)
