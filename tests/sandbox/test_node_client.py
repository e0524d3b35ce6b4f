"""Pipedrive's own client for Node drives the sandbox, unchanged.

The package is no part of the project: `npm install --prefix .cache/node pipedrive` puts it where this test looks.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from warmline.sandbox import Sandbox, World, serving
from warmline.sandbox.answers import Request
from warmline.sandbox.routes import OPERATIONS, find

SCRIPT = Path(__file__).with_name("node_client.cjs")
PACKAGES = Path(__file__).resolve().parents[2] / ".cache" / "node" / "node_modules"


def test_the_official_client_drives_every_operation(world: World) -> None:
    """Each that both have, with a token and with OAuth, and each of them succeeds but those that are to fail."""
    node = shutil.which("node")
    if node is None or not (PACKAGES / "pipedrive").is_dir():
        how = "Without Node's package" if "WITHOUT_NODE" in os.environ else "NOT RUN: Node or its package is missing"
        pytest.skip(f"{how} (npm install --prefix .cache/node pipedrive)")
    world.settings.oauth_burst = 1_000  # it knows no limits
    sandbox = Sandbox(world)
    with serving(sandbox) as url:
        ran = subprocess.run(
            [node, str(SCRIPT), url],
            env={"PATH": os.environ["PATH"], "NODE_PATH": str(PACKAGES)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert (ran.stdout, ran.stderr) == ("driven\n", "")
    calls = [call for call in world.calls if not call.path.startswith("/oauth/")]
    driven = {find(Request(call.method, call.path))[0] for call in calls}
    assert driven == set(OPERATIONS)
    assert [call.status for call in world.calls if call.status not in (200, 201)] == [404, 400]
