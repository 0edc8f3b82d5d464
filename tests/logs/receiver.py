"""What systemd-journald does with its socket, as far as an entry goes."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from tests.helpers import PATIENCE


class Receiver:
    """Listens at `path` from its making on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seals = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        path.chmod(0o666)
        self._socket.settimeout(PATIENCE)

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self.path.unlink()

    def receive(self) -> tuple[dict[str, str], bool]:
        """The next entry, and whether it came as a file."""
        data, fds, _, _ = socket.recv_fds(self._socket, 1 << 20, 1)
        if not fds:
            return parse(data), False
        assert data == b""
        self.seals = fcntl.fcntl(fds[0], fcntl.F_GET_SEALS)
        with os.fdopen(fds[0], "rb") as file:
            file.seek(0)
            return parse(file.read()), True


def parse(data: bytes) -> dict[str, str]:
    """Raises for what is no entry, or has a field twice."""
    fields: dict[str, str] = {}
    while data:
        line, _, data = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(data[:8], "little")
            value, end, data = (
                data[8 : 8 + length],
                data[8 + length : 9 + length],
                data[9 + length :],
            )
            assert end == b"\n"
            assert len(value) == length
        assert name.decode() not in fields
        fields[name.decode()] = value.decode()
    return fields
