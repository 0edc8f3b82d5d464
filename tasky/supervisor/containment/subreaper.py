"""This process as subreaper (prctl(2)): what descends from it and loses its parent becomes its child, not init's."""

from __future__ import annotations

import ctypes
import os
from typing import Final

_SET: Final = 36  # PR_SET_CHILD_SUBREAPER
_GET: Final = 37  # PR_GET_CHILD_SUBREAPER
_libc: Final = ctypes.CDLL(None, use_errno=True)


def become() -> bool:
    """Gives whether it was one before. Raises OSError (Linux before 3.4)."""
    was = ctypes.c_int()
    _prctl(_GET, ctypes.byref(was))
    _prctl(_SET, ctypes.c_ulong(1))
    return bool(was.value)


def resign() -> None:
    _prctl(_SET, ctypes.c_ulong(0))


def _prctl(option: int, value: object) -> None:
    zero = ctypes.c_ulong(0)
    if _libc.prctl(option, value, zero, zero, zero) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
