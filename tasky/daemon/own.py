"""The server's own process: its memory, its turns, its limits."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource
import sys
from typing import Final

from ..errors import TaskyError

#: Descriptors that a task takes (three pipes, a pidfd, one to spare); that the rest of the server cannot do without;
#: that it takes at the most (open logs, connections, the store).
_PER_TASK: Final = 5
_LEAST: Final = 512
_MOST: Final = 2560
#: malloc.h
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
#: Seconds after which a thread that computes lets another one go on; a fifth of Python's own, since each task passes
#: through six threads.
_TURN: Final = 0.001


def prepare(max_tasks: int) -> None:
    """For a server of so many tasks. TaskyError where there cannot be one."""
    sys.setswitchinterval(_TURN)
    _give_memory_back()
    _need_descriptors(max_tasks)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # of secrets, and inherited by all workers


def collect_seldom() -> None:
    """What is there now stays, and a task leaves hardly a cycle behind: looking for some every 700 objects costs more
    than they are worth (gc.freeze, gc.set_threshold)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def descriptors_lacking(max_tasks: int) -> str | None:
    """What is to be done where the hard limit of open files forbids `max_tasks`; None where it does not."""
    tasks = max_tasks * _PER_TASK
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or tasks + _LEAST <= hard:
        return None
    return (
        f"max_tasks: {max_tasks} needs {tasks + _LEAST} open files and the limit is {hard}:"
        f" raise it (ulimit -Hn, LimitNOFILE=) or set max_tasks to {(hard - _LEAST) // _PER_TASK}"
    )


def _need_descriptors(max_tasks: int) -> None:
    """Raises the soft limit of open files as far as `max_tasks` may need; an error where the hard one forbids it."""
    if lack := descriptors_lacking(max_tasks):
        raise TaskyError(lack)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        bound = sys.maxsize if hard == resource.RLIM_INFINITY else hard
        wanted = min(bound, max(soft, max_tasks * _PER_TASK + _MOST))
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _give_memory_back() -> None:
    """Has glibc's malloc use few arenas for all threads, and return big blocks to the system when they are freed, as
    it would until the first one (mallopt(3)). Without it, what one big body took stays taken in some thread's arena."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 256 << 10)
