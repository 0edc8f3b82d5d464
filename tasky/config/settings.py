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
from typing import Any, Final, TypeVar

from ..home import home
from ..model.access import Scope
from ..model.containment import Kind
from ..model.fields import (
    Wrong,
    duration,
    flag,
    integer,
    list_of,
    mapping_of,
    one_of,
    size,
    text,
    wrong,
)
from ..model.notify import allowed_hosts
from ..model.proxies import Proxies, group_scopes, header_name, network
from ..model.worker import KILL_GRACE, MAX_TASKS
from .origins import host_name, origin

T = TypeVar("T")

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


class LogFormat(StrEnum):
    AUTO = "auto"
    TEXT = "text"
    JSON = "json"
    JOURNAL = "journal"


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
    streams: int = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhooks:
    """Where clients may have notifications sent to, and the file with the secret that they are signed with; without
    one it is a file in the state directory."""

    allowed_hosts: tuple[str, ...] = ()
    secret_file: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything that can be set. Sizes are bytes, durations nanoseconds."""

    listen: Listen = field(default_factory=lambda: Listen(host="127.0.0.1", port=8888))
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    auth: bool = False
    proxy: Proxies = field(default_factory=Proxies)
    workers_dir: Path = Path("/etc/tasky/workers.d")
    state_dir: Path = _STATE_DIR
    max_tasks: int = 64
    max_queued: int = 100_000
    max_body: int = _MIB
    max_upload: int = 100 * _MIB
    max_line: int = _MIB
    max_log: int = 16 * _MIB
    kill_grace: int = KILL_GRACE
    containment: Kind = Kind.AUTO
    insecure_perms: bool = False
    retention: Retention = field(default_factory=Retention)
    http: Http = field(default_factory=Http)
    webhooks: Webhooks = field(default_factory=Webhooks)
    log_level: str = LogLevel.INFO
    log_format: str = LogFormat.AUTO


@dataclass(frozen=True, slots=True)
class Setting:
    """How one setting is read. Relative paths start at the folder `base`."""

    convert: Callable[[Any, Path], Any]
    whole: bool = False  #: a whole number: in the environment it comes as text
    flag: bool = False  #: true or false, likewise
    many: bool = False  #: a list: in the environment separated by commas

    def from_value(self, base: Path, value: Any) -> Any:
        return self.convert(value, base)

    def from_text(self, base: Path, word: str) -> Any:
        """From the environment or the command line, where everything is text."""
        if self.many:
            return self.convert([item.strip() for item in word.split(",") if item.strip()], base)
        if word in ("true", "false") and self.flag:
            return self.convert(word == "true", base)
        if self.whole and re.fullmatch(r"[0-9]{1,18}", word, re.ASCII):
            return self.convert(int(word), base)
        return self.convert(word, base)


def default_state_dir(environ: Mapping[str, str]) -> Path:
    """/var/lib/tasky for the system's server, and for a user without a home; else the user's own folder for state."""
    if os.geteuid() == 0 or os.access(_STATE_DIR, os.W_OK):
        return _STATE_DIR
    state = environ.get("XDG_STATE_HOME", "")
    if state.startswith("/"):
        return Path(state) / "tasky"
    own = home(environ)
    return own / ".local/state/tasky" if own else _STATE_DIR


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
    return Listen(host=_host(host), port=int(port))


def too_open(listen: Listen, auth: bool) -> str | None:
    """Why the server must not listen there; None if it may."""
    if auth or listen.is_loopback:
        return None
    return (
        f"refuses {listen}: without authentication anybody who reaches the server could run its"
        " workers. Set auth: true, or use 127.0.0.1, [::1] or a unix socket"
    )


def _checked(check: Callable[[str], T]) -> Callable[[Any], T]:
    """A converter of text, of what raises a ValueError."""

    def convert(value: Any) -> T:
        word = text(value)
        try:
            return check(word)
        except ValueError as error:
            raise wrong(str(error)) from None

    return convert


def _group(name: str) -> None:
    if not name.strip() or "," in name:
        raise wrong("a group's name is not empty, and has no comma")


def _group_scopes(value: Any) -> Mapping[str, tuple[Scope, ...]]:
    """A mapping; from the environment, a list of group=scope."""
    try:
        if not isinstance(value, list):
            lists = mapping_of(list_of(text, "[read, run:copyfile]"), _group)(value)
            return group_scopes({group: [*scopes] for group, scopes in lists.items()})
        groups: dict[str, list[str]] = {}
        for item in value:
            group, equals, scope = str(item).partition("=")
            if not equals:
                raise ValueError("must be group=scope, separated by commas")
            groups.setdefault(group.strip(), []).append(scope.strip())
        return group_scopes(groups)
    except Wrong:
        raise
    except ValueError as error:
        raise wrong(str(error)) from None


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


def _file_or_none(value: Any, base: Path) -> Path | None:
    """An empty text is none."""
    return None if value == "" else _path(value, base)


def _hooked_hosts(value: Any) -> tuple[str, ...]:
    try:
        return allowed_hosts(list_of(text, "[hooks.example.org]")(value))
    except Wrong:
        raise
    except ValueError as error:
        raise wrong(str(error)) from None


def _bytes(low: int, high: int, limits: str) -> Setting:
    return Setting(_plain(size(low, high, limits)))


def _whole(low: int, high: int) -> Setting:
    return Setting(_plain(integer(low, high)), whole=True)


#: Every setting by the path of its key. Defaults are those of the dataclasses above.
SETTINGS: Final[Mapping[tuple[str, ...], Setting]] = {
    ("listen",): Setting(_listen),
    ("allowed_hosts",): Setting(_plain(list_of(host_name, "[tasky.example.org]")), many=True),
    ("cors_origins",): Setting(_plain(list_of(origin, "[https://app.example.org]")), many=True),
    ("auth",): Setting(_plain(flag), flag=True),
    ("proxy", "trusted"): Setting(
        _plain(list_of(_checked(network), "[127.0.0.1, 10.0.0.0/8]")), many=True
    ),
    ("proxy", "user_header"): Setting(_plain(_checked(header_name))),
    ("proxy", "groups_header"): Setting(_plain(_checked(header_name))),
    ("proxy", "scopes"): Setting(_plain(_group_scopes), many=True),
    ("workers_dir",): Setting(_path),
    ("state_dir",): Setting(_path),
    ("max_tasks",): _whole(1, MAX_TASKS),
    ("max_queued",): _whole(0, 10_000_000),
    ("max_body",): _bytes(_KIB, _GIB, "from 1KiB to 1GiB"),
    ("max_upload",): _bytes(_KIB, 1024 * _GIB, "from 1KiB to 1TiB"),
    ("max_line",): _bytes(_KIB, 64 * _MIB, "from 1KiB to 64MiB"),
    ("max_log",): _bytes(64 * _KIB, 1024 * _GIB, "from 64KiB to 1TiB"),
    ("kill_grace",): Setting(_plain(duration())),
    ("containment",): Setting(_plain(one_of(Kind))),
    ("insecure_perms",): Setting(_plain(flag), flag=True),
    ("retention", "age"): Setting(_plain(duration(low=_SECOND))),
    ("retention", "count"): _whole(1, 100_000_000),
    ("http", "threads"): _whole(1, 1000),
    ("http", "streams"): _whole(0, 10_000),
    ("webhooks", "allowed_hosts"): Setting(_plain(_hooked_hosts), many=True),
    ("webhooks", "secret_file"): Setting(_file_or_none),
    ("log_level",): Setting(_plain(one_of(LogLevel))),
    ("log_format",): Setting(_plain(one_of(LogFormat))),
}
