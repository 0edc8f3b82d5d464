"""Whether a program can be executed, told before it is tried: behind other tools, what the kernel says of it would be
lost, and some of them run what is no program as a shell script."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path
from typing import Final

from .identity import Identity

#: Of the kernel: as much of a program as it looks at (BINPRM_BUF_SIZE), and how often one may name another.
_HEAD: Final = 256
_DEPTH: Final = 5
_BLANKS: Final = b" \t"
_FORMATS: Final = "/proc/sys/fs/binfmt_misc"


def check(program: str, cwd: str, who: Identity | None) -> None:
    """Raises the OSError that execve(2) would, in the folder `cwd`, as somebody else if `who` is given. What only the
    kernel knows (a program that is being written to, or made for another machine) is not found."""
    path: str | None = program
    for _ in range(_DEPTH + 1):
        assert path is not None
        _check_mode(path, who)
        path = _interpreter(path, cwd)
        if path is None:
            return
    raise _error(errno.ELOOP, program)


def _check_mode(path: str, who: Identity | None) -> None:
    is_file = stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
    allowed = is_file and os.access(path, os.X_OK)  # also: whether the file system is for programs
    if allowed and who is not None:
        folders = map(str, Path(path).parents)
        allowed = who.may(1, path) and all(who.may(1, folder) for folder in folders)
    if not allowed:
        raise _error(errno.EACCES, path)


def _interpreter(path: str, cwd: str) -> str | None:
    """What the first line of a script asks for (fs/binfmt_script.c); None for what is no script, or cannot be read."""
    try:
        head = _head(path)
    except OSError:
        return None
    if head.startswith(b"\x7fELF") or (b"\0" in head and _has_formats()):
        return None
    if not head.startswith(b"#!"):
        raise _error(errno.ENOEXEC, path)
    line, newline, _ = head[2:].partition(b"\n")
    line = line.strip(_BLANKS)
    name, *rest = re.split(rb"[ \t\0]", line, maxsplit=1)
    cut_off = not newline and not rest and len(head) == _HEAD
    if cut_off or (newline and not line):
        raise _error(errno.ENOEXEC, path)
    return os.path.join(cwd, os.fsdecode(name))  # noqa: PTH118


def _head(path: str) -> bytes:
    # Without O_NONBLOCK, opening what has become a FIFO meanwhile would wait.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(fd, _HEAD)
    finally:
        os.close(fd)


def _has_formats() -> bool:
    """Whether formats of programs were registered (binfmt_misc)."""
    try:
        return bool({*os.listdir(_FORMATS)} - {"register", "status"})  # noqa: PTH208
    except OSError:
        return False


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
