"""Every route with every method, asked by everybody: no token, one that is wrong or over, each scope, an admin.

The routes are those of the router. What each needs stands here once more, by hand: a new route fails until somebody has
said here who may use it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest

from tasky.model.access import Scope
from tasky.web.app import routes
from tests.helpers import REPOSITORY
from tests.web.api import Api, TestResponse, standard

pytestmark = pytest.mark.case("H21")

OPEN, READ, RUN, CANCEL, ADMIN = "open", "read", "run", "cancel", "admin"

#: What each operation needs. {task} was submitted by the admin, {own} by whoever asks, if he may.
NEEDS: Final = {
    "GET //": OPEN,
    "GET //page/{path}": OPEN,
    "GET //healthz": OPEN,
    "GET //readyz": OPEN,
    "GET //metrics": READ,
    "GET /docs": OPEN,
    "GET /docs/{file}": OPEN,
    "GET /openapi.json": READ,
    "POST /login": OPEN,
    "POST /logout": OPEN,
    "GET /whoami": OPEN,
    "GET /tokens": ADMIN,
    "POST /tokens": ADMIN,
    "DELETE /tokens/{name}": ADMIN,
    "GET /workers": READ,
    "GET /workers/{name}": READ,
    "POST /workers/{name}": RUN,
    "POST /workers/{name}/enable": ADMIN,
    "POST /workers/{name}/disable": ADMIN,
    "POST /chains": RUN,
    "GET /log-level": ADMIN,
    "POST /log-level": ADMIN,
    "GET /definitions": ADMIN,
    "GET /doctor": ADMIN,
    "GET /overview": READ,
    "GET /tasks": READ,
    "GET /events": READ,
    "GET /tasks/{task_id}": READ,
    "DELETE /tasks/{task_id}": ADMIN,
    "GET /tasks/{task_id}/status": READ,
    "GET /tasks/{task_id}/result": READ,
    "GET /tasks/{task_id}/log": READ,
    "GET /tasks/{task_id}/events": READ,
    "GET /tasks/{task_id}/files": READ,
    "GET /tasks/{task_id}/files/{path}": READ,
    "POST /tasks/{task_id}/cancel": CANCEL,
    "POST /tasks/{task_id}/pause": CANCEL,
    "POST /tasks/{task_id}/resume": CANCEL,
    "POST /tasks/{task_id}/restart": RUN,
}

#: Who asks: the scopes of each token. echo is the worker that is asked for.
WHO: Final[dict[str, tuple[str, ...]]] = {
    "admin": ("admin",),
    "read": ("read",),
    "read:echo": ("read:echo",),
    "read:hold": ("read:hold",),
    "run:echo": ("run:echo",),
    "run:hold": ("run:hold",),
    "run:e*": ("run:e*",),
    "cancel": ("cancel",),
    "cancel:hold": ("cancel:hold",),
    "read+run": ("read", "run:*"),
    "read+cancel": ("read", "cancel"),
}
#: By need, for what is about echo or another's task of it: who may, and who is told that it is not his (403). To all
#: others it is not there (404).
MAY: Final = {
    READ: {"read", "read:echo", "read+run", "read+cancel"},
    RUN: {"run:echo", "run:e*", "read+run"},
    CANCEL: {"cancel", "read+cancel"},
    ADMIN: set(),
}
SEES: Final = MAY[READ]


class Operation(NamedTuple):
    method: str
    path: str

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def _operations(api: Api) -> list[Operation]:
    """Those of the router."""
    found = routes(api.service, 0, lambda: api.readiness, 1, access=api.access)
    short = {
        path.removeprefix("/tasky/v1") if path.startswith("/tasky/v1") else f"/{path}": resource
        for path, resource in found.items()
    }
    return [
        Operation(method, path.replace("{path:path}", "{path}"))
        for path, resource in sorted(short.items())  # so a worker is disabled, then enabled
        for method in resource.operations
    ]


class World:
    """A server with a token for each of WHO, and a finished task of echo that the admin has submitted."""

    def __init__(self, api: Api) -> None:
        self.api = api
        assert api.access is not None
        self.tokens = {
            who: api.access.tokens.create(_name(who), tuple(map(Scope.parse, scopes)))[0]
            for who, scopes in WHO.items()
        }
        over, _ = api.access.tokens.create("over", (Scope.parse("admin"),), time.time_ns() - 1)
        self.nobody = {
            "no token": None,
            "bad token": "tsk_" + "0" * 43,
            "expired": over,
            "odd": "tsk_\xe9",
        }
        self.task = ""
        self.task = self.run("admin")

    def run(self, who: str) -> str:
        answer = self.ask(Operation("POST", "/workers/echo?wait=30s"), self.tokens[who])
        assert answer.status_int == 200, answer
        return str(answer.json["TaskId"])

    def ask(self, operation: Operation, token: str | None, task: str = "") -> TestResponse:
        path = operation.path
        for field, value in (
            ("task_id", task or self.task),
            ("name", "spare" if "/tokens" in path else "echo"),
            ("path", "out.txt"),
            ("file", "none.css"),
        ):
            path = path.replace(f"{{{field}}}", value)
        headers = {} if token is None else {"AUTHORIZATION": f"Bearer {token}"}
        # HEAD has the rights of GET, and does not wait for a stream's end.
        method = (
            "HEAD" if operation.method == "GET" and path.endswith("events") else operation.method
        )
        if method == "POST" and path.startswith("/workers/echo") and path.count("/") == 2:
            return self.api.post(path, {"text": "hello"}, **headers)
        return self.api.ask(method, path, b"", None, **headers)


def _name(who: str) -> str:
    return who.replace(":", ".").replace("*", "x").replace("+", "-")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    api = standard(tmp_path_factory.mktemp("rights")).serve(auth=True)
    try:
        yield World(api)
    finally:
        api.stop()


def allowed(answer: TestResponse) -> bool:
    """Whether it was let through: what the responder itself says then is not the matter here."""
    return answer.status_int not in (401, 403, 429) and not _hides(answer)


def _hides(answer: TestResponse) -> bool:
    if answer.status_int != 404 or answer.request.method == "HEAD":
        return bool(answer.status_int == 404)
    return answer.json["detail"].startswith(("there is no task", "there is no worker"))


def test_every_route_is_in_the_table(world: World) -> None:
    names = {operation.name for operation in _operations(world.api)}
    assert names - set(NEEDS) == set(), "who may use these? say it in NEEDS, after thinking"
    optional = {name for name in NEEDS if "docs" in name or "openapi" in name}
    assert set(NEEDS) - names <= optional


def test_every_route_says_the_same(world: World) -> None:
    """What the operation declares is what the table says."""
    found = routes(world.api.service, 0, lambda: world.api.readiness, 1, access=world.api.access)
    for path, resource in found.items():
        for method, operation in resource.operations.items():
            short = path.removeprefix("/tasky/v1") if path.startswith("/tasky") else f"/{path}"
            name = f"{method} {short.replace('{path:path}', '{path}')}"
            assert NEEDS[name] == operation.need, name


def test_strangers_get_nothing(world: World) -> None:
    for operation in _operations(world.api):
        for who, token in world.nobody.items():
            answer = world.ask(operation, token)
            if operation.path == "/whoami":
                assert answer.status_int in (401, 429), who
            elif NEEDS[operation.name] == OPEN:
                assert answer.status_int not in (401, 403, 429), (operation, who)
            else:
                # Ten wrong ones a minute; whatever more of them there are gets 429.
                assert answer.status_int == 401 or (token and answer.status_int == 429), operation
                if answer.status_int == 401:
                    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tasky"'


@pytest.mark.parametrize("who", WHO)
def test_each_scope_on_every_route(world: World, who: str) -> None:
    wrong = []
    for operation in _operations(world.api):
        need = NEEDS[operation.name]
        task = world.run("admin") if operation.name == "DELETE /tasks/{task_id}" else ""
        answer = world.ask(operation, world.tokens[who], task)
        expected = _expected(who, need, operation)
        verdict = "yes" if allowed(answer) else answer.status_int
        if verdict != expected:
            wrong.append((operation.name, verdict, expected))
    assert wrong == []


def _expected(who: str, need: str, operation: Operation) -> Any:
    """`yes`, or the status of the refusal."""
    if need == OPEN or who == "admin":
        return "yes"
    if "{" not in operation.path or "/tokens" in operation.path:
        return "yes" if _ever(who, need) else 403
    if need == ADMIN and "/workers" in operation.path:
        return 403  # of whichever worker
    if who in MAY[need] and not (need == RUN and "task" in operation.path and who not in SEES):
        return "yes"
    if need == READ and "workers" in operation.path and who in MAY[RUN]:
        return "yes"  # who may run it must see how
    if who in SEES:
        return 403
    if need != CANCEL or "workers" in operation.path:
        return 404 if _ever(who, READ) else 403
    return 404


def matrix() -> str:
    """What test_each_scope_on_every_route has found to be so, as docs/authentication.md has it."""
    shown = [who for who in WHO if who not in ("read:echo", "run:e*", "cancel:hold")]
    lines = [f"| operation | no token | {' | '.join(f'`{who}`' for who in shown)} |"]
    lines.append("|---" * (len(shown) + 2) + "|")
    for name, need in NEEDS.items():
        method, _, path = name.partition(" ")
        operation = Operation(method, path)
        verdicts = [str(_expected(who, need, operation)) for who in shown]
        nobody = "yes" if need == OPEN and path != "/whoami" else "401"
        lines.append(
            f"| `{method} {path.replace('//', '/')}` | {' | '.join([nobody, *verdicts])} |"
        )
    return "\n".join(lines)


def test_the_page_has_the_matrix() -> None:
    page = (REPOSITORY / "docs/authentication.md").read_text()
    assert matrix() in page, f"docs/authentication.md, Route by scope, should have:\n{matrix()}"


def _ever(who: str, need: str) -> bool:
    """Whether there may be something at all that it can be done with."""
    words = {scope.partition(":")[0] for scope in WHO[who]}
    return need in words or (need in (READ, CANCEL) and "run" in words)


@pytest.mark.parametrize("who", ["run:echo", "run:e*"])
def test_ones_own_tasks(world: World, who: str) -> None:
    """Who may run a worker sees, cancels and restarts what he has submitted, and deletes nothing."""
    own = world.run(who)
    for operation in _operations(world.api):
        if "{task_id}" in operation.path:
            answer = world.ask(operation, world.tokens[who], own)
            if NEEDS[operation.name] == ADMIN:
                assert answer.status_int == 403, operation
            else:
                assert allowed(answer), (operation, answer)


def test_nobody_sees_others_tasks_by_running(world: World) -> None:
    own = world.run("run:echo")
    answer = world.ask(Operation("GET", "/tasks/{task_id}"), world.tokens["run:e*"], own)
    assert answer.status_int == 404


def test_what_is_hidden_looks_as_what_is_not_there(world: World) -> None:
    """But for the id itself, which was in the question."""
    get = Operation("GET", "/tasks/{task_id}")
    missing = "0" * 32
    hidden = world.ask(get, world.tokens["run:hold"])
    absent = world.ask(get, world.tokens["run:hold"], missing)
    assert hidden.status_int == absent.status_int == 404
    assert hidden.text.replace(world.task, missing) == absent.text
