"""What only this machine can tell of a definition: is its program there and can it be run, does its user exist and may
the server become that user, is its folder there."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import stat
from dataclasses import replace
from pathlib import Path
from typing import Final

from ..model.fields import Mistake, Wrong, nest, quoted, wrong
from ..model.worker import WorkerDefinition
from .files import mode_of, reason

_DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: As much of a program's first line as the kernel reads (BINPRM_BUF_SIZE).
_HEAD: Final = 256
_UTF8_MARK: Final = b"\xef\xbb\xbf"


def settle(definition: WorkerDefinition, folder: Path) -> tuple[WorkerDefinition, list[Mistake]]:
    """The definition with its program's absolute path (`folder` is that of its file), and what is wrong with it on this
    machine. Keys without a value are passed over."""
    search = definition.env.get("PATH") or os.environ.get("PATH") or _DEFAULT_PATH
    mistakes: list[Mistake] = []
    if definition.command:
        try:
            program = find_program(definition.command[0], folder, search)
            definition = replace(definition, command=(program, *definition.command[1:]))
        except Wrong as error:
            mistakes += nest(error.mistakes, "command", 0)
    if definition.user is not None:
        try:
            definition = replace(definition, user=_user(definition.user, search))
        except Wrong as error:
            mistakes += nest(error.mistakes, "user")
    if definition.cwd is not None:
        try:
            _check_folder(definition.cwd)
        except Wrong as error:
            mistakes += nest(error.mistakes, "cwd")
    return definition, mistakes


# ---------------------------------------------------------------------- the program


def find_program(word: str, folder: Path, search: str) -> str:
    """The absolute path of the program that `word` names: a path (./ and ../ start at `folder`), or a name to look up
    in `search`, a PATH. Wrong, with what to do about it, if it cannot be run."""
    program = (
        Path(os.path.normpath(folder / word)) if "/" in word else _look_up(word, folder, search)
    )
    try:
        mode = program.stat().st_mode
    except OSError as error:
        raise wrong(f"{_shown(program)} cannot be run: {reason(error)}") from None
    if not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "not a file"
        raise wrong(f"{_shown(program)} is {kind}, not a program")
    if not os.access(program, os.X_OK):
        raise wrong(f"{_shown(program)} is not executable: chmod +x {shlex.quote(str(program))}")
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
        raise wrong(f"{_shown(program)} is empty")
    if head.startswith(b"#!"):
        _check_interpreter(head[2:].split(b"\n")[0], program, search)
    elif head.startswith(_UTF8_MARK):
        raise wrong(f"{_shown(program)} begins with a byte order mark: save it without one")
    elif b"\0" not in head:  # text: every binary format has a NUL in its header
        raise wrong(f"{_shown(program)} is a script without a first line such as #!/bin/sh")


def _check_interpreter(line: bytes, program: Path, search: str) -> None:
    name = _shown(program)
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


def _shown(path: Path | str) -> str:
    """A path is shown as a whole."""
    return quoted(str(path), length=4096)


# ---------------------------------------------------------------------- user and folder


def _user(name: str, search: str) -> str | None:
    """The user to become; None if the server is that user already."""
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        raise wrong(f"there is no user {quoted(name)} on this machine") from None
    if uid == os.geteuid():
        return None
    if os.geteuid() != 0:
        raise wrong(f"only a server that runs as root can become {name}: remove the key")
    if shutil.which("setpriv", path=search) is None:
        raise wrong("needs the program setpriv (package util-linux), which is not in PATH")
    return name


def _check_folder(cwd: str) -> None:
    if not stat.S_ISDIR(mode_of(cwd)):
        raise wrong(f"there is no directory {_shown(cwd)}")
    if not os.access(cwd, os.X_OK):
        raise wrong(f"{_shown(cwd)} cannot be entered by the server: permission denied")
