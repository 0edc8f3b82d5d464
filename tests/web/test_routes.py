"""Every route with every method, with and without a trailing slash, and with what a stranger may write in its place."""

from __future__ import annotations

import json

import pytest

from tasky.web.app import routes
from tasky.web.page import shipped
from tests.web.api import MISSING, Api, call

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"]
#: Method and body that each route answers with 2xx; {id} is a finished task with a file.
ROUTES = {
    "//": "GET, HEAD, OPTIONS",
    f"//page/{shipped().version}/icon.svg": "GET, HEAD, OPTIONS",
    "//healthz": "GET, HEAD, OPTIONS",
    "//readyz": "GET, HEAD, OPTIONS",
    "/workers": "GET, HEAD, OPTIONS",
    "/workers/echo": "GET, HEAD, OPTIONS, POST",
    "/workers/fail/enable": "OPTIONS, POST",
    "/workers/fail/disable": "OPTIONS, POST",
    "/chains": "OPTIONS, POST",
    "/definitions": "GET, HEAD, OPTIONS",
    "/doctor": "GET, HEAD, OPTIONS",
    "/overview": "GET, HEAD, OPTIONS",
    "/tasks": "GET, HEAD, OPTIONS",
    "/tasks/{id}": "DELETE, GET, HEAD, OPTIONS",
    "/tasks/{id}/status": "GET, HEAD, OPTIONS",
    "/tasks/{id}/result": "GET, HEAD, OPTIONS",
    "/tasks/{id}/cancel": "OPTIONS, POST",
    "/tasks/{id}/pause": "OPTIONS, POST",
    "/tasks/{id}/resume": "OPTIONS, POST",
    "/tasks/{id}/restart": "OPTIONS, POST",
    "/tasks/{id}/log": "GET, HEAD, OPTIONS",
    "/tasks/{id}/files": "GET, HEAD, OPTIONS",
    "/tasks/{id}/files/out.txt": "GET, HEAD, OPTIONS",
    "/tasks/{id}/events": "GET, HEAD, OPTIONS",
    "/events": "GET, HEAD, OPTIONS",
    "/login": "OPTIONS, POST",
    "/logout": "OPTIONS, POST",
    "/whoami": "GET, HEAD, OPTIONS",
    "/log-level": "GET, HEAD, OPTIONS, POST",
    "/tokens": "GET, HEAD, OPTIONS, POST",
    "/tokens/ci": "DELETE, OPTIONS",
    "/openapi.json": "GET, HEAD, OPTIONS",
    "/docs": "GET, HEAD, OPTIONS",
    "/docs/docs.js": "GET, HEAD, OPTIONS",
    "//metrics": "GET, HEAD, OPTIONS",
}
#: They have no end, give another answer each time, or none without authentication.
APART = ("/events", "/tasks/{id}/events", "//metrics", "/tokens", "/overview")
READABLE = [path for path, allow in ROUTES.items() if "GET" in allow and path not in APART]
HOSTILE = [
    "x",
    "%20",
    "%00",
    "..",
    "%2e%2e",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "A" * 32,
    "0" * 31,
    "0" * 33,
    "0" * 32 + "%0a",
    "0" * 31 + "%D9%A0",
    "%ff%fe",
    "%f0%9f%92%a9",
    "'%20OR%201=1--",
    ";id",
    "%0d%0aSet-Cookie:%20a=b",
    "x" * 5000,
]


@pytest.fixture(scope="module")
def task_id(shared: Api) -> str:
    message = '{"type":"artifact","path":"out.txt"}'
    shared.add("leaves", f"echo text > out.txt; echo line; echo '{message}'")
    shared.reload()
    return shared.run("leaves")


def test_the_table_above_has_every_route(shared: Api) -> None:
    resources = routes(shared.service, 0, lambda: shared.readiness, 1)
    patterns = {
        path.replace("/tasky/v1", "").replace("{task_id}", "{id}").replace("{path:path}", "out.txt"):
        resource.allow
        for path, resource in resources.items()
    }  # fmt: skip
    expected = {
        path.replace("//", "/")
        .replace("/echo", "/{name}")
        .replace("/fail/", "/{name}/")
        .replace("/ci", "/{name}")
        .replace("docs.js", "{file}")
        .replace(f"{shipped().version}/icon.svg", "out.txt"): allow
        for path, allow in ROUTES.items()
    }
    assert patterns == expected


def _slashed(path: str) -> str:
    return path if path == "//" else f"{path}/"


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.case("H16")
def test_slash_and_options(shared: Api, task_id: str, path: str) -> None:
    for url in (path.format(id=task_id), _slashed(path.format(id=task_id))):
        answer = shared.ask("OPTIONS", url)
        assert answer.status_int == 204
        assert answer.headers["Allow"] == ROUTES[path]
        assert answer.body == b""


