"""A sandbox that is told to clean what it stores, as a server may."""

from typing import Any

import httpx
import pytest

from warmline.sandbox import Sandbox, World
from warmline.sandbox.cleaning import cleaned

SENT: dict[str, Any] = {
    "name": "  Vera \u200b Holm ",
    "emails": [{"value": " Vera@Example.COM", "label": "home"}],
    "phones": [{"value": "+49305550100"}, {"value": "555 ext. 7"}],
    "job_title": "",
}


@pytest.mark.parametrize(
    ("note", "stored"),
    [
        ("", None),
        ("plain  text", "<p>plain text</p>"),
        ("a<br>b &lt;c@d.example&gt; &amp; e", "<p>a</p><p>b &lt;c@d.example&gt; &amp; e</p>"),
        ("a\nb <c@d.example> & e", "<p>a b &amp; e</p>"),
        ("<p>a</p><p><br></p><p>b</p>", "<p>a</p><p><br></p><p>b</p>"),
        ('<div class="x">a <b>bold</b></div><script>alert(1)</script>', "<p>a <b>bold</b></p>"),
        ('<a href="https://example.com" onclick="x()">there</a>', '<p><a href="https://example.com">there</a></p>'),
    ],
)
def test_a_note_is_sanitized(note: str, stored: str | None) -> None:
    """Text stays, a few tags stay, each line is a paragraph; and once is enough."""
    assert cleaned({"note": note}) == {"note": stored}
    assert cleaned({"note": stored}) == {"note": stored}


def test_what_is_sent_is_cleaned(alice: httpx.Client, world: World) -> None:
    """When it is told to, by whoever calls; else it is stored as it was sent."""
    as_sent = alice.post("/api/v2/persons", json=SENT).json()["data"]
    assert (as_sent["name"], as_sent["phones"][0]["value"]) == ("  Vera \u200b Holm ", "+49305550100")
    world.settings.cleaning = True
    person = alice.post("/api/v2/persons", json=SENT).json()["data"]
    assert person["name"] == "Vera Holm"
    assert person["emails"] == [{"value": "vera@example.com", "primary": True, "label": "home"}]
    assert [phone["value"] for phone in person["phones"]] == ["+493 055 501 00", "555 ext. 7"]
    assert "job_title" not in person
    changed = alice.patch("/api/v2/persons/2", json={"name": "Vera  H. "}).json()["data"]
    assert changed["name"] == "Vera H."


def test_an_address_is_replaced_whole(alice: httpx.Client, sandbox: Sandbox) -> None:
    """The parts that are not sent are gone; one that no document names is taken as it comes."""
    address = {"value": "1 Harbour Street", "country": "Estonia", "postal_code": "10111", "floor": "3rd"}
    sandbox.add("organizations", name="Tidewater Mills", address=address)
    assert alice.get("/api/v2/organizations/1").json()["data"]["address"] == address
    changed = alice.patch("/api/v2/organizations/1", json={"address": {"country": "Latvia"}}).json()["data"]
    assert changed["address"] == {"country": "Latvia"}
    assert alice.patch("/api/v2/organizations/1", json={"address": {"floor": 3}}).status_code == 400
