"""Server-Sent Events, as they are on the wire (https://html.spec.whatwg.org/#server-sent-events). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .errors import BadAnswer

#: Bytes of one event. A line of a log is at most 1 MiB unless the server is set otherwise, and JSON may escape it.
_LONGEST: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Frame:
    """`event` is "message" where the server names none. `id` is the last one that was sent, here or before."""

    event: str
    data: str
    id: str


class Decoder:
    """Is fed what arrives, in pieces of any length. `retry` is how long the server wants a client to wait before it
    connects again, seconds; None until it has said so. `id` is where to go on: that of the last event that was whole.
    """

    def __init__(self, last_id: str = "") -> None:
        self.retry: float | None = None
        self.id = last_id
        self._pending_id = last_id
        self._rest = bytearray()
        self._event = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """The events that this piece completes."""
        if b"\n" not in piece:
            self._rest += piece
            self._limit(0)
            return
        *whole, rest = (bytes(self._rest) + piece).split(b"\n")
        self._rest = bytearray(rest)
        for line in whole:
            self._limit(len(line))
            frame = self._line(line.removesuffix(b"\r").decode("utf-8", "replace"))
            if frame is not None:
                yield frame

    def _limit(self, more: int) -> None:
        self._size += more
        if self._size + len(self._rest) > _LONGEST:
            raise BadAnswer("the server sends an event without an end")

    def _line(self, line: str) -> Frame | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._pending_id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry = int(value) / 1000
        return None  # a comment (it begins with a colon: a heart-beat), or what is not known, says nothing

    def _dispatch(self) -> Frame | None:
        event, data = self._event or "message", self._data
        self._event, self._data, self._size = "", [], 0
        self.id = self._pending_id
        return Frame(event, "\n".join(data), self.id) if data else None
