"""A listening socket that the service manager holds (sd_listen_fds(3)): while the server restarts, connections wait in
it."""

from __future__ import annotations

import os
import socket
from typing import Final

from ..errors import TaskyError

_FIRST: Final = 3  # SD_LISTEN_FDS_START
_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)


def passed_socket(count: int) -> socket.socket | None:
    """The one that was passed; None if none was. TaskyError for what the server cannot listen on."""
    if count == 0:
        return None
    for fd in range(_FIRST, _FIRST + count):
        _keep_from_workers(fd)
    if count > 1:
        raise TaskyError(
            f"{count} sockets were passed, and Tasky listens on one:"
            " tasky.socket must have one ListenStream= only (an empty one drops those before it)"
        )
    try:
        sock = socket.socket(fileno=_FIRST)
    except OSError as error:
        raise _unfit("is none") from error
    if sock.family not in _FAMILIES or sock.type != socket.SOCK_STREAM:
        raise _unfit("is neither of TCP nor a stream of unix: ListenStream= makes one")
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise _unfit("does not listen: tasky.socket needs Accept=no")
    if sock.family == socket.AF_UNIX and not _has_path(sock):
        raise _unfit("is abstract, so everybody could connect: ListenStream= needs a path")
    return sock


def _keep_from_workers(fd: int) -> None:
    try:
        os.set_inheritable(fd, False)
    except OSError as error:
        raise _unfit(f"is not there (descriptor {fd}: {error.strerror})") from error


def _has_path(sock: socket.socket) -> bool:
    name = sock.getsockname()
    return isinstance(name, str) and name.startswith("/")


def _unfit(why: str) -> TaskyError:
    return TaskyError(f"the socket that the service manager has passed {why}")
