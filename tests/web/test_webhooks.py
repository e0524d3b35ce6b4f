"""The webhooks' pages: who is told what, what was delivered, and what is sent again."""

import pytest
from django.test import Client
from web.pages import look

from warmline.webhooks import endpoints
from warmline.webhooks.models import Delivery, DeliveryState, Endpoint, Event
from warmline.webhooks.recording import record

AT = "/settings/webhooks"


@pytest.fixture
def endpoint(db: None) -> Endpoint:
    """Return an endpoint that wants to know everything."""
    return endpoints.add("https://example.com/hook", Event.values)[0]


def test_one_is_added(alices: Client) -> None:
    """Its secret is shown once."""
    assert "No webhooks yet." in look(alices.get(AT))
    events = ["contact.synced", "connection.lost"]
    added = alices.post(AT, {"url": "https://example.com/hook", "events": events}, follow=True)
    html = look(added)
    assert Endpoint.objects.get().events == events
    assert 'value="whsec_' in html
    assert "Nothing was sent yet." in html
    assert "whsec_" not in look(alices.get(f"{AT}/{Endpoint.objects.get().pk}"))
    assert "https://example.com/hook" in look(alices.get(AT))


@pytest.mark.parametrize(
    "form",
    [{"url": "nowhere", "events": ["contact.warm"]}, {"url": "https://example.com"}, {"url": "", "events": ["x"]}],
)
def test_what_is_not_valid(alices: Client, form: dict[str, str]) -> None:
    """It is said beside the field, and nothing is added."""
    look(alices.post(AT, form))
    assert not Endpoint.objects.exists()


def test_what_was_delivered(alices: Client, endpoint: Endpoint) -> None:
    """With what came back, and a button that sends it again."""
    for number in range(3):
        record(Event.CONTACT_SYNCED, f"contact:{number}", {"id": number})
    Delivery.objects.filter(record="contact:0").update(state=DeliveryState.DELIVERED, status=200, answer="<thanks>")
    Delivery.objects.filter(record="contact:1").update(state=DeliveryState.GIVEN_UP, error="It did not answer in time.")
    html = look(alices.get(f"{AT}/{endpoint.pk}"))
    for part in ("Delivered", "&lt;thanks&gt;", "Given up", "It did not answer in time.", "Waiting", "Send again"):
        assert part in html
    lost = Delivery.objects.get(record="contact:1")
    alices.post(f"{AT}/deliveries/{lost.pk}/again")
    lost.refresh_from_db()
    assert (lost.state, lost.attempts) == ("waiting", 0)


def test_it_is_switched_off_and_on_and_deleted(alices: Client, endpoint: Endpoint) -> None:
    """What is off is told nothing, and nothing is sent again; on again, it is as before."""
    record(Event.CONTACT_SYNCED, "contact:1", {"id": 1})
    html = look(alices.post(f"{AT}/{endpoint.pk}/switch", {"to": "off"}, follow=True))
    assert endpoints.BY_HAND in html
    delivery = Delivery.objects.get()
    assert delivery.state == DeliveryState.GIVEN_UP
    alices.post(f"{AT}/deliveries/{delivery.pk}/again")
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.GIVEN_UP
    look(alices.post(f"{AT}/{endpoint.pk}/switch", {"to": "on"}, follow=True))
    assert Endpoint.objects.get().is_on
    look(alices.post(f"{AT}/{endpoint.pk}/delete", follow=True))
    assert not Endpoint.objects.exists()


def test_members_have_no_say_in_it(bobs: Client, endpoint: Endpoint) -> None:
    """They are refused."""
    assert bobs.get(AT).status_code == 403
    assert bobs.post(f"{AT}/{endpoint.pk}/delete").status_code == 403
    assert Endpoint.objects.exists()
