"""The pipes that a process writes to, as far as they are open: read piece by piece, and left alone while the disk is
behind. In the loop's thread."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from functools import partial
from typing import Final

from ..store import Stream
from .loop import READ, Loop
from .output import Output
from .spawner import Spawned
from .stdin import unread_bytes

#: The most that is read from a pipe in a turn: a flood must not hold up the others.
_READ_SIZE: Final = 64 * 1024
#: ... from one that a worker has filled: its pipe is made twice as large. From 128 KiB on, a piece costs more than it
#: saves: malloc would map it, and the kernel clear it, each time.
_WIDE: Final = 120 * 1024
#: ... from a worker whose last piece had more messages than this: they take their time, up to 20 ms for 64 KiB.
_READ_LESS: Final = 16 * 1024
_MANY: Final = 100
#: Log bytes on their way to the disk: above, the worker's pipes are left alone; below, they are read again.
_HIGH_WATER: Final = 256 * 1024
_LOW_WATER: Final = 64 * 1024


class Pipes:
    """Gives `output` what is read. `read()` is called after each piece, `readable()` after each turn that had one, and
    `caught_up()` when pipes that were held may be watched again."""

    def __init__(
        self,
        spawned: Spawned,
        output: Output,
        loop: Loop,
        *,
        read: Callable[[], None],
        readable: Callable[[], None],
        caught_up: Callable[[], None],
    ) -> None:
        pipes = {spawned.stdout: Stream.STDOUT, spawned.stderr: Stream.STDERR}
        self._open: Final = {fd: stream for fd, stream in pipes.items() if fd is not None}
        self._output: Final = output
        self._loop: Final = loop
        self._has_read = read
        self._readable = readable
        self._caught_up = caught_up
        self._piece = _READ_SIZE
        self._wide: Final[set[int]] = set()
        #: They are left alone until the scribe has caught up; the worker then blocks in its write.
        self.held = False
        self._rests = False

    def __bool__(self) -> bool:
        """One is open."""
        return bool(self._open)

    @property
    def by_stream(self) -> dict[Stream, int]:
        """The descriptors of those that are open."""
        return {stream: fd for fd, stream in self._open.items()}

    def watch(self) -> None:
        for fd in self._open:
            self._loop.watch(fd, READ, partial(self._on_ready, fd))

    def unwatch(self) -> None:
        for fd in self._open:
            self._loop.unwatch(fd)

    def give_away(self) -> None:
        """To others, who watch and close them."""
        self.unwatch()
        self._open.clear()

    def close(self) -> None:
        for fd in list(self._open):
            self._close(fd)

    def detach(self) -> None:
        """Nobody is called any more, nor kept in memory."""
        self._has_read = self._readable = self._caught_up = _nothing

    # ------------------------------------------------------------------ reading

    def read_once(self, stream: Stream) -> None:
        """What is there now, and no more."""
        fd = self.by_stream.get(stream)
        if fd is not None:
            self._read_once(fd)

    def read_what_is_there(self) -> None:
        """All that an ended process wrote, and no more: one that it left behind may write for ever."""
        for fd in list(self._open):
            if not self._read(fd):
                continue
            self._read_once(fd)
            if fd in self._open:
                self._read(fd)  # the end, if that was all

    def _on_ready(self, fd: int, _events: int) -> None:
        self._read(fd)
        self._readable()

    def _read_once(self, fd: int) -> None:
        left = unread_bytes(fd)
        while left > 0 and (count := self._read(fd)):
            left -= count

    def _read(self, fd: int) -> int:
        """One piece of a pipe; gives its length, 0 if there was none now, or never will be again."""
        try:
            data = os.read(fd, self._piece)
        except BlockingIOError:
            return 0
        if not data:
            self._close(fd)
            return 0
        messages = self._output.feed(self._open[fd], data)
        if len(data) == _READ_SIZE:
            self._widen(fd)
        if messages > _MANY:
            self._piece = _READ_LESS
        else:
            self._piece = _WIDE if fd in self._wide else _READ_SIZE
        self._has_read()
        return len(data)

    def _widen(self, fd: int) -> None:
        """More in a turn, and fewer turns of worker, loop and scribe. Beyond the pages that a user may have in pipes
        (pipe(7)), it stays as it is."""
        if fd not in self._wide:
            self._wide.add(fd)
            with contextlib.suppress(OSError):
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 2 * _READ_SIZE)

    def _close(self, fd: int) -> None:
        self._loop.unwatch(fd)
        os.close(fd)
        self._output.close(self._open.pop(fd))

    # ------------------------------------------------------------------ while the disk is behind

    def hold_if_behind(self) -> None:
        if self.held or self._output.backlog <= _HIGH_WATER:
            return
        self.held = True
        self.unwatch()
        self.let_go()  # if the scribe caught up before it could see that we hold

    def on_written(self) -> None:
        """In the scribe's thread."""
        if self.held and self._output.backlog < _LOW_WATER:
            self._loop.call(self.let_go)

    def let_go(self) -> None:
        if not self.held or self._rests or self._output.backlog >= _LOW_WATER:
            return
        self.held = False
        self._caught_up()

    def rest(self) -> None:
        """What comes waits in the kernel, until `work`."""
        self._rests = True
        self.unwatch()

    def work(self) -> None:
        self._rests = False
        if self.held:
            self.let_go()
        else:
            self.watch()


def _nothing() -> None:
    pass
