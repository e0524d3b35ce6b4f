"""All operations that the sandbox models: method, path, published price, and the function that answers.

Prices are the OpenAPI documents' `x-token-cost` ("Prices" in docs/pipedrive.md); a test compares. v1 answers under
/api/v1/ and /v1/ alike; the table has the longer form.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from warmline.sandbox import (
    accounts,
    extras,
    fields,
    merging,
    notes,
    queries,
    records,
    scopes,
    search,
    shapes,
    webhooks,
)
from warmline.sandbox.answers import Json, Request, missing
from warmline.sandbox.world import User, World


@dataclass(frozen=True)
class Visit:
    """One admitted call on its way to its operation."""

    world: World
    user: User
    request: Request
    at: Mapping[str, str]

    @property
    def id(self) -> int:
        """The number in the path."""
        return int(self.at["id"])


@dataclass(frozen=True)
class Operation:
    """A row of the table.

    Attributes:
        method: In capitals.
        path: As in the OpenAPI document, after /api/v1 or /api/v2.
        tokens: The published price.
        run: Returns what stands in the answer beside `success`.
        status: HTTP status of the good answer.
    """

    method: str
    path: str
    tokens: int
    run: Callable[[Visit], Json]
    status: int = 200

    @property
    def is_search(self) -> bool:
        """Whether the search window counts it."""
        return self.path.endswith("/search") or "/itemSearch" in self.path

    @property
    def scopes(self) -> frozenset[str]:
        """The OAuth scopes of which a call needs one."""
        return scopes.needed(self.method, self.path)

    def at(self, request: Request) -> Mapping[str, str] | None:
        """Return the parts of a path that is this operation's, or none."""
        pattern = self.path.replace("{id}", r"(?P<id>\d{1,18})").replace("{code}", r"(?P<code>\w+)")
        path = f"/api{request.path}" if request.path.startswith("/v1/") else request.path
        found = re.fullmatch(pattern, path) if request.method == self.method else None
        return None if found is None else found.groupdict()


def find(request: Request) -> tuple[Operation, Mapping[str, str]]:
    """Return the operation that a call means, with the parts of its path.

    Raises:
        Refused: 404, the sandbox has no such operation.
    """
    for operation in OPERATIONS:
        at = operation.at(request)
        if at is not None:
            return operation, at
    raise missing(f"{request.method} {request.path[:100]}")


def _paged(rows: object, cursor: str | None) -> Json:
    return {"data": rows, "additional_data": {"next_cursor": cursor}}


def _of_records(kind: records.Kind) -> list[Operation]:
    path = f"/api/v2/{kind.name}"

    def create(visit: Visit) -> Json:
        record = records.create(visit.world, kind, visit.request.json(), visit.user)
        return {"data": records.shown(visit.world, record)}

    def seen(visit: Visit, record: Json, asked: Any) -> Json:
        shown = records.shown(visit.world, record, getattr(asked, "custom_fields", ""))
        if getattr(asked, "include_option_labels", False):
            shown["custom_fields"] = extras.in_words(visit.world, kind.name, shown["custom_fields"])
        return shown | extras.added(visit.world, kind.name, record, asked)

    def many(visit: Visit) -> Json:
        asked = shapes.read(kind.listing, visit.request.query)
        extras.asked_for(kind.name, asked)
        rows, cursor = records.page(visit.world, kind, asked)
        return _paged([seen(visit, row, asked) for row in rows], cursor)

    def one(visit: Visit) -> Json:
        shape = queries.OneActivity if kind.name == "activities" else queries.One
        asked: Any = shapes.read(shape, visit.request.query)
        return {"data": seen(visit, records.one(visit.world, kind, visit.id), asked)}

    def change(visit: Visit) -> Json:
        record = records.change(visit.world, kind, visit.id, visit.request.json())
        return {"data": records.shown(visit.world, record)}

    def delete(visit: Visit) -> Json:
        return {"data": records.delete(visit.world, kind, visit.id)}

    return [
        Operation("POST", path, 5, create),
        Operation("GET", path, 10, many),
        Operation("GET", path + "/{id}", 1, one),
        Operation("PATCH", path + "/{id}", 5, change),
        Operation("DELETE", path + "/{id}", 3, delete),
    ]


