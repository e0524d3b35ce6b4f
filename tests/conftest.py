"""What all tests share, and the promise that none is left out quietly."""

import os
import shutil
from collections.abc import Iterator

import pytest
from settings_for_tests import FOLDER

pytest_plugins = ["contract_fixtures", "siege.telling"]

NOT_RUN = "NOT RUN"  # how a test's skip begins when the machine lacks what it needs


@pytest.fixture(autouse=True)
def _nothing_decided() -> Iterator[None]:
    """Begin each test with no preferences, known to be none: what is read first costs no query, as in a server."""
    from warmline.crm.preferences import StoredPreferences, _Known  # noqa: PLC0415 (Django must be set up)

    _Known.row = StoredPreferences()
    yield
    _Known.row = StoredPreferences()


def _left_out(reporter: pytest.TerminalReporter) -> list[str]:
    reports = reporter.stats.get("skipped", [])
    reasons = [report.longrepr[2] for report in reports if isinstance(report.longrepr, tuple)]
    return sorted({reason for reason in reasons if NOT_RUN in reason})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name loudly what was left out, and how to get what it needs."""
    for reason in _left_out(terminalreporter):
        terminalreporter.write_line(reason, red=True, bold=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run for what was left out, where NOT_RUN=fail asks for that."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("NOT_RUN") == "fail" and reporter and _left_out(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the run's folder away."""
    shutil.rmtree(FOLDER, ignore_errors=True)
