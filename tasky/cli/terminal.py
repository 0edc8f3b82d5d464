"""What is written, and what a terminal must not see: texts from workers are taken to be hostile."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from typing import IO, Final

import click

from ..errors import TaskyError

#: Control sequences (CSI; OSC, DCS and their kin with their text; the shorter ones), then lone control characters
#: and those that turn the direction of writing, with which a text can be made to look like another.
_ESCAPES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)
_BLANKS: Final = re.compile(r"\s+")
_WIDTH: Final = 80


class OutputError(TaskyError):
    """The output cannot be written."""


def is_terminal(stream: IO[str] | None) -> bool:
    return stream is not None and stream.isatty()


def colours(stream: IO[str] | None) -> bool:
    """Whether `stream` takes colours: a terminal, unless NO_COLOR (https://no-color.org) or TERM says otherwise."""
    environ = os.environ
    return is_terminal(stream) and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def width() -> int | None:
    """Columns of the terminal; None if the output goes elsewhere, where nothing is cut."""
    return shutil.get_terminal_size((_WIDTH, 24)).columns if is_terminal(sys.stdout) else None


def harmless(text: str) -> str:
    """`text` without control sequences; line ends and tabs stay."""
    return _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    return _BLANKS.sub(" ", harmless(text)).strip()


def shown(text: str) -> str:
    """As it is for a file or a pipe, harmless for a terminal."""
    return harmless(text) if is_terminal(sys.stdout) else text


def put(content: str | bytes) -> None:
    """To standard output, as it is."""
    _write(content, err=False)


def line(text: str = "") -> None:
    put(f"{text}\n")


def say(text: str) -> None:
    """To standard error, for people: always harmless."""
    _write(f"{harmless(text)}\n", err=True)


def complain(text: str) -> None:
    first, *more = text.splitlines() or [""]
    say("\n".join([f"tasky: {first}", *(f"  {other}" for other in more)]))


def status_line(text: str) -> None:
    """One line on standard error that the next one replaces; "" removes it."""
    columns = shutil.get_terminal_size((_WIDTH, 24)).columns
    _write(f"\r{cut(one_line(text), columns - 1)}\x1b[K", err=True)


def columns_of(text: str) -> int:
    """How many columns `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def cut(text: str, limit: int) -> str:
    """`text` in at most `limit` columns."""
    if columns_of(text) <= limit:
        return text
    room, kept = limit - 1, ""
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return f"{kept}…"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _write(content: str | bytes, *, err: bool) -> None:
    stream = sys.stderr if err else sys.stdout
    if isinstance(content, str):
        encoding = getattr(stream, "encoding", None) or "utf-8"
        content = content.encode(encoding, "backslashreplace")
    try:
        click.echo(content, nl=False, err=err)
    except BrokenPipeError:
        raise
    except OSError as error:
        if not err:
            give_up_output()
        raise OutputError(f"the output cannot be written: {error.strerror}") from error


def give_up_output() -> None:
    """What is still buffered for standard output must not fail once more when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
