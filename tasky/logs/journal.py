"""Entries of systemd's journal, with fields of their own (systemd: Native Journal Protocol)."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .fields import fields_of
from .forms import clean, priority, traceback_of

SOCKET: Final = Path("/run/systemd/journal/socket")

#: One that is no name of the journal's would have the whole entry refused.
_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)
_NAMES: Final = {"task": "TASKY_TASK_ID"}
_TOO_LARGE: Final = frozenset({errno.EMSGSIZE, errno.ENOBUFS})
_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Journal:
    """Waits while the journal is busy: for one thread that may wait."""

    def __init__(self, path: Path = SOCKET) -> None:
        self._path: Final = str(path)
        self._socket: Final = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def send(self, record: logging.LogRecord) -> None:
        """Raises OSError where there is no journal."""
        data = entry(record)
        try:
            self._socket.sendto(data, self._path)
        except OSError as error:
            if error.errno not in _TOO_LARGE:
                raise
            self._send_as_file(data)

    def close(self) -> None:
        self._socket.close()

    def _send_as_file(self, data: bytes) -> None:
        """What is too large for a datagram goes as a file in memory that nobody can change any more."""
        fd = os.memfd_create("tasky-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        with os.fdopen(fd, "wb", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, fd.to_bytes(4, "little"))
            self._socket.sendmsg([], [rights], 0, self._path)


def entry(record: logging.LogRecord) -> bytes:
    return b"".join(_field(name, value) for name, value in _fields(record))


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, str]]:
    yield "MESSAGE", "\n".join([clean(record.getMessage()), *traceback_of(record)])
    yield "PRIORITY", str(priority(record))
    yield "SYSLOG_IDENTIFIER", "tasky"
    yield "CODE_FILE", record.pathname
    yield "CODE_LINE", str(record.lineno)
    yield "CODE_FUNC", record.funcName or ""
    yield "TASKY_LOGGER", record.name
    yield "TASKY_THREAD", record.threadName or ""
    for key, value in fields_of(record).items():
        name = _NAMES.get(key, f"TASKY_{key.upper()}")
        if _NAME.fullmatch(name):
            yield name, str(value)


def _field(name: str, value: str) -> bytes:
    """A value of several lines has its length before it."""
    data = value.encode("utf-8", "backslashreplace")
    if b"\n" not in data:
        return b"%s=%s\n" % (name.encode(), data)
    return b"%s\n%s%s\n" % (name.encode(), len(data).to_bytes(8, "little"), data)
