"""Every error of the tree, as the API answers with it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import falcon
import pytest

from tasky import errors
from tasky.web.problems import TooLarge, UnsupportedMediaType, add_error_handlers
from tasky.web.resource import Response
from tests.web.api import TestApp, check_problem

PATH = "/var/lib/tasky/tasky.db"
VIOLATION = errors.Violation("is missing", "/source")


def tree(root: type[errors.TaskyError]) -> Iterator[type[errors.TaskyError]]:
    yield root
    for inner in root.__subclasses__():
        if inner.__module__ in ("tasky.errors", "tasky.web.problems"):
            yield from tree(inner)


def instance(kind: type[errors.TaskyError]) -> errors.TaskyError:
    special: dict[type, Any] = {
        errors.ConfigError: [()],
        errors.Invalid: [[VIOLATION]],
        errors.InvalidParams: [[VIOLATION]],
        errors.WrongState: ["it runs", "Running"],
    }
    return kind(*special.get(kind, [f"{PATH}: no space left on device"]))


class Raises:
    error: Exception

    def on_get(self, _req: falcon.Request, _resp: falcon.Response, **_fields: str) -> None:
        raise self.error


def ask(error: Exception) -> Any:
    app: falcon.App[Any, Any] = falcon.App(response_type=Response)
    add_error_handlers(app)
    resource = Raises()
    resource.error = error
    app.add_route("/{task_id}", resource)
    answer = TestApp(app).get("/abc", expect_errors=True)
    check_problem(answer)
    return answer


@pytest.mark.parametrize("kind", sorted(set(tree(errors.TaskyError)), key=str))
def test_every_error(kind: type[errors.TaskyError]) -> None:
    error = instance(kind)
    answer = ask(error)
    assert answer.status_int == kind.status
    if kind.status >= 500:
        assert PATH not in answer.text
    else:
        assert answer.json["detail"] == error.message
    retry_after = getattr(kind, "retry_after", None)
    assert answer.headers.get("Retry-After") == (None if retry_after is None else str(retry_after))


def test_the_statuses_of_the_contract() -> None:
    statuses = {kind.status for kind in tree(errors.TaskyError)}
    assert statuses >= {400, 404, 409, 413, 415, 422, 429, 503, 507}
    assert (TooLarge.status, UnsupportedMediaType.status) == (413, 415)


def test_what_is_our_fault_is_only_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    for error in (errors.StoreError(f"{PATH}: the database is damaged"), KeyError("internal")):
        answer = ask(error)
        assert answer.status_int == 500
        assert answer.json["Error"] == "something went wrong on the server; its log says what"
        assert "internal" not in answer.text
    assert PATH in caplog.text
    assert "KeyError: 'internal'" in caplog.text
    answer = ask(errors.StoreFull(f"{PATH}: No space left on device"))
    assert answer.json["Error"] == "The disk is full: nothing can be stored."


def test_a_log_has_one_line_for_a_path_with_several(caplog: pytest.LogCaptureFixture) -> None:
    app: falcon.App[Any, Any] = falcon.App(response_type=Response)
    add_error_handlers(app)
    resource = Raises()
    resource.error = errors.StoreError("x")
    app.add_route("/{task_id}", resource)
    TestApp(app).get("/a%0aERROR%20forged", expect_errors=True)
    (record,) = caplog.records
    assert "\n" not in record.getMessage()


def test_members() -> None:
    answer = ask(errors.WrongState("it runs", "Running")).json
    assert (answer["TaskId"], answer["Status"]) == ("abc", "Running")
    answer = ask(errors.Invalid([VIOLATION, errors.Violation("is odd", parameter="wait")])).json
    assert answer["errors"] == [
        {"detail": "is missing", "pointer": "/source"},
        {"detail": "is odd", "pointer": "", "parameter": "wait"},
    ]
    assert answer["Error"] == "is missing; is odd"
