"""The description of the API (OpenAPI 3.1), made of what the routes themselves are made of: each resource's operations,
their options, and the schemas of the documents. What the workers add is in openapi_workers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .. import __version__
from ..model.access import Need
from .query import Option
from .resource import Answer, Body, Operation, Resource
from .schemas import HEADERS, PLACES, SCHEMAS, TAGS, ref

Document = dict[str, Any]

_PROBLEM: Final = "application/problem+json"
#: Whatever is asked: the request itself, where it comes from, how the server is.
_ALWAYS: Final = (400, 403, 421, 422, 431, 500, 503)
_KNOWN_ONLY: Final = (401, 429)
_WITH_BODY: Final = (413, 415)
ERRORS: Final[Mapping[int, str]] = {
    400: "The request is not HTTP, or its body is not JSON, as it should be.",
    401: "No token, or one that is not valid.",
    403: "The token has no such scope, or the request is another site's.",
    404: "There is no such thing, or none that the token may see.",
    409: "The state of the task or worker does not allow it.",
    412: "The file is not the one that the request is about.",
    413: "The body is too large.",
    415: "The body is not JSON in UTF-8, or it is compressed.",
    416: "The file has no such bytes.",
    421: "The server does not answer to this Host.",
    422: "Parameters, options or headers are not valid: `errors` has them all.",
    429: "Too much: the queue is full, or too many logins have failed. Retry-After says when to come back.",
    431: "The request line and headers are too large.",
    500: "A mistake of the server; its log has it.",
    501: "The server lacks what is needed for it.",
    503: "The server shuts down or is busy. Retry-After says when to come back.",
    507: "The disk is full.",
}
_RETRY: Final = frozenset({429, 503})


class Undescribed(Exception):
    """An operation lacks something that its description needs; the message says what, and where to write it."""


def plain(path: str) -> str:
    """The path of a route without falcon's converters: {path:path} is {path}."""
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", path)


def errors_of(path: str, method: str, about: Operation) -> list[int]:
    """The statuses of the errors that an operation may answer with, besides what it says itself."""
    statuses = {*_ALWAYS, *about.errors}
    if about.need is not Need.OPEN:
        statuses.update(_KNOWN_ONLY)
    if method != "GET":
        statuses.update(_WITH_BODY)
    if "{" in path:
        statuses.add(404)
    return sorted(statuses - about.answers.keys())


