"""What the sandbox sends by itself: events to webhooks, and the word that an app was uninstalled.

It goes to this machine only: whatever address a client names, nothing leaves it. Who carries it is somebody else's
business: a thread of the HTTP server, or a test, which hands in how to send.
"""

import base64
import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from warmline.sandbox.answers import Json

Post = Callable[["Outgoing"], int]


@dataclass
class Outgoing:
    """One request on its way.

    Attributes:
        method: In capitals.
        url: Of this machine.
        body: Sent as JSON.
        due: Unix seconds by the world's clock.
        user, password: For HTTP Basic; an empty user for none.
        webhook_id: The webhook whose event it is; 0 for none.
        attempt: Counts from 1.
        waits_for_next: Whether it goes out right after the next event of its webhook, or when it is due.
    """

    method: str
    url: str
    body: Json
    due: float
    user: str = ""
    password: str = field(default="", repr=False)
    webhook_id: int = 0
    attempt: int = 1
    waits_for_next: bool = False

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        meta = self.body.get("meta")
        whole = self.body if meta is None else self.body | {"meta": meta | {"attempt": self.attempt}}
        return json.dumps(whole).encode()

    @property
    def headers(self) -> dict[str, str]:
        """The headers as they are sent."""
        headers = {"content-type": "application/json", "user-agent": "Pipedrive Webhooks"}
        if self.user or self.password:
            pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            headers["authorization"] = f"Basic {pair}"
        return headers


def is_on_this_machine(url: str) -> bool:
    """Tell whether an address is an http or https one of this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
    return is_loopback and parts.scheme in {"http", "https"} and parts.username is None
