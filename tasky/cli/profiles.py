"""Profiles: where servers are, and the tokens for them. In ~/.config/tasky/profiles.toml:

[default]
url = "http://127.0.0.1:8888"

[prod]
url = "https://tasky.example.org"
token_file = "prod.token"       # or: token = "tsk_…"
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import ConfigError, Problem
from ..home import home

DEFAULT: Final = "default"
_KEYS: Final = ("url", "token", "token_file")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_MOST: Final = 1 << 20  # bytes: what is larger is no file of ours


@dataclass(frozen=True, slots=True)
class Profile:
    """Empty where the file does not say. `token` is never shown."""

    url: str = ""
    token: str = ""

    def __repr__(self) -> str:
        return f"Profile(url={self.url!r}, token={'…' if self.token else ''!r})"


def profiles_file() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if base.startswith("/"):
        return Path(base) / "tasky/profiles.toml"
    return (home(os.environ) or Path("/")) / ".config/tasky/profiles.toml"


def profile_names() -> list[str]:
    return list(_tables(profiles_file()))


def read_profile(name: str, *, required: bool) -> Profile:
    """ConfigError where the file has mistakes, or others can read a token; or where a profile that is required is not
    there."""
    file = profiles_file()
    # Who became another user may have kept a home that only the former one can read: nobody asked for what is in it.
    tables = _tables(file) if required or os.access(file, os.R_OK) else {}
    if name not in tables:
        if required:
            known = ", ".join(tables) or "none"
            raise _wrong(file, "", f"there is no profile {name!r}; there are: {known}")
        return Profile()
    table = tables[name]
    url = _text(file, name, table, "url")
    token = _text(file, name, table, "token")
    other = _text(file, name, table, "token_file")
    if token and other:
        raise _wrong(file, name, "has both token and token_file: one of them is to go")
    return Profile(url, _token_of(_other(file, name, other)) if other else token)


def _other(file: Path, name: str, other: str) -> Path:
    try:
        return file.parent / Path(other).expanduser()
    except RuntimeError:
        raise _wrong(file, f"{name}.token_file", f"there is no home for {other}") from None


def tables_of(file: Path, content: bytes) -> dict[str, dict[str, Any]]:
    """The profiles in the text of a file. Only one that has some needs TOML to be read."""
    import tomllib

    try:
        tables = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(file, "", f"this is not TOML: {error}") from None
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise _wrong(file, name, f"belongs into a profile, such as [{DEFAULT}]")
        for key in table:
            if key not in _KEYS:
                raise _wrong(
                    file, f"{name}.{key}", f"is not a key here: there are {_listed(_KEYS)}"
                )
    return tables


def _tables(file: Path) -> Mapping[str, dict[str, Any]]:
    content, is_private = _read(file)
    if not content:
        return {}
    tables = tables_of(file, content)
    if not is_private and any("token" in table for table in tables.values()):
        raise _open_to_others(file)
    return tables


def _read(file: Path) -> tuple[bytes, bool]:
    """The content, empty if there is no file, and whether only its owner can read it: as of one moment."""
    try:
        with file.open("rb") as stream:
            status = os.fstat(stream.fileno())
            private = not status.st_mode & _OTHERS and status.st_uid in (os.geteuid(), 0)
            return stream.read(_MOST), private
    except (FileNotFoundError, NotADirectoryError):
        return b"", True
    except OSError as error:
        raise _wrong(file, "", f"it cannot be read: {error.strerror}") from None


def _token_of(file: Path) -> str:
    content, is_private = _read(file)
    if not content.strip():
        raise _wrong(file, "", "there is no token in it, or no such file")
    if not is_private:
        raise _open_to_others(file)
    return content.decode("ascii", "replace").strip()


def _text(file: Path, name: str, table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise _wrong(file, f"{name}.{key}", "is not text: put it in quotes")
    return value


def _open_to_others(file: Path) -> ConfigError:
    return _wrong(
        file, "", f"it holds a token, and others can read it, or own it: chmod 600 '{file}'"
    )


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(words[:-1]) + f" and {words[-1]}"


def _wrong(file: Path, key: str, message: str) -> ConfigError:
    return ConfigError([Problem(file, 0, key, message)])
