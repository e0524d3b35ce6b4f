"""Connecting Pipedrive: a token is tried before it is kept, kept encrypted, and taken up without a restart."""

from collections.abc import Callable, Iterator
from threading import Event

import pytest
from pytest_django import Settings

from warmline.crm import preferences
from warmline.crm.book import add_contact
from warmline.crm.preferences import StoredPreferences
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World, serving
from warmline.sync import credentials
from warmline.sync.engine import settings_reload
from warmline.sync.models import ConnectionState, Notification
from warmline.sync.remote import connection_health, setup
from warmline.sync.remote.setup import CannotConnectError

TOKEN = "sandbox-token"


def until(so: Callable[[], bool]) -> None:
    """Wait until something is so, at most 60 s."""
    poll = Event()
    for _ in range(1200):
        if so():
            return
        poll.wait(0.05)
    pytest.fail("not so within 60 s")


def until_told(kind: str, count: int) -> None:
    """Wait for so many notifications of a kind."""
    until(lambda: Notification.objects.filter(kind=kind).count() >= count)


@pytest.fixture
def pipedrive_company(settings: Settings) -> Iterator[Sandbox]:
    """Return a sandbox that the settings point at, without a token."""
    sandbox = Sandbox(World.sample(token=TOKEN))
    sandbox.world.settings.burst = 1000
    with serving(sandbox) as url:
        settings.PIPEDRIVE_BASE_URL = url
        yield sandbox


@pytest.mark.django_db
def test_a_good_token(pipedrive_company: Sandbox) -> None:
    """Whose it is, is known from then on; the row holds nothing that can be read."""
    assert connection_health.status().state == ConnectionState.NO_TOKEN
    me = setup.connect(TOKEN)
    assert (credentials.token(), setup.known().me) == (TOKEN, me)
    assert me.company_name
    row = StoredPreferences.objects.get()
    assert TOKEN not in str(row.__dict__)
    assert connection_health.status().state == ConnectionState.OK
    setup.disconnect()
    assert (credentials.token(), setup.known().me) == ("", None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "fault", "says"),
    [
        ("another", None, "Pipedrive does not accept the API token. Copy it again"),
        ("two words\n", None, "This is not a token"),
        (TOKEN, "html_error", "Pipedrive is not responding"),
        (TOKEN, "throttled", "Pipedrive asked for a pause"),
    ],
)
def test_a_token_that_is_not_kept(pipedrive_company: Sandbox, token: str, fault: str | None, says: str) -> None:
    """It is said why, without the token, and what was kept before stays."""
    setup.connect(TOKEN)
    if fault:
        pipedrive_company.faults.add(Fault.model_validate({"kind": fault}))
    with pytest.raises(CannotConnectError, match=says) as raised:
        setup.connect(token)
    assert token not in str(raised.value)
    assert credentials.token() == TOKEN


@pytest.mark.django_db
def test_the_environment_wins(settings: Settings) -> None:
    """Over what was stored."""
    preferences.change({"pipedrive_token": credentials.encrypted("stored")})
    assert (credentials.token(), credentials.is_from_environment()) == ("stored", False)
    settings.PIPEDRIVE_API_TOKEN = "given"
    assert (credentials.token(), credentials.is_from_environment()) == ("given", True)


@pytest.mark.django_db
def test_another_secret_key(settings: Settings) -> None:
    """What was stored with the old one opens nothing, and that is known."""
    preferences.change({"pipedrive_token": credentials.encrypted("stored")})
    settings.SECRET_KEY = "another one that is long enough"
    assert (credentials.token(), credentials.is_unreadable()) == ("", True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text", ["two words", "'quoted'", '"quoted"', "“quoted”", "bell\x07", "\udcff", "trailing\u200b"]
)
def test_what_is_no_token(settings: Settings, text: str) -> None:
    """It is none to work with, has a state of its own, and is shown to nobody."""
    settings.PIPEDRIVE_API_TOKEN = text
    status = connection_health.status()
    assert (credentials.token(), status.state, status.since) == ("", ConnectionState.INVALID_TOKEN, None)
    assert "PIPEDRIVE_API_TOKEN" in status.message
    assert text not in status.message
    assert not credentials.is_unreadable()


@pytest.mark.django_db
def test_a_stored_token_that_cannot_be_read(settings: Settings) -> None:
    """That is said, and not that there is none; the environment's still wins."""
    preferences.change({"pipedrive_token": credentials.encrypted("stored")})
    settings.SECRET_KEY = "another one that is long enough"
    status = connection_health.status()
    assert (status.state, status.message) == (ConnectionState.INVALID_TOKEN, connection_health.UNREADABLE)
    settings.PIPEDRIVE_API_TOKEN = TOKEN
    assert (credentials.is_unreadable(), connection_health.status().state) == (False, ConnectionState.OK)


@pytest.mark.django_db
def test_asking(pipedrive_company: Sandbox) -> None:
    """What the account is made of is known once a person asked; nothing is asked without a token."""
    assert setup.ask() == "Connect Pipedrive first."
    setup.connect(TOKEN)
    assert setup.known().users is None
    assert setup.ask() == ""
    known = setup.known()
    assert {user.active for user in known.users or ()} == {True}
    assert "call" in {each.key for each in known.types or ()}
    pipedrive_company.faults.add(Fault.model_validate({"kind": "html_error"}))
    assert setup.ask().startswith("This could not be loaded from Pipedrive: ")


@pytest.mark.django_db(transaction=True)
def test_a_server_with_what_is_no_token(pipedrive_company: Sandbox, settings: Settings, alice: User) -> None:
    """It runs, tells it once however often it is started, and tells once that it is over when there is a good one."""

    def told() -> list[str]:
        return [note.kind for note in Notification.objects.filter(user=None).order_by("pk")]

    add_contact(alice, name="Jordan Ames", warmness_score=5)
    settings.PIPEDRIVE_API_TOKEN = "two words"
    for _ in range(2):
        with settings_reload.running():
            until(lambda: told() == ["connection_lost"])
            assert connection_health.status().since is not None
    settings.PIPEDRIVE_API_TOKEN = TOKEN
    assert (connection_health.status().state, connection_health.status().message) == (
        ConnectionState.OK,
        connection_health.UNTRIED,
    )
    with settings_reload.running():
        until_told("contact_synced", 1)
    assert told() == ["connection_lost", "connection_back"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("text", ["nowhere", "https://a..example.com", "http://bell\x07.example.com"])
def test_a_server_with_an_address_that_is_none(settings: Settings, alice: User, text: str) -> None:
    """The pages cannot stumble over it either."""
    settings.PIPEDRIVE_API_TOKEN, settings.PIPEDRIVE_BASE_URL = TOKEN, text
    with settings_reload.running():
        until(
            lambda: (
                (connection_health.status().state, connection_health.status().message)
                == ("down", connection_health.UNCALLABLE)
            )
        )
    assert setup.ask() == connection_health.UNCALLABLE
    with pytest.raises(CannotConnectError, match="PIPEDRIVE_BASE_URL"):
        setup.connect(TOKEN)


@pytest.mark.django_db(transaction=True)
def test_a_running_server_follows(pipedrive_company: Sandbox, alice: User) -> None:
    """Begun without a token, it brings over what waits when there is one, by the threshold that is decided later."""
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    add_contact(alice, name="Robin Vale", warmness_score=2)
    with settings_reload.running():
        assert pipedrive_company.world.calls == []
        setup.connect(TOKEN)
        until_told("contact_synced", 1)
        preferences.change({"threshold": 2})
        until_told("contact_synced", 2)
    assert len(pipedrive_company.world.persons) == 2
