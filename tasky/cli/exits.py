"""The exit statuses, all of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from ..client import ApiError, BadAddress, BadToken, ClientError
from ..errors import (
    ConfigError,
    NotFound,
    StoreBusy,
    StoreError,
    StoreFull,
    StoreLocked,
    TaskyError,
)


class Exit(IntEnum):
    """What a command tells the shell."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4
    CANCELED = 5
    UNFINISHED = 6
    BUG = 70
    CONFIG = 78
    INTERRUPTED = 130
    PIPE = 141


MEANINGS: Final[Mapping[Exit, str]] = MappingProxyType(
    {
        Exit.OK: "it was done",
        Exit.FAILED: "the task failed (run, result); check, doctor found something; serve, upgrade, db failed",
        Exit.USAGE: "the command line is wrong",
        Exit.REFUSED: "the server refused: no such task, wrong state, bad parameters, no right to do it, queue full",
        Exit.UNREACHABLE: "no server, no answer, or an error inside the server",
        Exit.CANCELED: "the task was canceled (run --wait, --follow, result)",
        Exit.UNFINISHED: "the task has not ended yet (run --wait, result)",
        Exit.BUG: "a bug in tasky",
        Exit.CONFIG: "the configuration or a profile has mistakes, or the state directory is unusable (serve, db)",
        Exit.INTERRUPTED: "Ctrl-C; a task that was waited for goes on",
        Exit.PIPE: "the reader of the output went away, as in `tasky ps | head -1`",
    }
)
_SERVER_ERROR: Final = 500


def of_error(error: TaskyError) -> Exit:
    """The status for an error that ends a command."""
    match error:
        case StoreLocked() | StoreFull() | StoreBusy():
            return Exit.FAILED
        case ConfigError() | StoreError():
            return Exit.CONFIG
        case NotFound():
            return Exit.REFUSED
        case BadAddress() | BadToken():
            return Exit.USAGE
        case ApiError():
            return Exit.REFUSED if error.status < _SERVER_ERROR else Exit.UNREACHABLE
        case ClientError():
            return Exit.UNREACHABLE
    return Exit.FAILED
