"""Conditions and ranges of a GET (RFC 9110, sections 13 and 14): what of a file a request is to be answered with."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, BinaryIO, Final

from .problems import PreconditionFailed, RangeNotSatisfiable

_TAG: Final = re.compile(r'(W/)?"([!\x23-\x7e\x80-\xff]*)"')
_TAGS: Final = re.compile(rf"[ \t,]*{_TAG.pattern}(?:[ \t,]+{_TAG.pattern})*[ \t,]*")
_RANGE: Final = re.compile(r"[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one content from another. `tag` is strong, without its quotes; `modified` is in seconds since the
    epoch."""

    tag: str
    modified: int

    @property
    def etag(self) -> str:
        return f'"{self.tag}"'

    @property
    def last_modified(self) -> str:
        return formatdate(self.modified, usegmt=True)


def is_unchanged(environ: Mapping[str, Any], current: Validators) -> bool:
    """Whether the client has it already (304). Raises PreconditionFailed for a request that is about another content.
    A header that is not as it should be is as if it was not there."""
    tags = environ.get("HTTP_IF_MATCH")
    if tags is not None:
        if not _names(tags, current.tag, weak=False):
            raise PreconditionFailed
    else:
        since = _date(environ.get("HTTP_IF_UNMODIFIED_SINCE"))
        if since is not None and current.modified > since:
            raise PreconditionFailed
    tags = environ.get("HTTP_IF_NONE_MATCH")
    if tags is not None:
        return _names(tags, current.tag, weak=True)
    since = _date(environ.get("HTTP_IF_MODIFIED_SINCE"))
    return since is not None and current.modified <= since


def wanted(environ: Mapping[str, Any], size: int, current: Validators) -> tuple[int, int] | None:
    """The first byte and the one behind the last that a GET asks for; None for all. Of several ranges in one request
    none is taken: the answer is the whole. Raises RangeNotSatisfiable."""
    text = environ.get("HTTP_RANGE")
    if text is None or not _holds(environ.get("HTTP_IF_RANGE"), current):
        return None
    unit, _, places = text.partition("=")
    match = _RANGE.fullmatch(places)
    if unit.strip().lower() != "bytes" or match is None:
        return None
    first, last = match.groups()
    if not first:
        return _suffix(last, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise RangeNotSatisfiable(f"the file has {size} bytes")
    return int(first), min(int(last) + 1, size) if last else size


def _suffix(last: str, size: int) -> tuple[int, int] | None:
    if not last:
        return None
    if not int(last) or not size:
        raise RangeNotSatisfiable(f"the file has {size} bytes")
    return max(0, size - int(last)), size


def _holds(condition: str | None, current: Validators) -> bool:
    """If-Range: one strong tag, or exactly the date."""
    if condition is None:
        return True
    match = _TAG.fullmatch(condition.strip())
    if match is not None:
        return match[1] is None and match[2] == current.tag
    return condition.strip() == current.last_modified


def _names(tags: str, tag: str, *, weak: bool) -> bool:
    if tags.strip() == "*":
        return True
    if _TAGS.fullmatch(tags) is None:
        return False
    return any(match[2] == tag and (weak or match[1] is None) for match in _TAG.finditer(tags))


def _date(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None


class Window(io.RawIOBase):
    """The bytes from `first` on, before `end`, of an open file, as a file: it is read as it is sent, never whole."""

    def __init__(self, file: BinaryIO, first: int, end: int) -> None:
        self._file: Final = file
        self._first: Final = first
        self._size: Final = end - first
        file.seek(first)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell() - self._first

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._size}[whence]
        return self._file.seek(self._first + max(0, start + offset)) - self._first

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._size - self.tell())
        return self._file.read(left if size is None or size < 0 else min(size, left))

    def close(self) -> None:
        self._file.close()
        super().close()
