"""Moving what a worker announced as an artifact out of its work folder, and nothing else.

The worker chose the path and may still run: every step goes through the descriptor of the folder before it, no link is
followed, and what has arrived is looked at again.
"""

from __future__ import annotations

import contextlib
import mimetypes
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from ..crash import Point, crash_at
from ..model.task import Artifact
from .folders import make_private

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PRIVATE: Final = 0o700
_SHOWN: Final = 200  # characters of a path in a note


class Announcement(Protocol):
    """What the worker said (the protocol's artifact message)."""

    @property
    def path(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def media_type(self) -> str | None: ...


class Refused(Exception):
    """This is not kept. The message is for the task's log."""


def collect(
    work: str, files: str, announced: Iterable[Announcement]
) -> tuple[list[Artifact], list[str]]:
    """Move the announced files from `work` into `files`; gives those kept, and why the others were not. Of several
    announcements of one path the last holds."""
    notes: list[str] = []
    wanted: dict[tuple[str, ...], Announcement] = {}
    for item in announced:
        try:
            steps = _steps(item.path, work)
        except Refused as refusal:
            notes.append(_note(item, f"was refused: {refusal}"))
        else:
            wanted.pop(steps, None)
            wanted[steps] = item
    kept: list[Artifact] = []
    for steps, item in wanted.items():
        try:
            size = _move(work, files, steps)
        except Refused as refusal:
            notes.append(_note(item, f"was refused: {refusal}"))
        except OSError as error:
            notes.append(_note(item, f"could not be kept: {error.strerror}"))
        else:
            crash_at(Point.ARTIFACT_MOVED)
            kept.append(_artifact(steps, item, size))
    return kept, notes


def _note(item: Announcement, what: str) -> str:
    path = item.path if len(item.path) <= _SHOWN else f"{item.path[:_SHOWN]}…"
    return f"artifact {path!r} {what}"


def _artifact(steps: Sequence[str], item: Announcement, size: int) -> Artifact:
    guessed = mimetypes.guess_type(steps[-1], strict=False)[0]
    return Artifact(
        path="/".join(steps),
        name=item.name or steps[-1],
        media_type=item.media_type or guessed or "application/octet-stream",
        size=size,
    )


def _steps(path: str, work: str) -> tuple[str, ...]:
    """The names on the way down from the work folder. An absolute path may name the work folder itself."""
    if path.startswith(f"{work}/"):
        path = path[len(work) + 1 :]
    steps = tuple(step for step in path.split("/") if step not in ("", "."))
    if path.startswith("/") or ".." in steps:
        raise Refused("it is outside of the task's work folder")
    if not steps:
        raise Refused("it names no file")
    try:
        name = os.fsencode(path)
    except UnicodeEncodeError:  # half a surrogate pair
        name = b"\0"
    if b"\0" in name:
        raise Refused("no file can have this name")
    return steps


def _move(work: str, files: str, steps: Sequence[str]) -> int:
    """Rename the file and give its size."""
    *folders, name = steps
    owner = os.stat(work, follow_symlinks=False).st_uid  # noqa: PTH116
    with _descend(work, folders) as source:
        found = os.stat(name, dir_fd=source, follow_symlinks=False)
        _must_be_its_own(found, owner)
        with _descend(files, folders, make=True) as target:
            _rename(name, source, target)
            arrived = os.stat(name, dir_fd=target, follow_symlinks=False)
            if not _same(found, arrived):
                os.rename(name, name, src_dir_fd=target, dst_dir_fd=source)
                raise Refused("it changed while it was moved")
            if not arrived.st_mode & stat.S_IRUSR:
                os.chmod(name, 0o600, dir_fd=target)
            return arrived.st_size


def _must_be_its_own(found: os.stat_result, owner: int) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise Refused("it is a symbolic link")
    if not stat.S_ISREG(found.st_mode):
        raise Refused("it is not a regular file")
    # Another user's file that a worker linked or moved here would be served with this server's rights. Root can read
    # everything anyway.
    if found.st_uid != owner and owner != 0:
        raise Refused("it belongs to another user")


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return stat.S_ISREG(other.st_mode) and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _rename(name: str, source: int, target: int) -> None:
    try:
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
    except PermissionError:
        os.fchmod(source, _PRIVATE)  # the worker took its own right to write there
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)


@contextlib.contextmanager
def _descend(top: str, folders: Sequence[str], *, make: bool = False) -> Iterator[int]:
    """A descriptor of the folder under `top`, reached without following a link."""
    if make:
        make_private(top)
    fd = os.open(top, _FOLDER)
    try:
        for folder in folders:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(folder, _PRIVATE, dir_fd=fd)
            deeper = _open(folder, fd)
            os.close(fd)
            fd = deeper
        yield fd
    finally:
        os.close(fd)


def _open(folder: str, parent: int) -> int:
    try:
        return os.open(folder, _FOLDER, dir_fd=parent)
    except NotADirectoryError:
        raise Refused("a folder on the way to it is a link, or no folder") from None
