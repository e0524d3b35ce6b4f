"""The demo: runs a sandbox Pipedrive and Warmline with sample data as two real programs, and prints what happens.

It uses only public interfaces: the command line for setup, the JSON API for work, and the sandbox's own API to see what
arrived. Times are measured from the answer to a save until the API reports the row as synced.
"""

import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from warmline import programs

CONTACT_IN_TIME, ACTIVITY_IN_TIME = 5.0, 3.0  # seconds: what Warmline promises
GIVE_UP_AFTER = 120.0  # seconds; later than this is lost, and not just a busy machine
SANDBOX_TOKEN = "sandbox-token"  # noqa: S105 (opens nothing but the sandbox)
ALICE = "alice@example.com"
PASSWORD = "demo-password-1"  # noqa: S105 (of the demo's own user)
COLD = (
    {"name": "Robin Vale", "email": "robin@example.org", "warmness_score": 1},
    {"name": "Kim Castell", "email": "kim@example.net", "warmness_score": 3},
)
LEAD = {
    "name": "Jordan Ames",
    "email": "jordan.ames@example.com",
    "phone": "+49 30 5550100",
    "organization": {"name": "Larkspur Mills", "sector": "Manufacturing", "country": "Germany"},
    "warmness_score": 2,
}
ACTIVITIES = (
    {"type": "CALL", "note": "Asked for a quote for two mills."},
    {"type": "LINKEDIN", "subject": "Sent the case study"},
    {"type": "MEETING", "due_date": "2027-01-12", "due_time": "10:30"},
)


class DemoFailedError(Exception):
    """Something did not arrive, or a program did not start; the message says which."""


