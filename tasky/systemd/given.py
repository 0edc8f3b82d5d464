"""What the service manager has put into our environment, taken out of it: no worker sees it, even by `pass_env`."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Self

from ..errors import TaskyError


@dataclass(frozen=True, slots=True)
class Given:
    """`notify_socket` is None where nobody wants to be told; `watchdog` are the seconds within which it wants a sign of
    life, None where it does not; `sockets`: how many it has passed."""

    notify_socket: str | None = None
    watchdog: float | None = None
    sockets: int = 0

    @classmethod
    def take(cls, environ: MutableMapping[str, str]) -> Self:
        """What is meant for another process, such as a parent of ours that did not clean up, is dropped."""
        notify_socket = environ.pop("NOTIFY_SOCKET", "")
        watchdog, watched = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        sockets, listener = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
        environ.pop("LISTEN_FDNAMES", None)
        own = str(os.getpid())
        return cls(
            notify_socket=notify_socket or None,
            watchdog=(
                _number("WATCHDOG_USEC", watchdog) / 1e6
                if watchdog and watched in ("", own)
                else None
            ),
            sockets=_number("LISTEN_FDS", sockets) if sockets and listener == own else 0,
        )


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise TaskyError(f"the service manager has set {name} to {value!r}, which is no number")
    return int(value)
