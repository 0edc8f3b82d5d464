"""Starts a process where direct.py cannot. Popen is used for that only: from then on the pidfd and waitid own it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping, Sequence

from . import inherit
from .direct import Started


def start(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    folder: str,
    with_stdin: bool,
    umask: int | None,
    lower_open_files: bool,
) -> Started:
    """As direct.start, but it enters a cgroup by what its `argv` begins with."""
    with contextlib.ExitStack() as undo, contextlib.ExitStack() as childs:
        stdin, childs_stdin = None, subprocess.DEVNULL
        if with_stdin:
            childs_stdin, stdin = os.pipe()
            _keep(childs_stdin, stdin, undo, childs)
        stdout, childs_stdout = os.pipe()
        _keep(childs_stdout, stdout, undo, childs)
        stderr, childs_stderr = os.pipe()
        _keep(childs_stderr, stderr, undo, childs)
        popen = subprocess.Popen(
            argv,
            stdin=childs_stdin,
            stdout=childs_stdout,
            stderr=childs_stderr,
            close_fds=True,
            start_new_session=True,
            cwd=folder,
            env=environment,
            umask=-1 if umask is None else umask,
        )
        popen.returncode = 0  # it must never wait for it: its number may be another's by then
        try:
            pidfd = os.pidfd_open(popen.pid)
        except OSError:  # out of descriptors: without one it cannot be supervised
            popen.returncode = None
            popen.kill()
            popen.wait()
            raise
        if lower_open_files:
            inherit.give_back(popen.pid)
        undo.pop_all()
    return Started(popen.pid, pidfd, stdin, stdout, stderr)


def _keep(theirs: int, ours: int, undo: contextlib.ExitStack, childs: contextlib.ExitStack) -> None:
    """Ours must not block; the child's must: its program expects that."""
    undo.callback(os.close, ours)
    childs.callback(os.close, theirs)
    os.set_blocking(ours, False)