def run(*, stay: bool) -> int:
    """Run the demo and print what happens on both sides.

    Args:
        stay: Keep both programs up until Ctrl-C; else end after the story.

    Returns:
        0 when everything arrived in time, else 1.
    """
    # Whoever ends the demo ends both programs: a signal unwinds it like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="warmline-demo-")))
        try:
            sandbox_port, port = programs.free_port(9000), programs.free_port(8000)
            sandbox_url, warmline_url = f"http://127.0.0.1:{sandbox_port}", f"http://127.0.0.1:{port}"
            env = programs.environment(folder, sandbox_url, SANDBOX_TOKEN)

            def start(command: str, number: int, ready: str) -> None:
                log = folder / f"{command}.log"
                stack.enter_context(programs.running(env, command, "--port", str(number), ready=ready, log=log))

            start("sandbox", sandbox_port, f"{sandbox_url}/sandbox/world")
            print(f"Sandbox Pipedrive on {sandbox_url}")
            start("serve", port, f"{warmline_url}/api/openapi.json")
            print(f"Warmline on {warmline_url}")
            _said(programs.command(env, "user", "add", ALICE, "--name", "Alice", "--admin", typed=PASSWORD))
            token = _said(programs.command(env, "token", ALICE))
            in_time = Story(warmline_url, token, sandbox_url).tell()
            if stay:
                _stay(warmline_url, token, sandbox_url)
        except (DemoFailedError, programs.ProgramError) as failure:
            print(f"\nThe demo failed: {failure}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    return 0 if in_time else 1


class Story:
    """What the demo does and shows.

    Args:
        warmline_url: Where Warmline answers.
        token: Alice's API token.
        sandbox_url: Where the sandbox answers.
    """

    def __init__(self, warmline_url: str, token: str, sandbox_url: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._api = httpx.Client(base_url=f"{warmline_url}/api", headers=headers, timeout=GIVE_UP_AFTER)
        self._sandbox = httpx.Client(base_url=sandbox_url, timeout=GIVE_UP_AFTER)
        self._in_time = True

    def tell(self) -> bool:
        """Tell the story; return whether everything arrived in time."""
        print("\n1. Alice has three contacts, none of them warm. Pipedrive knows none of them.")
        for contact in (*COLD, LEAD):
            lead = self._save("POST", "/contacts", contact)
            self._line("contact", lead, f"{lead['name']}, warmness {lead['warmness_score']}: {lead['sync']['state']}")

        print("\n2. Jordan, the last one, calls back: Alice raises the warmness to 6, which makes a warm lead.")
        self._save("PATCH", f"/contacts/{lead['id']}", {"warmness_score": 6})
        lead = self._arrived(f"/contacts/{lead['id']}", "contact", CONTACT_IN_TIME)
        self._show_person(lead)

        print("\n3. Alice logs what she did, and what comes next.")
        activities = []
        for activity in ACTIVITIES:
            row = self._save("POST", "/activities", {"contact_id": lead["id"], **activity})
            activities.append(self._arrived(f"/activities/{row['id']}", "activity", ACTIVITY_IN_TIME))
        self._show_activities(activities)
        print("\nEverything arrived in time." if self._in_time else "\nNot everything arrived in time.")
        return self._in_time

    def _save(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._api.request(method, path, json=body)
        if answer.is_error:
            raise DemoFailedError(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
        row: dict[str, Any] = answer.json()
        return row

    def _arrived(self, path: str, what: str, in_time: float) -> dict[str, Any]:
        """Wait until a row is synced, and print how long it took."""
        began = time.monotonic()
        while True:
            row: dict[str, Any] = self._api.get(path).raise_for_status().json()
            took = time.monotonic() - began
            if row["sync"]["state"] == "synced":
                break
            if row["sync"]["state"] == "failed" or took > GIVE_UP_AFTER:
                raise DemoFailedError(f"the {what} {row['id']} is {row['sync']['state']}: {row['sync']['error']}")
            time.sleep(0.02)
        self._in_time = self._in_time and took <= in_time
        verdict = "in time" if took <= in_time else "TOO LATE"
        self._line(what, row, f"in Pipedrive after {took:.2f} s ({verdict}: {in_time:.0f} s promised)")
        return row

    def _show_person(self, lead: dict[str, Any]) -> None:
        world = self._world()
        person = _only(world["persons"], lead["pipedrive_person_id"], "person")
        organization = _only(world["organizations"], lead["organization"]["pipedrive_org_id"], "organization")
        owner = next(user["name"] for user in world["users"] if user["id"] == person["owner_id"])
        print(f"   Pipedrive: organization {organization['id']} {organization['name']}, created first")
        print(f"   Pipedrive: person {person['id']} {person['name']} at organization {person['org_id']}, owner {owner}")
        labels = next(field for field in world["fields"]["persons"] if field["field_code"] == "label_ids")
        names = [option["label"] for option in labels["options"] if option["id"] in person["label_ids"]]
        print(f"   Pipedrive: labels {', '.join(names)}")

    def _show_activities(self, activities: list[dict[str, Any]]) -> None:
        world = self._world()
        if len(world["activities"]) != len(activities) or len(world["persons"]) != 1:
            raise DemoFailedError("Pipedrive does not hold exactly one person and one record per activity")
        for row in activities:
            theirs = _only(world["activities"], row["pipedrive_activity_id"], "activity")
            due = " ".join(str(theirs.get(part) or "") for part in ("due_date", "due_time")).strip() or "no due date"
            done = "done" if theirs["done"] else "to do"
            print(f"   Pipedrive: activity {theirs['id']} {theirs['type']}: {theirs['subject']}, {due}, {done}")
        calls = self._sandbox.get("/sandbox/calls").raise_for_status().json()
        print(f"   Pipedrive: all of it took {len(calls['calls'])} calls, {calls['tokens_spent']} tokens")

    def _world(self) -> dict[str, Any]:
        world: dict[str, Any] = self._sandbox.get("/sandbox/world").raise_for_status().json()
        return world

    @staticmethod
    def _line(what: str, row: dict[str, Any], text: str) -> None:
        print(f"   Warmline:  {what} {row['id']} {text}")


def _said(done: "subprocess.CompletedProcess[str]") -> str:
    if done.returncode:
        raise DemoFailedError(done.stderr)
    return done.stdout.strip()


def _only(records: list[dict[str, Any]], record_id: int, what: str) -> dict[str, Any]:
    found = [record for record in records if record["id"] == record_id]
    if len(found) != 1:
        raise DemoFailedError(f"Pipedrive holds {len(found)} {what} records with id {record_id}")
    return found[0]


def _stay(warmline_url: str, token: str, sandbox_url: str) -> None:
    print(f"""
Both programs stay up until Ctrl-C. Open their pages side by side:
   Warmline                {warmline_url}/
      sign in with         {ALICE}, password {PASSWORD}
   the sandbox Pipedrive   {sandbox_url}/sandbox/

What to try:
   1. Raise Kim Castell's warmness to 4 or more, in the list. The badge changes by itself, a toast appears, and
      the sandbox page shows Kim with the label "Warm Lead".
   2. Open Kim Castell and log a call in two taps: "Call", "Save". It appears on the sandbox page at once.
   3. On the sandbox page, press "Refuse activities", then log another. The toast says why it failed. Press "Fix
      everything", then "Try again" in the toast.
   4. Press "Outage", make Robin Vale warm, and see what the Sync page says. End the outage, then press "Try now"
      there, or wait half a minute.
   5. Play a colleague on the sandbox page: add two persons with the e-mail sam@example.com. Then add a warm contact
      with this e-mail in Warmline, and choose the right one.

The API is at {warmline_url}/api/docs. Try it with Alice's token:
   {token}
""")
    while True:
        time.sleep(3600)
