"""Where lines go: a descriptor, or the journal. May wait for as long as whoever reads there does."""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol, TextIO

from . import forms
from .journal import SOCKET, Journal


class Sink(Protocol):
    def write(self, record: logging.LogRecord) -> None:
        """Raises OSError if it is lost."""

    def close(self) -> None: ...


class Stream:
    """Past Python's buffers: a thread that waits in one of these would keep the interpreter from ending."""

    def __init__(
        self, stream: TextIO | None, form: Callable[[logging.LogRecord], bytes] = forms.text
    ) -> None:
        self._stream: Final = stream
        self._form: Final = form
        self._fd: Final = _descriptor(stream)
        self._is_torn = False

    def write(self, record: logging.LogRecord) -> None:
        data = self._form(record)
        if self._fd is not None:
            self._write_all(data)
        elif self._stream is not None:
            self._stream.write(data.decode())
            self._stream.flush()

    def close(self) -> None:
        """It is not ours."""

    def _write_all(self, data: bytes) -> None:
        assert self._fd is not None
        rest = b"\n" + data if self._is_torn else data
        whole = len(rest)
        try:
            while rest:
                rest = rest[self._write_some(rest) :]
        except OSError:
            # Where it came through in part, as on a full disk, the next one begins a line of its own.
            self._is_torn = self._is_torn or len(rest) < whole
            raise
        self._is_torn = False

    def _write_some(self, data: bytes) -> int:
        assert self._fd is not None
        try:
            return os.write(self._fd, data)
        except BlockingIOError:  # whoever shares the terminal or the pipe has made it so
            poll = select.poll()
            poll.register(self._fd, select.POLLOUT)
            poll.poll()
            return 0


class JournalSink:
    """Without a journal, on stderr with priorities: each line for itself, for it may come back."""

    def __init__(self, stream: TextIO | None, path: Path = SOCKET) -> None:
        self._journal: Final = Journal(path)
        self._stderr: Final = Stream(stream, forms.prefixed)

    def write(self, record: logging.LogRecord) -> None:
        try:
            self._journal.send(record)
        except OSError:
            self._stderr.write(record)

    def close(self) -> None:
        self._journal.close()


def sink_of(form: str, stream: TextIO | None, environ: Mapping[str, str]) -> Sink:
    """`form` is one of auto, text, json, journal."""
    if form == "journal" or (form == "auto" and is_journal(_descriptor(stream), environ)):
        return JournalSink(stream)
    return Stream(stream, forms.as_json if form == "json" else forms.text)


def is_journal(fd: int | None, environ: Mapping[str, str]) -> bool:
    """Whether this descriptor is the one that systemd has connected with the journal. The variable alone says nothing:
    whoever is started by a service inherits it, too (sd-daemon(3))."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    if fd is None or not (device.isdecimal() and inode.isdecimal()):
        return False
    try:
        found = os.fstat(fd)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (int(device), int(inode))


def _descriptor(stream: TextIO | None) -> int | None:
    """None: it is closed, or something that Python has made up. What has taken the number 2 then is not ours."""
    try:
        return None if stream is None else stream.fileno()
    except (OSError, ValueError):
        return None
