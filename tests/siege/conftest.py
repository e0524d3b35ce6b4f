"""Prints the table of what the attacks came to, behind the tests."""

import pytest
from siege.attack import Row, table

ROWS = pytest.StashKey[list[Row]]()


@pytest.fixture
def rows(pytestconfig: pytest.Config) -> list[Row]:
    """Where the rows of the table are gathered."""
    return pytestconfig.stash.setdefault(ROWS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    rows = config.stash.get(ROWS, [])
    if rows:
        terminalreporter.section("siege")
        for line in table(rows):
            terminalreporter.write_line(line)
