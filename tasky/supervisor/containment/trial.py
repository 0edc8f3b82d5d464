"""Whether cgroups really do here what is wanted of them: tried on one process."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from collections.abc import Iterator
from typing import Final

from . import files
from .home import Unavailable
from .shim import enter

_PATIENCE: Final = 5.0


def make(folder: str) -> None:
    """The folder of a server. Raises Unavailable."""
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    except OSError as error:
        raise Unavailable(f"no cgroup can be made in its own: {error.strerror}") from error


def try_out(folder: str) -> None:
    """Enter, freeze, kill what is frozen, remove: in a cgroup below `folder`. Raises Unavailable. Blocks."""
    leaf = f"{folder}/trial-{os.getpid()}"
    make(leaf)
    try:
        with _inside(leaf) as process:
            _freeze_and_kill(leaf, process)
    except OSError as error:
        raise Unavailable(f"{error.strerror}: {error.filename or leaf}") from error
    finally:
        with contextlib.suppress(OSError):
            files.end(leaf, _PATIENCE)


@contextlib.contextmanager
def _inside(leaf: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [*enter(f"{leaf}/cgroup.procs"), "cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it may be found frozen, when we have been killed: it must hold nothing of ours
        start_new_session=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            os.write(process.stdin.fileno(), b"?")
        poll = (
            select.poll()
        )  # not select(2): in a server that has many tasks, the descriptor may be beyond 1024
        poll.register(process.stdout, select.POLLIN)
        if not poll.poll(_PATIENCE * 1000):
            raise Unavailable("a process does not get into a cgroup of ours")
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _freeze_and_kill(leaf: str, process: subprocess.Popen[bytes]) -> None:
    if process.pid not in files.members(leaf):
        raise Unavailable("a process does not get into a cgroup of ours")
    files.write(leaf, "cgroup.freeze", "1")
    if not files.await_event(leaf, "frozen", 1, _PATIENCE):
        raise Unavailable("a cgroup cannot be frozen")
    try:
        files.write(leaf, "cgroup.kill", "1")
    except FileNotFoundError as error:
        raise Unavailable("cgroups have no cgroup.kill (Linux 5.14)") from error
    if not files.await_event(leaf, "populated", 0, _PATIENCE):
        raise Unavailable("what is in a cgroup cannot be killed")
