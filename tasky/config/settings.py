"""The server's settings: what they are, their defaults, and the converters of their values.

Each setting has up to three spellings: its key in tasky.yaml (`retention: {age: 30d}`), the variable
TASKY_RETENTION_AGE, and for some an option of the command line.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from ..model.containment import Kind
from ..model.fields import duration, flag, integer, one_of, size, text, wrong
from ..model.worker import KILL_GRACE, MAX_TASKS

_STATE_DIR: Final = Path("/var/lib/tasky")
_KIB: Final = 1024
_MIB: Final = 1024 * _KIB
_GIB: Final = 1024 * _MIB
_SECOND: Final = 1_000_000_000
_DAY: Final = 24 * 3600 * _SECOND

_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
_BRACKETED: Final = re.compile(r"\[(.*)\]")
_PORT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_LISTEN_FORMS: Final = "host:port, [ipv6]:port or unix:/run/tasky/tasky.sock"
#: Of the kernel: sockaddr_un's sun_path, less the NUL at its end.
_MAX_SOCKET_PATH: Final = 107


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listen:
    """Where the server listens: `host` and `port`, or `path` of a unix socket."""

    host: str | None = None
    port: int | None = None
    path: Path | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host is None or self.host == "localhost":
            return True
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return bool((mapped or address).is_loopback)

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in (self.host or "") else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """How long finished tasks are kept: both limits hold. `age` is in nanoseconds."""

    age: int = 30 * _DAY
    count: int = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Http:
    threads: int = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything that can be set. Sizes are bytes, durations nanoseconds."""

    listen: Listen = field(default_factory=lambda: Listen(host="127.0.0.1", port=8888))
    workers_dir: Path = Path("/etc/tasky/workers.d")
    state_dir: Path = _STATE_DIR
    max_tasks: int = 64
    max_queued: int = 100_000
    max_body: int = _MIB
    max_line: int = _MIB
    max_log: int = 16 * _MIB
    kill_grace: int = KILL_GRACE
    containment: Kind = Kind.AUTO
    insecure_perms: bool = False
    retention: Retention = field(default_factory=Retention)
    http: Http = field(default_factory=Http)
    log_level: str = LogLevel.INFO


@dataclass(frozen=True, slots=True)
class Setting:
    """How one setting is read. Relative paths start at the folder `base`."""

    convert: Callable[[Any, Path], Any]
    whole: bool = False  #: a whole number: in the environment it comes as text
    flag: bool = False  #: true or false, likewise

    def from_value(self, base: Path, value: Any) -> Any:
        return self.convert(value, base)

    def from_text(self, base: Path, word: str) -> Any:
        """From the environment or the command line, where everything is text."""
        if word in ("true", "false") and self.flag:
            return self.convert(word == "true", base)
        if self.whole and re.fullmatch(r"[0-9]{1,18}", word, re.ASCII):
            return self.convert(int(word), base)
        return self.convert(word, base)


def default_state_dir(environ: Mapping[str, str]) -> Path:
    """/var/lib/tasky for the system's server, else the user's own folder for state."""
    if os.geteuid() == 0 or os.access(_STATE_DIR, os.W_OK):
        return _STATE_DIR
    state = environ.get("XDG_STATE_HOME", "")
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return (Path(state) if state.startswith("/") else home / ".local/state") / "tasky"


# ---------------------------------------------------------------------- converters


def _plain(convert: Callable[[Any], Any]) -> Callable[[Any, Path], Any]:
    return lambda value, _: convert(value)


def _path(value: Any, base: Path) -> Path:
    word = text(value)
    if not word:
        raise wrong("must not be empty")
    if word.startswith("~"):
        raise wrong(f"write the path out: ~ is not expanded in {word}")
    return Path(os.path.normpath(base / word))


def _listen(value: Any, base: Path) -> Listen:
    if not isinstance(value, str):
        raise wrong(f"must be {_LISTEN_FORMS}", wants_text=True)
    if value.startswith("unix:"):
        path = _path(value.removeprefix("unix:"), base)
        if len(os.fsencode(path)) > _MAX_SOCKET_PATH:
            raise wrong(f"a socket's path has at most {_MAX_SOCKET_PATH} bytes: {path}")
        return Listen(path=path)
    host, colon, port = value.rpartition(":")
    if not colon or not host:
        raise wrong(f'must be {_LISTEN_FORMS}, not "{value}"')
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise wrong(f'"{port}" is not a port: a number up to 65535')
    where = Listen(host=_host(host), port=int(port))
    if not where.is_loopback:
        raise wrong(
            f"refuses {where}: without authentication anybody who reaches the server could run its"
            " workers. Use 127.0.0.1, [::1] or a unix socket"
        )
    return where


def _host(word: str) -> str:
    bracketed = _BRACKETED.fullmatch(word)
    try:
        if bracketed:
            return str(ipaddress.IPv6Address(bracketed[1]))
        if ":" in word:
            raise wrong(f"an IPv6 address is written in brackets: [{word}]")
        if re.fullmatch(r"[0-9.]+", word):
            return str(ipaddress.IPv4Address(word))
    except ipaddress.AddressValueError:
        raise wrong(f'"{word}" is not an address') from None
    if len(word) > 253 or not _HOST.fullmatch(word):
        raise wrong(f'"{word}" is not a host name')
    return word.lower()


def _bytes(low: int, high: int, limits: str) -> Setting:
    return Setting(_plain(size(low, high, limits)))


def _whole(low: int, high: int) -> Setting:
    return Setting(_plain(integer(low, high)), whole=True)


#: Every setting by the path of its key. Defaults are those of the dataclasses above.
SETTINGS: Final[Mapping[tuple[str, ...], Setting]] = {
    ("listen",): Setting(_listen),
    ("workers_dir",): Setting(_path),
    ("state_dir",): Setting(_path),
    ("max_tasks",): _whole(1, MAX_TASKS),
    ("max_queued",): _whole(0, 10_000_000),
    ("max_body",): _bytes(_KIB, _GIB, "from 1KiB to 1GiB"),
    ("max_line",): _bytes(_KIB, 64 * _MIB, "from 1KiB to 64MiB"),
    ("max_log",): _bytes(64 * _KIB, 1024 * _GIB, "from 64KiB to 1TiB"),
    ("kill_grace",): Setting(_plain(duration())),
    ("containment",): Setting(_plain(one_of(Kind))),
    ("insecure_perms",): Setting(_plain(flag), flag=True),
    ("retention", "age"): Setting(_plain(duration(low=_SECOND))),
    ("retention", "count"): _whole(1, 100_000_000),
    ("http", "threads"): _whole(1, 1000),
    ("log_level",): Setting(_plain(one_of(LogLevel))),
}
