"""Prints the table of what the attacks came to, behind the tests; a plugin, because they run in other processes."""

from collections.abc import Callable

import pytest
from siege.attack import Row, table

ROW = "siege"  # the property of a test's report by which its row comes here, from whatever process ran it


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[Row], None]:
    """Return what adds a row to the table."""
    return lambda row: record_property(ROW, [list(row.cells), row.breaches])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    reports = [report for key in ("passed", "failed") for report in terminalreporter.stats.get(key, [])]
    told = [value for report in reports for name, value in report.user_properties if name == ROW]
    if told:
        terminalreporter.section("siege")
        for line in table([Row(tuple(cells), breaches) for cells, breaches in told]):
            terminalreporter.write_line(line)
