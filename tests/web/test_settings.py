"""The settings' pages: connecting Pipedrive, and what the team decides; for admins only."""

import re
from collections.abc import Iterator
from time import time

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from web.pages import look

from warmline.crm import preferences
from warmline.crm.activities import ActivityType
from warmline.crm.book import add_contact
from warmline.crm.models import Contact
from warmline.crm.preferences import COLD_AFTER
from warmline.crm.users import User
from warmline.pipedrive import SystemClock
from warmline.sandbox import Sandbox, World, serving
from warmline.sync import credentials
from warmline.sync.mapping import TYPES
from warmline.sync.models import Company, Connection, ConnectionState, Notification, Remembered
from warmline.sync.remote import connection_health, setup
from warmline.sync.retries import Trouble
from warmline.web.forms.settings import RulesForm

TOKEN = "sandbox-token"
MEMBER = [f"/team/1{way}" for way in ("", "/link", "/leave", "/return")]
RULES = {
    "threshold": "4",
    "label": "Warm Lead",
    "earlier_activities": "no",
    "delete_there": "no",
    "plan": "",
    "seats": "1",
    "token_share": "80",
    **{f"cold_{least}": str(days) for least, days in COLD_AFTER.items()},
    **{f"type_{ours}": TYPES[ours] for ours in ActivityType},
}


@pytest.fixture
def company(settings: Settings) -> Iterator[World]:
    """Return a Pipedrive that the settings point at."""
    world = World.sample(token=TOKEN)
    world.settings.burst = 1000
    with serving(Sandbox(world)) as url:
        settings.PIPEDRIVE_BASE_URL = url
        yield world


@pytest.mark.parametrize(
    "path",
    ["", "/disconnect", "/start-anew", "/ask", "/warm-leads", "/contact-details", "/team", "/team/invitation", *MEMBER],
)
def test_admins_only(bobs: Client, path: str) -> None:
    """A member is refused, by GET and by POST, and has no way there in the navigation."""
    assert bobs.get(f"/settings{path}", follow=True).status_code == 403
    assert bobs.post(f"/settings{path}").status_code in {403, 405}
    assert 'href="/settings"' not in look(bobs.get("/profile"))


def test_each_setting_is_on_the_page(alices: Client) -> None:
    """What can be set there is a field that is shown, and the form's own."""
    html = look(alices.get("/settings/warm-leads"))
    for name in preferences.SETTINGS:
        assert f'name="{name}"' in html, name
        assert name in RulesForm.base_fields


def test_connecting(alices: Client, company: World) -> None:
    """A bad token is refused beside its field, a good one is kept; neither is shown."""
    html = look(alices.get("/settings"))
    assert "No Pipedrive API token is set" in html
    html = look(alices.post("/settings", {"token": "a-wrong-one"}))
    assert "Pipedrive does not accept the API token. Copy it again" in html
    assert "a-wrong-one" not in html
    assert credentials.token() == ""
    html = look(alices.post("/settings", {"token": f" {TOKEN} "}, follow=True))
    assert "Connected to Pipedrive as " in html
    assert "Replace the token" in html
    assert TOKEN not in html
    assert credentials.token() == TOKEN
    look(alices.get("/settings/disconnect"))
    assert credentials.token() == TOKEN
    html = look(alices.post("/settings/disconnect", follow=True))
    assert "Disconnected." in html
    assert credentials.token() == ""


OTHER = "a-token-of-another-company"
ALDER, BIRCH = "Alder &amp; Finch Consulting (alderfinch)", "Birch &amp; Wren Partners (birchwren)"


@pytest.fixture
def linked(alice: User, company: World) -> Contact:
    """Return a contact that is linked in the company of the token that was given."""
    setup.connect(TOKEN)
    Company.objects.create(pk=1, company_id=1, name=company.company, domain=company.domain)
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    Contact.objects.filter(pk=contact.pk).update(pipedrive_person_id=7)
    return contact


