"""The application: which resource answers at which path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import falcon

from ..logs import Levels
from ..model.proxies import Proxies
from ..service import Access, Service
from .auth import Authentication
from .chains import Chains
from .defences import Defences
from .definitions import Definitions
from .docs import Docs, DocsFile, OpenApi
from .doctor import Doctor, Examine, nothing
from .events import Events, EventsOfAll
from .files import File, Files
from .health import Health, Readiness, Ready
from .log_level import LogLevel
from .login import Login, Logout, WhoAmI
from .logs import Log
from .metrics import CountRequests, Measured, Scrape
from .naming import NameRequests
from .overview import Overview
from .page import Page, PageFile, shipped
from .peer import NO_PROXIES
from .problems import add_error_handlers
from .resource import Resource, Response
from .source import Budget
from .submission import Waiting
from .tasks import Cancel, Pause, Restart, Result, Resume, Status, Task, Tasks
from .tokens import Token, Tokens
from .workers import Disable, Enable, Worker, Workers

__all__ = ["Readiness", "create_app"]

#: With fewer than this many threads of the HTTP server, `max_waiting` should be smaller.
MAX_WAITING = 12
#: Bytes of a submission with files, where nobody says otherwise.
MAX_UPLOAD = 100 << 20
#: How many streams may be open.
STREAMS = 256


def create_app(
    service: Service,
    *,
    max_body: int,
    ready: Callable[[], Readiness],
    max_waiting: int = MAX_WAITING,
    measured: Measured | None = None,
    budget: Budget | None = None,
    max_upload: int = MAX_UPLOAD,
    defences: Defences | None = None,
    access: Access | None = None,
    proxies: Proxies = NO_PROXIES,
    levels: Levels | None = None,
    examine: Examine = nothing,
) -> falcon.App[Any, Any]:
    """`max_body` and `max_upload`, that of a submission with files, are in bytes; `max_waiting` is how many submissions
    may wait for their task's end at the same time:
    fewer than the server has threads. `measured` is what /metrics shows; `budget` says how many
    streams may be open."""
    measured = measured or Measured()
    app: falcon.App[Any, Any] = falcon.App(response_type=Response)
    app.req_options.strip_url_path_trailing_slash = True
    add_error_handlers(app)
    app.add_middleware(NameRequests())  # the first: what all others say is about that request
    app.add_middleware(CountRequests(measured.counted))  # it sees what the others answer
    app.add_middleware(defences or Defences())
    app.add_middleware(Authentication(access, proxies))
    for path, resource in routes(
        service, max_body, ready, max_waiting, measured, budget, max_upload, access, levels, examine
    ).items():
        app.add_route(path, resource)
    return app


def routes(
    service: Service,
    max_body: int,
    ready: Callable[[], Readiness],
    max_waiting: int,
    measured: Measured | None = None,
    budget: Budget | None = None,
    max_upload: int = MAX_UPLOAD,
    access: Access | None = None,
    levels: Levels | None = None,
    examine: Examine = nothing,
) -> dict[str, Resource]:
    """Each answers with and without a trailing slash."""
    streams, waiting = budget or Budget(STREAMS), Waiting(max_waiting)
    worker, task = "/tasky/v1/workers/{name}", "/tasky/v1/tasks/{task_id}"
    table: dict[str, Resource] = {
        "/": Page(shipped()),
        "/page/{path:path}": PageFile(shipped()),
        "/healthz": Health(),
        "/readyz": Ready(ready),
        "/metrics": Scrape(measured or Measured()),
        "/tasky/v1/workers": Workers(service),
        worker: Worker(service, max_body, waiting, max_upload),
        f"{worker}/enable": Enable(service, max_body),
        f"{worker}/disable": Disable(service, max_body),
        "/tasky/v1/chains": Chains(service, max_body, waiting),
        "/tasky/v1/login": Login(access, max_body),
        "/tasky/v1/logout": Logout(access, max_body),
        "/tasky/v1/whoami": WhoAmI(),
        "/tasky/v1/tokens": Tokens(access, max_body),
        "/tasky/v1/tokens/{name}": Token(access, max_body),
        "/tasky/v1/log-level": LogLevel(levels or Levels(), max_body),
        "/tasky/v1/definitions": Definitions(service, ready),
        "/tasky/v1/doctor": Doctor(examine),
        "/tasky/v1/overview": Overview(service),
        "/tasky/v1/tasks": Tasks(service),
        task: Task(service, max_body),
        f"{task}/status": Status(service),
        f"{task}/result": Result(service),
        f"{task}/cancel": Cancel(service, max_body),
        f"{task}/pause": Pause(service, max_body),
        f"{task}/resume": Resume(service, max_body),
        f"{task}/restart": Restart(service, max_body),
        f"{task}/log": Log(service, streams),
        f"{task}/events": Events(service, streams),
        "/tasky/v1/events": EventsOfAll(service, streams),
        f"{task}/files": Files(service),
        f"{task}/files/{{path:path}}": File(service),
        "/tasky/v1/docs": Docs(),
        "/tasky/v1/docs/{file}": DocsFile(),
    }
    table["/tasky/v1/openapi.json"] = OpenApi(service, table, auth=access is not None)
    return table
