"""The application: which resource answers at which path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import falcon

from ..service import Service
from .files import File, Files
from .health import Health, Readiness, Ready
from .logs import Log
from .problems import add_error_handlers
from .resource import Resource, Response
from .tasks import Cancel, Pause, Restart, Result, Status, Task, Tasks
from .workers import Switch, Worker, Workers

__all__ = ["Readiness", "create_app"]

#: With fewer than this many threads of the HTTP server, `max_waiting` should be smaller.
MAX_WAITING = 12


def create_app(
    service: Service,
    *,
    max_body: int,
    ready: Callable[[], Readiness],
    max_waiting: int = MAX_WAITING,
) -> falcon.App[Any, Any]:
    """`max_body` is in bytes; `max_waiting` is how many submissions may wait for their task's end at the same time:
    fewer than the server has threads."""
    app: falcon.App[Any, Any] = falcon.App(response_type=Response)
    app.req_options.strip_url_path_trailing_slash = True
    add_error_handlers(app)
    for path, resource in routes(service, max_body, ready, max_waiting).items():
        app.add_route(path, resource)
    return app


def routes(
    service: Service, max_body: int, ready: Callable[[], Readiness], max_waiting: int
) -> dict[str, Resource]:
    """Each answers with and without a trailing slash."""
    worker, task = "/tasky/v1/workers/{name}", "/tasky/v1/tasks/{task_id}"
    return {
        "/healthz": Health(),
        "/readyz": Ready(ready),
        "/tasky/v1/workers": Workers(service),
        worker: Worker(service, max_body, max_waiting),
        f"{worker}/enable": Switch(service, max_body, on=True),
        f"{worker}/disable": Switch(service, max_body, on=False),
        "/tasky/v1/tasks": Tasks(service),
        task: Task(service, max_body),
        f"{task}/status": Status(service),
        f"{task}/result": Result(service),
        f"{task}/cancel": Cancel(service, max_body),
        f"{task}/pause": Pause(service, max_body),
        f"{task}/resume": Pause(service, max_body, resume=True),
        f"{task}/restart": Restart(service, max_body),
        f"{task}/log": Log(service),
        f"{task}/files": Files(service),
        f"{task}/files/{{path:path}}": File(service),
    }
