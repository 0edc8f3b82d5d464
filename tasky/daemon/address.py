"""Where the server listens."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

from ..config import Listen, Settings, too_open
from ..errors import TaskyError
from ..web.server import listen_tcp, listen_unix


def listen(where: Listen) -> socket.socket:
    if where.path is not None:
        return listen_unix(where.path)
    assert where.host is not None
    assert where.port is not None
    return listen_tcp(where.host, where.port)


def listening_on(sock: socket.socket, settings: Settings) -> Settings:
    """The settings with the address of a socket that was passed, which wins: what is allowed depends on it."""
    name = sock.getsockname()
    is_unix = sock.family == socket.AF_UNIX
    where = Listen(path=Path(name)) if is_unix else Listen(host=name[0], port=name[1])
    if refusal := too_open(where, settings.auth):
        raise TaskyError(f"the service manager has passed a socket that Tasky {refusal}")
    return replace(settings, listen=where)


def url(sock: socket.socket, where: Listen) -> str:
    if where.path is not None:
        return f"unix:{where.path}"
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
