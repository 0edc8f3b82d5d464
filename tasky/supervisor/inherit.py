"""What a worker would inherit of the server and should not: how many open files the server has allowed itself.

A program that uses select(2), or closes every descriptor that there could be, is best off with the system's own limit.
"""

from __future__ import annotations

import contextlib
import resource

#: As it was when this process began: the server raises it later.
_soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def soft_limit() -> int:
    """What workers get."""
    return _soft


def go_on(soft: int) -> None:
    """From a server that this process was before, and that had raised the limit already."""
    global _soft
    _soft = soft


def give_back(pid: int) -> None:
    """Sets the soft limit of a program that has just been started. A tool that did it beforehand would cost every start
    a millisecond; this takes two system calls, and the program may have run for some microseconds by then: if it has
    set a limit itself, it keeps that."""
    ours, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError):  # it has ended, or become another user
        if ours != _soft and resource.prlimit(pid, resource.RLIMIT_NOFILE) == (ours, hard):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (_soft, hard))
