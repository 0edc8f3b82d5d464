"""One step under way: its tasks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..states import State
from .plan import Step
from .records import End, Key, Record, StepState


class Run:
    """`items` are what it has a task for, each; `records` the former tasks of it, which are taken up."""

    def __init__(
        self,
        step: Step,
        items: Sequence[Any],
        scope: Mapping[str, Any],
        records: Mapping[int, Sequence[Record]],
    ) -> None:
        self.step: Final = step
        self.items: Final = items
        #: What the expressions of its params find, but for the item.
        self.scope: Final = scope
        #: The last one of each item that has ended.
        self.ends: Final[dict[int, End]] = {}
        #: Those that are ordered, with their attempts; and their tasks, once they are made.
        self.ordered: Final[dict[int, int]] = {}
        self.made: Final[dict[int, str]] = {}
        #: How many have failed or were canceled, and the first of them.
        self.failed = 0
        self.first_failed: int | None = None
        self._next = 0
        #: With how the attempt before ended.
        self._again: Final[dict[Key, End]] = {}
        for item, former in records.items():
            self._take_up(item, former)

    def begin(self) -> Iterator[Key]:
        """Tasks that are to be made now, as many as there may be at once."""
        while self._again and self._has_room():
            key = next(iter(self._again))
            del self._again[key]
            self.ordered[key.item] = key.attempt
            yield key
        while self._next < len(self.items) and self._has_room():
            item, self._next = self._next, self._next + 1
            if item not in self.ordered and item not in self.ends:
                self.ordered[item] = 1
                yield Key(self.step.name, item, 1)

    def halt(self) -> None:
        """No task is made any more: what was to be tried again has failed."""
        self._next = len(self.items)
        for key, end in self._again.items():
            self._over(key.item, end)
        self._again.clear()

    def end(self, key: Key, end: End) -> None:
        """Another attempt waits for its turn, where there is one."""
        self.ordered.pop(key.item, None)
        self.made.pop(key.item, None)
        if self._tries_again(key, end):
            self._again[key._replace(attempt=key.attempt + 1)] = end
        else:
            self._over(key.item, end)

    def _over(self, item: int, end: End) -> None:
        self.ends[item] = end
        if end.state is not State.COMPLETED:
            self.failed += 1
            self.first_failed = item if self.first_failed is None else self.first_failed

    @property
    def stands_still(self) -> bool:
        """Nothing of it is under way."""
        return not self.ordered

    @property
    def is_over(self) -> bool:
        return not self.ordered and not self._again and len(self.ends) == len(self.items)

    @property
    def state(self) -> StepState:
        """When nothing of it is under way any more."""
        if self.items and not self.ends:
            return StepState.UNREACHED
        states = {end.state for end in self.ends.values()}
        if State.FAILED in states:
            return StepState.FAILED
        if State.CANCELED in states or not self.is_over:
            return StepState.CANCELED
        return StepState.COMPLETED

    def _has_room(self) -> bool:
        most = self.step.max_parallel
        return not most or len(self.ordered) < most

    def _take_up(self, item: int, former: Sequence[Record]) -> None:
        last = max(former, key=lambda record: record.key.attempt)
        if last.end is None:
            self.ordered[item] = last.key.attempt
            self.made[item] = last.task_id
        else:
            self.end(last.key, last.end)

    def _tries_again(self, key: Key, end: End) -> bool:
        if end.state is not State.FAILED or end.failure is None:
            return False
        return self.step.retry.applies(end.failure.code, key.attempt)
