"""The access by OAuth as the engine's client uses it: a day of hours, two machines at once, ends, moves and scopes."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random
from threading import Barrier, Thread
from typing import Any

import httpx
import pytest
from bench_engine import Bench
from django.db import connection
from pytest_django import Settings
from virtual_clock import VirtualClock

from warmline.crm import preferences
from warmline.crm.book import add_contact
from warmline.crm.users import User
from warmline.pipedrive import (
    PLANS,
    UNKNOWN,
    GrantEnded,
    Limiter,
    MissingScope,
    OAuthApp,
    Pipedrive,
    PipedriveError,
    Tokens,
    Unavailable,
)
from warmline.sandbox import Fault, Sandbox, SandboxTransport, World, serving
from warmline.sync import credentials, oauth_grants
from warmline.sync.account_models import OAuthGrant
from warmline.sync.engine.reconciler import Engine
from warmline.sync.models import Connection, ConnectionState, Notification, NotificationKind
from warmline.sync.policy import Policy
from warmline.sync.remote import oauth_setup
from warmline.sync.remote.configured_client import plan_for
from warmline.sync.remote.oauth_tokens import ENDED, GrantTokens

CALLBACK = "http://127.0.0.1:8000/oauth/pipedrive"
CLIENT = ("sandbox-client", "sandbox-secret")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def server(settings: Settings) -> None:
    """Have the sandbox be the OAuth server."""
    settings.PIPEDRIVE_OAUTH_URL = settings.PIPEDRIVE_BASE_URL = "http://sandbox"
    settings.PIPEDRIVE_CLIENT_ID, settings.PIPEDRIVE_CLIENT_SECRET = CLIENT


@pytest.fixture
def app(sandbox: Sandbox, clock: VirtualClock) -> Iterator[OAuthApp]:
    """Return the app, through the in-process transport."""
    with OAuthApp("http://sandbox", *CLIENT, transport=SandboxTransport(sandbox), clock=clock) as app:
        yield app


def _connected(app: OAuthApp, clock: VirtualClock) -> str:
    tokens = app.exchange("sandbox-code", CALLBACK)
    way_in = oauth_grants.make(tokens, company_id=1, user_id=1, now=clock.now())
    preferences.change({"pipedrive_token": credentials.encrypted(way_in)})
    return way_in


@pytest.fixture
def way_in(app: OAuthApp, clock: VirtualClock) -> str:
    """Return a grant that is in use."""
    return _connected(app, clock)


@pytest.fixture
def machine(sandbox: Sandbox, clock: VirtualClock, app: OAuthApp) -> Callable[[str], Pipedrive]:
    """Return a maker of clients, each of which could be on a machine of its own."""

    def make(way_in: str) -> Pipedrive:
        source = GrantTokens(way_in, clock, app)
        transport = SandboxTransport(sandbox)
        return Pipedrive("http://sandbox", source, transport=transport, limiter=Limiter(clock=clock), clock=clock)

    return make


def _refreshes(world: World) -> int:
    return sum(call.path == "/oauth/token" for call in world.calls) - 1


@pytest.mark.parametrize("rotates", [False, True])
def test_a_day_of_hours(
    machine: Callable[[str], Pipedrive], way_in: str, world: World, clock: VirtualClock, *, rotates: bool
) -> None:
    """Two machines call all day: no call fails, each token is renewed once before its end, no refresh token burns."""
    world.settings.rotate_refresh_tokens = rotates
    clients = [machine(way_in), machine(way_in)]
    for quarter in range(4 * 24):
        if quarter == 40:
            world.settings.api_domain = "http://elsewhere"  # the in-process transport serves any host
        for client in clients:
            client.me()
        clock.sleep(900)
    assert [call.status for call in world.calls if call.status != 200] == []
    assert 23 <= _refreshes(world) <= 32
    assert OAuthGrant.objects.get().api_domain == "http://elsewhere"


def test_two_machines_at_once(
    machine: Callable[[str], Pipedrive], way_in: str, world: World, clock: VirtualClock
) -> None:
    """One of them renews, between the two looks of the other; neither call is lost."""
    world.settings.rotate_refresh_tokens = True
    first, second = machine(way_in), machine(way_in)
    clock.sleep(3_600)
    source = second._session._source
    assert isinstance(source, GrantTokens)
    stale = oauth_grants.of(way_in)
    assert stale is not None
    first.me()
    before = _refreshes(world)
    assert source._renewed(stale.version) == source.bearer()
    assert (second.me().name, _refreshes(world)) == ("Alice Alder", before)


def test_an_overtaken_refresh_finds_the_newer_one(
    app: OAuthApp, way_in: str, world: World, clock: VirtualClock
) -> None:
    """Whoever was told that its token is spent, because a lease expired, goes on with what the other one has stored."""
    world.settings.rotate_refresh_tokens = True
    grant = OAuthGrant.objects.get()

    class Overtaken:
        """Another machine refreshes right before this one."""

        def refresh(self, refresh_token: str) -> Tokens:
            oauth_grants.renewed(grant, app.refresh(refresh_token), clock.now())
            return app.refresh(refresh_token)

        def close(self) -> None:
            """Nothing to do."""

    source = GrantTokens(way_in, clock, Overtaken())  # type: ignore[arg-type]
    clock.sleep(3_600)
    newest = source.bearer()
    grant.refresh_from_db()
    assert (grant.ended, grant.version) == ("", 1)
    assert newest.token.get_secret_value() == credentials.decrypted(grant.access_token)


def test_a_refused_token_is_renewed_and_the_call_repeated(
    machine: Callable[[str], Pipedrive], way_in: str, sandbox: Sandbox, world: World
) -> None:
    """A create is done once: what was refused is not done."""
    sandbox.faults.add(Fault(kind="unauthorized", path="/api/v2/*", times=1))
    from warmline.pipedrive import NewPerson  # noqa: PLC0415

    client = machine(way_in)
    client.create_person(NewPerson(name="Robin Vale", owner_id=1))
    assert (len(world.persons), _refreshes(world)) == (1, 1)
    sandbox.faults.add(Fault(kind="unauthorized", path="/api/v2/*"))
    with pytest.raises(PipedriveError):
        client.person(1)
    assert _refreshes(world) == 2


def test_a_lost_answer_is_asked_for_again(
    machine: Callable[[str], Pipedrive], way_in: str, sandbox: Sandbox, clock: VirtualClock, world: World
) -> None:
    """While the old token lasts it is used; after that calls fail for a while, and nothing has ended."""
    client = machine(way_in)
    clock.sleep(3_400)
    sandbox.faults.add(Fault(kind="no_answer_after", path="/oauth/token", times=1))
    assert client.me().name == "Alice Alder"
    clock.sleep(400)
    sandbox.faults.add(Fault(kind="html_error", path="/oauth/token", times=1))
    with pytest.raises(Unavailable):
        client.me()
    clock.sleep(2)
    assert client.me().name == "Alice Alder"
    assert OAuthGrant.objects.get().ended == ""


def test_a_clock_that_was_wrong_costs_a_refresh(
    machine: Callable[[str], Pipedrive], way_in: str, world: World, clock: VirtualClock
) -> None:
    """A token that seems to be from the future, or to last for years, is not believed."""
    client = machine(way_in)
    OAuthGrant.objects.update(
        refreshed_at=clock.now() + timedelta(days=400), expires_at=clock.now() + timedelta(days=401)
    )
    client.me()
    assert _refreshes(world) == 1
    assert OAuthGrant.objects.get().expires_at == clock.now() + timedelta(hours=1)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({}, 3_600),
        ({"expires_in": None, "scope": None, "api_domain": None}, 3_600),
        ({"expires_in": "1800", "scope": ["base"]}, 1_800),
        ({"expires_in": 1_799.5, "refresh_token": None}, 1_799),
        ({"expires_in": 0}, 3_600),
        ({"expires_in": "soon"}, 3_600),
        ({"expires_in": 1e30}, oauth_grants.MOST_SECONDS),
    ],
)
def test_a_refresh_that_says_less_burns_nothing(
    way_in: str, clock: VirtualClock, said: dict[str, Any], seconds: int
) -> None:
    """The tokens are kept, whatever else is missing or odd; what is not said again stays as it was."""
    before = OAuthGrant.objects.get()
    body = json.dumps({"access_token": "the-next", **said}).encode()
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=body))
    clock.sleep(3_600)
    with OAuthApp("http://sandbox", *CLIENT, transport=transport, clock=clock) as app:
        assert GrantTokens(way_in, clock, app).bearer().token.get_secret_value() == "the-next"
    after = OAuthGrant.objects.get()
    assert credentials.decrypted(after.refresh_token) == credentials.decrypted(before.refresh_token)
    assert (after.scope, after.api_domain, after.ended) == (before.scope, before.api_domain, "")
    assert after.expires_at - clock.now() == timedelta(seconds=seconds)


def test_scopes_that_nobody_named_are_not_missing() -> None:
    """A server may leave them out when they are what was asked for."""
    assert oauth_grants.missing_scopes([]) == {}


@pytest.mark.parametrize("how", ["uninstalled", "revoked", "disused", "told"])
def test_a_grant_that_ended_is_one_state_and_is_told_once(
    how: str,
    machine: Callable[[str], Pipedrive],
    way_in: str,
    app: OAuthApp,
    sandbox: Sandbox,
    clock: VirtualClock,
    policy: Policy,
    alice: User,
) -> None:
    """However it ended: nothing is sent, no row is blamed, and connecting again goes on."""
    pipedrive = machine(way_in)
    bench = Bench(Engine(pipedrive, policy, clock, Random(7)), clock, policy, pipedrive)
    bench.settle(5)
    contact = add_contact(alice, name="Robin Vale", warmness_score=9)
    if how == "uninstalled":
        sandbox.people.uninstall_app(1)
    elif how == "revoked":
        app.revoke(credentials.decrypted(OAuthGrant.objects.get().refresh_token))
    elif how == "disused":
        clock.sleep(61 * 86_400)
    else:
        sandbox.people.uninstall_app(1)
        assert not oauth_setup.uninstalled(1, 2)
        assert [oauth_setup.uninstalled(1, 1), oauth_setup.uninstalled(1, 1)] == [True, True]
    for _ in range(5):
        bench.settle(5)
        clock.sleep(60)
    row = Connection.objects.get()
    assert (row.state, row.message) == (ConnectionState.UNAUTHORIZED, ENDED)
    lost = Notification.objects.filter(kind=NotificationKind.CONNECTION_LOST)
    assert [ENDED in note.text for note in lost] == [True]
    contact.refresh_from_db()
    assert (contact.pipedrive_person_id, contact.pipedrive_sync_attempts) == (None, 0)
    again = machine(_connected(app, clock))
    bench = Bench(Engine(again, policy, clock, Random(7)), clock, policy, again)
    clock.sleep(120)
    bench.settle(5)
    contact.refresh_from_db()
    assert contact.pipedrive_person_id == 1


def test_a_wrong_secret_ends_nothing(sandbox: Sandbox, way_in: str, clock: VirtualClock) -> None:
    """It is the app's trouble: named with what to check, and the grant goes on once it is right."""
    clock.sleep(3_600)
    wrong = OAuthApp("http://sandbox", "sandbox-client", "wrong", transport=SandboxTransport(sandbox), clock=clock)
    with wrong, pytest.raises(GrantEnded, match="PIPEDRIVE_CLIENT_SECRET"):
        GrantTokens(way_in, clock, wrong).bearer()
    assert OAuthGrant.objects.get().ended == ""


