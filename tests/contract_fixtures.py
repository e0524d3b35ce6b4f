"""Pipedrive's published OpenAPI documents as a test fixture: is this answer, or this request, as documented?

Stricter than the documents: a property that they do not list is an error. Where docs/pipedrive.md says that Pipedrive
differs from its own documents, the exception is written down here, one by one, and nowhere else. Not a test by itself.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import jsonschema
import pytest
import yaml

Schema = dict[str, Any]

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "pipedrive"

# v1's document no longer lists the fields of persons, though docs/pipedrive.md ("Writing") names them as the way when
# v2 refuses an option for the built-in label field. Only `success` and `data` of their answers are checked.
UNDOCUMENTED = {
    ("GET", "/api/v1/personFields"),
    ("GET", "/api/v1/personFields/{id}"),
    ("PUT", "/api/v1/personFields/{id}"),
    # Notes are in no published document; the sandbox has them for other integrations.
    *((method, "/api/v1/notes") for method in ("GET", "POST")),
    *((method, "/api/v1/notes/{id}") for method in ("GET", "PUT", "DELETE")),
}


class Contract:
    """The two documents, read strictly.

    Args:
        documents: By the beginning of the paths that they describe, e.g. "/api/v2".
    """

    def __init__(self, documents: Mapping[str, Schema]) -> None:
        self._operations: dict[tuple[str, str], Schema] = {}
        for prefix, document in documents.items():
            for path, item in document["paths"].items():
                for method, operation in item.items():
                    self._operations[method.upper(), prefix + path] = operation
        self._except()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read `openapi-v1.yaml` and `openapi-v2.yaml` in a folder."""
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        read = {version: (folder / f"openapi-{version}.yaml").read_text("utf-8") for version in ("v1", "v2")}
        # Both loaders are safe ones; the first is the same in C.
        return cls({f"/api/{version}": yaml.load(text, Loader=loader) for version, text in read.items()})  # noqa: S506

    def tokens(self, method: str, path: str) -> int:
        """Return the published price of a call."""
        return int(self._operation(method, path)["x-token-cost"])

    def scopes(self, method: str, path: str) -> frozenset[str]:
        """Return the OAuth scopes of which a call needs one."""
        security = self._operation(method, path)["security"]
        return frozenset(scope for way in security for scope in way.get("oauth2", ()))

    def check_answer(self, method: str, path: str, status: int, body: Any) -> None:
        """Check an answer's body.

        Args:
            method: In capitals.
            path: As called, e.g. "/api/v2/persons/7".
            status: HTTP status.
            body: Decoded JSON.

        Raises:
            AssertionError: The answer is not as documented; the message says where.
        """
        if _undocumented(method, path) or (status not in (200, 201) and not self._has_errors_of_its_own(path, status)):
            schema = _ENVELOPE if status in (200, 201) else _error(path, status)
        else:
            content = self._operation(method, path)["responses"][str(status)]["content"]
            schema = content["application/json"]["schema"]
        _check(schema, body, f"{method} {path} answers {status}")

    def check_request(self, method: str, path: str, query: Mapping[str, str], body: Any = None) -> None:
        """Check a request's query and body.

        Args:
            method: In capitals.
            path: As called.
            query: As sent.
            body: Decoded JSON; none when there is no body.

        Raises:
            AssertionError: The request is not as documented; the message says where.
        """
        if _undocumented(method, path):
            return
        where = f"{method} {path}"
        operation = self._operation(method, path)
        known = {one["name"]: one for one in operation.get("parameters", ()) if one["in"] == "query"}
        assert not set(query) - set(known), f"{where}: unknown parameters {sorted(set(query) - set(known))}"
        absent = {name for name, one in known.items() if one.get("required")} - set(query)
        assert not absent, f"{where}: missing parameters {sorted(absent)}"
        for name, text in query.items():
            for value in _parameter(known[name]["schema"], text):
                _check(known[name]["schema"], value, f"{where}: {name}")
        if body is not None:
            assert "requestBody" in operation, f"{where}: takes no body"
            _check(operation["requestBody"]["content"]["application/json"]["schema"], body, where)

    @staticmethod
    def _has_errors_of_its_own(path: str, status: int) -> bool:
        return "/webhooks" in path and status not in (401, 429, 500)

    def _operation(self, method: str, path: str) -> Schema:
        path = f"/api{path}" if path.startswith("/v1/") else path
        for (known, template), operation in sorted(
            self._operations.items(), key=lambda one: ("{" in one[0][1], one[0])
        ):
            if known == method and _fits(template, path):
                return operation
        raise AssertionError(f"{method} {path} is not documented")

    def _except(self) -> None:
        """Write docs/pipedrive.md's differences into the documents."""
        for operation in self._operations.values():
            for schema in _schemas(operation):
                # "The next cursor is null at the end": most documents type it as a string, never null.
                if "next_cursor" in schema:
                    schema["next_cursor"]["nullable"] = True
                # What `include_fields` and `include_labels` add is named in the parameter, but in no answer.
                if {"update_time", "add_time"} <= set(schema):
                    schema |= {name: {} for name in _includable(operation)}
                # "Responses have been seen with `primary` and with `primary_flag`": only the first is documented.
                if "participants" in schema:
                    schema["participants"]["items"]["properties"]["primary_flag"] = {"type": "boolean"}
        # The schema of these hits is that of a search for items, the example is `{id, name}`; the example is followed.
        hit = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "name": {}}}
        _data(self._operations["GET", "/api/v2/itemSearch/field"])["items"] = hit
        for method, path in (("POST", "/api/v2/activities"), ("PATCH", "/api/v2/activities/{id}")):
            # "An activity's person_id is read-only although the OpenAPI document lists it in the POST body."
            content = self._operations[method, path]["requestBody"]["content"]
            del content["application/json"]["schema"]["properties"]["person_id"]


