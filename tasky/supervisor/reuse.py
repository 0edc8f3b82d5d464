"""Whether a process that has answered is as it was before it had the task: then it may have another."""

from __future__ import annotations

import os
from collections.abc import Collection

from .output import Output
from .spawner import Spawned
from .stdin import unread_bytes


def what_is_left(spawned: Spawned, output: Output, pipes: Collection[int]) -> str | None:
    """Why it cannot have another, for the log of its task; None if it can. `pipes`: those of its output that are
    open."""
    try:
        return _of_pipes(spawned, output, pipes) or _of_processes(spawned)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        return f"its processes cannot be looked at ({reason}): not kept for another task"


def _of_pipes(spawned: Spawned, output: Output, pipes: Collection[int]) -> str | None:
    stdin = spawned.stdin
    if len(pipes) < 2:
        return "it has closed its output: not kept for another task"
    if output.says_more or any(map(unread_bytes, pipes)):
        return "it went on writing after its answer: dropped, and its process is ended"
    if stdin is None or stdin.fd is None or stdin.unread:
        return "it answered before it had read its task: not kept for another"
    return None


def _of_processes(spawned: Spawned) -> str | None:
    if count := spawned.tree.others():
        return f"leftover processes: {count}; not kept for another task"
    if spawned.tree.out_of_memory:
        return "the kernel had to end a process of it for want of memory: not kept for another task"
    return None
