"""The files of secrets that notifications are signed with: for the server's user alone, and read when they are needed,
so that a new secret needs no restart."""

from __future__ import annotations

import os
import secrets
import shlex
import stat
from pathlib import Path
from typing import Final

from ..model.delivery import new_secret, read_keys
from ..model.fields import quoted, wrong
from . import owners
from .files import reason

#: In the state directory, where the settings name no other.
FILE: Final = "webhooks.secret"

_MOST: Final = 4096
_BYTES: Final = 32


def read_secret(file: Path, *others: int) -> tuple[bytes, ...]:
    """The keys in the file. Wrong, saying what to do, where there are none, or somebody else could read or change
    them, but for root, this user and these others; nothing of what is in it is in the message."""
    try:
        text = _read(file, owners.trusted(*others))
    except OSError as error:
        raise wrong(f"{_shown(file)} cannot be read: {reason(error)}") from None
    try:
        return read_keys(text)
    except ValueError as error:
        raise wrong(f"{_shown(file)} {error}") from None


def make_secret(file: Path) -> None:
    """A new secret in a file that is not there yet; one that is stays as it is. Wrong if it cannot be made."""
    if file.exists():
        return
    new = file.with_name(f"{file.name}.new")  # what has the right name is whole
    try:
        new.unlink(missing_ok=True)
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, f"{new_secret(secrets.token_bytes(_BYTES))}\n".encode())
            os.fsync(fd)
        finally:
            os.close(fd)
        new.rename(file)
    except OSError as error:
        raise wrong(f"{_shown(file)} cannot be made: {reason(error)}") from None


def _read(file: Path, users: frozenset[int]) -> str:
    fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise wrong(f"{_shown(file)} is not a file")
        _check_private(file, status, users)
        return os.read(fd, _MOST).decode("ascii", "replace")
    finally:
        os.close(fd)


def _check_private(file: Path, status: os.stat_result, users: frozenset[int]) -> None:
    if status.st_uid not in users:
        raise wrong(f"{_shown(file)} belongs to another user: chown it to the server's user")
    if status.st_mode & 0o077:
        command = f"chmod 600 {shlex.quote(str(file))}"
        raise wrong(f"{_shown(file)} can be read or changed by others: {command}")


def _shown(file: Path) -> str:
    return quoted(str(file), 4096)