def _data(operation: Schema) -> Schema:
    """Return the schema of `data` in an operation's good answer."""
    parts = operation["responses"]["200"]["content"]["application/json"]["schema"]["allOf"]
    data: Schema = next(part["properties"]["data"] for part in parts if "data" in part["properties"])
    return data


def _includable(operation: Schema) -> list[str]:
    """Return the names of the properties that a read adds on request."""
    named = {one["name"]: one["schema"] for one in operation.get("parameters", ())}
    return [*named.get("include_fields", {}).get("enum", ()), *(["labels"] if "include_labels" in named else [])]


@pytest.fixture(scope="session")
def contract() -> Contract:
    """Return Pipedrive's published contract; a test that asks for it is skipped where the documents are not."""
    if not FOLDER.is_dir():
        pytest.skip("Pipedrive's OpenAPI documents are not here (a folder `shared` beside the checkout)")
    return Contract.load(FOLDER)


_ENVELOPE: Schema = {
    "type": "object",
    "required": ["success", "data"],
    "properties": {
        "success": {"type": "boolean"},
        "data": {"type": ["object", "array", "boolean"]},
        "additional_data": {},
    },
}


def _error(path: str, status: int) -> Schema:
    """Return the shape of an error (docs/pipedrive.md, "Errors")."""
    more: Schema
    if status in (401, 429):
        more = {"errorCode": {"type": "integer", "enum": [status]}}
    elif path.startswith("/api/v2/"):
        more = {"code": {"type": "string"}}
    else:
        more = {"error_info": {"type": "string"}, "data": {"nullable": True, "enum": [None]}}
    properties = {"success": {"type": "boolean", "enum": [False]}, "error": {"type": "string"}, **more}
    return {"type": "object", "required": list(properties), "properties": properties}


def _fits(template: str, path: str) -> bool:
    # A number in the path is an id, so that /persons/search is never taken for /persons/{id}.
    pattern = template.replace("{id}", r"\d+").replace("{field_code}", r"\w+")
    return re.fullmatch(pattern, path) is not None


def _undocumented(method: str, path: str) -> bool:
    path = f"/api{path}" if path.startswith("/v1/") else path
    return any(known == method and _fits(template, path) for known, template in UNDOCUMENTED)


def _schemas(node: Any) -> Iterator[Schema]:
    """Yield every `properties` below a node."""
    for name, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if name == "properties":
            yield value
        yield from _schemas(value)


def _parameter(schema: Schema, text: str) -> list[Any]:
    """Read a query value in its documented type; an enum of strings may come as a list with commas."""
    if schema["type"] in ("integer", "number"):
        return [int(text) if re.fullmatch(r"\d+", text) else text]
    if schema["type"] == "boolean":
        return [{"true": True, "false": False}.get(text, text)]
    return list(text.split(",")) if "enum" in schema else [text]


def _check(schema: Schema, value: Any, where: str) -> None:
    for error in jsonschema.Draft202012Validator(_strict(schema)).iter_errors(value):
        raise AssertionError(f"{where}: {error.json_path}: {error.message[:300]}")


def _strict(schema: Schema, *, closed: bool = True) -> Schema:
    """Turn a schema of OpenAPI 3.0 into one of JSON Schema 2020-12 in which unlisted properties are errors.

    Args:
        schema: Without references: the documents hold none.
        closed: False for a part of an `allOf`, which cannot know what the other parts list.
    """
    result: Schema = {
        name: schema[name]
        for name in ("type", "enum", "required", "minLength", "maxLength", "additionalProperties")
        if name in schema
    }
    if "properties" in schema:
        result["properties"] = {name: _strict(value) for name, value in schema["properties"].items()}
    if "items" in schema:
        result["items"] = _strict(schema["items"])
    for name in ("allOf", "oneOf"):
        if name in schema:
            result[name] = [_strict(part, closed=closed and name == "oneOf") for part in schema[name]]
    if closed and ("properties" in schema or "allOf" in schema):
        result["unevaluatedProperties"] = False
    if schema.get("nullable") and "type" in schema:
        result["type"] = [schema["type"], "null"]
        if "enum" in schema:
            result["enum"] = [*schema["enum"], None]
    return result
