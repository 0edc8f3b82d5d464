"""Webhooks: who is told of a task's end, at which URL. Pure.

A hook is the operator's (`notify` in a worker's definition) or a client's (`notify` of a submission). A client's may
only go to a host that the operator allows, for the server can reach what the client cannot.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from .fields import Section, Wrong, list_of, mapping, one_of, quoted, text, wrong
from .states import State

#: Of a definition, and of a submission.
MAX_HOOKS: Final = 32
_MAX_URL: Final = 2048

_KEYS: Final = ("url", "on", "secret_file")
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?(?P<target>[/?].*)?",
    re.ASCII | re.IGNORECASE,
)
#: What a URL is written with (RFC 3986), less the `#` of a fragment, which is never sent.
_CHARACTERS: Final = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+", re.ASCII)
_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.ASCII)
#: A last part that some resolvers take for a number: 127.1, 2130706433, 0x7f.1.
_NUMERIC: Final = re.compile(r"(.*\.)?(0x[0-9a-f]*|[0-9]+)", re.ASCII)


class End(StrEnum):
    """How a task can end, as `on` names it."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"

    @classmethod
    def of(cls, state: State) -> End:
        """Of a final state."""
        return cls(state.lower())


ALL_ENDS: Final = frozenset(End)


class Delivery(StrEnum):
    """What has become of a notification, as the API spells it."""

    PENDING = "Pending"
    DELIVERED = "Delivered"
    FAILED = "Failed"  #: and is not tried again


@dataclass(frozen=True, slots=True)
class Url:
    """A URL taken apart: `host` in lower case, an IPv6 address without its brackets; `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, url: str) -> Url:
        """ValueError says what is wrong, without repeating the URL."""
        if len(url) > _MAX_URL:
            raise ValueError(f"must not be longer than {_MAX_URL} characters")
        if "#" in url:
            raise ValueError("must not have a fragment (#...)")
        match = _URL.fullmatch(url)
        if match is None or _CHARACTERS.fullmatch(url) is None:
            raise ValueError(_what_is_wrong(url))
        scheme, target = match["scheme"].lower(), match["target"] or "/"
        port = int(match["port"] or (443 if scheme == "https" else 80))
        if not 0 < port <= 65535:
            raise ValueError("has no such port: a number from 1 to 65535")
        host = normal_host(match["host"])
        return cls(scheme, host, port, target if target.startswith("/") else f"/{target}")

    @property
    def authority(self) -> str:
        """As the header Host has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == (443 if self.scheme == "https" else 80)
        return host if usual else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def shown(self) -> str:
        """Without the query, in which there may be a password."""
        path, mark, _ = self.target.partition("?")
        return f"{self.origin}{path}{mark and '?...'}"


def _what_is_wrong(url: str) -> str:
    authority = re.sub(r"^[a-z]+://", "", url, flags=re.IGNORECASE).split("/", 1)[0]
    if not url.lower().startswith(("http://", "https://")):
        return "must begin with https:// or http://"
    if "@" in authority:
        return "must not have a user or a password in it: what is sent is signed instead"
    if not url.isascii():
        return "must be ASCII: a host's name as xn--..., all else percent-encoded"
    return "is not a URL such as https://hooks.example.org/tasky?key=value"


def normal_host(word: str) -> str:
    """A host as it is compared: a name in lower case, or an address in its one usual form. ValueError for anything
    else, also for what a resolver would take for an address (127.1, 2130706433)."""
    host = word.lower().removesuffix(".")
    try:
        if host.startswith("["):
            return str(ipaddress.IPv6Address(host[1:-1]))
        if _NUMERIC.fullmatch(host):
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise ValueError("has an address in it that is none: four numbers from 0 to 255") from None
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise ValueError("has no valid name of a host in it")
    return host


