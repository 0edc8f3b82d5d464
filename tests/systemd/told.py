"""A service manager's end of the notify socket: what a server has told, in order."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from typing import Self

from tests.helpers import wait_for

Message = Mapping[str, str]


class Told:
    """`address` is $NOTIFY_SOCKET: `@name` is an abstract one."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.messages: list[Message] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while data := self._socket.recv(4096):
            lines = data.decode().split("\n")
            self.messages.append(dict(line.split("=", 1) for line in lines))

    def told(self) -> list[str]:
        """What was told, less what comes again and again."""
        told = [next(iter(message)) for message in list(self.messages)]
        return [key for key in told if key not in ("STATUS", "WATCHDOG")]

    def count(self, key: str) -> int:
        return sum(key in message for message in list(self.messages))

    @property
    def status(self) -> str:
        """The last one."""
        said = [message["STATUS"] for message in list(self.messages) if "STATUS" in message]
        return said[-1] if said else ""

    def await_status(self, condition: Callable[[str], bool]) -> str:
        wait_for(lambda: condition(self.status), f"the status changes: {self.status}")
        return self.status