@pytest.fixture
def elsewhere(linked: Contact, settings: Settings) -> Iterator[World]:
    """Return another company's Pipedrive, that the settings point at from now on."""
    world = World.sample(token=OTHER, company_id=2)
    with serving(Sandbox(world)) as url:
        settings.PIPEDRIVE_BASE_URL = url
        yield world


def sealed(html: str) -> str:
    """Return the token that goes along with a form, as nobody can read it."""
    (found,) = re.findall(r'name="sealed" value="([^"]+)"', html)
    return str(found)


def test_another_companys_token_is_not_kept(alices: Client, linked: Contact, elsewhere: World) -> None:
    """It is said whose it is and what starting anew means, in numbers; whoever turns back has changed nothing."""
    html = look(alices.post("/settings", {"token": OTHER}))
    assert f"Start over with {BIRCH}?" in html
    assert f"1 contact, 0 organizations and 0 activities are linked to records in {ALDER}." in html
    assert "It has not been saved yet" in html
    assert OTHER not in html
    assert credentials.token() == TOKEN
    linked.refresh_from_db()
    assert linked.pipedrive_person_id == 7
    assert Company.objects.get().company_id == 1


def test_starting_anew(alices: Client, linked: Contact, elsewhere: World) -> None:
    """With the sealed token, which is kept then; doing it twice does nothing more."""
    seal = sealed(look(alices.post("/settings", {"token": OTHER})))
    html = look(alices.post("/settings/start-anew", {"sealed": seal}, follow=True))
    assert "Starting over, connected as Charlie Wren of Birch &amp; Wren Partners." in html
    assert OTHER not in html
    assert credentials.token() == OTHER
    linked.refresh_from_db()
    assert linked.pipedrive_person_id is None
    assert Company.objects.get().generation == 1
    html = look(alices.post("/settings/start-anew", {"sealed": seal}, follow=True))
    assert "so there is no need to start over" in html
    assert Company.objects.get().generation == 1


def test_a_seal_that_is_none(alices: Client, linked: Contact, elsewhere: World) -> None:
    """Neither anybody's own words nor one of more than an hour ago."""
    old = credentials._fernet().encrypt_at_time(OTHER.encode(), int(time()) - 3700).decode()
    for seal in ("", "nonsense", old):
        html = look(alices.post("/settings/start-anew", {"sealed": seal}, follow=True))
        assert "Enter the token again" in html
    assert credentials.token() == TOKEN
    assert Company.objects.get().generation == 0


def test_where_nothing_is_linked_another_company_is_no_question(
    alices: Client, linked: Contact, elsewhere: World
) -> None:
    """Who only tried a company is not asked."""
    Contact.objects.update(pipedrive_person_id=None)
    html = look(alices.post("/settings", {"token": OTHER}, follow=True))
    assert "Connected to Pipedrive as Charlie Wren of Birch &amp; Wren Partners." in html
    assert Company.objects.get().company_id == 2


def test_the_environments_token_is_another_companys(
    alices: Client, linked: Contact, elsewhere: World, settings: Settings
) -> None:
    """The page says so and both ways; before starting anew it tells what that means, and asks nobody before."""
    settings.PIPEDRIVE_API_TOKEN = OTHER
    message = "The API token belongs to Birch & Wren Partners (birchwren), but."
    Connection.objects.create(pk=1, state="another_company", since=timezone.now(), message=message)
    html = look(alices.get("/settings"))
    assert "belongs to Birch &amp; Wren Partners (birchwren)" in html
    assert f"Set PIPEDRIVE_API_TOKEN to a token of {ALDER}, or remove it, and restart Warmline" in html
    assert 'href="/settings/start-anew"' in html
    assert elsewhere.calls == []
    html = look(alices.get("/settings/start-anew"))
    assert f"Start over with {BIRCH}?" in html
    assert "1 contact" in html
    assert OTHER not in html
    html = look(alices.post("/settings/start-anew", follow=True))
    assert "Starting over" in html
    assert Company.objects.get().company_id == 2
    assert connection_health.status().state == "ok"
    assert "so there is no need to start over" in look(alices.get("/settings/start-anew", follow=True))


