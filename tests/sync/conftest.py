"""The cast of the engine's tests: a clock that only tests turn, a sandbox, and an engine that meets it.

Alice and Bob are users here and in Pipedrive; Carol is inactive there, and Dave is not there at all.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from audit_desk import Desk
from bench_engine import POLL_EVERY, Bench, KnowingBench
from door_client import HERE
from meddler import Meddler
from pytest_django import Settings
from virtual_clock import VirtualClock

from warmline import database_time
from warmline.crm.users import User
from warmline.pipedrive import Limiter, Pipedrive
from warmline.sandbox import Sandbox, SandboxTransport, World, serving
from warmline.sync.engine.reconciler import Engine
from warmline.sync.policy import Policy

TOKEN = "sandbox-token"


@pytest.fixture
def clock() -> VirtualClock:
    """Return the clock of engine, client and sandbox."""
    return VirtualClock()


@pytest.fixture
def world(clock: VirtualClock) -> World:
    """Return the sample company."""
    return World.sample(clock, token=TOKEN)


@pytest.fixture
def sandbox(world: World) -> Sandbox:
    """Return the sandbox that plays the world."""
    return Sandbox(world)


@pytest.fixture
def meddler(sandbox: Sandbox) -> Meddler:
    """Return the way through the in-process transport, on which something may happen."""
    return Meddler(SandboxTransport(sandbox))


@pytest.fixture
def pipedrive(meddler: Meddler, clock: VirtualClock) -> Iterator[Pipedrive]:
    """Return a client through the in-process transport."""
    with Pipedrive("http://sandbox", TOKEN, transport=meddler, limiter=Limiter(clock=clock), clock=clock) as client:
        yield client


@pytest.fixture
def pipedrive_over_http(sandbox: Sandbox, clock: VirtualClock) -> Iterator[Pipedrive]:
    """Return a client through the HTTP server, with the same clock."""
    with serving(sandbox) as url, Pipedrive(url, TOKEN, limiter=Limiter(clock=clock), clock=clock) as client:
        yield client


@pytest.fixture
def policy() -> Policy:
    """Return the mission's policy."""
    return Policy(threshold=4, label="Warm Lead", earlier_activities=False)


@pytest.fixture
def bench(pipedrive: Pipedrive, policy: Policy, clock: VirtualClock, settings: Settings) -> Bench:
    """Return an engine through the in-process transport, which lists what Pipedrive holds when it first works."""
    settings.PIPEDRIVE_API_TOKEN = TOKEN
    return Bench(Engine(pipedrive, policy, clock, Random(7)), clock, policy, pipedrive)


@pytest.fixture
def watching(
    pipedrive: Pipedrive, policy: Policy, clock: VirtualClock, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    """Return an engine that asks what changed, and that Pipedrive can reach, with the door on the same clock."""
    monkeypatch.setattr(database_time, "now", clock.now)
    settings.PIPEDRIVE_API_TOKEN = TOKEN
    settings.PUBLIC_URL, settings.PIPEDRIVE_BASE_URL = HERE, "http://sandbox"
    return Bench(Engine(pipedrive, policy, clock, Random(7), poll_every=POLL_EVERY), clock, policy, pipedrive)


@pytest.fixture
def desk(bench: Bench, sandbox: Sandbox) -> Desk:
    """Return where audits are made, beside the engine."""
    return Desk(bench.pipedrive, bench.policy, bench.clock, sandbox)


@pytest.fixture
def bench_over_http(pipedrive_over_http: Pipedrive, policy: Policy, clock: VirtualClock) -> Bench:
    """Return an engine through the HTTP server."""
    return Bench(Engine(pipedrive_over_http, policy, clock, Random(7)), clock, policy, pipedrive_over_http)


@pytest.fixture(params=["directory", "search"])
def either(
    pipedrive: Pipedrive, policy: Policy, clock: VirtualClock, settings: Settings, request: pytest.FixtureRequest
) -> Bench:
    """Return an engine that knows what Pipedrive holds, then one that has to search; `mark` says if with our mark."""
    settings.PIPEDRIVE_API_TOKEN = TOKEN
    policy = replace(policy, mark=request.node.callspec.params.get("mark", True))
    knows = request.param == "directory"
    engine = Engine(pipedrive, policy, clock, Random(7), directory_allowance=1000 if knows else 0)
    return (KnowingBench if knows else Bench)(engine, clock, policy, pipedrive)


@pytest.fixture
def colleagues(sandbox: Sandbox) -> Callable[..., dict[str, Any]]:
    """Return a maker of persons whom colleagues made in Pipedrive, by name and e-mails."""

    def make(name: str, *emails: str, **more: Any) -> dict[str, Any]:
        entries = [{"value": email, "primary": n == 0, "label": "work"} for n, email in enumerate(emails)]
        return sandbox.add("persons", name=name, emails=entries, **more)

    return make


@pytest.fixture
def user(db: None) -> Callable[..., User]:
    """Return a maker of users, by their first name."""

    def make(name: str, **more: Any) -> User:
        return User.objects.create_user(f"{name}@example.com", name.title(), **more)

    return make


@pytest.fixture
def alice(user: Callable[..., User]) -> User:
    """Return Alice."""
    return user("alice")


@pytest.fixture
def bob(user: Callable[..., User]) -> User:
    """Return Bob."""
    return user("bob")
