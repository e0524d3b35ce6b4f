"""A user at the API's door: what the tests call with, and what they look at."""

from dataclasses import dataclass
from typing import Any

from django.test import Client

from warmline.crm.tokens import issue
from warmline.crm.users import User


@dataclass(frozen=True)
class Answer:
    """What a call answered: the status, and the body's JSON."""

    status: int
    body: Any

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
    """

    def __init__(self, user: User) -> None:
        self.user = user
        self.token = issue(user, "tests")
        self.http = Client(headers={"Authorization": f"Bearer {self.token}"}, raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Answer:
        """Return what a GET answers."""
        response = self.http.get(f"/api{path}", query)
        return Answer(response.status_code, response.json())

    def post(self, path: str, body: Any = None) -> Answer:
        """Return what a POST answers."""
        response = self.http.post(f"/api{path}", body, content_type="application/json")
        return Answer(response.status_code, response.json())

    def patch(self, path: str, body: Any) -> Answer:
        """Return what a PATCH answers."""
        response = self.http.patch(f"/api{path}", body, content_type="application/json")
        return Answer(response.status_code, response.json())

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
