"""Whether a program is there and can be run, and what to do about it if not."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
from pathlib import Path
from typing import Final

from ..model.fields import quoted, wrong
from .files import mode_of, reason

#: As much of a program's first line as the kernel reads (BINPRM_BUF_SIZE).
_HEAD: Final = 256
_UTF8_MARK: Final = b"\xef\xbb\xbf"


def find_program(word: str, folder: Path, search: str) -> str:
    """The absolute path of the program that `word` names: a path (./ and ../ start at `folder`), or a name to look up
    in `search`, a PATH. Wrong, with what to do about it, if it cannot be run."""
    program = (
        Path(os.path.normpath(folder / word)) if "/" in word else _look_up(word, folder, search)
    )
    try:
        mode = program.stat().st_mode
    except OSError as error:
        raise wrong(f"{shown(program)} cannot be run: {reason(error)}") from None
    if not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "not a file"
        raise wrong(f"{shown(program)} is {kind}, not a program")
    if not os.access(program, os.X_OK):
        raise wrong(f"{shown(program)} is not executable: chmod +x {shlex.quote(str(program))}")
    _check_first_line(program, search)
    return str(program)


def _look_up(name: str, folder: Path, search: str) -> Path:
    for place in search.split(":"):
        # A relative entry would find another program from another folder.
        if place.startswith("/") and _can_run(path := Path(place) / name):
            return path
    here = f", or ./{name} for the one beside this file" if mode_of(folder / name) else ""
    raise wrong(f"there is no program {quoted(name)} in PATH ({search}): write its path{here}")


def _check_first_line(program: Path, search: str) -> None:
    """A script names its interpreter in its first line; the kernel refuses one that does not, or whose interpreter is
    not there, with an error that puzzles everybody."""
    try:
        with program.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:  # it may be run, and not read
        return
    if not head:
        raise wrong(f"{shown(program)} is empty")
    if head.startswith(b"#!"):
        _check_interpreter(head[2:].split(b"\n")[0], program, search)
    elif head.startswith(_UTF8_MARK):
        raise wrong(f"{shown(program)} begins with a byte order mark: save it without one")
    elif b"\0" not in head:  # text: every binary format has a NUL in its header
        raise wrong(f"{shown(program)} is a script without a first line such as #!/bin/sh")


def _check_interpreter(line: bytes, program: Path, search: str) -> None:
    name = shown(program)
    if line.endswith(b"\r"):
        raise wrong(f"{name} has Windows line ends: sed -i 's/\\r$//' {shlex.quote(str(program))}")
    words = [os.fsdecode(word) for word in line.split()]
    if not words:
        raise wrong(f"the first line of {name} names no interpreter: #!/bin/sh, for example")
    interpreter = Path(words[0])
    if not _can_run(interpreter):
        raise wrong(f"the first line of {name} asks for {words[0]}, which is not there")
    asked = words[1] if interpreter.name == "env" and len(words) > 1 else ""
    is_program = asked and not asked.startswith("-") and "=" not in asked
    if is_program and shutil.which(asked, path=search) is None:
        raise wrong(f"the first line of {name} asks for {asked}, which is not in PATH ({search})")


def _can_run(program: Path) -> bool:
    return stat.S_ISREG(mode_of(program)) and os.access(program, os.X_OK)


def shown(path: Path | str) -> str:
    """A path is shown as a whole."""
    return quoted(str(path), length=4096)
