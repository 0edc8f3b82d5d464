"""The parts of a worker's definition that say under what conditions its processes run: environment, user, limits,
retry. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

from .fields import (
    Mistake,
    Section,
    Wrong,
    describe,
    duration,
    integer,
    list_of,
    number,
    one_of,
    quoted,
    size,
    text,
    wrong,
)
from .limits import Limits
from .retry import RETRIED, Retry
from .reuse import Reuse
from .task import FailureCode

_LIMITS: Final = ("memory", "cpu", "processes", "open_files", "file_size", "output")
_RETRY: Final = ("attempts", "delay", "backoff", "jitter", "on")
_REUSE: Final = ("tasks", "idle")

_MIB: Final = 1024 * 1024
_EXBIBYTE: Final = 1024**6
#: Of the kernel (PID_MAX_LIMIT); more than any setting of fs.nr_open has by default.
_MOST_PROCESSES: Final = 4_194_304
_MOST_FILES: Final = 1_048_576
_MOST_TASKS: Final = 1_000_000

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_UMASK: Final = re.compile(r"(?:0o)?([0-7]{3,4})", re.ASCII)
#: SHUTDOWN is not among them: LOST covers it.
_CAUSES: Final = frozenset(FailureCode) - {FailureCode.SHUTDOWN}


def limits(keys: Section) -> Limits:
    section = keys.section("limits", _LIMITS)
    return Limits(
        memory=section.get("memory", size(_MIB, _EXBIBYTE, "1MiB or more"), None),
        cpu=section.get("cpu", number(0.01, 4096), None),
        processes=section.get("processes", integer(1, _MOST_PROCESSES), None),
        open_files=section.get("open_files", integer(4, _MOST_FILES), None),
        file_size=section.get("file_size", size(0, _EXBIBYTE, "0 or more"), None),
        output=section.get("output", size(0, _EXBIBYTE, "0 or more"), None),
    )


def retry(keys: Section) -> Retry:
    section = keys.section("retry", _RETRY)
    if "retry" in keys and "attempts" not in section and not keys.has_mistake("retry"):
        section.reject("attempts", "is missing: how many in all, the first one counted, such as 3")
    return Retry(
        attempts=section.get("attempts", integer(1, 100), 1),
        delay=section.get("delay", duration(), 0),
        backoff=section.get("backoff", number(1, 100), 1.0),
        jitter=section.get("jitter", number(0, 1), 0.1),
        on=frozenset(section.get("on", list_of(_cause, "[exit, timeout]"), RETRIED)),
    )


def reuse(keys: Section) -> Reuse | None:
    section = keys.section("reuse", _REUSE)
    if "reuse" not in keys:
        return None
    default = Reuse()
    return Reuse(
        tasks=section.get("tasks", integer(1, _MOST_TASKS), default.tasks),
        idle=section.get("idle", duration(low=1), default.idle),
    )


def umask(value: Any) -> int:
    """Of octal digits as text: 027 without quotes is 23 for YAML, and 27 is not what it looks like."""
    if not isinstance(value, str):
        raise wrong(f'must be octal digits in quotes, such as "027", not {describe(value)}')
    match = _UMASK.fullmatch(value)
    if match is None or int(match[1], 8) > 0o777:
        raise wrong(f'must be three octal digits in quotes, such as "027", not {describe(value)}')
    return int(match[1], 8)


nice = integer(-20, 19)


def _cause(value: Any) -> FailureCode:
    if value == FailureCode.SHUTDOWN:
        raise wrong("a stop of the server counts as lost: write lost")
    return one_of(FailureCode, _CAUSES)(text(value))


# ---------------------------------------------------------------------- environment


def filled(value: Any) -> str:
    word = text(value)
    if not word:
        raise wrong("must not be empty")
    return word


def absolute(value: Any) -> str:
    path = filled(value)
    if not path.startswith("/"):
        home = "; ~ is not expanded" if path.startswith("~") else ""
        raise wrong(f"must be an absolute path, not {quoted(path)}{home}")
    return path


def check_variable(name: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise wrong(
            f"{quoted(name)} is not a name of an environment variable (A-Z, a-z, 0-9 and _)"
        )
    if name.upper().startswith("TASKY_"):
        raise wrong(f"{name} cannot be set: Tasky itself sets the variables named TASKY_...")


def _variable(value: Any) -> str:
    name = text(value)
    check_variable(name)
    return name


def pass_env(value: Any) -> tuple[str, ...]:
    names = list_of(_variable, "[HTTP_PROXY]")(value)
    twice = [index for index, name in enumerate(names) if name in names[:index]]
    if twice:
        raise Wrong(*(Mistake((index,), f"{names[index]} is named twice") for index in twice))
    return names
