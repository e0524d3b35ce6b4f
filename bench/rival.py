"""Search-first: how integrations usually bring a lead over. Search the person and the organization, then create both.

It is plain on purpose and no straw man: one open connection, API v2, its account's ids known beforehand, retries with
tenacity when Pipedrive says "later". It keeps no rate, so it waits when it is told to.
"""

from typing import Any

import httpx
import tenacity
from bench.rig import SANDBOX_TOKEN, Json

OWNER, LABEL = 1, 11  # in the sandbox's sample company: Alice, and one of its labels


def _is_temporary(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code == httpx.codes.TOO_MANY_REQUESTS or error.response.is_server_error
    return isinstance(error, httpx.TransportError)


class SearchFirst:
    """The rival.

    Args:
        url: Where Pipedrive answers.
    """

    def __init__(self, url: str) -> None:
        headers = {"x-api-token": SANDBOX_TOKEN}
        self._api = httpx.Client(base_url=f"{url}/api/v2", headers=headers, trust_env=False)

    def bring_lead(self, lead: Json) -> int:
        """Find the person of this e-mail or create it with its organization, and return its id.

        Args:
            lead: As Warmline's API takes it.
        """
        found = self._search("persons", lead["email"], "email")
        if found is not None:
            return found
        organization = lead["organization"]["name"]
        org_id = self._search("organizations", organization, "name")
        if org_id is None:
            org_id = self._create("organizations", {"name": organization, "owner_id": OWNER})
        emails = [{"value": lead["email"], "primary": True, "label": "work"}]
        person = {"name": lead["name"], "emails": emails, "org_id": org_id, "owner_id": OWNER, "label_ids": [LABEL]}
        return self._create("persons", person)

    def bring_activity(self, lead: Json, subject: str) -> int:
        """Find the person of this e-mail, create an activity with it, and return its id.

        Args:
            lead: As Warmline's API takes it.
            subject: Of the activity.
        """
        participants = [{"person_id": self.bring_lead(lead), "primary": True}]
        return self._create("activities", {"subject": subject, "type": "call", "participants": participants})

    def _search(self, kind: str, term: str, field: str) -> int | None:
        query = {"term": term, "fields": field, "exact_match": "true"}
        items = self._call("GET", f"/{kind}/search", params=query)["items"]
        return int(items[0]["item"]["id"]) if items else None

    def _create(self, kind: str, body: Json) -> int:
        return int(self._call("POST", f"/{kind}", json=body)["id"])

    @tenacity.retry(
        retry=tenacity.retry_if_exception(_is_temporary),
        wait=tenacity.wait_exponential(multiplier=0.5, max=10),
        stop=tenacity.stop_after_attempt(8),
        reraise=True,
    )
    def _call(self, method: str, path: str, **how: Any) -> Json:
        data: Json = self._api.request(method, path, **how).raise_for_status().json()["data"]
        return data
