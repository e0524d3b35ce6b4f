"""A real browser for the tests of pages: Chromium, once for each module.

Its event loop runs as long as it does, and other tests that ask for one of their own would be refused.
"""

import shutil
from collections.abc import Iterator

import pytest
from e2e.browsing import People, chromium
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Chromium."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("NOT RUN: needs Chromium (apt-get install chromium).")
    with chromium(program) as found:
        yield found


@pytest.fixture
def people(browser: Browser) -> Iterator[People]:
    """Return who opens browsers; afterwards no console may have had a complaint."""
    found = People(browser)
    yield found
    found.close()
    assert found.complaints == []
