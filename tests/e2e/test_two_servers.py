"""Two servers on one database: leases are rows, so both work and neither doubles what the other makes."""

from pathlib import Path
from typing import Any

import httpx
from programs import environment, free_port, new_token, serving_warmline
from waiting import until

from warmline.sandbox import Sandbox, World, serving

CONTACTS = 40
PATIENCE = 120  # seconds


def test_two_servers_double_nothing(tmp_path: Path) -> None:
    """Forty contacts of four organizations, saved through both in turn."""
    world = World.sample(token="sandbox-token", search_delay=600)
    world.settings.burst = world.settings.searches = 1000
    ports = [free_port(), free_port()]
    with serving(Sandbox(world), latency=0.01, latency_jitter=0.03) as url:
        env = environment(tmp_path, url, WARMLINE_LIMITS="100/2", WARMLINE_SEARCH_LIMIT="100/2")
        headers = {"Authorization": f"Bearer {new_token(env, 'alice@example.com', '--admin')}"}
        with (
            serving_warmline(env, ports[0], log=tmp_path / "one.log"),
            serving_warmline(env, ports[1], log=tmp_path / "two.log"),
            httpx.Client(headers=headers, timeout=PATIENCE) as http,
        ):
            for number in range(CONTACTS):
                api = f"http://127.0.0.1:{ports[number % 2]}/api"
                organization = {"name": f"Larkspur {number % 4}"}
                body = {"name": f"Contact {number}", "organization": organization, "warmness_score": 5}
                saved = http.post(f"{api}/contacts", json=body).raise_for_status().json()
                http.post(f"{api}/activities", json={"contact_id": saved["id"], "type": "CALL"}).raise_for_status()
            sync: dict[str, Any] = {}

            def is_at_rest() -> bool:
                sync.update(http.get(f"http://127.0.0.1:{ports[0]}/api/sync").raise_for_status().json())
                return bool(sync["wanted"] + sync["in_progress"] == 0)

            until(is_at_rest, PATIENCE)

    assert (sync["wanted"], sync["in_progress"], sync["failed"]) == (0, 0, 0)
    assert len(world.persons) == len(world.activities) == CONTACTS
    assert len(world.organizations) == 4
    for kind in ("persons", "organizations"):
        assert [field["field_name"] for field in world.fields[kind]].count("Warmline ID") == 1
