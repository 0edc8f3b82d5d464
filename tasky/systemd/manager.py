"""The service manager, and what it is told (sd_notify(3)). Where there is none, all of it does nothing."""

from __future__ import annotations

import logging
import socket
import time
from types import TracebackType
from typing import Final, Self

log = logging.getLogger(__name__)

_PATIENCE: Final = 5.0  # seconds for a service manager that is busy
_LONGEST: Final = 500  # characters of a status: what `systemctl status` can show


class ServiceManager:
    """Any thread. `address` is $NOTIFY_SOCKET: a path, or `@` and the name of an abstract socket."""

    def __init__(self, address: str | None) -> None:
        self._address: Final = _as_the_kernel_has_it(address) if address else None
        self._status = ""
        self._told_trouble = False
        self._socket: Final = (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self._address else None
        )
        if self._socket is not None:
            self._socket.settimeout(_PATIENCE)

    @property
    def listens(self) -> bool:
        """Whether there is somebody to tell."""
        return self._socket is not None

    def ready(self, status: str) -> None:
        """The start, or a reload, is over."""
        self._send("READY=1", self._changed(status))

    def reloading(self) -> None:
        """`ready` must follow. The time tells the service manager which of its requests this one answers."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        self._send("RELOADING=1", f"MONOTONIC_USEC={now // 1000}")

    def stopping(self, status: str) -> None:
        self._send("STOPPING=1", self._changed(status))

    def status(self, status: str) -> None:
        """One line for `systemctl status`; it is sent when it has changed."""
        before = self._status
        line = self._changed(status)
        if self._status != before:
            self._send(line)

    def alive(self) -> None:
        """Feeds the watchdog."""
        self._send("WATCHDOG=1")

    def patience(self, seconds: float) -> None:
        """How long it waits for a sign of life from now on, before it takes the server for stuck."""
        self._send(f"WATCHDOG_USEC={int(seconds * 1e6)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        """Why it ends is shown by `systemctl status`, too."""
        if error is not None:
            self.status(f"failed: {error}")
        if self._socket is not None:
            self._socket.close()

    def _changed(self, status: str) -> str:
        """A line break would begin another message of the protocol, and names of files may have one."""
        text = "".join(one if one.isprintable() else "?" for one in status)
        self._status = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
        return f"STATUS={self._status}"

    def _send(self, *lines: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(lines).encode(errors="replace"), self._address)  # type: ignore[arg-type]
        except OSError as error:  # it may be restarting; it learns of it the next time
            if not self._told_trouble:
                self._told_trouble = True
                log.warning("cannot tell the service manager %s: %s", lines[0], error)
        else:
            self._told_trouble = False


def _as_the_kernel_has_it(address: str) -> bytes | None:
    if address.startswith("@"):
        return b"\0" + address[1:].encode()
    if address.startswith("/"):
        return address.encode()
    log.warning("NOTIFY_SOCKET=%s is neither a path nor an abstract socket: ignored", address)
    return None
