"""What people and programs do all the while: they save by the API of both web processes, and read notifications there.

What was answered with success is saved; what was not may be saved or not, and is never sent again.
"""

from dataclasses import dataclass, field
from random import Random
from threading import Event, Lock, Thread
from typing import Any, Self

import httpx

PATIENCE = 30.0  # seconds for an answer
ORGANIZATIONS = 13
WARM, COLD = 7, 2
SERVER_ERROR = 500
PER_PAGE = 500


@dataclass
class Saved:
    """What was saved, as far as one knows from here.

    Attributes:
        contacts: By id, the name of each that was answered for.
        activities: By id, the contact of each that was answered for.
        unanswered: The names and subjects that may have been saved as well.
        refused: How many requests were answered with 503, or not at all.
        broken: Each answer that no request should get.
    """

    contacts: dict[int, str] = field(default_factory=dict)
    activities: dict[int, int] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    refused: int = 0
    broken: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)


class _Loop:
    """A thread that does one thing again and again while the block runs."""

    pace = 1.0  # seconds

    def __init__(self, url: str, token: str, saved: Saved) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._api = httpx.Client(base_url=f"{url}/api", headers=headers, trust_env=False, timeout=PATIENCE)
        self._saved, self._ending = saved, Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._api.close()

    def _run(self) -> None:
        while not self._ending.wait(self.pace):
            self.turn()

    def turn(self) -> None:
        """Do it once."""
        raise NotImplementedError

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Return the answer of a call; None if there was none, or no success."""
        try:
            answer = self._api.request(method, path, **more)
        except httpx.TransportError:
            answer = None
        with self._saved.lock:
            if answer is None or answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                self._saved.refused += 1
                return None
            if answer.is_error:
                self._saved.broken.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
                return None
        return answer.json()


class Saver(_Loop):
    """Saves contacts and activities, and edits some.

    Args:
        name: Of whoever saves, which stands in all names, so that none is another's.
        url: Of the web process.
        token: Of the user.
        saved: Where it is written down.
        random: Draws what.
    """

    def __init__(self, name: str, url: str, token: str, saved: Saved, random: Random) -> None:
        super().__init__(url, token, saved)
        self._name, self._random, self._number = name, random, 0
        self._mine: list[int] = []

    def turn(self) -> None:
        """Add a contact, log activities with it, or edit one."""
        if self._random.random() < 0.3 and self._mine:
            self._edit(self._random.choice(self._mine))
            return
        contact_id = self.add()
        if contact_id is not None:
            for _ in range(self._random.choice((1, 1, 1, 3))):
                self.log(contact_id)

    def add(self, score: int | None = None) -> int | None:
        """Add a contact; return its id if it was answered for."""
        self._number += 1
        name = f"{self._name} {self._number}"
        mailbox = f"{self._name}{self._number}@example.com".lower() if self._number % 4 else None
        organization = f"Larkspur {self._random.randrange(ORGANIZATIONS)}"
        body = {
            "name": name,
            "email": mailbox,
            "organization": {"name": organization} if self._number % 3 else None,
            "warmness_score": score or self._random.choice((WARM, WARM, WARM, COLD)),
        }
        saved = self.ask("POST", "/contacts", json=body)
        with self._saved.lock:
            if saved is None:
                self._saved.unanswered.add(name)
                return None
            self._saved.contacts[saved["id"]] = name
        self._mine.append(saved["id"])
        return int(saved["id"])

    def log(self, contact_id: int) -> int | None:
        """Log an activity; return its id if it was answered for."""
        self._number += 1
        subject = f"{self._name} {self._number}"
        body = {"contact_id": contact_id, "type": "CALL", "subject": subject}
        saved = self.ask("POST", "/activities", json=body)
        with self._saved.lock:
            if saved is None:
                self._saved.unanswered.add(subject)
                return None
            self._saved.activities[saved["id"]] = contact_id
        return int(saved["id"])

    def _edit(self, contact_id: int) -> None:
        changes = self._random.choice(
            ({"phone": f"+49 30 {self._random.randrange(10**6):06}"}, {"warmness_score": WARM})
        )
        self.ask("PATCH", f"/contacts/{contact_id}", json=changes)


class Reader(_Loop):
    """Reads notifications behind the last one that it has read, now by one web process and now by the other.

    Args:
        urls: Of the web processes.
        token: Of the user.
        saved: Where broken answers are written down.
    """

    def __init__(self, urls: list[str], token: str, saved: Saved) -> None:
        super().__init__(urls[0], token, saved)
        self._urls = urls
        self._after = 0
        self.told: list[tuple[str, str, int | None]] = []
        self.has_read_all = False

    def turn(self) -> None:
        """Read once."""
        self._urls.append(self._urls.pop(0))
        self._api.base_url = httpx.URL(f"{self._urls[0]}/api")
        page = self.ask("GET", "/notifications", params={"after": self._after, "limit": PER_PAGE})
        items = [] if page is None else page["items"]
        for each in items:
            self.told.append((each["kind"], each["text"], each["contact_id"]))
            self._after = each["id"]
        self.has_read_all = page is not None and not items
