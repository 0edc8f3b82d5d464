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
from collections.abc import Generator
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
        self._run: Final = os.urandom(8).hex()  # so no name is met that another process gave
        self._numbers: Final = itertools.count()
        self._full: Final[list[str]] = os.listdir(self._fd)  # noqa: PTH208 - what a former run left
        self._work: Final = self._sweep()

    def close(self) -> None:
        self._work.close()
        os.close(self._fd)

    def take(self, folder: str) -> None:
        """Move a folder into the trash; one that does not exist is no mistake."""
        with contextlib.suppress(FileNotFoundError):
            self._move(folder, None)

    def sweep(self) -> bool:
        """Delete a slice of what is in the trash; False when that was all."""
        return all(next(self._work, False) for _ in range(_SLICE))

    @property
    def waiting(self) -> int:
        """How many folders are still to be opened."""
        return len(self._full)

    def _sweep(self) -> Generator[bool, None, None]:
        """Yields True after each entry, False when there is none."""
        while True:
            while self._full:
                name = self._full.pop()
                try:
                    yield from self._empty(name)
                    self._remove(name)
                except OSError as error:
                    # A mount, an immutable file: tried again at the next start.
                    log.warning("what a task left cannot be deleted: trash/%s: %s", name, error)
                yield True
            yield False

    def _empty(self, name: str) -> Generator[bool, None, None]:
        """Unlink what is in the folder, and move the folders in it up; yields after each."""
        try:
            fd = _open_folder(name, self._fd)
        except NotADirectoryError:
            return
        try:
            # Again and again: a directory that changes while it is read may hide an entry once.
            gone, failure = 1, None
            while gone:
                gone, failure = 0, None
                with os.scandir(fd) as entries:
                    for entry in entries:
                        try:
                            self._drop(entry, fd)
                            gone += 1
                        except OSError as error:
                            failure = error
                        yield True
        finally:
            os.close(fd)
        if failure is not None:
            raise failure

    def _remove(self, name: str) -> None:
        try:
            os.rmdir(name, dir_fd=self._fd)
        except NotADirectoryError:
            os.unlink(name, dir_fd=self._fd)

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
        place = f"{self._run}-{next(self._numbers)}"
        try:
            os.rename(name, place, src_dir_fd=fd, dst_dir_fd=self._fd)
        except PermissionError:
            _make_writable(name, fd)  # a folder that moves is written to: its ".." changes
            os.rename(name, place, src_dir_fd=fd, dst_dir_fd=self._fd)
        self._full.append(place)


def _open_folder(name: str, parent: int) -> int:
    """Open it, and make it ours to change."""
    try:
        fd = os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        _make_writable(name, parent)
        fd = os.open(name, _FOLDER, dir_fd=parent)
    with contextlib.suppress(PermissionError):
        os.fchmod(fd, 0o700)
    return fd


def _make_writable(name: str, parent: int | None) -> None:
    """chmod of a folder without following a link that takes its place meanwhile."""
    fd = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{fd}", 0o700)  # noqa: PTH101 - an O_PATH descriptor knows no fchmod
    finally:
        os.close(fd)
