"""The reverse proxies that are trusted to say who asks. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from .access import Scope, parse_scopes

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX: Final = "unix"  #: whoever may use the unix socket
EVERYBODY: Final = "*"  #: the group of all users whom a proxy lets in
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)
#: Headers that say something else: none of them may be taken for a name.
_TAKEN: Final = frozenset(
    {"host", "authorization", "cookie", "content-type", "content-length", "transfer-encoding"}
    | {"x-forwarded-for", "x-forwarded-proto", "forwarded", "origin", "connection"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proxies:
    """`trusted` are networks, and UNIX. `scopes` are by the groups that a proxy names, those of EVERYBODY for all its
    users."""

    trusted: tuple[Network | str, ...] = ()
    user_header: str = "X-Forwarded-User"
    groups_header: str = "X-Forwarded-Groups"
    scopes: Mapping[str, tuple[Scope, ...]] = field(default_factory=dict)

    def trusts(self, address: str) -> bool:
        if address == UNIX:
            return UNIX in self.trusted
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(parsed in network for network in self.trusted if not isinstance(network, str))


def network(text: str) -> Network | str:
    """Of an address, a network such as 10.0.0.0/8, or `unix`; ValueError says what is wrong."""
    if text == UNIX:
        return UNIX
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(
            f"must be an address, a network such as 10.0.0.0/8, or unix: {error}"
        ) from None


def header_name(text: str) -> str:
    """The same; ValueError if it is no name of a header, or of one that has another meaning."""
    if _HEADER.fullmatch(text) is None or text.lower() in _TAKEN:
        raise ValueError("must be the name of a header such as X-Forwarded-User")
    return text


def group_scopes(pairs: Mapping[str, list[str]]) -> dict[str, tuple[Scope, ...]]:
    """By group. ValueError says what is wrong, and of which."""
    found: dict[str, tuple[Scope, ...]] = {}
    for group, texts in pairs.items():
        try:
            found[group] = parse_scopes(texts)
        except ValueError as error:
            raise ValueError(f"{group[:64]}: {error}") from None
    return found
