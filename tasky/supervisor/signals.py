"""The signal dispositions that workers inherit.

What a process ignores, its children ignore from their first instruction on; what it handles, they have at the default.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Final

#: Ignored by Python for its own sake; subprocess gives them back to children.
_RESTORED: Final = frozenset({signal.SIGPIPE, signal.SIGXFSZ})


def clean_dispositions() -> None:
    """Whoever started the server may have had signals ignored (nohup, a shell's `&`): the server goes on to ignore
    them, its workers do not. An ignored SIGCHLD would lose every exit status. For the main thread only."""
    for number in signal.valid_signals() - _RESTORED:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else _nothing)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    pass
