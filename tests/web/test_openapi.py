"""The description of the API: it says enough, and it is valid. That it is true is shown by tests/web/described.py."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import validate

from tasky.model.access import ANYBODY, Need, Principal, Scope
from tasky.service import Service
from tasky.web.app import Readiness, routes
from tasky.web.docs import Descriptions
from tasky.web.openapi import ERRORS, Undescribed, describe, operation_id
from tasky.web.query import Option
from tasky.web.resource import NO_OPTIONS, Answer, Resource, operation
from tests.web.api import Api
from tests.web.described import description, resolved

PATH = "/openapi.json"


def _never() -> Readiness:
    raise AssertionError("no request is answered")


ROUTES = routes(object.__new__(Service), 0, _never, 1)
OPERATIONS = [
    pytest.param(path, resource, method, id=f"{method} {path}")
    for path, resource in ROUTES.items()
    for method in resource.operations
]


@pytest.mark.parametrize(("path", "resource", "method"), OPERATIONS)
def test_every_operation_is_described(path: str, resource: Resource, method: str) -> None:
    """Undescribed says what is missing, and where it belongs."""
    found = describe({path: resource}, auth=True)["paths"]
    (item,) = found.values()
    assert item[method.lower()]["summary"].endswith(".")


def test_it_is_valid() -> None:
    validate(description())


def test_each_operation_has_an_id_of_its_own() -> None:
    ids = [operation_id(each, method) for each in ROUTES.values() for method in each.operations]
    assert len(set(ids)) == len(ids)


def test_what_is_described_is_used() -> None:
    whole = repr(description())
    for kind in ("schemas", "headers"):
        for name in description()["components"][kind]:
            used = (
                f"#/components/{kind}/{name}'" in whole or name == "LogLine"
            )  # its media type is no JSON
            assert used, f"{kind}: nothing refers to {name}"


@pytest.mark.parametrize(
    ("missing", "query", "answers", "errors"),
    [
        ("answers", NO_OPTIONS, {}, ()),
        ("SCHEMAS lacks 'Nonsense'", NO_OPTIONS, {200: Answer("It.", "Nonsense")}, ()),
        ("marked with @accepts", {"x": Option(str, about="It.")}, {200: Answer("It.")}, ()),
        ("lacks about=", {"x": Option(_never)}, {200: Answer("It.")}, ()),  # type: ignore[arg-type]
        ("ERRORS lacks 418", NO_OPTIONS, {200: Answer("It.")}, (418,)),
    ],
)
def test_what_is_missing_is_named(
    missing: str, query: Any, answers: Any, errors: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_never, "accepts", {"type": "string"}, raising=False)

    class Poor(Resource):
        tag = "tasks"

        @operation("Does something.", Need.READ, query, answers=answers, errors=errors)
        def on_get(self, req: Any, resp: Any) -> None: ...

    with pytest.raises(Undescribed, match=re.escape(missing)) as raised:
        describe({"/poor": Poor()}, auth=True)
    assert "Poor.on_get" in str(raised.value)


def test_security_and_scopes() -> None:
    paths = description()["paths"]
    assert description()["security"] == [{"bearer": []}, {"cookie": []}]
    assert paths["/healthz"]["get"]["security"] == []
    for path, need in [
        ("/tasky/v1/workers/{name}", "run:{name}"),
        ("/tasky/v1/tasks/{task_id}/cancel", "cancel"),
        ("/tasky/v1/workers/{name}/enable", "admin"),
    ]:
        assert paths[path]["post"]["x-tasky-scope"] == need
        assert "401" in paths[path]["post"]["responses"]
    assert "security" not in describe(ROUTES, auth=False)


def test_every_error_is_one_that_there_is() -> None:
    used = {
        int(status)
        for item in description()["paths"].values()
        for method, about in item.items()
        if method != "parameters"
        for status in about["responses"]
    }
    assert set(ERRORS) <= used


class TestWorkers:
    @pytest.fixture
    def made(self, api: Api) -> dict[str, Any]:
        text = {"type": "string", "minLength": 1}
        api.add(
            "typed",
            "true",
            description="Takes much.",
            usage="As you like.",
            params={
                "source": text | {"examples": ["/etc/hosts"]},
                "inner": {
                    "$ref": "#/$defs/list",
                    "$defs": {"list": {"type": "array", "items": text}},
                },
                "key": text | {"secret": True, "examples": ["hush"]},
                "often": {"type": "integer", "minimum": 3},
            },
        )
        api.add("plain", "true", protocol="text", args=["{word}"], params={"word": text})
        api.add(
            "takes",
            "true",
            params={"table": {"type": "string", "format": "file"}, "n": {"type": "integer"}},
        )
        api.reload()
        document: dict[str, Any] = api.get(PATH).json
        return document

    def test_it_is_valid_with_them(self, made: dict[str, Any]) -> None:
        validate(made)

    def test_each_has_a_path_of_its_own(self, made: dict[str, Any]) -> None:
        post = made["paths"]["/tasky/v1/workers/typed"]["post"]
        assert post["operationId"] == "post_worker_typed"
        assert post["description"] == "Takes much.\n\nAs you like."
        assert post["x-tasky-scope"] == "run:typed"
        assert post["requestBody"]["required"] is True
        assert made["paths"]["/tasky/v1/workers/hold"]["post"]["requestBody"]["required"] is False

    def test_its_parameters(self, made: dict[str, Any]) -> None:
        schema = made["components"]["schemas"]["typed.Parameters"]
        assert schema["required"] == ["source", "inner", "key", "often"]
        assert schema["additionalProperties"] is False
        assert schema["properties"]["key"] == {
            "type": "string", "minLength": 1, "writeOnly": True, "format": "password",
        }  # fmt: skip
        assert "hush" not in repr(made)
        (reference,) = re.findall(r"'(#/[^']*list)'", repr(schema))
        found = made
        for step in reference[2:].split("/"):
            found = found[step]
        assert found["type"] == "array"

    def test_an_example_is_one_that_the_worker_takes(self, api: Api, made: dict[str, Any]) -> None:
        content = made["paths"]["/tasky/v1/workers/echo"]["post"]["requestBody"]["content"]
        example = content["application/json"]["example"]
        assert api.post("/workers/echo", example).status_int == 201
        typed = made["paths"]["/tasky/v1/workers/typed"]["post"]["requestBody"]["content"]
        assert "example" not in typed["application/json"]  # what `inner` takes cannot be told

    def test_what_no_argument_can_be(self, made: dict[str, Any]) -> None:
        word = made["components"]["schemas"]["plain.Parameters"]["properties"]["word"]
        assert {"type": "string", "pattern": "^-"} in word["allOf"][0]["not"]["anyOf"]

    def test_files_come_as_a_form(self, made: dict[str, Any]) -> None:
        content = made["paths"]["/tasky/v1/workers/takes"]["post"]["requestBody"]["content"]
        assert list(content) == ["multipart/form-data"]
        table = made["components"]["schemas"]["takes.Form"]["properties"]["table"]
        assert table == {"type": "string", "format": "binary"}


class TestCaching:
    def test_unchanged(self, api: Api) -> None:
        first = api.get(PATH)
        assert first.headers["Cache-Control"] == "private, no-cache"
        assert first.headers["Vary"] == "Authorization, Cookie"
        again = api.get(PATH, if_none_match=first.headers["ETag"])
        assert again.status_int == 304
        assert again.body == b""

    def test_it_follows_a_reload(self, api: Api) -> None:
        first = api.get(PATH)
        api.add("more", "true")
        api.reload()
        again = api.get(PATH, if_none_match=first.headers["ETag"])
        assert again.status_int == 200
        assert "/tasky/v1/workers/more" in again.json["paths"]

    def test_it_is_made_once_for_those_who_see_the_same(self, api: Api) -> None:
        made = Descriptions(api.service, ROUTES, auth=True)
        one = Principal("one", frozenset({Scope.parse("run:echo")}))
        other = Principal("other", frozenset({Scope.parse("read:echo")}))
        data, _ = made.of(one)
        assert made.of(other)[0] is data
        assert b"/workers/echo" in data
        assert b"/workers/hold" not in data
        assert b"/workers/hold" in made.of(ANYBODY)[0]

    def test_only_some_are_kept(self, api: Api) -> None:
        for number in range(20):
            api.add(f"w{number}", "true")
        api.reload()
        made = Descriptions(api.service, ROUTES, auth=True)
        first = Principal("one", frozenset({Scope.parse("read:w0")}))
        data, _ = made.of(first)
        for number in range(1, 20):
            made.of(Principal("n", frozenset({Scope.parse(f"read:w{number}")})))
        assert made.of(first)[0] is not data
        assert made.of(first)[0] == data


def test_links_lead_to_operations() -> None:
    paths = description()["paths"]
    ids = {
        operation_id(resource, method)
        for resource in ROUTES.values()
        for method in resource.operations
    }
    links = resolved(paths["/tasky/v1/workers/{name}"]["post"]["responses"]["201"])["links"]
    assert {link["operationId"] for link in links.values()} <= ids
    assert "get_result" in links
    assert links["get_status"]["parameters"] == {"task_id": "$response.body#/TaskId"}