def test_a_missing_scope_is_no_block(
    machine: Callable[[str], Pipedrive], app: OAuthApp, world: World, clock: VirtualClock
) -> None:
    """The call is refused for good, the others go on, and it is named with what it costs."""
    world.settings.scopes = "base contacts:full"
    client = machine(_connected(app, clock))
    with pytest.raises(MissingScope, match="Connect Pipedrive again"):
        client.users()
    client.persons()
    grant = oauth_grants.in_use()
    assert grant is not None
    assert set(oauth_grants.missing_scopes(grant.scope.split())) == {
        "activities:full",
        "search:read",
        "users:read",
        "admin",
    }


@pytest.mark.parametrize(
    ("api_domain", "server", "followed"),
    [
        ("https://alderfinch.pipedrive.com", oauth_grants.USUAL_SERVER, True),
        ("https://pipedrive.com", oauth_grants.USUAL_SERVER, True),
        ("http://alderfinch.pipedrive.com", oauth_grants.USUAL_SERVER, False),
        ("https://pipedrive.com.example.com", oauth_grants.USUAL_SERVER, False),
        ("https://evilpipedrive.com", oauth_grants.USUAL_SERVER, False),
        ("https://user@alderfinch.pipedrive.com", oauth_grants.USUAL_SERVER, False),
        ("https://alderfinch.pipedrive.com/path", oauth_grants.USUAL_SERVER, False),
        ("", oauth_grants.USUAL_SERVER, False),
        ("http://127.0.0.1:9000", oauth_grants.USUAL_SERVER, False),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000", True),
        ("nonsense", "http://127.0.0.1:9000", False),
        ("https://[::1", oauth_grants.USUAL_SERVER, False),
        ("https://alderfinch.pipedrive.com?next=https://example.com", oauth_grants.USUAL_SERVER, False),
    ],
)
def test_only_pipedrives_own_addresses_are_followed(
    settings: Settings, api_domain: str, server: str, *, followed: bool
) -> None:
    """The tokens go there, so it is theirs, by https, unless the whole server is another one by configuration."""
    settings.PIPEDRIVE_OAUTH_URL = server
    assert oauth_grants.followed(api_domain) == (api_domain if followed else "")


