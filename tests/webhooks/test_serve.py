"""A real server, killed with -9 between two events: the receiver hears of everything all the same."""

import os
import signal
from pathlib import Path
from threading import Event

from programs import environment, free_port, new_token, serving_warmline
from webhooks.receiver import Receiver, Request, listening

from warmline.client import Warmline
from warmline.sandbox import Sandbox, World, serving

PATIENCE = 120  # seconds


def test_a_server_that_dies_forgets_nothing(tmp_path: Path) -> None:
    """What happened before it died is told after it is back, with what happens then; all of it signed."""
    receiver, arrived, port = Receiver(), Event(), free_port()
    wanted = {("contact.warm", "Dana"), ("contact.warm", "Eli"), ("contact.synced", "Dana"), ("contact.synced", "Eli")}

    def fail(request: Request) -> None:
        request.answer(503)

    def take(request: Request) -> None:
        request.answer(204, "")
        if wanted <= {(payload["type"], payload["data"]["name"]) for _, payload in receiver.seen}:
            arrived.set()

    receiver.behave = fail
    with serving(Sandbox(World.sample(token="sandbox-token"))) as pipedrive_url, listening(receiver):
        env = environment(tmp_path, pipedrive_url, WARMLINE_WEBHOOKS_PRIVATE="yes")
        token = new_token(env, "alice@example.com", "--admin")
        with serving_warmline(env, port, log=tmp_path / "log") as server:
            with Warmline(f"http://127.0.0.1:{port}", token) as warmline:
                hook = warmline.call(
                    "POST", "/api/webhooks", {"url": receiver.url, "events": ["contact.warm", "contact.synced"]}
                )
                receiver.secret = hook["secret"]
                warmline.put_contact("form", "1", {"name": "Dana", "warmness_score": 5})
            os.killpg(server.pid, signal.SIGKILL)
        receiver.behave = take
        with serving_warmline(env, port, log=tmp_path / "log"), Warmline(f"http://127.0.0.1:{port}", token) as warmline:
            warmline.put_contact("form", "2", {"name": "Eli", "warmness_score": 5})
            assert arrived.wait(PATIENCE), (tmp_path / "log").read_text()
    for name in ("Dana", "Eli"):
        events = [payload["type"] for _, payload in receiver.seen if payload["data"]["name"] == name]
        assert list(dict.fromkeys(events)) == ["contact.warm", "contact.synced"]
    assert receiver.bad == 0
