"""Starts a process by start.c: in its cgroup, with nothing executed before its program, at half of what Popen and a
shell cost. It is there where a C compiler was at the installation; elsewhere, Popen starts processes (by_popen.py).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping, Sequence
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any, Final, NamedTuple

from . import inherit

#: What it was at when it failed: those of start.c that say which file it was.
_ENTER: Final = 1
_FOLDER: Final = 2
_PROGRAM: Final = 3

_Strings = ctypes.POINTER(ctypes.c_char_p)


class Started(NamedTuple):
    """A process, and our ends of its pipes, which do not block; it has no `stdin` where it reads /dev/null."""

    pid: int
    pidfd: int
    stdin: int | None
    stdout: int
    stderr: int


class _Start(ctypes.Structure):
    """As in start.c."""

    _fields_ = (
        ("programs", _Strings),
        ("argv", _Strings),
        ("environment", _Strings),
        ("folder", ctypes.c_char_p),
        ("cgroup", ctypes.c_char_p),
        ("entry", ctypes.c_char_p),
        ("with_stdin", ctypes.c_int),
        ("umask", ctypes.c_int),
        ("open_files", ctypes.c_long),
        ("beside", ctypes.c_int),
        ("pidfd", ctypes.c_int),
        ("ours", ctypes.c_int * 3),
        ("theirs", ctypes.c_int * 3),
        ("stage", ctypes.c_int),
        ("error", ctypes.c_int),
    )


def _load() -> Any:
    """None where it was not built."""
    for suffix in EXTENSION_SUFFIXES:
        path = Path(__file__).with_name(f"_start{suffix}")
        if path.exists():
            function = ctypes.CDLL(str(path)).tasky_start
            function.argtypes = (ctypes.POINTER(_Start),)
            return function
    return None


_start: Any = _load()
#: As where clone3(2) cannot be had: for tests.
_beside: Final = False


def is_there() -> bool:
    return _start is not None


def start(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    folder: str,
    entry: str | None,
    with_stdin: bool,
    umask: int | None,
    lower_open_files: bool,
) -> Started:
    """A process in a session of its own, in `folder` and in the cgroup whose cgroup.procs is `entry`; no signal is
    blocked, and no descriptor open but its pipes. `lower_open_files`: to the limit that the server began with.

    A program without a slash is searched in the environment's PATH, as by execvp(3). Raises OSError, whose file name is
    that of the folder, of `entry` or of the program where it failed for these; ValueError for what no program can get.
    Blocks, without the interpreter's lock, until the program is executed."""
    asked = _Start(
        programs=_strings(_places(argv[0], environment)),
        argv=_strings(argv),
        environment=_strings(_variables(environment)),
        folder=os.fsencode(folder),
        cgroup=None if entry is None else os.fsencode(os.path.dirname(entry)),  # noqa: PTH120 - for every task
        entry=None if entry is None else os.fsencode(entry),
        with_stdin=with_stdin,
        umask=-1 if umask is None else umask,
        open_files=inherit.soft_limit() if lower_open_files else -1,
        beside=_beside,
    )
    pid: int = _start(asked)
    if pid < 0:
        named = {_ENTER: entry, _FOLDER: folder, _PROGRAM: argv[0]}.get(asked.stage)
        raise OSError(asked.error, os.strerror(asked.error), named)
    stdin, stdout, stderr = asked.ours
    return Started(pid, asked.pidfd, stdin if with_stdin else None, stdout, stderr)


def _places(program: str, environment: Mapping[str, str]) -> list[str]:
    if "/" in program:
        return [program]
    return [f"{folder or '.'}/{program}" for folder in os.get_exec_path(environment)]


def _variables(environment: Mapping[str, str]) -> list[str]:
    if any("=" in name for name in environment):
        raise ValueError("illegal environment variable name")
    return [f"{name}={value}" for name, value in environment.items()]


def _strings(texts: Sequence[str]) -> ctypes.Array[ctypes.c_char_p]:
    encoded = [os.fsencode(text) for text in texts]
    if any(b"\0" in each for each in encoded):
        raise ValueError("embedded null byte")
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded)