def test_tokens_are_not_in_the_database_as_they_are(way_in: str, app: OAuthApp) -> None:
    """A copy of the database does not let anyone in."""
    grant = OAuthGrant.objects.get()
    stored = f"{grant.access_token} {grant.refresh_token} {preferences.stored().pipedrive_token}"
    for secret in (credentials.decrypted(grant.access_token), credentials.decrypted(grant.refresh_token)):
        assert secret
        assert secret not in stored


@pytest.mark.parametrize("plan", ["", "lite", "growth-oauth", "ultimate"])
def test_the_plans_limits_are_those_of_the_way_in(plan: str) -> None:
    """Whichever was chosen on the page, an API token has its own and OAuth four times as many."""
    plain = plan.removesuffix("-oauth")
    assert plan_for(plan, is_oauth=True) == PLANS.get(f"{plain}-oauth", UNKNOWN)
    assert plan_for(plan, is_oauth=False) == PLANS.get(plain, UNKNOWN)


def test_access_that_nobody_needs_is_kept_alive(
    app: OAuthApp, way_in: str, sandbox: Sandbox, world: World, clock: VirtualClock, settings: Settings, alice: User
) -> None:
    """It is used once a day; what cannot be used for 46 days is told to the admins, once."""
    User.objects.filter(pk=alice.pk).update(is_admin=True)
    with serving(sandbox) as url:
        settings.PIPEDRIVE_OAUTH_URL = url
        for _ in range(3):
            oauth_setup.keep_alive(clock)
            clock.sleep(86_400)
        assert _refreshes(world) == 2
        sandbox.faults.add(Fault(kind="error", status=503, path="/oauth/token"))
        for day in range(50):
            oauth_setup.keep_alive(clock)
            told = list(Notification.objects.filter(kind=NotificationKind.GRANT_EXPIRES))
            assert len(told) == (day >= 45), day
            clock.sleep(86_400)
        assert told[0].user == alice
        assert oauth_setup.expires_soon(OAuthGrant.objects.get(), clock.now())
        sandbox.faults.clear()
        oauth_setup.keep_alive(clock)
        assert not oauth_setup.expires_soon(OAuthGrant.objects.get(), clock.now())
        OAuthGrant.objects.update(refreshed_at=clock.now() + timedelta(days=400))  # by a clock that was wrong
        oauth_setup.keep_alive(clock)
        assert OAuthGrant.objects.get().refreshed_at == clock.now()


