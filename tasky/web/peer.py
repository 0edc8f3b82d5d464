"""Where a request comes from, and what a proxy says of it, if it is one that is trusted.

The headers of a proxy can be written by anybody: from all other addresses they are removed before anyone sees them.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Final

from ..model.proxies import UNIX, Proxies

_FORWARDED: Final = re.compile(r"HTTP_(X_)?FORWARDED(_.*)?")
_MOST_GROUPS: Final = 1000
_LONGEST: Final = 200


NO_PROXIES: Final = Proxies()


@dataclass(frozen=True, slots=True)
class Peer:
    """`address` is the client's. `user` is who it is, if a proxy says so."""

    address: str
    user: str | None = None
    groups: tuple[str, ...] = ()
    is_tls: bool = False
    #: Why what a proxy says of the user cannot be taken.
    trouble: str | None = None


def address_of(env: dict[str, Any]) -> str:
    """Of whoever has connected. Waitress calls every client of a unix socket localhost; one of TCP has an address."""
    direct: str = env.get("REMOTE_ADDR", "")
    return UNIX if direct == "localhost" else direct


def look_at_peer(env: dict[str, Any], proxies: Proxies) -> Peer:
    direct = address_of(env)
    names = (_variable(proxies.user_header), _variable(proxies.groups_header))
    is_tls = env.get("wsgi.url_scheme") == "https"
    if not proxies.trusts(direct):
        for name in [name for name in env if name in names or _FORWARDED.fullmatch(name)]:
            del env[name]
        return Peer(direct, is_tls=is_tls)
    client = _nearest_stranger(direct, _listed(env.get("HTTP_X_FORWARDED_FOR", "")), proxies)
    is_tls = is_tls or env.get("HTTP_X_FORWARDED_PROTO", "").strip().lower() == "https"
    try:
        user = _user(env.get(names[0], ""))
        groups = tuple(_listed(_text(env.get(names[1], "")))[:_MOST_GROUPS])
    except ValueError as error:
        return Peer(client, is_tls=is_tls, trouble=str(error))
    return Peer(client, user, groups, is_tls)


def _nearest_stranger(direct: str, hops: list[str], proxies: Proxies) -> str:
    """Each proxy adds whom it was asked by, at the end: what stands before the last stranger may be made up."""
    nearest = direct
    for hop in reversed(hops):
        try:
            nearest = str(ipaddress.ip_address(hop))
        except ValueError:
            return nearest
        if not proxies.trusts(nearest):
            return nearest
    return nearest


def _user(raw: str) -> str | None:
    name = _text(raw).strip()
    if not name:
        return None
    if len(name) > _LONGEST or not name.isprintable():
        raise ValueError("the proxy's name of the user is not printable, or too long")
    return name


def _text(raw: str) -> str:
    """WSGI hands over bytes as Latin-1; what they are is UTF-8."""
    try:
        return raw if raw.isascii() else raw.encode("latin-1").decode()
    except UnicodeError:
        raise ValueError("what the proxy says of the user is not UTF-8") from None


def _listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _variable(header: str) -> str:
    """Its name in a WSGI environment."""
    return f"HTTP_{header.upper().replace('-', '_')}"
