"""/tasks/{id}/events and /events: what happens, as Server-Sent Events."""

from __future__ import annotations

import re
from typing import Final

import falcon

from ..errors import StoreError
from ..model.access import ANYBODY, Need, Principal
from ..service import Service
from ..service.happenings import Happening, Kind
from . import options, sse
from .all_events import AllEvents
from .query import Option, Options, read_query
from .resource import Answer, Resource, operation
from .source import Budget, send, validity
from .task_events import TaskEvents

_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
#: Tasks of which a stream knows whether its reader sees them.
_REMEMBERED: Final = 1000

OF_TASK: Final[Options] = {
    "after": Option(options.count, about="Only log lines behind this number."),
    "log": Option(options.switch, about="Without the lines of the log, if false."),
    "lines": Option(options.switch, about="How far the log goes, instead of its lines."),
}
OF_ALL: Final[Options] = {
    "worker": Option(options.worker, about="Only tasks of this worker."),
    "status": Option(options.status, options.any_of, about="Only tasks that are so."),
    "log": Option(options.switch, about="The lines of the logs, too."),
}
_RESUME: Final[Options] = {
    "Last-Event-ID": Option(
        options.event_id, about="The id of the last event that has come: those behind it follow."
    )
}


class Events(Resource):
    """What happens to one task, until its end."""

    def __init__(self, service: Service, budget: Budget) -> None:
        self._service: Final = service
        self._budget: Final = budget

    @operation(
        "What happens to a task, while it happens.",
        Need.READ,
        OF_TASK,
        headers=_RESUME,
        answers={200: Answer("Server-Sent Events, until its end.", "Event", (sse.MEDIA_TYPE,))},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        values = read_query(req, OF_TASK)
        self._service.log(task_id)  # or there is no such task
        _describe(resp)
        if req.method == "HEAD":
            resp.stream = ()
            return
        after = values.get("after", 0)
        if _NUMBER.fullmatch(last := _last_event_id(req) or ""):  # a client that comes back
            after = int(last)
        lines = values.get("lines", False)
        source = TaskEvents(
            self._service,
            task_id,
            after,
            log=values.get("log", True) and not lines,
            lines=lines,
            valid=validity(req),
        )
        send(req, resp, self._budget, source)


class EventsOfAll(Resource):
    """What happens to all tasks that one may see."""

    def __init__(self, service: Service, budget: Budget) -> None:
        self._service: Final = service
        self._budget: Final = budget

    @operation(
        "What happens to all tasks, while it happens.",
        Need.READ,
        OF_ALL,
        headers=_RESUME,
        answers={200: Answer("Server-Sent Events.", "Event", (sse.MEDIA_TYPE,))},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        values = read_query(req, OF_ALL)
        _describe(resp)
        if req.method == "HEAD":
            resp.stream = ()
            return
        sight = _Sight(self._service, getattr(req.context, "principal", ANYBODY))
        worker, states = values.get("worker"), values.get("status")
        log: bool = values.get("log", False)

        def wants(happening: Happening) -> bool:
            if happening.kind is Kind.LOG and not log:
                return False
            if worker is not None and happening.worker != worker:
                return False
            if states is not None and happening.state not in states:
                return False
            return sight.sees(happening)

        after = _last_event_id(req)
        source = AllEvents(self._service, wants, after=after, log=log, valid=validity(req))
        send(req, resp, self._budget, source)


class _Sight:
    """Whose tasks somebody sees does not change: the store is asked once for each, if their worker does not tell."""

    def __init__(self, service: Service, principal: Principal) -> None:
        self._service: Final = service
        self._principal: Final = principal
        self._known: Final[dict[str, bool]] = {}

    def sees(self, happening: Happening) -> bool:
        task_id = happening.task_id
        known = self._known.get(task_id)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            try:
                known = self._service.sees(self._principal, task_id, happening.worker)
            except StoreError:
                return False  # who cannot be looked up is not shown
            self._known[task_id] = known
        return known


def _describe(resp: falcon.Response) -> None:
    resp.content_type = sse.MEDIA_TYPE


def _last_event_id(req: falcon.Request) -> str | None:
    header: str | None = req.env.get("HTTP_LAST_EVENT_ID")
    return header
