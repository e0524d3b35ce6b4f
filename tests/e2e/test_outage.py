"""Real programs: Pipedrive is not there when the work is done, and everything follows by itself when it comes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from programs import environment, free_port, new_token, running, serving_warmline
from waiting import until

PATIENCE = 120  # seconds; a probe comes at least every 30


def test_what_was_saved_in_an_outage_arrives_afterwards(tmp_path: Path) -> None:
    """Saving works with nobody at Pipedrive's address, the state says so, and nobody has to do anything."""
    sandbox_port, port = free_port(), free_port()
    sandbox_url = f"http://127.0.0.1:{sandbox_port}"
    env = environment(tmp_path, sandbox_url)
    token = new_token(env, "alice@example.com", "--admin")
    headers = {"Authorization": f"Bearer {token}"}
    with (
        serving_warmline(env, port, log=tmp_path / "warmline.log"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}/api", headers=headers, timeout=PATIENCE) as api,
    ):
        contact = {"name": "Jordan Ames", "organization": {"name": "Larkspur Mills"}, "warmness_score": 5}
        saved = api.post("/contacts", json=contact).raise_for_status().json()
        api.post("/activities", json={"contact_id": saved["id"], "type": "CALL"}).raise_for_status()
        _until(api, lambda sync: sync["connection"]["state"] == "down" and sync["wanted"] > 0)

        ready = f"{sandbox_url}/sandbox/world"
        arguments = ("sandbox", "--port", str(sandbox_port))
        with running(env, *arguments, ready=ready, log=tmp_path / "sandbox.log"):
            _until(api, lambda sync: sync["connection"]["state"] == "ok" and sync["wanted"] + sync["in_progress"] == 0)
            world = httpx.get(ready, timeout=PATIENCE).raise_for_status().json()
        contact = api.get(f"/contacts/{saved['id']}").raise_for_status().json()
        told = [note["kind"] for note in api.get("/notifications").raise_for_status().json()["items"]]

    assert [person["id"] for person in world["persons"]] == [contact["pipedrive_person_id"]]
    assert len(world["organizations"]) == len(world["activities"]) == 1
    assert contact["sync"]["attempts"] == 1
    assert told == ["connection_lost", "connection_back", "contact_synced", "activity_synced"]


def _until(api: httpx.Client, there: Callable[[dict[str, Any]], bool]) -> None:
    until(lambda: there(api.get("/sync").raise_for_status().json()), PATIENCE)
