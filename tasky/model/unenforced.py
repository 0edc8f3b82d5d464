"""Keys of a definition whose values are checked but not yet obeyed: `limits` and `retry`. Pure.

A definition that uses one is refused, because a limit that is silently not kept is worse than none.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from .fields import Section, duration, integer, list_of, number, one_of, size

_LIMITS: Final = ("memory", "cpu", "processes", "open_files", "file_size", "output")
_RETRY: Final = ("attempts", "delay", "backoff", "on")
_REFUSAL: Final = "is not enforced by this version of Tasky: remove it"

_MIB: Final = 1024 * 1024
_EXBIBYTE: Final = 1024**6


class Cause(StrEnum):
    """The failures after which a task may be tried again. `lost` covers a stop of the server."""

    WORKER = "worker"
    EXIT = "exit"
    SIGNAL = "signal"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    PROTOCOL = "protocol"
    SPAWN = "spawn"
    LOST = "lost"


def check_limits(keys: Section) -> None:
    if "limits" not in keys:
        return
    limits = keys.section("limits", _LIMITS)
    limits.get("memory", size(_MIB, _EXBIBYTE, "1MiB or more"), 0)
    limits.get("cpu", number(0.01, 4096), 0)
    limits.get("processes", integer(1, 4_194_304), 0)
    limits.get("open_files", integer(4, 1_048_576), 0)
    limits.get("file_size", size(0, _EXBIBYTE, "0 or more"), 0)
    limits.get("output", size(0, _EXBIBYTE, "0 or more"), 0)
    keys.reject("limits", _REFUSAL, at_key=True)


def check_retry(keys: Section) -> None:
    if "retry" not in keys:
        return
    retry = keys.section("retry", _RETRY)
    retry.get("attempts", integer(1, 100), 1)
    retry.get("delay", duration(), 0)
    retry.get("backoff", number(1, 100), 1)
    retry.get("on", list_of(one_of(Cause), "[exit, timeout]"), ())
    keys.reject("retry", _REFUSAL, at_key=True)