def _of_fields(kind: str) -> list[Operation]:
    path = f"/api/v2/{kind.removesuffix('s')}Fields"

    def options(deed: Callable[[World, str, str, Any], list[Json]]) -> Callable[[Visit], Json]:
        return lambda visit: {
            "data": deed(visit.world, kind, visit.at["code"], visit.request.json()),
            "additional_data": None,
        }

    def change(visit: Visit) -> Json:
        return {"data": fields.change(visit.world, kind, visit.at["code"], visit.request.json())}

    return [
        *_reading_fields(kind, path),
        Operation("POST", path, 5, lambda visit: {"data": fields.create(visit.world, kind, visit.request.json())}),
        Operation("PATCH", path + "/{code}", 5, change),
        Operation(
            "DELETE", path + "/{code}", 3, lambda visit: {"data": fields.delete(visit.world, kind, visit.at["code"])}
        ),
        Operation("POST", path + "/{code}/options", 5, options(fields.add_options)),
        Operation("PATCH", path + "/{code}/options", 5, options(fields.change_options)),
        Operation("DELETE", path + "/{code}/options", 3, options(fields.delete_options)),
    ]


def _reading_fields(kind: str, path: str) -> list[Operation]:
    def one(visit: Visit) -> Json:
        asked = shapes.read(queries.OneField, visit.request.query)
        return {"data": fields.shown(kind, fields.one(visit.world, kind, visit.at["code"]), asked.include_fields)}

    return [
        Operation("GET", path, 10, lambda visit: _paged(*fields.page(visit.world, kind, visit.request.query))),
        Operation("GET", path + "/{code}", 1, one),
    ]


def _of_search(kind: str) -> Operation:
    def run(visit: Visit) -> Json:
        return _paged(*search.search(visit.world, kind, visit.request.query))

    return Operation("GET", f"/api/v2/{kind}/search", 20, run)


def _v1(method: str, path: str, tokens: int, run: Callable[[Visit], Any]) -> Operation:
    return Operation(method, f"/api/v1/{path}", tokens, lambda visit: {"data": run(visit)})


def _of_notes() -> list[Operation]:
    path = "/api/v1/notes"
    return [
        Operation("GET", path, 20, lambda visit: notes.page(visit.world, visit.request.query)),
        _v1("GET", "notes/{id}", 2, lambda visit: notes.one(visit.world, visit.id)),
        _v1("POST", "notes", 10, lambda visit: notes.create(visit.world, visit.request.json(), visit.user)),
        _v1("PUT", "notes/{id}", 10, lambda visit: notes.change(visit.world, visit.id, visit.request.json())),
        _v1("DELETE", "notes/{id}", 6, lambda visit: notes.delete(visit.world, visit.id)),
    ]


def _of_webhooks() -> list[Operation]:
    path = "/api/v1/webhooks"
    return [
        Operation("GET", path, 10, lambda visit: webhooks.listed(visit.world, visit.request.query)),
        Operation(
            "POST", path, 10, lambda visit: webhooks.create(visit.world, visit.request.json(), visit.user), status=201
        ),
        Operation("DELETE", path + "/{id}", 6, lambda visit: webhooks.delete(visit.world, visit.id, visit.user)),
    ]


def _merged(visit: Visit, kind: str) -> Json:
    asked = shapes.read(shapes.Merge, visit.request.json())
    return merging.merge(visit.world, kind, visit.id, asked.merge_with_id)


OPERATIONS: list[Operation] = [
    *(operation for kind in records.KINDS.values() for operation in _of_records(kind)),
    *(_of_search(kind) for kind in search.FIELDS),
    *(operation for kind in search.FIELDS for operation in _of_fields(kind)),
    *_reading_fields("activities", "/api/v2/activityFields"),
    Operation("GET", "/api/v2/itemSearch", 20, lambda visit: _paged(*search.items(visit.world, visit.request.query))),
    Operation(
        "GET", "/api/v2/itemSearch/field", 20, lambda visit: _paged(*search.values(visit.world, visit.request.query))
    ),
    *_of_webhooks(),
    *_of_notes(),
    _v1("GET", "users", 20, lambda visit: accounts.users(visit.world, visit.user, visit.request.query)),
    _v1("GET", "users/me", 2, lambda visit: accounts.me(visit.world, visit.user, visit.request.query)),
    _v1("GET", "users/{id}", 2, lambda visit: accounts.one(visit.world, visit.user, visit.id)),
    _v1("GET", "users/find", 40, lambda visit: accounts.find(visit.world, visit.user, visit.request.query)),
    _v1("GET", "activityTypes", 20, lambda visit: accounts.activity_types(visit.world, visit.request.query)),
    _v1("GET", "personFields", 20, lambda visit: fields.v1_list(visit.world, visit.request.query)),
    _v1("GET", "personFields/{id}", 2, lambda visit: fields.v1_one(visit.world, visit.id)),
    _v1("PUT", "personFields/{id}", 10, lambda visit: fields.v1_change(visit.world, visit.id, visit.request.json())),
    _v1(
        "PUT",
        "persons/{id}/merge",
        40,
        lambda visit: merging.v1_person(visit.world, _merged(visit, "persons"), visit.id),
    ),
    _v1("PUT", "organizations/{id}/merge", 40, lambda visit: {"id": _merged(visit, "organizations")["id"]}),
]
