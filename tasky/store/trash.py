"""Removing folders that a worker filled, in slices, whatever is in them.

What goes is renamed into the trash first, so that it is out of the way at once. From there it is deleted without
recursion: a folder that is not empty is moved up into the trash itself, so a tree of any depth takes three descriptors.
Nothing is ever followed: no link, no name out of the folder.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_SLICE: Final = 256  # entries between two turns of the scribe
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_EMPTY: Final = (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES, errno.EPERM)

log = logging.getLogger(__name__)


class Trash:
    """One thread's means of removing folders; `path` is on the same filesystem as they are."""

    def __init__(self, path: Path) -> None:
        self._fd: Final = os.open(path, _FOLDER)
        self._numbers: Final = itertools.count()
        self._full: list[str] = os.listdir(self._fd)  # what a former run left
        self._stuck: set[str] = set()

    def close(self) -> None:
        os.close(self._fd)

    def take(self, folder: str) -> None:
        """Move a folder into the trash; one that does not exist is no mistake."""
        with contextlib.suppress(FileNotFoundError):
            self._move(folder, None)

    def sweep(self) -> Iterator[None]:
        """Delete what is in the trash; yields now and then, to be continued later."""
        done = itertools.count(1)
        while self._full:
            name = self._full.pop()
            try:
                for _ in self._empty(name):
                    if next(done) % _SLICE == 0:
                        yield
                self._remove(name)
            except OSError as error:
                if name not in self._stuck:  # a mount, an immutable file: tried again at the next start
                    self._stuck.add(name)
                    log.warning("what a task left cannot be deleted: trash/%s: %s", name, error)

    @property
    def waits(self) -> bool:
        """Whether there is something to sweep."""
        return bool(self._full)

    def _remove(self, name: str) -> None:
        try:
            os.rmdir(name, dir_fd=self._fd)
        except NotADirectoryError:
            os.unlink(name, dir_fd=self._fd)
        except FileNotFoundError:
            pass

    def _empty(self, name: str) -> Iterator[None]:
        """Unlink what is in the folder, and move the folders in it up; yields after each."""
        try:
            fd = _open_folder(name, self._fd)
        except (NotADirectoryError, FileNotFoundError):
            return
        try:
            # Again and again: a directory that changes while it is read may hide an entry once.
            while entries := list(itertools.islice(_entries(fd), _SLICE)):
                for entry in entries:
                    self._drop(entry, fd)
                    yield
        finally:
            os.close(fd)

    def _drop(self, entry: os.DirEntry[str], fd: int) -> None:
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.name, dir_fd=fd)
            return
        try:
            os.rmdir(entry.name, dir_fd=fd)
        except OSError as error:
            if error.errno not in _NOT_EMPTY:
                raise
            self._move(entry.name, fd)

    def _move(self, name: str, fd: int | None) -> None:
        place = self._place()
        try:
            os.rename(name, place, src_dir_fd=fd, dst_dir_fd=self._fd)
        except PermissionError:
            make_writable(name, fd)  # a folder that moves is written to: its ".." changes
            os.rename(name, place, src_dir_fd=fd, dst_dir_fd=self._fd)
        self._full.append(place)

    def _place(self) -> str:
        return f"{os.getpid()}-{next(self._numbers)}"


def _entries(fd: int) -> Iterator[os.DirEntry[str]]:
    with os.scandir(fd) as entries:
        yield from entries


def _open_folder(name: str, parent: int) -> int:
    """Open it, and make it ours to change."""
    try:
        fd = os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        make_writable(name, parent)
        fd = os.open(name, _FOLDER, dir_fd=parent)
    with contextlib.suppress(PermissionError):
        os.fchmod(fd, 0o700)
    return fd


def make_writable(name: str, parent: int | None) -> None:
    """chmod of a folder without following a link that takes its place meanwhile."""
    fd = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{fd}", 0o700)  # noqa: PTH101 - an O_PATH descriptor knows no fchmod
    finally:
        os.close(fd)
