"""The file system that a kernel begins with: a cpio archive, which it unpacks."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final


class Archive:
    """Each path once, with the folders and the links that lead to it. All belongs to root."""

    def __init__(self, file: BinaryIO) -> None:
        self._file: Final = file
        self._seen: Final[set[Path]] = {Path("/")}

    def add(self, path: Path) -> None:
        """What is there on this machine, if anything is; the folders on the way may be links (/bin)."""
        path = path.parent.resolve() / path.name
        if path in self._seen or not (path.exists() or path.is_symlink()):
            return
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            self._entry(path, mode, os.fsencode(path.readlink()))
            self.add(path.parent / path.readlink())
        elif stat.S_ISDIR(mode):
            self.folder(path)
        elif stat.S_ISREG(mode):
            self._entry(path, mode, path.read_bytes(), int(path.stat().st_mtime))

    def folder(self, path: Path) -> None:
        if path not in self._seen:
            self._entry(path, stat.S_IFDIR | 0o755, b"")

    def text(self, path: str, text: str, mode: int = 0o644) -> None:
        self._entry(Path(path), stat.S_IFREG | mode, text.encode())

    def close(self) -> None:
        self._write(b"TRAILER!!!", 0, b"")

    def _entry(self, path: Path, mode: int, data: bytes, time: int = 0) -> None:
        """`time` is by what Python tells whether what it has compiled is up to date."""
        self._seen.add(path)
        self.folder(path.parent)
        self._write(os.fsencode(path)[1:], mode, data, time)

    def _write(self, name: bytes, mode: int, data: bytes, time: int = 0) -> None:
        """The format "newc" (Documentation/driver-api/early-userspace/buffer-format.rst)."""
        fields = (len(self._seen), mode, 0, 0, 1, time, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        self._file.write(_padded(header + name + b"\0") + _padded(data))


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