@pytest.mark.parametrize("path", READABLE)
@pytest.mark.case("H15")
def test_head_is_get_without_the_body(shared: Api, task_id: str, path: str) -> None:
    plain = shared.get(path.format(id=task_id))
    slash = shared.get(_slashed(path.format(id=task_id)))
    assert plain.status_int == slash.status_int == 200
    assert plain.body == slash.body
    assert plain.body
    head = shared.ask("HEAD", path.format(id=task_id))
    assert head.status_int == 200
    assert head.body == b""
    expected = dict(plain.headers)
    if "content-length" not in head.headers:
        assert path.endswith("/log")  # how long it will be is not known without reading it
        del expected["content-length"]
    assert dict(head.headers) == expected


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.case("H15")
def test_other_methods_are_refused_with_what_is_allowed(
    shared: Api, task_id: str, path: str
) -> None:
    for method in METHODS:
        if method not in ROUTES[path]:
            answer = shared.ask(method, path.format(id=task_id))
            assert answer.status_int == 405, method
            assert answer.headers["Allow"] == ROUTES[path]
    url = f"/tasky/v1{path}".format(id=task_id).removeprefix("/tasky/v1/" * path.startswith("//"))
    for method, status in [("CONNECT", 405), ("PROPFIND", 405), ("BREW", 501), ("WEBSOCKET", 501)]:
        answer = call(shared, method, url)
        assert answer.status == status
        assert json.loads(b"".join(answer.body))["status"] == status


@pytest.mark.parametrize("path", ROUTES)
def test_unknown_options_are_refused_with_the_nearest(shared: Api, task_id: str, path: str) -> None:
    for method in ROUTES[path].split(", "):
        if method not in ("OPTIONS", "HEAD"):
            answer = shared.ask(method, f"{path.format(id=task_id)}?watt=1&wat=2")
            assert answer.status_int == 422, method
            assert [error["parameter"] for error in answer.json["errors"]] == ["watt", "wat"]
            assert "there is no such option" in answer.json["Error"]
    shared.reach(task_id, "Completed")


@pytest.mark.parametrize(
    "path",
    ["//tasky", "//tasky/v1", "//tasky/v2/workers", "//workers", "/nothing", "/tasks/x/y",
     "/workers/echo/start", "//%00", "//openapi.json", "//tasky/v1//tasks",
     "/docs/docs.js/x"],
)  # fmt: skip
def test_unknown_paths(shared: Api, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert shared.ask(method, path).status_int == 404


@pytest.mark.parametrize("hostile", [*HOSTILE, MISSING])
@pytest.mark.case("H10")
def test_hostile_ids_are_no_tasks(shared: Api, hostile: str) -> None:
    for path, allow in ROUTES.items():
        if "{id}" in path:
            for method in set(allow.split(", ")) - {"OPTIONS"}:
                answer = shared.ask(method, path.format(id=hostile))
                assert answer.status_int == 404, (method, path)


@pytest.mark.parametrize("hostile", [*HOSTILE, "%00echo", "echo%00", "echo.yaml", "%c3%a9cho"])
@pytest.mark.case("H10")
def test_hostile_names_are_no_workers(shared: Api, hostile: str) -> None:
    for path in ("/workers/{}", "/workers/{}/enable", "/workers/{}/disable"):
        assert shared.ask("POST", path.format(hostile)).status_int == 404
    assert shared.get(f"/workers/{hostile}").status_int == 404


@pytest.mark.parametrize(
    "hostile",
    ["../log", "..%2flog", "%2e%2e/log", "/etc/passwd", "%2fetc%2fpasswd", "out.txt%00", "./out.txt",
     "x/../out.txt", "out.txt/x", "%ff", "", "work/x", "out.txt/../out.txt"],
)  # fmt: skip
@pytest.mark.case("H10")
def test_hostile_files_are_not_there(shared: Api, task_id: str, hostile: str) -> None:
    answer = shared.get(f"/tasks/{task_id}/files/{hostile}")
    if hostile:
        assert answer.status_int == 404
    else:
        assert answer.json == shared.get(f"/tasks/{task_id}/files").json


@pytest.mark.case("H15")
def test_a_get_changes_nothing(shared: Api, task_id: str) -> None:
    before = shared.get(f"/tasks/{task_id}").body
    for path in READABLE:
        shared.get(path.format(id=task_id))
    assert shared.get(f"/tasks/{task_id}").body == before
    assert shared.get("/workers/fail").json["status"] == "Enabled"
