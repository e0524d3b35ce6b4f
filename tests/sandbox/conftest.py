"""The cast of the sandbox's tests: a clock that only tests move, the sample company, and Alice's client."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from virtual_clock import VirtualClock

from warmline.sandbox import Sandbox, SandboxTransport, World

TOKEN = "sandbox-token"
BASE_URL = "http://sandbox"


@pytest.fixture
def clock() -> VirtualClock:
    """Return the world's clock."""
    return VirtualClock(datetime(2026, 1, 5, 8, tzinfo=UTC))


@pytest.fixture
def world(clock: VirtualClock) -> World:
    """Return the sample company with wide limits: those who test limits narrow them."""
    world = World.sample(clock, token=TOKEN)
    world.settings.burst = 1_000
    world.settings.searches = 1_000
    return world


@pytest.fixture
def sandbox(world: World) -> Sandbox:
    """Return the sandbox that plays the world."""
    return Sandbox(world)


@pytest.fixture
def alice(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """Return a client with Alice's token, through the in-process transport."""
    with httpx.Client(transport=SandboxTransport(sandbox), base_url=BASE_URL, headers={"x-api-token": TOKEN}) as client:
        yield client
