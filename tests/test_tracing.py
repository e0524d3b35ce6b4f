"""One id leads from a request to the last call that follows from it."""

import io
import json
import logging
from random import Random
from typing import Any

import pytest
from bench_engine import Bench
from django.test import Client
from virtual_clock import VirtualClock

from warmline import tracing
from warmline.crm.models import Contact
from warmline.crm.tokens import issue
from warmline.crm.users import User
from warmline.logs import JsonFormatter, SparingHandler
from warmline.pipedrive import Limiter, Pipedrive
from warmline.sandbox import Sandbox, SandboxTransport, World
from warmline.sync import call_counts
from warmline.sync.engine.reconciler import Engine
from warmline.sync.policy import Policy

pytestmark = pytest.mark.django_db

MINE = "from-a-proxy-1"


@pytest.fixture
def lines() -> Any:
    """Return what reads the lines that were written as JSON."""
    handler, stream = SparingHandler(), io.StringIO()
    handler.setStream(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("warmline.trace")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_from_the_click_to_the_last_call(lines: Any) -> None:
    """What a caller sends as its id is in the request's line, in the row, and in that of each call for it."""
    alice = User.objects.create_user("alice@example.com", "Alice", is_admin=True)
    caller = Client(headers={"Authorization": f"Bearer {issue(alice, 'a test')}"})
    body = {
        "name": "Jordan Ames",
        "email": "jordan@example.com",
        "warmness_score": 7,
        "organization": {"name": "Mills"},
    }
    answer = caller.post("/api/contacts", body, "application/json", headers={"X-Request-ID": MINE})
    assert (answer.status_code, answer["X-Request-ID"]) == (201, MINE)
    assert Contact.objects.get().trace == MINE
    other = caller.post("/api/contacts", {"name": "Robin Vale", "warmness_score": 7}, "application/json")
    assert other["X-Request-ID"] != MINE

    clock = VirtualClock()
    transport = SandboxTransport(Sandbox(World.sample(clock, token="sandbox-token")))
    limiter = Limiter(clock=clock)
    with Pipedrive(
        "http://sandbox", "sandbox-token", transport=transport, limiter=limiter, clock=clock, heard=call_counts.note
    ) as pipedrive:
        policy = Policy(threshold=4, label="Warm Lead", earlier_activities=False)
        Bench(Engine(pipedrive, policy, clock, Random(7)), clock, policy, pipedrive).settle()

    said = [line["message"] for line in lines() if line.get("id") == MINE]
    assert said[0].startswith("web.request method=POST route=/api/contacts status=201")
    assert [text for text in said if "method=POST endpoint=/api/v2/persons " in text]
    assert [text for text in said if "method=POST endpoint=/api/v2/organizations " in text]
    theirs = [line["message"] for line in lines() if line.get("id") == other["X-Request-ID"]]
    assert len([text for text in theirs if "method=POST endpoint=/api/v2/persons " in text]) == 1

    change = caller.patch(f"/api/contacts/{Contact.objects.first().pk}", {"phone": "+1"}, "application/json")  # type: ignore[union-attr]
    assert Contact.objects.order_by("pk")[0].trace == change["X-Request-ID"] != MINE


@pytest.mark.parametrize("sent", ["short", "a b c d e f", "x" * 65, "line\nbreak-and-more", "", "nul\0nul-nul"])
def test_what_is_no_id_is_replaced(sent: str) -> None:
    """It would stand in the log."""
    made = tracing.usable(sent)
    assert made != sent
    assert tracing.usable(made) == made


def test_a_line_is_one_object() -> None:
    """With what was raised, and whatever signs the text has."""
    try:
        int("one\ntwo")
    except ValueError as error:
        told = (ValueError, error, error.__traceback__)
    record = logging.LogRecord(
        "warmline.sync", logging.WARNING, "", 0, "sync.retry row=%s “Ørsted”", ("contact/1",), told
    )
    with tracing.following("0123456789abcdef"):
        text = JsonFormatter().format(record)
    assert "\n" not in text
    line = json.loads(text)
    assert (line["level"], line["logger"], line["id"]) == ("WARNING", "warmline.sync", "0123456789abcdef")
    assert line["message"] == "sync.retry row=contact/1 “Ørsted”"
    assert "ValueError: invalid literal" in line["error"]
    assert tracing.present() is None
