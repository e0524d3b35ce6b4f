"""Somebody at random without a network, for a while; `make offline SECONDS=600` does it for longer."""

from collections.abc import Iterator

import pytest
from e2e.browsing import People
from e2e.offline import CROSSINGS, work_and_check
from e2e.stopping import Server, stoppable
from playwright.sync_api import Browser

DEEDS = 12


@pytest.fixture(scope="module")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the programs, for all tests here."""
    with stoppable(tmp_path_factory.mktemp("site")) as found:
        yield found


@pytest.mark.parametrize("crossing", CROSSINGS)
def test_each_thing_is_there_once(people: People, server: Server, crossing: str) -> None:
    """On a phone and wide, by the browser's switch and by stopping the server."""
    work_and_check(people, server, crossing, 1, lambda deeds: deeds < DEEDS)
