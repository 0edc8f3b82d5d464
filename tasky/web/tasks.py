"""/tasks: looking at them, and acting on them."""

from __future__ import annotations

from typing import Final

import falcon

from ..errors import WrongState
from ..model.access import Need
from ..model.states import TERMINAL
from ..service import Service
from ..store import Query
from . import options
from .action import Action
from .body import expect_nothing
from .documents import dump, result_bytes, status_document, task_bytes, task_summary
from .principal import principal_of
from .query import Option, Options, read_query
from .resource import NO_OPTIONS, Answer, Body, Resource, operation
from .submission import answer_created

LIST: Final[Options] = {
    "status": Option(options.status, options.any_of, about="Tasks in any of these states."),
    "worker": Option(options.worker, about="Tasks of this worker, also of one that is gone."),
    "label": Option(options.label, tuple, about="Tasks with all of these labels, key:value."),
    "text": Option(
        options.text, about="Tasks with this text in their id, worker, labels, progress or error."
    ),
    "limit": Option(options.limit, about="At most so many; 100 if not given."),
    "after": Option(options.cursor, about="The page after the one whose Next this is."),
}
CANCEL: Final[Options] = {
    "grace": Option(
        options.duration,
        about="From SIGTERM to SIGKILL, if shorter than the worker's own; 0s: at once.",
    )
}
RESTART: Final[Options] = {
    "from": Option(
        options.restart_from,
        about="failed: of a chain that has failed, only what has not completed, as the chain was.",
    )
}
_STATUS: Final = Answer("How the task is doing now.", "TaskStatus")


class Tasks(Resource):
    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation(
        "Lists tasks, the newest first.",
        Need.READ,
        LIST,
        answers={200: Answer("A page of them.", "TaskPage")},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        values = read_query(req, LIST)
        query = Query(
            state=values.get("status"),
            worker=values.get("worker"),
            labels=values.get("label", ()),
            text=values.get("text"),
            limit=values.get("limit", 100),
            after=values.get("after"),
            by=principal_of(req),
        )
        found, following = self._service.tasks(query)
        document: dict[str, object] = {"Tasks": [task_summary(task) for task in found]}
        if following is not None:
            document["Next"] = following
        resp.data = dump(document)


class Task(Action):
    @operation(
        "Everything about a task but its log.",
        Need.READ,
        answers={200: Answer("The task.", "Task")},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        read_query(req, NO_OPTIONS)
        task = self._service.task(task_id)
        steps = self._service.chains.steps(task)
        resp.data = task_bytes(task, self._service.secrets(task), steps)

    @operation(
        "Forgets a finished task, and removes its files.",
        Need.ADMIN,
        answers={204: Answer("It is gone.")},
        errors=(409,),
    )
    def on_delete(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        self._expect_nothing(req)
        self._service.delete(task_id)
        resp.status = falcon.HTTP_204


class Status(Resource):
    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation("How a task is doing.", Need.READ, answers={200: _STATUS})
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        read_query(req, NO_OPTIONS)
        resp.data = dump(status_document(self._service.task(task_id)))


class Result(Resource):
    def __init__(self, service: Service) -> None:
        self._service: Final = service

    @operation(
        "What a finished task has given.",
        Need.READ,
        answers={200: Answer("Its output or its error.", "TaskResult")},
        errors=(409,),
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        read_query(req, NO_OPTIONS)
        task = self._service.task(task_id)
        if task.state not in TERMINAL:
            raise WrongState(f"the task is {task.state}: it has no result yet", task.state)
        resp.data = result_bytes(task.id, task)


class Cancel(Action):
    @operation(
        "Cancels a task: SIGTERM, and SIGKILL after the grace.",
        Need.CANCEL,
        CANCEL,
        body=Body("Nothing"),
        answers={202: _STATUS},
        errors=(409,),
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        grace: int | None = read_query(req, CANCEL).get("grace")
        expect_nothing(req, self._max_body)
        state = self._service.cancel(task_id, grace)
        resp.status = falcon.HTTP_202
        resp.data = dump({"TaskId": task_id, "Status": state})


class Pause(Action):
    @operation(
        "Freezes a task: all its processes.",
        Need.CANCEL,
        body=Body("Nothing"),
        answers={200: _STATUS},
        errors=(409,),
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        self._expect_nothing(req)
        resp.data = dump({"TaskId": task_id, "Status": self._service.pause(task_id)})


class Resume(Action):
    @operation(
        "Lets a paused task go on.",
        Need.CANCEL,
        body=Body("Nothing"),
        answers={200: _STATUS},
        errors=(409,),
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        self._expect_nothing(req)
        resp.data = dump({"TaskId": task_id, "Status": self._service.resume(task_id)})


class Restart(Action):
    @operation(
        "Makes a new task of the same worker with the same parameters.",
        Need.RUN,
        RESTART,
        body=Body("Nothing"),
        headers=options.IDEMPOTENCY,
        answers={
            200: Answer(
                "The task that an earlier request with this key made.",
                "Created",
                headers=("Location",),
            ),
            201: Answer("The new task.", "Created", headers=("Location",)),
        },
        errors=(409, 507),
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response, task_id: str) -> None:
        from_failed = "from" in read_query(req, RESTART)
        key = options.idempotency_key(req)
        expect_nothing(req, self._max_body)
        submitted = self._service.restart(task_id, key, principal_of(req), from_failed=from_failed)
        answer_created(resp, submitted)
