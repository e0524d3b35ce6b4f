"""Metrics for Prometheus: what each means, and its values, all from the database, so that any process answers for all.

`docs/monitoring.md` lists them for people, with a dashboard and alerts; a test compares the names.
"""

from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version

from django.db.models import Min, Sum
from prometheus_client import registry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from warmline import database_time
from warmline.sync import engine_health, pending
from warmline.sync.engine_health import EngineState
from warmline.sync.models import ConnectionState
from warmline.sync.monitoring_models import AttemptCount, CallCount
from warmline.sync.policy import Policy
from warmline.sync.remote import connection_health, other_installations, reconcile_first
from warmline.sync.row_state import counts_by_table
from warmline.sync.status import account_usage, attempt_counts, audit_result
from warmline.sync.status.attempts_by_hour import SPANS

STATES = (*ConnectionState.values, EngineState.STOPPED.value)


class Collector(registry.Collector):
    """Collects all metrics anew whenever they are asked for."""

    def collect(self) -> Iterator[Metric]:
        """Yield each."""
        now = database_time.now()
        info = GaugeMetricFamily("warmline_info", "The version that answers.", labels=["version"])
        info.add_metric([version("warmline")], 1)
        yield info
        yield from _rows(now)
        yield from _attempts(attempt_counts.counted())
        yield from _calls()
        yield from _limits()
        yield from _connection(now)
        yield from _audit()


def _rows(now: datetime) -> Iterator[Metric]:
    threshold = Policy.current().threshold
    rows = GaugeMetricFamily(
        "warmline_pending_rows", "Rows that are not in line with Pipedrive.", labels=["kind", "state"]
    )
    for model, counts in counts_by_table(None, threshold=threshold, now=now).items():
        for state, number in counts.items():
            rows.add_metric([model.__name__.lower(), state.value], number)
    yield rows
    oldest = GaugeMetricFamily(
        "warmline_oldest_due_seconds",
        "For how long the oldest row has been due that has not failed.",
        labels=["kind"],
    )
    tables = {
        "contact": (pending.contacts(threshold), pending.changed_contacts()),
        "organization": (pending.organizations_asked_for(), pending.changed_organizations()),
        "activity": (pending.activities(), pending.changed_activities()),
    }
    for kind, some in tables.items():
        moments = [
            rows_.filter(pipedrive_sync_failed=False, next_pipedrive_sync_attempt__lte=now).aggregate(
                since=Min("next_pipedrive_sync_attempt")
            )["since"]
            for rows_ in some
        ]
        since = min((moment for moment in moments if moment is not None), default=now)
        oldest.add_metric([kind], max(0.0, (now - since).total_seconds()))
    yield oldest


def _attempts(totals: list[AttemptCount]) -> Iterator[Metric]:
    attempts = CounterMetricFamily(
        "warmline_attempts", "Attempts to send a row or its changes.", labels=["kind", "outcome"]
    )
    arrival = HistogramMetricFamily(
        "warmline_arrival_seconds", "How long rows had waited when they arrived.", labels=["kind"]
    )
    for total in totals:
        attempts.add_metric([total.kind, "ok" if total.ok else "failed"], total.attempts)
        if total.ok:
            within = [(str(float(span)), total.within.get(str(span), 0)) for span in SPANS]
            arrival.add_metric([total.kind], [*within, ("+Inf", total.attempts)], total.waited)
    yield attempts
    yield arrival


def _calls() -> Iterator[Metric]:
    calls = CounterMetricFamily(
        "warmline_pipedrive_calls",
        "Calls to Pipedrive; status 0 is no answer.",
        labels=["method", "endpoint", "status"],
    )
    for row in CallCount.objects.order_by().values("method", "endpoint", "status").annotate(number=Sum("calls")):
        calls.add_metric([row["method"], row["endpoint"], str(row["status"])], row["number"])
    yield calls
    tokens = CounterMetricFamily("warmline_tokens", "Pipedrive's tokens that were spent.", labels=["purpose"])
    for purpose, number in CallCount.objects.order_by().values_list("purpose").annotate(Sum("tokens")):
        tokens.add_metric([purpose], number)
    yield tokens


def _limits() -> Iterator[Metric]:
    used = account_usage.used()
    if used is None:
        return
    yield GaugeMetricFamily("warmline_tokens_last_day", "Tokens spent in the last 24 hours.", value=used.tokens)
    if used.daily_tokens is not None:
        yield GaugeMetricFamily(
            "warmline_tokens_daily_limit", "Tokens that may be spent in 24 hours.", value=used.daily_tokens
        )
    yield GaugeMetricFamily("warmline_window_calls", "Calls in the present window.", value=used.calls)
    yield GaugeMetricFamily("warmline_window_calls_limit", "Calls that fit in a window.", value=used.window.calls)


def _connection(now: datetime) -> Iterator[Metric]:
    present = connection_health.status().state
    states = GaugeMetricFamily(
        "warmline_connection_state", "1 for the state of the connection to Pipedrive.", labels=["state"]
    )
    for state in {*STATES, str(present)}:
        states.add_metric([state], state == str(present))
    yield states
    yield GaugeMetricFamily(
        "warmline_engine_running", "1 while something sends to Pipedrive.", value=engine_health.since() is None
    )
    yield GaugeMetricFamily(
        "warmline_links_checking", "1 while links are checked after a restore.", value=reconcile_first.is_on()
    )
    yield GaugeMetricFamily(
        "warmline_other_installation",
        "1 if another Warmline sends to the same company.",
        value=other_installations.present(now) is not None,
    )


def _audit() -> Iterator[Metric]:
    result = audit_result.latest()
    if result is None or result.checked_at is None:
        return
    problems = GaugeMetricFamily("warmline_audit_problems", "Problems that the last audit found.", labels=["problem"])
    for problem, number in result.problems.items():
        problems.add_metric([str(problem)], number)
    yield problems
    yield GaugeMetricFamily(
        "warmline_audit_finished_timestamp_seconds",
        "When the last audit was finished.",
        value=result.checked_at.timestamp(),
    )
