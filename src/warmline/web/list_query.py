"""What a list's address asks for, read from it and written into it again.

Nothing in an address is an error: what cannot be read is left out, so that an old or mistyped link still shows a list.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.core import signing
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from warmline.crm import imports
from warmline.crm.models import ContactQuerySet
from warmline.sync.status.row_lists import Asked, Order, Place, Show

LONGEST_TEXT = 255
DIGITS = 18  # of the largest id that every database holds
SALT = "list"  # a timeline's place is none of a list's
DATES = {Order.RECENT, Order.NEGLECTED}


@dataclass(frozen=True)
class Wishes:
    """What a list's address asks for.

    Attributes:
        asked: What to list.
        owner: Of contacts, whose: a user's id; None for everyone's that one may see.
        imported: Of contacts, by which import they were added or completed: its id; None for all.
    """

    asked: Asked
    owner: int | None = None
    imported: int | None = None

    @classmethod
    def read(
        cls, query: QueryDict, orders: Collection[Order], shows: Collection[Show], whose: Collection[str] = ()
    ) -> "Wishes":
        """Read them.

        Args:
            query: What follows the `?`.
            orders: In which orders the list can be shown.
            shows: What it can be narrowed to.
            whose: Of what its rows can be: "owner", "organization".
        """
        ids = {name: number(query.get(name, "")) for name in whose}
        order = next((each for each in orders if each == query.get("order")), Order.NAME)
        asked = Asked(
            text=text(query, "q"),
            show=next((each for each in shows if each == query.get("show")), None),
            organization=ids.get("organization"),
            order=order,
            place=_place(query, order),
        )
        return cls(asked, ids.get("owner"), ids.get("import"))

    def among(self, contacts: ContactQuerySet) -> ContactQuerySet:
        """Return those of the wished owner and import."""
        some = contacts if self.owner is None else contacts.filter(owner=self.owner)
        return some if self.imported is None else some.filter(pk__in=imports.contacts_of(self.imported))

    def query(self, place: Place | None = None) -> str:
        """Write them into an address.

        Args:
            place: Of the list; None for its beginning.

        Returns:
            What follows the path: `?` and more, or nothing.
        """
        asked = self.asked
        values = {
            "q": asked.text,
            "show": asked.show,
            "owner": self.owner,
            "organization": asked.organization,
            "import": self.imported,
            "order": asked.order if asked.order != Order.NAME else "",
            "before" if place and place.backwards else "after": _written(place, asked.order) if place else "",
        }
        written = urlencode({name: value for name, value in values.items() if value})
        return f"?{written}" if written else ""


def list_address(request: HttpRequest) -> str:
    """Return where the list of contacts is that something was done from; the form sends it along as `query`."""
    query = request.POST.get("query", "")
    return reverse("web:contacts") + (query if query.startswith("?") else "")


def text(query: QueryDict, name: str) -> str:
    """Return what someone searches for, cut where no search needs more."""
    return query.get(name, "").replace("\0", "").strip()[:LONGEST_TEXT]


def number(text: str) -> int | None:
    """Return an id that a browser sends; None when it is none."""
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
    """Return a place as text. It is signed, so that nothing else is read as one."""
    key, row_id = place.key
    return signing.dumps([order, key.isoformat() if order in DATES else key, row_id], salt=SALT)
