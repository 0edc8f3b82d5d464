"""Where a server is: `http://host:port`, `https://host/prefix` or `unix:/path/to/socket`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from .errors import BadAddress

DEFAULT_URL: Final = "http://127.0.0.1:8888"
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """`socket` is the path of a Unix socket, or None. `prefix` stands before every path, without a slash at its end."""

    url: str
    host: str = "localhost"
    port: int = 0
    secure: bool = False
    prefix: str = ""
    socket: str | None = None

    def __str__(self) -> str:
        return self.url


def parse_address(url: str) -> Address:
    """BadAddress, saying what is accepted, where it is none."""
    if url.startswith("unix:"):
        return _unix(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadAddress(f"{url!r} is no address of a server: {error}") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment:
        raise BadAddress(
            f"{url!r} is no address of a server: give http://host:port or unix:/path/to/socket"
        )
    return Address(
        url.rstrip("/"),
        parts.hostname,
        _PORTS[parts.scheme] if port is None else port,
        parts.scheme == "https",
        parts.path.rstrip("/"),
    )


def _unix(url: str) -> Address:
    path = url.removeprefix("unix:").removeprefix("//")
    if not path.startswith("/") or "\0" in path:
        raise BadAddress(f"{url!r} is no address of a server: give unix:/path/to/socket")
    return Address(url, socket=path)