def test_back_to_the_old_one(alices: Client, linked: Contact, elsewhere: World, settings: Settings) -> None:
    """A token of the old company ends it at once, and everything is as it was."""
    settings.PIPEDRIVE_BASE_URL, url = "http://127.0.0.1:9", settings.PIPEDRIVE_BASE_URL
    preferences.change({"pipedrive_token": credentials.encrypted(OTHER)})
    connection_health.report(Trouble(ConnectionState.ANOTHER_COMPANY, "Another one."), SystemClock())
    html = look(alices.get("/settings"))
    assert f"Enter a token of {ALDER} on the Settings page" in html
    assert 'name="token"' in html
    settings.PIPEDRIVE_BASE_URL = url
    elsewhere.company_id, elsewhere.tokens[TOKEN] = 1, 2  # the old company, as it were
    html = look(alices.post("/settings", {"token": TOKEN}, follow=True))
    assert "Connected to Pipedrive as Alice Alder" in html
    assert "Another one." not in html
    assert list(Notification.objects.order_by("pk").values_list("kind", flat=True)) == [
        "connection_lost",
        "connection_back",
    ]
    linked.refresh_from_db()
    assert linked.pipedrive_person_id == 7


def test_what_the_account_is_made_of_is_not_asked_of_another_company(
    alices: Client, linked: Contact, elsewhere: World, settings: Settings
) -> None:
    """Its users would be shown as the old one's."""
    settings.PIPEDRIVE_API_TOKEN = OTHER
    html = look(alices.post("/settings/ask", {"page": "team"}, follow=True))
    assert "The API token belongs to Birch &amp; Wren Partners" in html
    assert not Remembered.objects.exists()


def test_the_environments_token(alices: Client, settings: Settings) -> None:
    """It is read-only and not shown, and the variable is named."""
    settings.PIPEDRIVE_API_TOKEN = "given-by-the-environment"
    for html in (look(alices.get("/settings")), look(alices.post("/settings", {"token": "another"}))):
        assert "PIPEDRIVE_API_TOKEN" in html
        assert "given-by" not in html
        assert 'name="token"' not in html
    assert not preferences.stored().pipedrive_token


def test_an_unreadable_token(alices: Client) -> None:
    """The page says why, and takes another one."""
    preferences.change({"pipedrive_token": Fernet(Fernet.generate_key()).encrypt(TOKEN.encode()).decode()})
    html = look(alices.get("/settings"))
    assert "can no longer be read" in html
    assert 'name="token"' in html


def test_the_rules(alices: Client, alice: User) -> None:
    """What a threshold comes to stands there before it is saved; then it holds."""
    for score in (2, 3, 3):
        add_contact(alice, name="Jordan Ames", warmness_score=score)
    html = look(alices.get("/settings/warm-leads"))
    assert "3 or more (2 more contacts will be sent)" in html
    changed = {**RULES, "threshold": "3", "label": "Hot", "earlier_activities": "yes", "plan": "growth", "seats": "5"}
    assert "Saved." in look(alices.post("/settings/warm-leads", changed, follow=True))
    decided = preferences.current()
    assert (decided.threshold, decided.label, decided.earlier_activities) == (3, "Hot", True)
    assert (decided.plan, decided.seats, decided.token_share, decided.activity_types) == ("growth", 5, 80, {})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"threshold": "11"}, "Choose one of the listed options for “Warm from”."),
        ({"label": ""}, "Enter the label in Pipedrive."),
        ({"label": "Warm\x07Lead"}, "must not contain line breaks or other control characters"),
        ({"label": "\u200b"}, "Enter the label in Pipedrive."),
        ({"seats": "0"}, "Seats in Pipedrive must be 1 or more."),
        ({"token_share": "101"}, "Share of daily tokens must be 100 or less."),
        ({"plan": "gold"}, "Choose one of the listed options for “Plan in Pipedrive”."),
    ],
)
def test_rules_that_are_refused(alices: Client, changes: dict[str, str], says: str) -> None:
    """Beside the field, and nothing is saved."""
    html = look(alices.post("/settings/warm-leads", {**RULES, **changes}))
    assert says in html
    assert "Not saved." in html
    assert not preferences.StoredPreferences.objects.exists()


