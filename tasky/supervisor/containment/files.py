"""The files of a cgroup (v2), by the path of its folder. They raise OSError."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import time

from .proc import whole


def read(folder: str, name: str) -> str:
    return whole(f"{folder}/{name}").decode()


def write(folder: str, name: str, value: str) -> None:
    fd = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


def values(folder: str, name: str) -> dict[str, int]:
    """A file of lines "key number"."""
    pairs = (line.split() for line in read(folder, name).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}


def populated(folder: str) -> bool:
    """Whether a process lives in it, or in one below it; no for one that is not there."""
    try:
        return values(folder, "cgroup.events").get("populated") != 0
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV):
            return False
        raise


def await_event(folder: str, key: str, value: int, seconds: float) -> bool:
    """Waits until cgroup.events says so. Blocks."""
    deadline = time.monotonic() + seconds
    with open(f"{folder}/cgroup.events", "rb", buffering=0) as file:  # noqa: PTH123
        poll = select.poll()
        poll.register(file, select.POLLPRI)
        while True:
            file.seek(0)
            if f"{key} {value}".encode() in file.readall().splitlines():
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            poll.poll(left * 1000)


def members(folder: str) -> list[int]:
    """The processes in it and below it; none of one that is not there."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        found += map(int, read(folder, "cgroup.procs").split())
        for name in _below(folder):
            found += members(f"{folder}/{name}")
    return found


def remove(folder: str) -> bool:
    """With those that a worker made below it; False while something is in one of them."""
    try:
        os.rmdir(folder)  # noqa: PTH106
        return True
    except FileNotFoundError:
        return True
    except OSError:
        pass
    try:
        for name in _below(folder):
            remove(f"{folder}/{name}")
        os.rmdir(folder)  # noqa: PTH106
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def end(folder: str, seconds: float) -> bool:
    """Kills all that is in it, and removes it; False if they do not end. Not if we are in it: False. Blocks."""
    try:
        if os.getpid() in members(folder):
            return False
        write(folder, "cgroup.kill", "1")
        await_event(folder, "populated", 0, seconds)
    except FileNotFoundError:
        return True
    return remove(folder)


def _below(folder: str) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
