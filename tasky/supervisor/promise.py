"""A value that another thread will bring, once. A bare lock: a Future of concurrent.futures costs ten times as much."""

from __future__ import annotations

import threading
from typing import Final, Generic, TypeVar

from ..errors import TaskyError

T = TypeVar("T")


class Promise(Generic[T]):
    """`keep` or `fail` is called once, by any thread; `wait` by any number of threads."""

    __slots__ = ("_error", "_lock", "_value")

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        self._value: T | None = None
        self._error: TaskyError | None = None
        self._lock.acquire()

    def keep(self, value: T) -> None:
        self._value = value
        self._lock.release()

    def fail(self, error: TaskyError) -> None:
        self._error = error
        self._lock.release()

    def settle(self, value: T | None, error: TaskyError | None) -> None:
        """As a writer's `done` gives them: one of the two."""
        self._error = error
        self._value = value
        self._lock.release()

    def wait(self, seconds: float = -1) -> bool:
        """Whether the value (or error) is there within `seconds`; -1 waits for ever."""
        if not self._lock.acquire(timeout=min(seconds, threading.TIMEOUT_MAX)):
            return False
        self._lock.release()
        return True

    def get(self) -> T:
        """The value, when it has come; or the error, raised."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # None only where T allows it