def test_what_the_environment_decided(alices: Client, settings: Settings) -> None:
    """It cannot be changed here, and the variable is named."""
    settings.FROM_ENVIRONMENT = frozenset({"WARMLINE_WARM_THRESHOLD", "WARMLINE_PLAN"})
    settings.PIPEDRIVE_PLAN = "growth-oauth"
    html = look(alices.get("/settings/warm-leads"))
    assert "Set by WARMLINE_WARM_THRESHOLD" in html
    assert "growth-oauth" in html
    alices.post("/settings/warm-leads", {**RULES, "threshold": "9", "label": "Hot"})
    assert (preferences.current().threshold, preferences.current().label) == (4, "Hot")
    assert preferences.stored().threshold is None


def test_the_activity_types(alices: Client, company: World) -> None:
    """They are chosen from the account's own list, once it was asked for."""
    html = look(alices.get("/settings/warm-leads"))
    assert "types have not been loaded yet" in html
    assert 'action="/settings/ask"' in html
    setup.connect(TOKEN)
    html = look(alices.post("/settings/ask", {"page": "rules"}, follow=True))
    assert "Users, activity types and fields loaded." in html
    assert '<option value="deadline">' in html
    alices.post("/settings/warm-leads", {**RULES, "type_REFERRAL": "deadline"})
    assert preferences.current().activity_types == {"REFERRAL": "deadline"}
    alices.post("/settings/warm-leads", {**RULES, "type_REFERRAL": "nothing-of-theirs"})
    assert preferences.current().activity_types == {"REFERRAL": "deadline"}


def test_pages_cost_few_queries(alices: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    """However many contacts there are."""
    for path in ("/settings", "/settings/warm-leads"):
        with django_assert_max_num_queries(12):
            look(alices.get(path))


def test_a_check_before_connecting(alices: Client, company: World) -> None:
    """Each finding with its cure; the token is neither kept nor shown, and nothing is changed in Pipedrive."""
    assert "/settings/check" in look(alices.get("/settings"))
    html = look(alices.post("/settings/check", {"token": TOKEN}))
    for words in ("Everything works", "It belongs to", "is an administrator", "was not stored"):
        assert words in html
    assert TOKEN not in html
    assert {call.method for call in company.calls} == {"GET"}
    assert "Connect Pipedrive" in look(alices.get("/settings"))
    html = look(alices.post("/settings/check", {"token": "another"}))
    assert "Action needed" in html
    assert "Pipedrive does not accept the API token." in html
    assert "No Pipedrive API token is set" in look(alices.post("/settings/check", {"token": ""}))


def test_connecting_asks_for_the_account(alices: Client, company: World) -> None:
    """Users and types are there without another click."""
    alices.post("/settings", {"token": TOKEN})
    assert "This has not been loaded" not in look(alices.get("/settings/warm-leads"))
    assert setup.known().types
    assert setup.known().users


def test_whether_leads_are_looked_for(alices: Client, company: World, settings: Settings) -> None:
    """Beside how changes there are heard of, and only where reports may be trusted."""
    setup.connect(TOKEN)
    setup.ask()
    why = "Each lead is looked for before it is created. Pipedrive does not report changes to Warmline."
    assert why not in look(alices.get("/settings"))
    settings.TRUST_EVENTS = True
    assert why in look(alices.get("/settings"))
