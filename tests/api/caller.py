"""A user at the API's door: what the tests call with, and what they look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from django.test import Client

from warmline.crm.tokens import issue
from warmline.crm.users import User


@dataclass(frozen=True)
class Answer:
    """What a call answered: the status, the body's JSON, and the headers."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, response: Any) -> Self:
        """Return what a response of Django's test client says."""
        return cls(response.status_code, response.json() if response.content else None, response.headers)

    @property
    def problem(self) -> tuple[int, str, str | None]:
        """The status, code and field of an error, whose shape is checked here once for all."""
        assert self.body.keys() == {"error"}
        error = self.body["error"]
        assert error.keys() == {"code", "message", "field"}
        assert error["message"][0].isupper()
        assert error["message"].endswith(".")
        return self.status, error["code"], error["field"]


class Caller:
    """A user with a token, at the API's door.

    Args:
        user: Whose token it is.
        token: More about it, see `tokens.issue`.
    """

    def __init__(self, user: User, **token: Any) -> None:
        self.user = user
        self.token = issue(user, "tests", **token)
        self.http = Client(headers={"Authorization": f"Bearer {self.token}"}, raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Answer:
        """Return what a GET answers."""
        return Answer.of(self.http.get(f"/api{path}", query))

    def post(self, path: str, body: Any = None, key: str | None = None) -> Answer:
        """Return what a POST answers, with an idempotency key if there is one."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return Answer.of(self.http.post(f"/api{path}", body, content_type="application/json", headers=headers))

    def patch(self, path: str, body: Any, if_match: str | None = None) -> Answer:
        """Return what a PATCH answers, of the state that has a tag if there is one."""
        headers = {} if if_match is None else {"If-Match": if_match}
        return Answer.of(self.http.patch(f"/api{path}", body, content_type="application/json", headers=headers))

    def put(self, path: str, body: Any) -> Answer:
        """Return what a PUT answers."""
        return Answer.of(self.http.put(f"/api{path}", body, content_type="application/json"))

    def delete(self, path: str) -> Answer:
        """Return what a DELETE answers."""
        return Answer.of(self.http.delete(f"/api{path}"))

    def add(self, name: str = "Dana Diaz", **more: Any) -> Any:
        """Add a contact and return it."""
        answer = self.post("/contacts", {"name": name, **more})
        assert answer.status == 201, answer
        return answer.body

    def log(self, contact_id: int, type: str = "CALL", **more: Any) -> Any:
        """Log an activity and return it."""
        answer = self.post("/activities", {"contact_id": contact_id, "type": type, **more})
        assert answer.status == 201, answer
        return answer.body
