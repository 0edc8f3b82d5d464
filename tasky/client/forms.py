"""A submission with files, as multipart/form-data (RFC 7578): read from the disk as it is sent, never whole in
memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import uuid4

from .errors import UnreadableFile

_PIECE: Final = 256 << 10
#: Bytes a second that a server surely takes and writes to its disk.
_RATE: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is in memory: `name` is for people."""

    name: str
    content: bytes


#: A path, or what is in memory.
FileToSend: TypeAlias = str | os.PathLike[str] | Attachment
#: By parameter: one, or several where it takes several.
Files: TypeAlias = Mapping[str, FileToSend | Sequence[FileToSend]]


class Form:
    """A request's body: it may be gone through several times. Raises UnreadableFile, also while it is sent."""

    def __init__(self, params: Mapping[str, Any], files: Files) -> None:
        self._boundary: Final = uuid4().hex
        self._parts: Final = [_Part.of(name, file) for name, file in _flat(files)]
        self._params: Final = json.dumps(params, allow_nan=False).encode()

    @property
    def media_type(self) -> str:
        return f"multipart/form-data; boundary={self._boundary}"

    @property
    def patience(self) -> float:
        """Seconds that the answer may take beyond the usual."""
        return len(self) / _RATE

    def __len__(self) -> int:
        size = len(self._head("params", None)) + len(self._params) + len(self._end())
        return size + sum(
            len(self._head(each.name, each.filename)) + each.size + 2 for each in self._parts
        )

    def __iter__(self) -> Iterator[bytes]:
        yield self._head("params", None) + self._params
        for part in self._parts:
            yield b"\r\n" + self._head(part.name, part.filename)
            yield from part.pieces()
        yield self._end()

    def _head(self, name: str, filename: str | None) -> bytes:
        called = "" if filename is None else f'; filename="{_quoted(filename)}"'
        media_type = "application/json" if filename is None else "application/octet-stream"
        lines = (
            f"--{self._boundary}",
            f'Content-Disposition: form-data; name="{_quoted(name)}"{called}',
            f"Content-Type: {media_type}",
        )
        return "\r\n".join([*lines, "", ""]).encode()

    def _end(self) -> bytes:
        return f"\r\n--{self._boundary}--\r\n".encode()


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    filename: str
    size: int
    source: Path | bytes

    @classmethod
    def of(cls, name: str, file: FileToSend) -> _Part:
        if isinstance(file, Attachment):
            return cls(name, file.name or name, len(file.content), file.content)
        path = Path(file)
        try:
            with path.open("rb") as opened:
                size = os.fstat(opened.fileno()).st_size
        except OSError as error:
            raise _unreadable(path, error) from error
        return cls(name, path.name or name, size, path)

    def pieces(self) -> Iterator[bytes]:
        if isinstance(self.source, bytes):
            yield self.source
            return
        left = self.size
        try:
            with self.source.open("rb", buffering=0) as opened:
                while left and (piece := opened.read(min(left, _PIECE))):
                    left -= len(piece)
                    yield piece
        except OSError as error:
            raise _unreadable(self.source, error) from error
        if left:
            raise UnreadableFile(f"{self.source} became shorter while it was sent")


def _flat(files: Files) -> Iterator[tuple[str, FileToSend]]:
    for name, given in files.items():
        several = not isinstance(given, (str, os.PathLike, Attachment))
        for file in given if several else [given]:  # type: ignore[union-attr]
            yield name, file  # type: ignore[misc]


def _quoted(text: str) -> str:
    """As browsers do (HTML, multipart/form-data encoding algorithm)."""
    text = text.encode("utf-8", "replace").decode()
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _unreadable(path: Path, error: OSError) -> UnreadableFile:
    return UnreadableFile(f"{path} cannot be read: {error.strerror}")
