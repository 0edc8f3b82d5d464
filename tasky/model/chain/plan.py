"""What a chain consists of: steps, and which wait for which. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from ..retry import Retry
from .expression import Expression
from .template import Template


class OnFailure(StrEnum):
    """What becomes of a chain when a step of it has failed."""

    STOP = "stop"  #: no further step begins, and the chain fails
    CONTINUE = "continue"  #: it goes on as if the step had succeeded


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step. With `for_each` it is one task for each element of that list, at most `max_parallel` of them at once
    (0: all). `needs` are the steps that it waits for; `timeout` is in ns, None the worker's own; `is_last`: it is one
    of `finally`."""

    name: str
    worker: str
    params: Template = field(default_factory=lambda: Template({}))
    needs: tuple[str, ...] = ()
    when: Expression | None = None
    for_each: Template | None = None
    max_parallel: int = 0
    on_failure: OnFailure = OnFailure.STOP
    timeout: int | None = None
    retry: Retry = field(default_factory=Retry)
    is_last: bool = False

    @property
    def section(self) -> str:
        """The key of the definition that it stands under."""
        return "finally" if self.is_last else "chain"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The steps by name, those of `finally` behind the others. `document` is what it was read from, and is read again
    after a restart of the server; `output` None: the last step's own."""

    steps: Mapping[str, Step]
    output: Template | None = None
    document: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def before(self) -> Mapping[str, frozenset[str]]:
        """The steps that have ended when one begins."""
        main = frozenset(name for name, step in self.steps.items() if not step.is_last)
        found: dict[str, frozenset[str]] = {}
        for name in in_order(self.steps):
            step = self.steps[name]
            own = frozenset(step.needs).union(*(found[each] for each in step.needs))
            found[name] = own | main if step.is_last else own
        return found

    @property
    def workers(self) -> frozenset[str]:
        return frozenset(step.worker for step in self.steps.values())


def in_order(steps: Mapping[str, Step]) -> list[str]:
    """The names, each behind those that it needs. ValueError with a circle where there is one, as "a -> b -> a"."""
    order: dict[str, None] = {}
    for start in steps:
        path: dict[str, None] = {}
        stack = [(start, iter(steps[start].needs))]
        path[start] = None
        while stack:
            name, needs = stack[-1]
            need = next((each for each in needs if each not in order), None)
            if need is None:
                order[name] = None
                del path[name]
                stack.pop()
            elif need in path:
                raise ValueError(_circle(path, need))
            else:
                path[need] = None
                stack.append((need, iter(steps[need].needs)))
    return list(order)


def _circle(path: Iterable[str], again: str) -> str:
    names = list(path)
    return " -> ".join([*names[names.index(again) :], again])
