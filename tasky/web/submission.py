"""What all requests that make a task have in common: their options, waiting for the end, the answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import falcon

from ..model.notify import MAX_HOOKS
from ..model.states import TERMINAL
from ..service import Options as TaskOptions
from ..service import Service, Submitted
from . import options
from .documents import dump, result_bytes, status_document
from .principal import principal_of
from .query import Option, Options
from .resource import Answer

TASKS: Final = "/tasky/v1/tasks"

SUBMIT: Final[Options] = {
    "wait": Option(
        options.wait, about="Holds the answer until the task has ended, for so long at most: 1h."
    ),
    "timeout": Option(
        options.timeout, about="The task fails after so long; instead of the worker's own."
    ),
    "priority": Option(
        options.priority,
        about="Of the tasks that wait, those with a higher one start first; 0 if not given.",
    ),
    "label": Option(
        options.label, options.distinct, about="key:value, to find tasks by; each key once."
    ),
    "at": Option(options.at, about="It does not start before; a time that has passed is now."),
    "notify": Option(
        options.notify,
        options.each_once,
        about="[ENDS:]URL that is told of the task's end.",
        most=MAX_HOOKS,
    ),
}
_LOCATED: Final = ("Location",)
ANSWERS: Final = {
    200: Answer(
        "The end, with `wait`. Or the task that an earlier request with this key made.",
        "CreatedOrResult",
        headers=_LOCATED,
    ),
    201: Answer("The new task.", "Created", headers=_LOCATED),
    202: Answer("With `wait`: it has not ended in time.", "TaskStatus", headers=_LOCATED),
}


def task_options(req: falcon.Request, query: Mapping[str, Any], key: str | None) -> TaskOptions:
    """From what `read_query` gave for SUBMIT."""
    return TaskOptions(
        timeout=query.get("timeout"),
        priority=query.get("priority", 0),
        labels=query.get("label", ()),
        not_before=query.get("at"),
        idempotency_key=key,
        notify=query.get("notify", ()),
        by=principal_of(req),
    )


class Waiting:
    """At most so many requests are held until a task has ended, so that threads are left for all others: one more is
    answered at once."""

    def __init__(self, most: int) -> None:
        self._places: Final = threading.BoundedSemaphore(most)

    def submit(
        self, seconds: float | None, submit: Callable[[float | None], Submitted]
    ) -> Submitted:
        if seconds is None or not self._places.acquire(blocking=False):
            return submit(None)
        try:
            return submit(seconds)
        finally:
            self._places.release()


def answer(resp: falcon.Response, service: Service, submitted: Submitted, *, waited: bool) -> None:
    """That it is made; or, if the end was waited for, 200 with the result or 202 with the status."""
    if not waited:
        answer_created(resp, submitted)
        return
    resp.set_header("Location", f"{TASKS}/{submitted.task_id}")
    if submitted.ended is not None:
        resp.data = result_bytes(submitted.task_id, submitted.ended.outcome)
        return
    task = service.task(submitted.task_id)
    if task.state in TERMINAL:
        resp.data = result_bytes(task.id, task)
    else:
        resp.status = falcon.HTTP_202
        resp.data = dump(status_document(task))


def answer_created(resp: falcon.Response, submitted: Submitted) -> None:
    """201 for a new task; 200 where an Idempotency-Key led to an earlier one."""
    resp.status = falcon.HTTP_201 if submitted.created else falcon.HTTP_200
    resp.set_header("Location", f"{TASKS}/{submitted.task_id}")
    resp.data = b'{"TaskId":"%s"}\n' % submitted.task_id.encode()
