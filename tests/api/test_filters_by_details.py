"""The list of contacts by tag and source, for programs."""

import pytest
from api.caller import Caller

from warmline.crm.book import add_contact

pytestmark = pytest.mark.django_db


def test_by_tag_and_source(bob: Caller) -> None:
    """Alone and together, with a search beside them; what is too long or unknown is refused as elsewhere."""
    add_contact(bob.user, name="Jordan Ames", tags="VIP, board", source="Fair, 12 Nov 2026")
    add_contact(bob.user, name="Robin Vale", tags="vip lounge", source="Fair, 12 Nov 2026")

    def names(query: str) -> list[str]:
        return [each["name"] for each in bob.get(f"/contacts?{query}").body["items"]]

    assert names("tag=vip") == ["Jordan Ames"]
    assert names("source=fair%2C%2012%20nov%202026") == ["Jordan Ames", "Robin Vale"]
    assert names("source=Fair%2C%2012%20Nov%202026&tag=vip%20lounge") == ["Robin Vale"]
    assert names("tag=vip&search=vale") == []
    assert names("search=lounge&warm=false") == ["Robin Vale"]
    assert bob.get(f"/contacts?tag={'x' * 101}").status == 422
    assert bob.get("/organizations?tag=vip").status == 422
