"""What all tests share, and the promise that none is left out quietly."""

import os
import shutil
import sys
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from postgres_cluster import HOW_TO_GET_IT
from settings_for_tests import FOLDER, HAS_DATABASE, IS_POSTGRES

pytest_plugins = ["contract_fixtures", "siege.telling"]

# How long an example takes says nothing on a busy machine.
hypothesis_settings.register_profile("warmline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("warmline")

NOT_RUN = "NOT RUN"  # how a test's skip begins when the machine lacks what it needs


@pytest.fixture(autouse=True)
def _nothing_decided() -> Iterator[None]:
    """Begin each test with no preferences, known to be none: what is read first costs no query, as in a server."""
    from warmline.crm.preferences import StoredPreferences, _Known  # noqa: PLC0415 (Django must be set up)

    _Known.row, _Known.stored = StoredPreferences(), None
    yield
    _Known.row, _Known.stored = StoredPreferences(), None


@pytest.fixture(autouse=True)
def _own_clock(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have the machine's clock count on PostgreSQL, too, because tests turn it, unless one asks for the database's."""
    if "databases_clock" in request.fixturenames:
        yield
        return
    with patch("warmline.database_time.is_shared", return_value=False):
        yield


@pytest.fixture
def databases_clock() -> None:
    """Have the database's clock count, as in earnest."""


@pytest.fixture(scope="session", autouse=True)
def _emptied_quickly() -> Iterator[None]:
    """Have what a test has committed deleted, instead of all tables truncated."""
    from django.test import TransactionTestCase  # noqa: PLC0415 (Django must be set up)
    from empty_tables import empty_tables  # noqa: PLC0415 (the same)

    with patch.object(TransactionTestCase, "_fixture_teardown", lambda _: empty_tables()):
        yield


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Leave PostgreSQL's databases to the end of their cluster: one that still has a connection cannot be dropped."""
    return IS_POSTGRES


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """Close what would keep the database of this run from being dropped."""
    yield
    if "warmline.sync.remote.postgres_ledger" in sys.modules:
        from warmline.sync.remote.postgres_ledger import OF_THIS_PROCESS  # noqa: PLC0415 (not without its driver)

        OF_THIS_PROCESS.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other database; on PostgreSQL also what uses none, which ran in the other half."""
    database = "postgres" if IS_POSTGRES else "sqlite"
    chosen = [item for item in items if _is_about(item, database)]
    if IS_POSTGRES:
        chosen = [item for item in chosen if HAS_DATABASE and (_touches_database(item) or _names_database(item))]
    kept = set(chosen)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = chosen


def _is_about(item: pytest.Item, database: str) -> bool:
    marker = item.get_closest_marker("only_on")
    return marker is None or marker.args == (database,)


def _names_database(item: pytest.Item) -> bool:
    return item.get_closest_marker("only_on") is not None


def _touches_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return item.get_closest_marker("django_db") is not None or not {"db", "transactional_db"}.isdisjoint(fixtures)


def _left_out(reporter: pytest.TerminalReporter) -> list[str]:
    reports = reporter.stats.get("skipped", [])
    reasons = {report.longrepr[2] for report in reports if isinstance(report.longrepr, tuple)}
    if not HAS_DATABASE:
        reasons.add(f"{NOT_RUN}: the tests on PostgreSQL need its server programs. Install them: {HOW_TO_GET_IT}")
    return sorted(reason for reason in reasons if NOT_RUN in reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name loudly what was left out, and how to get what it needs."""
    for reason in _left_out(terminalreporter):
        terminalreporter.write_line(reason, red=True, bold=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run for what was left out, where NOT_RUN=fail asks for that."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK  # what was asked for is run beside the other database
    if os.environ.get("NOT_RUN") == "fail" and reporter and _left_out(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the run's folder away."""
    shutil.rmtree(FOLDER, ignore_errors=True)