@dataclass(frozen=True, slots=True)
class Hook:
    """Who is told, and of which ends. `secret_file` has the key that the notification is signed with, None the
    server's own; `trusted` is one of a definition: its host need not be allowed."""

    url: str
    on: frozenset[End] = ALL_ENDS
    secret_file: str | None = None
    trusted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Notification:
    """What has become of one, after the task's end. Times are ns since the epoch; `next_at` is when it is tried next,
    if it is."""

    url: str
    end: End
    delivery: Delivery
    attempts: int = 0
    last_status: int | None = None
    last_error: str | None = None
    next_at: int | None = None


class AllowedHosts:
    """Where clients may have notifications sent to: names, addresses, and `*.example.org` for all names below."""

    def __init__(self, hosts: Collection[str] = ()) -> None:
        self._exact: Final = frozenset(host for host in hosts if not host.startswith("*."))
        self._below: Final = tuple(host[1:] for host in hosts if host.startswith("*."))

    def names(self, host: str) -> bool:
        """This very host: then its address may be any."""
        return host in self._exact

    def allows(self, host: str) -> bool:
        return self.names(host) or host.endswith(self._below)


# ---------------------------------------------------------------------- as clients and files have it


def client_hook(word: str) -> Hook:
    """Of a URL, behind a colon if it is told of some ends only: `failed,canceled:https://...`. ValueError says what is
    wrong."""
    before, _, url = word.partition(":")
    ends = ALL_ENDS
    if url.startswith("//"):
        url = word
    else:
        try:
            ends = frozenset(map(End, before.lower().split(",")))
        except ValueError:
            raise ValueError(
                "must be a URL, or ends and a URL, such as failed,canceled:https://hooks.example.org/tasky;"
                f" the ends are {', '.join(End)}"
            ) from None
    Url.parse(url)
    return Hook(url, ends)


def hooks(value: Any) -> tuple[Hook, ...]:
    """`notify` of a definition; raises Wrong."""
    found = list_of(_hook, "[{url: https://hooks.example.org/tasky}]")(value)
    if len(found) > MAX_HOOKS:
        raise wrong(f"must not have more than {MAX_HOOKS} of them")
    return found


def _hook(value: Any) -> Hook:
    if isinstance(value, str):
        raise wrong(f"must be a mapping: {{url: {value}}}")
    section = Section(mapping(value), _KEYS)
    if "url" not in section:
        section.reject(
            "url", "is missing: where to send it, such as https://hooks.example.org/tasky"
        )
    hook = Hook(
        url=section.get("url", _url, ""),
        on=section.get("on", _ends, ALL_ENDS),
        secret_file=section.get("secret_file", _path, None),
        trusted=True,
    )
    if section.mistakes:
        raise Wrong(*section.mistakes)
    return hook


def _url(value: Any) -> str:
    word = text(value)
    try:
        Url.parse(word)
    except ValueError as error:
        raise wrong(str(error)) from None
    return word


def _ends(value: Any) -> frozenset[End]:
    ends = frozenset(list_of(one_of(End), "[completed, failed]")(value))
    if not ends:
        raise wrong("must name one at least: completed, failed or canceled")
    return ends


def _path(value: Any) -> str:
    path = text(value)
    if not path.startswith(("/", "./", "../")):
        raise wrong(
            f"must be the path of a file, absolute or beginning with ./ (relative to this file), not {quoted(path)}"
        )
    return path


def allowed_hosts(words: Iterable[str]) -> tuple[str, ...]:
    """Of the settings, as AllowedHosts takes them. ValueError names the one that is wrong."""
    return tuple(map(_allowed, words))


def _allowed(word: str) -> str:
    star = "*." if word.startswith("*.") else ""
    host = f"[{word}]" if ":" in word and not word.startswith("[") else word.removeprefix(star)
    try:
        return star + normal_host(host)
    except ValueError:
        message = f"{quoted(word)} is no host: a name, an address or *.example.org, without scheme and port"
        raise ValueError(message) from None