def operation_id(resource: Resource, method: str) -> str:
    """Such as `get_task`: of the class and the method, so each class serves one route."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(resource).__name__).lower()
    return f"{method.lower()}_{words}"


def describe(routes: Mapping[str, Resource], *, auth: bool) -> Document:
    """The whole document but for the workers' own operations. `auth`: whether a token is needed. Undescribed names the
    first operation that cannot be described."""
    paths = {plain(path): _path(plain(path), resource) for path, resource in sorted(routes.items())}
    used = {operation["tags"][0] for item in paths.values() for operation in _operations(item)}
    _add_links(paths)
    document: Document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Tasky",
            "version": __version__,
            "summary": "Executables on this server, as an API.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": tag, "description": TAGS[tag]} for tag in TAGS if tag in used],
        "paths": paths,
        "components": {
            "schemas": dict(SCHEMAS),
            "headers": dict(HEADERS),
            "responses": {str(status): _error(status) for status in ERRORS},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "tsk_…"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "tasky_session"},
            },
        },
    }
    if auth:
        document["security"] = [{"bearer": []}, {"cookie": []}]
    return document


def _operations(item: Document) -> Iterator[Document]:
    return (value for key, value in item.items() if key != "parameters")


def _path(path: str, resource: Resource) -> Document:
    item: Document = {}
    if fields := re.findall(r"([a-z]+)/\{(\w+)\}", path):
        item["parameters"] = [_place(resource, before, name) for before, name in fields]
    for method, about in resource.operations.items():
        item[method.lower()] = _operation(path, resource, method, about)
    return item


def _operation(path: str, resource: Resource, method: str, about: Operation) -> Document:
    where = f"{type(resource).__module__}.{type(resource).__name__}.on_{method.lower()}"
    if not about.answers:
        raise Undescribed(
            f"{method} {path}: @operation of {where} lacks answers={{200: Answer(...)}}"
        )
    tag = resource.tag or type(resource).__module__.rpartition(".")[2]
    if tag not in TAGS:
        raise Undescribed(f"{method} {path}: schemas.TAGS lacks {tag!r}, or {where} its tag")
    operation: Document = {
        "operationId": operation_id(resource, method),
        "summary": about.summary,
        "tags": [tag],
    }
    parameters = [_parameter(where, "query", *item) for item in about.query.items()]
    parameters += [_parameter(where, "header", *item) for item in about.headers.items()]
    if parameters:
        operation["parameters"] = parameters
    if about.body is not None:
        operation["requestBody"] = _body(where, about.body)
    operation["responses"] = {
        str(status): _answer(where, answer) for status, answer in sorted(about.answers.items())
    } | {
        str(status): {"$ref": f"#/components/responses/{_known(where, status)}"}
        for status in errors_of(path, method, about)
    }
    if about.need is Need.OPEN:
        operation["security"] = []
    else:
        operation["x-tasky-scope"] = "run:{name}" if about.need is Need.RUN else str(about.need)
    return operation


def _place(resource: Resource, before: str, name: str) -> Document:
    schema = PLACES.get(f"{before}/{name}")
    if schema is None:
        raise Undescribed(f"{type(resource).__name__}: schemas.PLACES lacks {before}/{name}")
    return _parted({"name": name, "in": "path", "required": True}, schema)


def _parameter(where: str, place: str, name: str, option: Option) -> Document:
    schema = option.schema
    if schema is None:
        raise Undescribed(f"{where}: the parser of the option {name} is not marked with @accepts")
    if not option.about:
        raise Undescribed(f"{where}: the option {name} lacks about=, what it does")
    parameter = _parted({"name": name, "in": place}, schema)
    return parameter | {"description": option.about}


def _parted(parameter: Document, schema: Document) -> Document:
    """A schema's description and example belong to the parameter: more programs show them there."""
    schema = dict(schema)
    if description := schema.pop("description", None):
        parameter["description"] = description
    parameter["schema"] = schema
    if examples := schema.pop("examples", None):
        parameter["example"] = examples[0]
    return parameter


def _body(where: str, body: Body) -> Document:
    content = {body.media_type: {"schema": _schema(where, body.schema)}}
    return {"required": body.required, "content": content}


def _answer(where: str, answer: Answer) -> Document:
    document: Document = {"description": answer.about}
    if answer.headers:
        document["headers"] = {
            name: {"$ref": f"#/components/headers/{name}"} for name in answer.headers
        }
    if answer.schema is not None:
        schema = _schema(where, answer.schema)
        document["content"] = {media_type: {"schema": schema} for media_type in answer.media_types}
    return document


def _schema(where: str, name: str) -> Document:
    if name not in SCHEMAS:
        raise Undescribed(f"{where}: schemas.SCHEMAS lacks {name!r}")
    return ref(name)


def _known(where: str, status: int) -> int:
    if status not in ERRORS:
        raise Undescribed(f"{where}: openapi.ERRORS lacks {status}")
    return status


def _error(status: int) -> Document:
    document: Document = {
        "description": ERRORS[status],
        "content": {_PROBLEM: {"schema": ref("Problem")}},
    }
    if status in _RETRY:
        about = "Seconds; not with every cause."
        document["headers"] = {"Retry-After": {"description": about, "schema": {"type": "integer"}}}
    return document


def _add_links(paths: Mapping[str, Document]) -> None:
    """From an answer with a new task to what can be done with it."""
    ids = [
        operation["operationId"]
        for path, item in paths.items()
        if re.findall(r"\{\w+\}", path) == ["{task_id}"]
        for operation in _operations(item)
    ]
    parameters = {"task_id": "$response.body#/TaskId"}
    links = {each: {"operationId": each, "parameters": parameters} for each in ids}
    for operation in (each for item in paths.values() for each in _operations(item)):
        created = operation["responses"].get("201", {})
        if created.get("content", {}).get("application/json") == {"schema": ref("Created")}:
            created["links"] = links
