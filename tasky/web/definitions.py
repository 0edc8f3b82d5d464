"""/definitions: the workers' files as they were read, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import falcon

from ..model.access import Need
from ..model.chain.parsing import KEYS as CHAIN_KEYS
from ..model.limits import Limits
from ..model.masking import MASK
from ..model.notify import Hook, Url
from ..model.retry import Retry
from ..model.units import format_duration
from ..model.worker import KEYS, WorkerDefinition
from ..service import Service
from .documents import Document, dump, schedule_document
from .health import Readiness, problem_document
from .query import read_query
from .resource import NO_OPTIONS, Answer, Resource, operation

_DEFAULTS: Final = WorkerDefinition(name="", command=())
_ALWAYS: Final = frozenset({"name", "command", "protocol", "enabled"})
#: Those that are shown each as it is, or by _SHOWN.
_KEYS: Final = tuple(key for key in KEYS if key not in (*CHAIN_KEYS, "schedule"))


class Definitions(Resource):
    tag = "workers"

    def __init__(self, service: Service, ready: Callable[[], Readiness]) -> None:
        self._service: Final = service
        self._ready: Final = ready

    @operation(
        "The definitions in force, as they were read, and the mistakes of the last reload.",
        Need.ADMIN,
        answers={200: Answer("All of them, by name.", "Definitions")},
    )
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        read_query(req, NO_OPTIONS)
        files = self._service.files
        resp.data = dump(
            {
                "definitions": [
                    {
                        "name": name,
                        "file": files.get(name, ""),
                        "definition": definition_document(definition),
                    }
                    for name, definition in sorted(self._service.definitions.items())
                ],
                "problems": [problem_document(problem) for problem in self._ready().problems],
            }
        )


def definition_document(definition: WorkerDefinition) -> Document:
    """With the keys of its file, without those that say what would hold anyway. What may be secret is not shown: the
    values of `env`, and what is in a URL behind its path."""
    document: Document = {}
    for key in _KEYS:
        value = _value(definition, key)
        if key in _ALWAYS or value != _value(_DEFAULTS, key):
            document[key] = _SHOWN[key](value) if key in _SHOWN else value
    if definition.chain is not None:
        document |= definition.chain.document
    if definition.schedule is not None:
        shown = schedule_document(definition, 0)
        document["schedule"] = {key: value for key, value in shown.items() if key != "next"}
    return document


def _value(definition: WorkerDefinition, key: str) -> Any:
    return (
        definition.parameters.schema["properties"] if key == "params" else getattr(definition, key)
    )


def _retry(retry: Retry) -> Document:
    return {**asdict(retry), "delay": format_duration(retry.delay), "on": sorted(retry.on)}


def _limits(limits: Limits) -> Document:
    return {key: value for key, value in asdict(limits).items() if value is not None}


def _hooks(hooks: Sequence[Hook]) -> list[Document]:
    return [{"url": Url.parse(hook.url).shown, "on": sorted(hook.on)} for hook in hooks]


_SHOWN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "timeout": format_duration,
    "kill_grace": format_duration,
    "env": lambda env: dict.fromkeys(env, MASK),
    "umask": "{:03o}".format,
    "limits": _limits,
    "retry": _retry,
    "reuse": lambda reuse: {"tasks": reuse.tasks, "idle": format_duration(reuse.idle)},
    "notify": _hooks,
}
