"""Bodies that are too large for memory, while they come in: submissions with files, and nothing else.

They wait on the state directory's disk, in files without a name: a server that dies leaves none, and no other disk is
filled. What keeps a body from being taken is told before its first byte is asked for.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from waitress.utilities import Error

from ..errors import StoreFull, TaskyError, Unauthorized
from .problems import status_line

_ROUTE: Final = re.compile(r"/tasky/v1/workers/([^/]{1,64})/?")
#: Bytes between two looks whether there is still room.
_LOOK: Final = 1 << 20


class Refused(Error):  # type: ignore[misc]  # waitress has no types
    """An error of ours, as waitress keeps it for the answer."""

    def __init__(self, error: TaskyError | OSError) -> None:
        """An OSError is of the disk."""
        known = error if isinstance(error, TaskyError) else StoreFull()
        super().__init__(known.message)
        self.code = known.status
        self.reason = status_line(known.status)[4:]
        self.headers: list[tuple[str, str]] = []
        if isinstance(known, Unauthorized):
            self.headers.append(("WWW-Authenticate", 'Bearer realm="tasky"'))
        if (seconds := getattr(known, "retry_after", None)) is not None:
            self.headers.append(("Retry-After", str(seconds)))


class Forms:
    """Which requests may have a body of up to `max_upload` bytes: multipart/form-data to a worker that takes files.
    `admit(size)` raises StoreFull where there is no room for so much more; `identify(environ, worker)` raises what
    keeps whoever sends a request with that head from making a task of the worker."""

    def __init__(
        self,
        takes_files: Callable[[str], bool],
        *,
        max_upload: int,
        folder: Path,
        admit: Callable[[int], None],
        identify: Callable[[dict[str, Any], str], None] = lambda _environ, _worker: None,
    ) -> None:
        self._identify: Final = identify
        self._takes_files: Final = takes_files
        self._max_upload: Final = max_upload
        self._folder: Final = folder
        self._admit: Final = admit

    def limit(self, environ: dict[str, Any]) -> int | None:
        """The bytes of the largest one; None where there is to be none. Raises a TaskyError where there might be one
        from somebody else."""
        match = _ROUTE.fullmatch(environ["PATH_INFO"])
        if environ["REQUEST_METHOD"] != "POST" or match is None or not self._takes_files(match[1]):
            return None
        self._identify(environ, match[1])
        return self._max_upload

    def spool(self, size: int) -> Spool:
        """For a body of so many bytes; 0 if nobody knows. Raises StoreFull, OSError."""
        self._admit(2 * size)  # its files are written while it is still there
        return Spool(self._folder, self._admit)


class Spool:
    """A body, as waitress' receivers want it: bytes are appended, then it is read as a file."""

    def __init__(self, folder: Path, admit: Callable[[int], None]) -> None:
        self._file: Final = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._admit: Final = admit
        self._size = 0
        self._looked = 0

    def __len__(self) -> int:
        return self._size

    def append(self, data: bytes) -> None:
        """Raises StoreFull, OSError."""
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]
        self._size += len(data)
        if self._size - self._looked >= _LOOK:
            self._looked = self._size
            self._admit(0)

    def getfile(self) -> Any:
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        self._file.close()
