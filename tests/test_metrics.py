"""The metrics: each documented one is there, and says what the database says; and who may read them."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
import yaml
from bench_engine import Bench
from django.test import Client
from django.utils import timezone
from done_audits import done_audit
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings
from virtual_clock import VirtualClock

from warmline.crm import retention
from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.users import User
from warmline.pipedrive import Limiter, Pipedrive
from warmline.sandbox import Fault, Sandbox, SandboxTransport, World
from warmline.sync import call_counts
from warmline.sync.audit_models import Problem
from warmline.sync.call_counts import Purpose, made_for, usual
from warmline.sync.engine.reconciler import Engine
from warmline.sync.models import Attempt
from warmline.sync.monitoring_models import CallCount
from warmline.sync.policy import Policy

DOCS = Path(__file__).parents[1] / "docs"
TOKEN = "sandbox-token"
HERE = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8000"}
AWAY = {"REMOTE_ADDR": "192.0.2.7", "HTTP_HOST": "warmline.example.com"}
NAME = re.compile(r"\bwarmline_[a-z_]+")

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    call_counts._Counted.new.clear()
    yield
    call_counts._Counted.new.clear()


@pytest.fixture
def alice(db: None) -> User:
    """Return Alice, who is an admin."""
    return User.objects.create_user("alice@example.com", "Alice", is_admin=True)


@pytest.fixture
def world() -> World:
    """Return the sample company."""
    return World.sample(VirtualClock(), token=TOKEN)


def read(**how: str) -> Samples:
    """Return all samples, by name and labels."""
    answer = Client().get("/metrics", **(how or HERE))  # type: ignore[arg-type]
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def of(samples: Samples, name: str) -> dict[tuple[str, ...], float]:
    """Return the values of one metric, by the values of its labels."""
    return {tuple(value for _, value in labels): number for (each, labels), number in samples.items() if each == name}


def worked(alice: User, world: World, settings: Settings) -> Sandbox:
    """Have an engine send a contact with an organization and an activity, fail with another one, and count it all."""
    settings.PIPEDRIVE_API_TOKEN = TOKEN
    sandbox, clock = Sandbox(world), VirtualClock()
    clock = world.now  # type: ignore[assignment]
    contact = add_contact(
        alice,
        name="Jordan Ames",
        email="jordan@example.com",
        organization=OrganizationDetails("Mills"),
        warmness_score=7,
    )
    log_activity(alice, contact, type="CALL")
    with Pipedrive(
        "http://sandbox",
        TOKEN,
        transport=SandboxTransport(sandbox),
        limiter=Limiter(clock=clock),
        clock=clock,
        heard=call_counts.note,
    ) as pipedrive:
        policy = Policy(threshold=4, label="Warm Lead", earlier_activities=False)
        bench = Bench(Engine(pipedrive, policy, clock, Random(7)), clock, policy, pipedrive)
        bench.settle()
        sandbox.faults.add(Fault(kind="error", method="POST", path="/api/v2/persons", status=400))
        add_contact(alice, name="Robin Vale", email="robin@example.com", warmness_score=7)
        bench.settle()
    call_counts.add()
    return sandbox


@pytest.mark.django_db
def test_each_documented_metric_is_what_the_database_says(alice: User, world: World, settings: Settings) -> None:
    """After a run; and none is there that is not documented."""
    finished = timezone.now()
    done_audit(finished, {"missing": 2, "owner": 1})
    sandbox = worked(alice, world, settings)
    found = read()

    calls = of(found, "warmline_pipedrive_calls_total")
    assert calls == Counter(
        (re.sub(r"/\d+", "/{id}", call.path), call.method, str(call.status)) for call in sandbox.world.calls
    )
    assert calls["/api/v2/persons", "POST", "400"] > 0
    tokens = of(found, "warmline_tokens_total")
    assert sum(tokens.values()) == sum(row.tokens for row in CallCount.objects.all())
    assert tokens[("create",)] >= 15
    attempts = of(found, "warmline_attempts_total")
    for (kind, outcome), number in attempts.items():
        assert number == Attempt.objects.filter(kind=kind, ok=outcome == "ok").count()
    assert attempts == {
        ("contact", "ok"): 1,
        ("contact", "failed"): 1,
        ("organization", "ok"): 1,
        ("activity", "ok"): 1,
    }
    assert of(found, "warmline_arrival_seconds_count") == {("contact",): 1, ("organization",): 1, ("activity",): 1}
    assert of(found, "warmline_arrival_seconds_bucket")["contact", "+Inf"] == 1
    rows = of(found, "warmline_pending_rows")
    assert rows["contact", "failed"] == 1
    assert sum(rows.values()) == 1
    assert of(found, "warmline_oldest_due_seconds")[("contact",)] == 0
    states = of(found, "warmline_connection_state")
    assert [state for state, value in states.items() if value] == [("ok",)]
    problems = {(str(problem),): 0 for problem in Problem}
    assert of(found, "warmline_audit_problems") == problems | {("missing",): 2, ("owner",): 1}
    assert of(found, "warmline_audit_finished_timestamp_seconds")[()] == pytest.approx(finished.timestamp())
    for name in ("warmline_tokens_last_day", "warmline_tokens_daily_limit", "warmline_window_calls_limit"):
        assert of(found, name)
    families = {name for name, _ in found}
    known = {re.sub("_(bucket|sum|count|created)$", "", name) for name in families}
    assert known == documented()


@pytest.mark.django_db
def test_totals_never_fall(alice: User, world: World, settings: Settings) -> None:
    """Although attempts are deleted after 90 days, and hours become one after a month."""
    worked(alice, world, settings)
    before = read()
    retention.sweep(timezone.now() + timedelta(days=200))
    after = read()
    for name in ("warmline_attempts_total", "warmline_pipedrive_calls_total", "warmline_tokens_total"):
        assert of(after, name) == of(before, name)
        assert of(before, name)
    assert set(CallCount.objects.values_list("hour", flat=True)) == {call_counts.LONG_AGO}


@pytest.mark.django_db
def test_who_may_read_them(settings: Settings) -> None:
    """This machine under its own name; from elsewhere only with the token; and without one they do not exist there."""
    settings.METRICS_TOKEN = ""
    assert Client().get("/metrics", **HERE).status_code == 200  # type: ignore[arg-type]
    for how in (AWAY, {**AWAY, "REMOTE_ADDR": "127.0.0.1"}, {**HERE, "REMOTE_ADDR": "192.0.2.7"}):
        assert Client().get("/metrics", **how).status_code == 404  # type: ignore[arg-type]
        assert Client().get("/metrics", **how, HTTP_AUTHORIZATION="Bearer ").status_code == 404  # type: ignore[arg-type]
    settings.METRICS_TOKEN = "a-token-of-prometheus"
    for said, status in (
        ("Bearer a-token-of-prometheus", 200),
        ("bearer a-token-of-prometheus", 200),
        ("Bearer another", 401),
        ("Bearer \u00e9", 401),
        ("Basic a-token-of-prometheus", 401),
    ):
        assert Client().get("/metrics", **AWAY, HTTP_AUTHORIZATION=said).status_code == status  # type: ignore[arg-type]
    assert Client().get("/metrics", **HERE, HTTP_AUTHORIZATION="Bearer another").status_code == 401  # type: ignore[arg-type]
    assert Client().post("/metrics", **HERE).status_code == 405  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "endpoint", "purpose"),
    [
        ("POST", "/api/v2/persons", Purpose.CREATE),
        ("PATCH", "/api/v2/activities/{id}", Purpose.UPDATE),
        ("DELETE", "/api/v2/activities/{id}", Purpose.UPDATE),
        ("GET", "/api/v2/persons/search", Purpose.LOOK),
        ("GET", "/api/v2/organizations", Purpose.LOOK),
        ("GET", "/api/v2/personFields", Purpose.ACCOUNT),
        ("POST", "/api/v2/personFields", Purpose.ACCOUNT),
        ("GET", "/api/v1/users", Purpose.ACCOUNT),
        ("GET", "/api/v1/users/me", Purpose.PROBE),
    ],
)
def test_what_a_call_is_made_for(method: str, endpoint: str, purpose: Purpose) -> None:
    """Unless it is said."""
    assert usual(method, endpoint) is purpose


@pytest.mark.django_db
def test_what_is_said_counts_and_what_cannot_be_added_is_added_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes add to one row; a database that is gone loses nothing."""
    with made_for(Purpose.AUDIT):
        call_counts.note("GET", "/api/v2/persons", 200, 10)
    with monkeypatch.context() as patched:
        patched.setattr(call_counts, "ADD", call_counts.ADD.replace("sync_callcount", "nowhere"))
        with pytest.raises(Exception, match="nowhere"):
            call_counts.add()
    for _ in range(2):
        call_counts.add()
        with made_for(Purpose.AUDIT):
            call_counts.note("GET", "/api/v2/persons", 200, 10)
    call_counts.add()
    (row,) = CallCount.objects.all()
    assert (row.purpose, row.calls, row.tokens) == ("audit", 3, 30)
    assert call_counts.spent_since(timezone.now()) == {"audit": 30}


def documented() -> set[str]:
    """Return the metrics that the table in docs/monitoring.md has."""
    table = [
        line for line in (DOCS / "monitoring.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    return {name for line in table for name in NAME.findall(line.split("|")[1])}


def test_dashboard_and_alerts_name_only_what_there_is() -> None:
    """Every metric in them is documented, and every documented one is in one of the two but for the version."""
    board = json.loads((DOCS / "monitoring" / "grafana-dashboard.json").read_text(encoding="utf-8"))
    rules = yaml.safe_load((DOCS / "monitoring" / "alerts.yml").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked += [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    named = {re.sub("_bucket$", "", name) for expression in asked for name in NAME.findall(expression)}
    assert named <= documented()
    assert documented() - named == {"warmline_info"}
    assert len({rule["alert"] for group in rules["groups"] for rule in group["rules"]}) == 9
