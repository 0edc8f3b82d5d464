"""Answers held against the description of the API: a status, a media type, a header or a member that it does not have
fails the test that got it. So every test of the web shows that the description is true."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from jsonschema_rs import Draft202012Validator

from tasky.service import Service
from tasky.web.app import Readiness, routes
from tasky.web.openapi import describe, plain

#: What no operation answers with: they are told before there is one.
_BEFORE = frozenset({404, 405, 501})


def _never() -> Readiness:
    raise AssertionError("no request is answered")


@functools.cache
def description() -> dict[str, Any]:
    return describe(routes(object.__new__(Service), 0, _never, 1), auth=True)


def check(
    method: str, template: str | None, status: int, headers: Mapping[str, str], body: bytes | None
) -> None:
    """`template` is the path of falcon's route, None if there is none; `body` is None where it was not read."""
    headers = {name.lower(): value for name, value in headers.items()}
    operation = operation_of(method, template)
    if operation is None:
        if method != "OPTIONS" and body and method != "HEAD":
            assert status in _BEFORE or status < 500
            check_schema(json.loads(body), "Problem", f"{method} {template}")
        return
    where = f"{method} {template} answers {status}"
    found = operation["responses"].get(str(status))
    assert found is not None, (
        f"{where}: its description does not have that. Say so in its @operation (answers=, errors=)"
    )
    found = resolved(found)
    for name in found.get("headers", {}):
        if name != "Retry-After":
            assert name.lower() in headers, f"{where} without the header {name} of its description"
    if method == "HEAD" or status == 304:
        return
    content = found.get("content", {})
    if not content:
        assert not body, f"{where} with a body: its description has none"
        return
    media_type = headers["content-type"].partition(";")[0]
    kind = content.get(media_type) or content.get("*/*")
    assert kind, f"{where} as {media_type}: its description has {', '.join(content)}"
    if body is not None and media_type.endswith(("/json", "+json")):
        check_schema(json.loads(body), kind["schema"]["$ref"].rpartition("/")[2], where)


def operation_of(method: str, template: str | None) -> dict[str, Any] | None:
    if template is None:
        return None
    item = description()["paths"].get(plain(template), {})
    found: dict[str, Any] | None = item.get("get" if method == "HEAD" else method.lower())
    return found


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found = description()
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def check_schema(document: Any, name: str, where: str) -> None:
    errors = [
        f"{error.instance_path}: {error.message}" for error in validator(name).iter_errors(document)
    ]
    assert not errors, f"{where}, not as tasky/web/schemas.py describes {name}: {errors}"


@functools.cache
def validator(name: str) -> Draft202012Validator:
    components = closed({"schemas": description()["components"]["schemas"]})
    schema = {"$ref": f"#/components/schemas/{name}", "components": components}
    return Draft202012Validator(schema, validate_formats=True)


def closed(schema: Any) -> Any:
    """No object has members that are not described. To clients they are open."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        made.setdefault("additionalProperties", False)
    return made
