"""A small team's book as one would meet it on a Tuesday, and the pages from which it is looked at.

The screenshots are taken of it, and accessibility is looked for on it. Everything goes through the API and the
sandbox's own doors; the companies are invented.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import httpx
from e2e.browsing import PATIENCE, Site
from programs import warmline
from waiting import found_in_time

# name, organization, sector, country, warmness
CONTACTS = (
    ("Robin Vale", "Fennel & Rye", "Food", "France", 1),
    ("Taylor Reed", "Birchwood Optics", "Optics", "Germany", 3),
    ("Casey Thorn", "Saltmarsh Energy", "Energy", "Denmark", 2),
    ("Quinn Marlow", "Copperleaf Software", "Software", "Ireland", 0),
    ("Jordan Ames", "Larkspur Mills", "Manufacturing", "Germany", 8),
    ("Noa Wren", "Larkspur Mills", "Manufacturing", "Germany", 5),
    ("Morgan Lake", "Saltmarsh Energy", "Energy", "Denmark", 6),
    ("Sasha Brook", "Copperleaf Software", "Software", "Ireland", 4),
    ("Ellis Hart", "Tidewater Logistics", "Logistics", "Netherlands", 9),
)
# type, subject, note, days from today, time, done
ACTIVITIES = (
    ("LINKEDIN", "Sent the case study", "", -12, None, True),
    ("CONFERENCE", "Met at the mill fair in Leipzig", "Two mills, both due for new looms by autumn.", -8, None, True),
    ("CALL", "Asked for a quote", "For two mills. Wants delivery before May.", -1, "10:30", True),
    ("MEETING", "Walk through the quote", "", 3, "14:00", False),
)


class Book:
    """Fills a Warmline and its sandbox.

    Args:
        site: Which.
        name: Whose book, by a user's first name in lower case.
    """

    def __init__(self, site: Site, name: str = "alice") -> None:
        token = warmline(site.env, "token", f"{name}@example.com").stdout.strip()
        headers = {"Authorization": f"Bearer {token}"}
        self._api = httpx.Client(base_url=f"{site.url}/api", headers=headers, timeout=PATIENCE, trust_env=False)
        self._database = site.folder / "warmline.sqlite3"
        self._door = httpx.Client(base_url=f"{site.sandbox}/sandbox", timeout=PATIENCE, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()
        self._door.close()

    def fill(self) -> dict[str, str]:
        """Fill it, and return the address of each contact's page by the contact's state in Pipedrive."""
        contacts = [self.add(*each) for each in CONTACTS]
        cold, synced = contacts[0], contacts[4]
        self.arrived()
        for type_, subject, note, days, at, done in ACTIVITIES:
            self.log(synced, type=type_, subject=subject, note=note, due_date=_day(days), due_time=at, done=done)
        for contact in contacts[5:]:
            self.log(contact, type="CALL", due_date=_day(-2), done=True)
        self.arrived()
        for name in ("Alex Reed", "A. Reed"):
            self.colleague(name, "alex.reed@example.com")
        torn = self.add("Alex Reed", "Birchwood Optics", "Optics", "Germany", 6)
        self.until(torn, "failed")
        with self.broken(kind="error", method="POST", path="/api/v2/persons", status=400, message="Name is too short"):
            failed = self.add("Kim Castell", "Fennel & Rye", "Food", "France", 7)
            self.until(failed, "failed")
        states = {"not_wanted": cold, "synced": synced, "failed": failed, "candidates": torn}
        return {state: f"/contacts/{contact['id']}" for state, contact in states.items()}

    def add(
        self, name: str, organization: str, sector: str, country: str, warmness: int, email: str = ""
    ) -> dict[str, Any]:
        """Add a contact, and return it; without an e-mail it gets one, made of the name."""
        return self._save(
            "/contacts",
            name=name,
            email=email or f"{name.replace(' ', '.').lower()}@example.com",
            phone="+49 30 5550100",
            organization={"name": organization, "sector": sector, "country": country},
            warmness_score=warmness,
        )

    def log(self, contact: dict[str, Any], **activity: Any) -> dict[str, Any]:
        """Log an activity, and return it."""
        return self._save("/activities", contact_id=contact["id"], **activity)

    def colleague(self, name: str, email: str) -> None:
        """Have a colleague make a person in Pipedrive."""
        emails = [{"value": email, "primary": True, "label": "work"}]
        body = {"do": "add", "kind": "persons", "name": name, "emails": emails}
        self._door.post("/people", json=body).raise_for_status()

    @contextmanager
    def broken(self, **fault: Any) -> Iterator[None]:
        """Break the sandbox while the block runs; see its README for the rules."""
        self._door.post("/faults", json=fault).raise_for_status()
        try:
            yield
        finally:
            self._door.delete("/faults").raise_for_status()

    @contextmanager
    def under_way(self, contact: dict[str, Any]) -> Iterator[None]:
        """Have a contact be warm and in progress while the block runs: another server holds the lease to it."""
        lease = (f"contact {contact['id']}", "elsewhere/1/1", "2999-01-01 00:00:00", "contact", contact["id"])
        with closing(sqlite3.connect(self._database, timeout=PATIENCE, isolation_level=None)) as database:
            database.execute(
                "INSERT INTO sync_lease (key, holder, expires_at, kind, row_id) VALUES (?, ?, ?, ?, ?)", lease
            )
            try:
                self._api.patch(f"/contacts/{contact['id']}", json={"warmness_score": 5}).raise_for_status()
                yield
            finally:
                database.execute("DELETE FROM sync_lease WHERE key = ?", lease[:1])

    def arrived(self) -> None:
        """Wait until nothing is on its way."""
        self._wait(lambda: all(not self._get("/sync")[state] for state in ("wanted", "in_progress")))

    def until(self, contact: dict[str, Any], state: str) -> None:
        """Wait until a contact is in a state."""
        self._wait(lambda: self._get(f"/contacts/{contact['id']}")["sync"]["state"] == state)

    def until_connection(self, state: str) -> None:
        """Wait until the connection is in a state."""
        self._wait(lambda: self._get("/sync")["connection"]["state"] == state)

    def _wait(self, there: Callable[[], bool]) -> None:
        if not found_in_time(there, PATIENCE):
            raise TimeoutError(f"not there in {PATIENCE:.0f} s: {self._get('/sync')}")

    def _get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._api.get(path).raise_for_status().json()
        return found

    def _save(self, path: str, **body: Any) -> dict[str, Any]:
        row: dict[str, Any] = self._api.post(path, json=body).raise_for_status().json()
        return row


def _day(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()
