"""The calls about webhooks, which only v1 has: what Pipedrive is to tell us, and where."""

from typing import Any

from pydantic import Field

from warmline.pipedrive.calls import Calls
from warmline.pipedrive.error_responses import Call
from warmline.pipedrive.record_bases import Id, Read
from warmline.pipedrive.records import Said

LISTING, MAKING, DELETING = 10, 10, 6


class Webhook(Read):
    """A webhook as Pipedrive knows it; other apps' may be odd."""

    id: Id
    name: Said = ""
    url: Said = Field(default="", alias="subscription_url")
    object: Said = Field(default="", alias="event_object")
    action: Said = Field(default="", alias="event_action")
    version: Said = ""
    is_active: int = 1


class WebhookCalls(Calls):
    """Part of `Pipedrive`."""

    def webhooks(self) -> list[Webhook]:
        """Return every webhook of the company, other apps' included."""
        return self._list(Call("GET", "/api/v1/webhooks", LISTING), Webhook)

    def create_webhook(self, *, url: str, object: str, name: str, user: str, password: str) -> Webhook:
        """Have Pipedrive tell an address of every event of a kind of record.

        Args:
            url: The address; Pipedrive wants https, and follows no redirect.
            object: The kind, such as `person`.
            name: What people see in Pipedrive.
            user: For HTTP Basic, the only protection that there is.
            password: Likewise.

        Raises:
            Rejected: Among other reasons, because a user can have 40 at most.
        """
        body: dict[str, Any] = {
            "subscription_url": url,
            "event_action": "*",
            "event_object": object,
            "name": name,
            "version": "2.0",
            "http_auth_user": user,
            "http_auth_password": password,
        }
        return self._one(Call("POST", "/api/v1/webhooks", MAKING), Webhook, body)

    def delete_webhook(self, webhook_id: int) -> None:
        """Delete a webhook.

        Raises:
            NotFound: There is none (any more).
        """
        self._ask(Call("DELETE", f"/api/v1/webhooks/{webhook_id}", DELETING))
