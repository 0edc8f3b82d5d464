"""Changing one profile in the file, and nothing else in it: comments and other profiles stay."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Final

from ..errors import TaskyError
from .profiles import tables_of

_HEADER: Final = re.compile(r"\s*\[")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class EditError(TaskyError):
    """The file of the profiles cannot be changed."""


def change_profile(file: Path, name: str, changes: dict[str, str | None]) -> bool:
    """Sets keys, or removes those that are None. The file is replaced as a whole, and only its owner can read it.
    Whether there was anything to change."""
    before = file.read_bytes() if file.exists() else b""
    tables = tables_of(file, before)
    table: dict[str, Any] = tables.get(name, {}) | changes
    wanted = tables | {name: {key: value for key, value in table.items() if value is not None}}
    if wanted == tables or (name not in tables and not wanted[name]):
        return False
    text = _edited(before.decode(), name, changes)
    try:
        is_right = tables_of(file, text.encode()) == wanted
    except TaskyError:
        is_right = False
    _replace(
        file, text if is_right else _written(wanted)
    )  # e.g. inline tables: rare, and rewritten
    return True


def _edited(text: str, name: str, changes: dict[str, str | None]) -> str:
    lines = text.splitlines(keepends=True)
    header = re.compile(rf"\s*\[\s*(?:{re.escape(name)}|\"{re.escape(name)}\")\s*\]")
    start = next((place for place, line in enumerate(lines) if header.match(line)), None)
    new = [f"{key} = {_quoted(value)}\n" for key, value in changes.items() if value is not None]
    if start is None:
        gap = "\n" if text.strip() else ""
        end = "" if text.endswith("\n") or not text else "\n"
        return f"{text}{end}{gap}[{_key(name)}]\n{''.join(new)}"
    behind = range(start + 1, len(lines))
    stop = next((place for place in behind if _HEADER.match(lines[place])), len(lines))
    keys = re.compile(rf"\s*(?:{'|'.join(map(re.escape, changes))})\s*=")
    kept = [line for line in lines[start + 1 : stop] if not keys.match(line)]
    head = lines[start] if lines[start].endswith("\n") else f"{lines[start]}\n"
    return "".join([*lines[:start], head, *new, *kept, *lines[stop:]])


def _written(tables: dict[str, dict[str, Any]]) -> str:
    sections = (
        f"[{_key(name)}]\n" + "".join(f"{key} = {_quoted(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    )
    return "\n".join(sections)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    """A basic string of TOML; JSON's escapes are among its own, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _replace(file: Path, text: str) -> None:
    target = file.resolve()  # a link, such as into a folder of dot files, stays one
    new = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(target)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise EditError(f"{file} cannot be written: {error.strerror}") from None
