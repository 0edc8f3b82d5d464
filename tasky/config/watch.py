"""Watches the folder of the definitions, and calls when it has changed and then been left alone for a moment.

Events come from inotify through watchdog. Besides the folder, the entries that lead to it are watched: a folder that is
replaced, or the link to it, takes the folder's own watch along.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from watchdog.events import DirModifiedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from .files import mode_of

log = logging.getLogger(__name__)

#: Seconds without an event that end a change; a folder that is never left alone is not waited for longer than that.
_QUIET: Final = 0.3
_PATIENCE: Final = 2.0
#: What reading causes. (Other versions of watchdog have other kinds of events, so the rest is not listed.)
_READING: Final = frozenset({"opened", "closed_no_write"})

#: A directory as it is now: another one may get its path.
Identity: TypeAlias = tuple[str, int, int]


class FolderWatch(FileSystemEventHandler):
    """Calls `call` in a thread of its own, some time after each change of the folder: of its files, their modes, or
    itself. Changes of what links in it lead to are not seen."""

    def __init__(self, folder: Path, call: Callable[[], None]) -> None:
        self._folder: Final = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay
        self._call: Final = call
        self._thread: Final = threading.Thread(target=self._run, name="config-watch", daemon=True)
        self._wake: Final = threading.Event()
        self._stopping: Final = threading.Event()
        self._observer: BaseObserver | None = None
        self._watches: dict[Identity, ObservedWatch] = {}
        self._entries: frozenset[str] = frozenset()
        self._real = ""

    def start(self) -> None:
        """From here on changes are seen. Without inotify there is a warning, and SIGHUP is what remains."""
        try:
            observer = Observer()
            observer.start()
        except OSError as error:
            _warn(self._folder, error)
            return
        self._observer = observer
        self._arm(observer)
        self._thread.start()

    def close(self) -> None:
        """Returns when nothing more will be called."""
        self._stopping.set()
        self._wake.set()
        if self._observer is None:
            return
        self._thread.join()
        self._observer.stop()
        self._observer.join()
        self._observer = None

    def dispatch(self, event: FileSystemEvent) -> None:
        """In watchdog's thread."""
        # A directory is told to be modified for each event in it.
        if event.event_type in _READING or isinstance(event, DirModifiedEvent):
            return
        if any(self._matters(os.fsdecode(path)) for path in (event.src_path, event.dest_path)):
            self._wake.set()

    def _matters(self, path: str) -> bool:
        return path in self._entries or os.path.dirname(path) == self._real  # noqa: PTH120

    def _run(self) -> None:
        while self._wake.wait() and not self._stopping.is_set():
            self._await_quiet()
            if self._stopping.is_set():
                return
            try:
                assert self._observer is not None
                self._arm(self._observer)  # first: what changes from now on is seen
                self._call()
            except Exception:  # the top of the thread
                log.exception("unexpected error in the watch of %s", self._folder)

    def _await_quiet(self) -> None:
        end = time.monotonic() + _PATIENCE
        while (left := end - time.monotonic()) > 0:
            self._wake.clear()
            if self._stopping.is_set() or not self._wake.wait(min(left, _QUIET)):
                return
        self._wake.clear()

    def _arm(self, observer: BaseObserver) -> None:
        """Watches what is there now, and nothing else."""
        real = Path(os.path.realpath(self._folder))
        entries = set(_entries(self._folder, real))
        wanted = {identity for entry in entries if (identity := _identify(entry.parent))}
        inner = _identify(real)
        if inner:
            wanted.add(inner)
        self._real = str(real)
        # A directory that is watched tells of its own end by its own path.
        self._entries = frozenset({*map(str, entries), *(path for path, _, _ in wanted)})
        for gone in self._watches.keys() - wanted:
            observer.unschedule(self._watches.pop(gone))
        for identity in wanted - self._watches.keys():
            try:
                self._watches[identity] = observer.schedule(self, identity[0])
            except FileNotFoundError:
                self._wake.set()  # gone meanwhile: another look
            except OSError as error:
                _warn(Path(identity[0]), error)


def _entries(folder: Path, real: Path) -> Iterator[Path]:
    """The entries of directories that decide which directory `folder` is: its own, its links', or for one that is not
    there the first one that is missing."""
    links = [path for path in (folder, *folder.parents) if os.path.islink(path)]  # noqa: PTH114 - no exception
    for path in (folder, real, *links):
        while not stat.S_ISDIR(mode_of(path.parent)):
            path = path.parent
        yield Path(os.path.realpath(path.parent)) / path.name


def _identify(directory: Path) -> Identity | None:
    try:
        status = directory.stat()
    except OSError:
        return None
    is_directory = stat.S_ISDIR(status.st_mode)
    return (str(directory), status.st_dev, status.st_ino) if is_directory else None


def _warn(path: Path, error: OSError) -> None:
    log.warning("%s is not watched (%s): reload the workers with SIGHUP", path, error)
