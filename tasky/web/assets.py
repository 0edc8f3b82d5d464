"""Files that are a part of Tasky, as browsers get them: read once, compressed once, told apart by what is in them."""

from __future__ import annotations

import gzip
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Final

import falcon

from .ranges import Validators, is_unchanged

STATIC: Final = files(__package__).joinpath("static")
MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
#: Of all others: licences, remarks.
_TEXT: Final = "text/plain; charset=utf-8"
#: It may be kept, and is to be asked for again.
ASK_AGAIN: Final = "no-cache"
#: Its address changes when it does.
FOR_EVER: Final = "public, max-age=31536000, immutable"

_STARTED: Final = int(time.time())
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_NOT: Final = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*")


@dataclass(frozen=True, slots=True)
class Asset:
    """`packed` is gzip; None where that saves nothing."""

    media_type: str
    plain: bytes
    packed: bytes | None
    tag: str

    @classmethod
    def of(cls, data: bytes, media_type: str) -> Asset:
        packed = gzip.compress(data, 9, mtime=0)
        tag = hashlib.sha256(data).hexdigest()[:32]
        return cls(media_type, data, packed if len(packed) < len(data) else None, tag)

    @classmethod
    def read(cls, file: Traversable) -> Asset:
        return cls.of(file.read_bytes(), media_type_of(file.name))


def media_type_of(name: str) -> str:
    return MEDIA_TYPES.get(f".{name.rpartition('.')[2]}", _TEXT)


def answer(
    req: falcon.Request,
    resp: falcon.Response,
    asset: Asset,
    caching: str,
    headers: Mapping[str, str] = _NO_HEADERS,
) -> None:
    """Compressed where the client takes it: another representation, with a tag of its own (RFC 9110, 8.8.3)."""
    packed = asset.packed if takes_gzip(req.env.get("HTTP_ACCEPT_ENCODING", "")) else None
    current = Validators(asset.tag if packed is None else f"{asset.tag}-gzip", _STARTED)
    resp.set_headers({"ETag": current.etag, "Cache-Control": caching, **headers})
    if asset.packed is not None:
        resp.append_header("Vary", "Accept-Encoding")
    if is_unchanged(req.env, current):
        resp.status = falcon.HTTP_304
        return
    resp.content_type = asset.media_type
    resp.data = asset.plain if packed is None else packed
    if packed is not None:
        resp.set_header("Content-Encoding", "gzip")


def takes_gzip(accepted: str) -> bool:
    """What Accept-Encoding says of gzip, by its name or as one of all others (RFC 9110, 12.5.3)."""
    weights = {}
    for item in accepted.lower().split(","):
        coding, _, weight = item.partition(";")
        weights[coding.strip()] = weight
    found = weights.get("gzip", weights.get("*"))
    return found is not None and _NOT.fullmatch(found) is None
