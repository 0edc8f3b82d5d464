"""Reading a configuration file, whatever it turns out to be: bounded in size and time."""

from __future__ import annotations

import codecs
import os
import re
import stat
from pathlib import Path
from typing import Final

from ..errors import ConfigError, Problem

MAX_SIZE: Final = 1024 * 1024

_KINDS: Final = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
#: What YAML does not allow in a file (tab and line ends are allowed), and the line ends that nobody sees.
_CONTROL: Final = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(file: Path) -> str:
    """The text of a regular file. ConfigError for anything else, naming it."""
    try:
        data = _read(file)
    except OSError as error:
        raise failure(file, f"cannot be read: {reason(error)}") from error
    except ValueError as error:  # a NUL in the name
        raise failure(file, f"cannot be read: {error}") from error
    if len(data) > MAX_SIZE:
        raise failure(file, "is larger than 1MiB")
    text = _decode(file, data)
    control = _CONTROL.search(text)
    if control:
        line, column = _position(text, control.start())
        name = f"U+{ord(control[0]):04X}"
        raise failure(file, f"has the control character {name} at column {column}", line, column)
    return text


def failure(file: Path, message: str, line: int = 0, column: int = 1) -> ConfigError:
    """A file that cannot be used at all; line 0 is the file as a whole."""
    return ConfigError([Problem(file, line, "", message, column)])


def mode_of(path: Path | str) -> int:
    """The mode of what is there; 0 where nothing is, or nothing can be seen."""
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - of either type
    except OSError:
        return 0


def reason(error: OSError) -> str:
    """What the system says, as a part of a sentence."""
    return (error.strerror or "unknown error").lower()


def _read(file: Path) -> bytes:
    # Without O_NONBLOCK, opening a FIFO waits for a writer.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = _KINDS.get(stat.S_IFMT(mode), "something else")
            raise failure(file, f"is {kind}, not a file")
        parts, room = [], MAX_SIZE + 1
        while room and (part := os.read(descriptor, room)):
            parts.append(part)
            room -= len(part)
    finally:
        os.close(descriptor)
    return b"".join(parts)


def _decode(file: Path, data: bytes) -> str:
    text = data.removeprefix(codecs.BOM_UTF8)
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        line, column = _position(text[: error.start].decode(), None)
        what = "UTF-16" if data.startswith(_UTF16) else f"byte 0x{text[error.start]:02x}"
        message = f"is not UTF-8 ({what} at column {column}): save it as UTF-8"
        raise failure(file, message, line, column) from None


def _position(text: str, index: int | None) -> tuple[int, int]:
    """Line and column, from 1, of a character; of the text's end for None."""
    before = text if index is None else text[:index]
    return before.count("\n") + 1, len(before) - before.rfind("\n")
