"""The pages of organizations: the team's, with the contacts that one may see."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from web.pages import look

from warmline.crm.book import OrganizationDetails, add_contact
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User

HTMX = {"HX-Request": "true"}


@pytest.fixture
def mills(alice: User, bob: User) -> Organization:
    """Return Larkspur Mills, where Alice knows two and Bob one."""
    details = OrganizationDetails("Larkspur Mills", sector="Textiles", country="Norway")
    for owner, name, score in ((alice, "Jordan", 5), (alice, "Kim", 1), (bob, "Robin", 0)):
        add_contact(owner, name=name, organization=details, warmness_score=score)
    return Organization.objects.get()


def test_the_list(alices: Client, bobs: Client, mills: Organization) -> None:
    """Everyone sees all organizations, and counts the contacts that they may see."""
    Organization.objects.create(name="Birch")
    for client, count, words in ((alices, 3, "contacts"), (bobs, 1, "of my contacts")):
        html = look(client.get("/organizations"))
        assert f'data-unit="{words}">{count}</td>' in html
        assert html.index("Birch") < html.index("Larkspur Mills")
    assert "Birch" not in look(alices.get("/organizations?q=lark"))
    assert "Birch" not in look(alices.get("/organizations?show=waiting"))
    assert "No organizations match" in look(alices.get("/organizations?show=failed"))
    assert "Birch" in look(alices.get(f"/organizations?organization={mills.pk}&owner={mills.pk}"))
    response = alices.get("/organizations?q=lark&order=name&organization=1", headers={**HTMX, "HX-Trigger": "filters"})
    assert "<html" not in look(response)
    assert response["HX-Replace-Url"] == "/organizations?q=lark"


def test_an_empty_list(alices: Client) -> None:
    """It says where organizations come from."""
    assert "An organization appears here once a contact of it is added" in look(alices.get("/organizations"))


def test_very_many(alices: Client) -> None:
    """In pages that are small and take as many queries."""
    counts = []
    for number in range(120):
        Organization.objects.create(name=f"An organization with a long name, number {number:03}")
        if number in {20, 119}:
            with CaptureQueriesContext(connection) as queries:
                html = look(alices.get("/organizations"))
            counts.append(len(queries))
    assert counts[0] == counts[1]
    assert "120 organizations" in html
    assert 'rel="next"' in html


def test_one(alices: Client, bobs: Client, mills: Organization) -> None:
    """With its contacts, and where it stands; a member sees their own contacts only."""
    html = look(alices.get(f"/organizations/{mills.pk}"))
    for part in ("Textiles", "Norway", "Jordan", "Kim", "Robin", "Waiting to be sent to Pipedrive."):
        assert part in html
    html = look(bobs.get(f"/organizations/{mills.pk}"))
    assert ("Robin" in html, "Jordan" in html) == (True, False)
    Contact.objects.filter(owner__name="Bob").delete()
    assert "You have no contacts here" in look(bobs.get(f"/organizations/{mills.pk}"))
    look(bobs.get("/organizations/999"), 404)


def test_changing(bobs: Client, mills: Organization) -> None:
    """By anyone; a name that is taken is refused in place."""
    Organization.objects.create(name="Birch")
    assert 'value="Textiles"' in look(bobs.get(f"/organizations/{mills.pk}/edit"))
    data = {"name": "birch", "sector": "Textiles", "country": "Norway"}
    html = look(bobs.post(f"/organizations/{mills.pk}/edit", data, headers=HTMX))
    assert "An organization with this name already exists" in html
    response = bobs.post(f"/organizations/{mills.pk}/edit", {**data, "name": "Larkspur", "country": ""})
    assert response["Location"] == f"/organizations/{mills.pk}"
    mills.refresh_from_db()
    assert (mills.name, mills.country) == ("Larkspur", "")
    html = look(bobs.post(f"/organizations/{mills.pk}/edit", {**data, "name": "Larkspur Mills"}, headers=HTMX))
    for part in ("<h1>Larkspur Mills</h1>", 'id="details"', 'id="in-pipedrive"', 'hx-swap-oob="innerHTML">Saved.'):
        assert part in html
    html = look(bobs.get(f"/organizations/{mills.pk}", headers=HTMX))
    assert ('id="details"' in html, "<html" in html) == (True, False)


def test_choosing_and_trying_again(bobs: Client, mills: Organization) -> None:
    """As for contacts."""
    candidates = [{"pipedrive_id": 3, "name": "Larkspur Mills"}, {"pipedrive_id": 4, "name": "LARKSPUR MILLS"}]
    failed = {"pipedrive_sync_failed": True, "pipedrive_sync_attempts": 1, "pipedrive_sync_error_code": "ambiguous"}
    Organization.objects.update(**failed, pipedrive_candidates=candidates)
    assert "Record 4" in look(bobs.get(f"/organizations/{mills.pk}"))
    assert "Linked to Pipedrive record 4; syncing." in look(
        bobs.post(f"/organizations/{mills.pk}/link", {"pipedrive_id": "4"}, follow=True)
    )
    mills.refresh_from_db()
    assert mills.pipedrive_chosen_id == 4
    Organization.objects.update(**{**failed, "pipedrive_sync_error_code": "rejected"})
    assert "Trying again to send Larkspur Mills" in look(bobs.post(f"/organizations/{mills.pk}/retry", follow=True))
    assert bobs.get(f"/organizations/{mills.pk}/status").status_code == 200
    look(bobs.get(f"/organizations/{mills.pk}/attempts"))


def test_proposals(bobs: Client, mills: Organization) -> None:
    """Names that have what is typed."""
    assert '<option value="Larkspur Mills">' in look(bobs.get("/organizations/names?organization=mil"))
    longest = f"mil{' ' * 252}"
    assert "Larkspur Mills" in look(bobs.get("/organizations/names", {"organization": f"{longest} and what is cut"}))
    for nothing in ("", "%00", "zzz"):
        assert look(bobs.get(f"/organizations/names?organization={nothing}")).strip() == ""
