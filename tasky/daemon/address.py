"""Where the server listens."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config import Listen, Settings, too_open
from ..errors import TaskyError
from ..web.server import listen_tcp, listen_unix

log = logging.getLogger(__name__)


def listen(where: Listen) -> socket.socket:
    if where.path is not None:
        return listen_unix(where.path)
    assert where.host is not None
    assert where.port is not None
    return listen_tcp(where.host, where.port)


def inherited_socket(handed: Mapping[str, Any]) -> socket.socket:
    """The one that another server of this process has listened on."""
    return socket.socket(fileno=handed["socket"])


def was_listening_on(handed: Mapping[str, Any] | None, settings: Settings) -> bool:
    """Whether it is where the settings want it. A warning says what that takes otherwise."""
    where = settings.listen
    wanted = [str(where.path) if where.path else None, where.host, where.port]
    if handed is None or handed["listen"] == wanted:
        return True
    log.warning("the setting listen has changed: that takes a restart")
    return False


def listening_on(sock: socket.socket, settings: Settings) -> Settings:
    """The settings with the address of a socket that is there already, which wins: what is allowed depends on it."""
    name = sock.getsockname()
    is_unix = sock.family == socket.AF_UNIX
    where = Listen(path=Path(name)) if is_unix else Listen(host=name[0], port=name[1])
    if refusal := too_open(where, settings.auth):
        raise TaskyError(f"the socket that it was given is one that Tasky {refusal}")
    return replace(settings, listen=where)


def url(sock: socket.socket, where: Listen) -> str:
    if where.path is not None:
        return f"unix:{where.path}"
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
