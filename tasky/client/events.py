"""What a server tells while it happens, as types: one class for each kind of event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

from .documents import LogDocument, ProgressDocument, ResultDocument, StatusDocument
from .errors import BadAnswer
from .sse import Frame


@dataclass(frozen=True, slots=True, match_args=False)
class Event:
    """Of a kind that has no class of its own: `name` is what the server calls it.

    `task_id` is empty where it is of no task. `id` is where the stream goes on behind this event (see `events` and
    `task_events` of the Client). `data` is the JSON as the server sent it.
    """

    __match_args__: ClassVar[tuple[str, ...]] = ("data",)

    name: str
    task_id: str
    id: str
    data: Any


@dataclass(frozen=True, slots=True, match_args=False)
class StatusEvent(Event):
    """The first event of a task's stream, and each change of its state."""

    data: StatusDocument


@dataclass(frozen=True, slots=True, match_args=False)
class ProgressEvent(Event):
    """How far a task has come. Only the latest counts: between two events there may have been others."""

    data: ProgressDocument


@dataclass(frozen=True, slots=True, match_args=False)
class LogEvent(Event):
    """A line of a task's log. None is left out."""

    data: LogDocument


@dataclass(frozen=True, slots=True, match_args=False)
class ResultEvent(Event):
    """A task has ended. In the stream of all tasks there is no `Output` in it: ask for it by `Client.result`."""

    data: ResultDocument


@dataclass(frozen=True, slots=True, match_args=False)
class DroppedEvent(Event):
    """This reader was too slow for the stream of all tasks: `count` events were left out here."""

    @property
    def count(self) -> int:
        count = self.data.get("count") if isinstance(self.data, dict) else None
        return count if isinstance(count, int) else 0


@dataclass(frozen=True, slots=True, match_args=False)
class ResetEvent(Event):
    """The stream of all tasks does not go on where this reader was (the server was restarted, or it is too long ago):
    look at what there is once more, by `Client.tasks`."""


_CLASSES: Final[Mapping[str, type[Event]]] = MappingProxyType(
    {
        "status": StatusEvent,
        "progress": ProgressEvent,
        "log": LogEvent,
        "result": ResultEvent,
        "dropped": DroppedEvent,
        "reset": ResetEvent,
    }
)


def event_of(frame: Frame, task_id: str = "") -> Event:
    """`task_id` is that of the stream, if it is of one task."""
    try:
        data = json.loads(frame.data)
    except ValueError:
        raise BadAnswer("the server sends an event that is not JSON") from None
    known = _CLASSES.get(frame.event, Event)
    own = data.get("TaskId") if isinstance(data, dict) else None
    return known(frame.event, own if isinstance(own, str) else task_id, frame.id, data)
