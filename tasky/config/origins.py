"""Names that the server answers to, and origins whose pages may use it."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Final

from ..model.fields import quoted, text, wrong

_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?", re.ASCII)
_ORIGIN: Final = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?)(?::([0-9]{1,5}))?",
    re.ASCII,
)
_USUAL: Final = {"http": 80, "https": 443}


def host_name(value: Any) -> str:
    """A name, or an address, as it is written in a URL; without a port."""
    word = text(value).lower()
    if "*" in word:
        raise wrong(f"each name must be written out: {quoted(word)} is a pattern")
    bare = word.removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        if not _NAME.fullmatch(word):
            raise wrong(
                f"must be a name or an address without a port, such as tasky.example.org, not {quoted(word)}"
            ) from None
        return word


def origin(value: Any) -> str:
    """As browsers write it: the usual port is left out."""
    word = text(value).lower()
    match = _ORIGIN.fullmatch(word)
    if match is None or int(match[4] or 1) > 65535:
        raise wrong(
            "must be an origin such as https://app.example.org, scheme, host and port without a path,"
            f" not {quoted(word)}"
        )
    scheme, host, port = match[1], match[2], match[4]
    return f"{scheme}://{host}" if port is None or int(port) == _USUAL[scheme] else word
