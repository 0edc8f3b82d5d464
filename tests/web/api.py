"""The real application over real parts, driven by WebTest."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tasky.model.access import Scope
from tasky.model.proxies import Proxies
from tasky.service import Access
from tasky.store import Tokens
from tasky.web.app import MAX_UPLOAD, Readiness, create_app
from tasky.web.defences import HEADERS, Defences
from tasky.web.peer import NO_PROXIES
from tests.helpers import PATIENCE, wait_for
from tests.service.assembly import ECHO, FAIL, HOLD, Assembly
from tests.web import described

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # WebOb imports cgi
    from webtest import TestApp, TestResponse

__all__ = ["Api", "TestApp", "TestResponse", "call", "check_problem", "standard"]

ROOT = "/tasky/v1"
MAX_BODY = 64 << 10
MISSING = "0" * 32
JSON = "application/json"
PROBLEM = "application/problem+json"


class Api(Assembly):
    """Paths are below /tasky/v1 unless they begin with two slashes. Every answer is looked at: its type, its headers,
    and no path of the server in an error."""

    readiness = Readiness(draining=False, containment="process-group")

    def serve(
        self,
        *,
        max_waiting: int = 4,
        max_upload: int = MAX_UPLOAD,
        defences: Defences | None = None,
        auth: bool = False,
        proxies: Proxies = NO_PROXIES,
        groups: Mapping[str, tuple[Scope, ...]] = MappingProxyType({}),
        **limits: Any,
    ) -> Api:
        self.start(**limits)
        self.access = Access(self.store, Tokens(self.state), groups) if auth else None
        app = create_app(
            self.service,
            max_body=MAX_BODY,
            max_upload=max_upload,
            ready=lambda: self.readiness,
            max_waiting=max_waiting,
            defences=defences,
            access=self.access,
            proxies=proxies,
        )
        self.http = TestApp(app)
        return self

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str | None = None,
        **headers: str,
    ) -> TestResponse:
        url = path[1:] if path.startswith("//") else ROOT + path
        environ = {"CONTENT_LENGTH": str(len(body))} if body else {}
        if content_type is not None:
            environ["CONTENT_TYPE"] = content_type
        environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        answer = self.http.request(
            url, method=method, body=body, environ=environ, expect_errors=True
        )
        check(answer, self)
        return answer

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.ask("GET", path, b"", None, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        """With `body` as JSON, or without one."""
        if body is None:
            return self.ask("POST", path, b"", None, **headers)
        return self.ask("POST", path, json.dumps(body).encode(), JSON, **headers)

    def submit(self, worker: str, body: Any = None, query: str = "") -> str:
        answer = self.post(f"/workers/{worker}{query}", body)
        assert answer.status_int in (200, 201, 202), answer
        return str(answer.json["TaskId"])

    def run(self, worker: str, body: Any = None) -> str:
        """Submits, waits for the end, gives the TaskId."""
        answer = self.post(f"/workers/{worker}?wait={PATIENCE:.0f}s", body)
        assert answer.status_int == 200, answer
        return str(answer.json["TaskId"])

    def reach(self, task_id: str, *states: str) -> dict[str, Any]:
        """The status document, once it has one of these states."""

        def reached() -> dict[str, Any] | None:
            document: dict[str, Any] = self.get(f"/tasks/{task_id}/status").json
            return document if document["Status"] in states else None

        found = wait_for(reached, f"{task_id} is {states}")
        assert found is not None
        return found


def check(answer: TestResponse, api: Assembly) -> None:
    """What holds for every answer."""
    own = {"Content-Security-Policy", "Cache-Control"}  # some answers have theirs
    assert [
        name for name, value in HEADERS if answer.headers[name] != value and name not in own
    ] == []
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Server" not in answer.headers
    described.check(
        answer.request.method,
        template(api, answer.request.environ["PATH_INFO"]),
        answer.status_int,
        answer.headers,
        answer.body,
    )
    if answer.status_int >= 400 and answer.request.method != "HEAD":
        check_problem(answer)
        assert str(api.state.parent) not in answer.text
        assert "Traceback" not in answer.text


def template(api: Assembly, path: str) -> str | None:
    """Of the route that answers there; None if there is none."""
    assert isinstance(api, Api)
    found = api.http.app._router.find(path.rstrip("/"))
    return None if found is None else str(found[3])


def check_problem(answer: TestResponse) -> None:
    """RFC 9457, and the older API's text."""
    assert answer.headers["Content-Type"] == PROBLEM
    document = answer.json
    assert document["type"] == "about:blank"
    assert document["status"] == answer.status_int
    assert answer.status == f"{document['status']} {document['title']}"
    assert document["detail"]
    assert document["Error"] == document["detail"]
    for error in document.get("errors", []):
        assert error["detail"]
        assert error["pointer"] == "" or error["pointer"].startswith("/")


class Bare(NamedTuple):
    """What the application answers, before WebTest has made something of it."""

    status: int
    headers: dict[str, str]
    body: Iterable[bytes]


def call(api: Api, method: str, path: str, **environ: Any) -> Bare:
    """What WebTest would refuse to ask. The caller reads the body, if anybody does."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    minimal = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "HTTP_HOST": "localhost",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
    }

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        started.append((status, headers))

    body = api.http.app({**minimal, **environ}, start)
    ((status, headers),) = started
    return Bare(int(status[:3]), dict(headers), body)


def standard(root: Path) -> Api:
    """With the workers echo, hold and fail; not started yet."""
    api = Api(root)
    text = {"type": "string", "description": "Comes back"}
    number = {"type": "integer", "minimum": 1, "default": 1}
    api.add("echo", ECHO, description="Says it again.", params={"text": text, "times": number})
    api.add("hold", HOLD, description="Does not end.")
    api.add("fail", FAIL, description="Ends badly.")
    return api
