"""Opening a file that a task left."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

#: No such file any more (its task is deleted meanwhile), or not what was put there.
_GONE: Final = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO)


def open_regular(path: Path) -> tuple[BinaryIO, int] | None:
    """The file and its size; None if there is no regular file of that name. A link is not followed."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        return None
    return os.fdopen(fd, "rb"), status.st_size
