"""Two names change places at once: renameat2(2), which Python does not have."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Any, Final

_HERE: Final = -100  # AT_FDCWD
_EXCHANGE: Final = 2  # RENAME_EXCHANGE
_CANNOT: Final = frozenset({errno.EINVAL, errno.ENOSYS})
#: None where the C library has not got it: glibc before 2.28, musl.
_renameat2: Final[Any] = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)


def exchange(one: str, other: str) -> bool:
    """False where the file system, or the C library, cannot do it. Raises OSError."""
    if _renameat2 is None:
        return False
    if (
        _renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), ctypes.c_uint(_EXCHANGE))
        == 0
    ):
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), one, None, other)
