"""`warmline audit` as it is typed, beside a server and without one."""

import json
from pathlib import Path
from urllib.request import Request, urlopen

from programs import environment, free_port, new_token, serving_warmline, warmline
from waiting import until

from warmline.sandbox import Fault, Sandbox, World, serving


def test_it_says_by_its_exit_status_how_all_is(tmp_path: Path) -> None:
    """0 clean, 1 problems, 3 not finished; and --repair mends what needs nobody."""
    sandbox = Sandbox(World.sample())
    with serving(sandbox) as url:
        env, port = environment(tmp_path, url, WARMLINE_AUDIT_AT="off"), free_port()
        token = new_token(env, "alice@example.com", "--admin")
        with serving_warmline(env, port, log=tmp_path / "log"):
            body = json.dumps({"name": "Vera Holm", "email": "vera@example.com", "warmness_score": 9}).encode()
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            contact = _ask(Request(f"http://127.0.0.1:{port}/api/contacts", body, headers))
            at = Request(f"http://127.0.0.1:{port}/api/contacts/{contact['id']}", None, headers)
            person_id = until(lambda: _ask(at)["pipedrive_person_id"])
            clean = warmline(env, "audit")
            assert (clean.returncode, clean.stderr) == (0, "")
            assert clean.stdout.startswith("1 warm · 1 in Pipedrive · 0 missing · 0 double · 0 different · checked ")

        sandbox.people.change("persons", person_id, name="Somebody Else")
        found = warmline(env, "audit")
        assert (found.returncode, found.stderr) == (1, "")
        assert "1 different" in found.stdout
        assert "Vera Holm: In Pipedrive, the name is “Somebody Else”; here it is “Vera Holm”." in found.stdout
        assert warmline(env, "audit", "--repair").returncode == 1  # only a person undoes what people did

        sandbox.faults.add(Fault(kind="error", seconds=3600))
        paused = warmline(env, "audit")
        assert paused.returncode == 3
        assert paused.stdout.startswith("not finished: ")
    no_token = warmline({**env, "PIPEDRIVE_API_TOKEN": ""}, "audit")
    assert (no_token.returncode, no_token.stdout) == (1, "")
    assert "Enter an API token" in no_token.stderr


def _ask(request: Request) -> dict[str, int]:
    with urlopen(request, timeout=60) as answer:  # noqa: S310 (our own address)
        found: dict[str, int] = json.load(answer)
    return found