@pytest.mark.django_db(transaction=True)
@pytest.mark.only_on("postgres")
def test_real_threads_renew_once(sandbox: Sandbox, world: World, settings: Settings) -> None:
    """Eight at once, each with a connection of its own, on a server whose refresh tokens are good once."""
    from warmline.sync.database_clock import DatabaseClock  # noqa: PLC0415

    clock = DatabaseClock()
    real = World.sample()
    real.settings.rotate_refresh_tokens, real.settings.access_seconds = True, 3_600
    with serving(Sandbox(real)) as url:
        settings.PIPEDRIVE_OAUTH_URL = settings.PIPEDRIVE_BASE_URL = url
        with OAuthApp(url, *CLIENT) as app:
            way_in = oauth_grants.make(app.exchange("sandbox-code", CALLBACK), company_id=1, user_id=1, now=clock.now())
        OAuthGrant.objects.update(expires_at=clock.now())
        start, got = Barrier(8), []

        def call() -> None:
            start.wait()
            try:
                got.append(GrantTokens(way_in, clock).bearer().token)
            finally:
                connection.close()

        threads = [Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(got) == 8
    assert len(set(got)) == 1
    assert _refreshes(real) == 1
    assert OAuthGrant.objects.get().ended == ""


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b'{"refresh_token": "a"}', Unavailable),
        (200, b'{"access_token": "", "refresh_token": "a"}', Unavailable),
        (200, b"<html>", Unavailable),
        (400, b'{"error": "invalid_grant"}', GrantEnded),
        (400, b'{"message": "Invalid grant: a-secret-token"}', GrantEnded),
        (400, b"<html>", PipedriveError),
        (500, b'{"error": "invalid_grant"}', Unavailable),
        (502, b"<html>", Unavailable),
        (302, b"", Unavailable),
    ],
)
def test_what_the_server_says_is_not_taken_for_an_end_too_soon(
    status: int, body: bytes, error: type[PipedriveError]
) -> None:
    """Only its own word ends a grant, and no message repeats a secret."""
    transport = httpx.MockTransport(lambda _request: httpx.Response(status, content=body))
    with OAuthApp("http://sandbox", *CLIENT, transport=transport) as app, pytest.raises(error) as raised:
        app.refresh("a-secret-token")
    assert "a-secret-token" not in str(raised.value)
    assert isinstance(raised.value, GrantEnded) == (error is GrantEnded)
