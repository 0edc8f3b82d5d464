"""A terminal that a command has for itself: frames instead of lines, and keys."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterable
from types import FrameType, TracebackType
from typing import Any, Final, Self

from .terminal import is_terminal, put

_ENTER: Final = "\x1b[?1049h\x1b[?25l"  # the other screen, without a cursor
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"
_HOME: Final = "\x1b[H"
_END_OF_LINE: Final = "\x1b[K\n"
_BELOW: Final = "\x1b[J"
#: How long `key` waits, tenths of a second (VTIME of termios(3)).
_WAIT: Final = 2


class Screen:
    """Standard output has to be a terminal. However it is left, also by SIGTERM, the terminal is as it was before."""

    def __init__(self) -> None:
        self._keyboard: Final = sys.stdin.fileno() if is_terminal(sys.stdin) else None
        self._before: Any = None
        self._former: Any = None

    def __enter__(self) -> Self:
        self._former = signal.signal(signal.SIGTERM, _interrupt)
        if self._keyboard is not None:
            self._before = termios.tcgetattr(self._keyboard)
            tty.setcbreak(self._keyboard)
            mode = termios.tcgetattr(self._keyboard)
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 0, _WAIT
            mode[6][termios.VSUSP] = b"\0"  # Ctrl-Z would leave the shell with this screen
            termios.tcsetattr(self._keyboard, termios.TCSADRAIN, mode)
        put(_ENTER)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._keyboard is not None:
            termios.tcsetattr(self._keyboard, termios.TCSADRAIN, self._before)
        put(_LEAVE)
        signal.signal(signal.SIGTERM, self._former)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, as of now."""
        return shutil.get_terminal_size((80, 24))

    def show(self, lines: Iterable[str]) -> None:
        """In place of what was there; the lines have to fit."""
        put(_HOME + _END_OF_LINE.join(lines) + "\x1b[K" + _BELOW)

    def key(self) -> str:
        """What was typed within the next moment, if anything was."""
        if self._keyboard is None:
            threading.Event().wait(_WAIT / 10)
            return ""
        return os.read(self._keyboard, 64).decode("utf-8", "replace")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
