"""What each worker adds to the description of the API: a path of its own, at which its parameters are the schema of the
body. By the rules of OpenAPI such a path goes before /tasky/v1/workers/{name}, which stays for programs that know no
worker."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..errors import Invalid
from ..model.params import Parameters
from ..model.worker import WorkerDefinition
from .schemas import ref

Document = dict[str, Any]

TEMPLATE: Final = "/tasky/v1/workers/{name}"
_JSON: Final = "application/json"
_FORM: Final = "multipart/form-data"
#: An example of each type, where a schema gives none.
_PLAIN: Final[Mapping[str, Any]] = {
    "string": "text",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "array": [],
    "object": {},
    "null": None,
}


def with_workers(description: Document, definitions: Iterable[WorkerDefinition]) -> Document:
    """A copy of the description that has these workers, too."""
    paths = dict(description["paths"])
    components = description["components"]
    schemas = dict(components["schemas"])
    for definition in sorted(definitions, key=lambda each: each.name):
        name = definition.name
        item, own = _path(paths[TEMPLATE], definition)
        paths[TEMPLATE.replace("{name}", name)] = item
        schemas |= own
    return {**description, "paths": paths, "components": {**components, "schemas": schemas}}


def _path(template: Document, definition: WorkerDefinition) -> tuple[Document, Document]:
    """The path item, and the schemas that it refers to."""
    name = definition.name
    item = {
        method: {**operation, "operationId": f"{operation['operationId']}_{name}"}
        for method, operation in template.items()
        if method != "parameters"
    }
    texts = {"summary": f"Runs {name}.", "x-tasky-scope": f"run:{name}"}
    about = "\n\n".join(text.strip() for text in (definition.description, definition.usage) if text)
    if about:
        texts["description"] = about
    body, schemas = _body(name, definition.parameters)
    item["post"] |= texts | {"requestBody": body}
    return item, schemas


def _body(name: str, parameters: Parameters) -> tuple[Document, Document]:
    component = f"{name}.Parameters"
    schema = _described(parameters.schema_at(ref(component)["$ref"]), parameters)
    schemas = {component: schema}
    content: Document = {}
    if not _needs_files(schema, parameters):
        content[_JSON] = {"schema": ref(component)}
        example = _example(schema, parameters)
        if example is not None:
            content[_JSON]["example"] = example
    if parameters.files:
        schemas[f"{name}.Form"] = _form(schema, parameters)
        content[_FORM] = {"schema": ref(f"{name}.Form")}
        for each in parameters.files:  # not in JSON
            schema["properties"].pop(each)
    return {"required": bool(schema["required"]), "content": content}, schemas


def _described(schema: Document, parameters: Parameters) -> Document:
    """With what the server looks at besides the worker's own schemas."""
    for name in parameters.secrets:
        inner = schema["properties"][name]
        if inner.get("type") == "string":
            inner.setdefault("format", "password")
    for name, leading_dash in parameters.arguments.items():
        inner = schema["properties"][name]
        no = _refused(leading_dash)
        inner["allOf"] = [
            *inner.get("allOf", []),
            {"not": {"anyOf": no}},
            {"not": {"type": "array", "contains": {"anyOf": no}}},
        ]
    return schema


def _refused(leading_dash: bool) -> list[Document]:
    """What cannot be a program's argument."""
    refused: list[Document] = [{"type": "string", "pattern": "\\u0000"}]
    if not leading_dash:
        refused.append({"type": "string", "pattern": "^-"})
        refused.append({"type": "number", "exclusiveMaximum": 0})
    return refused


def _needs_files(schema: Document, parameters: Parameters) -> bool:
    return not parameters.files.keys().isdisjoint(schema["required"])


def _form(schema: Document, parameters: Parameters) -> Document:
    """A file is a part of the form with a filename; what is no text is JSON."""
    form = copy.deepcopy(schema)
    file = {"type": "string", "format": "binary"}
    for name, several in parameters.files.items():
        about = {
            key: text for key, text in form["properties"][name].items() if key == "description"
        }
        form["properties"][name] = about | ({"type": "array", "items": file} if several else file)
    return form


def _example(schema: Document, parameters: Parameters) -> Document | None:
    """What the worker would take, if that can be told from its schemas: their own examples and defaults, else a plain
    value."""
    example = {
        name: _value(inner)
        for name, inner in schema["properties"].items()
        if name in schema["required"] or inner.get("examples")
    }
    try:
        parameters.check(example)
    except Invalid:
        return None
    return example


def _value(schema: Document) -> Any:
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("default", "const", "minimum"):
        if key in schema:
            return schema[key]
    kind = schema.get("type", "string")
    return copy.copy(_PLAIN[kind if isinstance(kind, str) else kind[0]])
