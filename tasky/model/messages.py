"""What a worker says and what it is told: JSON lines (contract section 5). Pure.

A LineDecoder is fed the bytes of one stream as they arrive and gives back what they say. It owns no pipe, and holds no
more than one line. However the bytes are split, the same is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from .strict_json import NotJSON, loads
from .task import Progress
from .units import format_size

CANCEL: Final = b'{"type":"cancel"}\n'

#: Characters of a progress message that are kept: it is shown in lists, and stored at each change.
_MAX_PROGRESS: Final = 1000
_BOM: Final = b"\xef\xbb\xbf"
_OBJECT: Final = re.compile(rb'[ \t\r]*\{[^\n]*?(?:"type"|\\)')
_NEXT_OBJECT: Final = re.compile(rb"\n" + _OBJECT.pattern)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MEDIA_TYPE: Final = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?: ?;[\x20-\x7e]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Text:
    """Lines for the log, to the byte. The last one of the stream may lack its newline."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ProgressMessage:
    progress: Progress


@dataclass(frozen=True, slots=True)
class LogMessage:
    """`fields` are the further members of the message."""

    level: str
    message: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResultMessage:
    """`task` is whose it is, where it says so."""

    output: Any
    task: Any = None


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    message: str
    code: str | None = None
    details: Any = None
    task: Any = None


@dataclass(frozen=True, slots=True)
class ArtifactMessage:
    """A file in the work folder. Whether `path` stays in there is found out where it is opened."""

    path: str
    name: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A remark of ours on what the worker sent, for the task's log."""

    text: str


@dataclass(frozen=True, slots=True)
class NoOutput(Note):
    """A result without one: in version 2 of the protocol the task is done, without a result."""

    task: Any = None


@dataclass(frozen=True, slots=True)
class Cut(Note):
    """What may have been a message is lost, since its line was too long."""


Item: TypeAlias = (
    Text | ProgressMessage | LogMessage | ResultMessage | ErrorMessage | ArtifactMessage | Note
)


def encode_task(
    task_id: str, worker: str, params: Mapping[str, Any], attempt: int, workdir: str
) -> bytes:
    """The line that a worker gets on its stdin."""
    message = {
        "type": "task",
        "id": task_id,
        "worker": worker,
        "params": dict(params),
        "attempt": attempt,
        "workdir": workdir,
    }
    return json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n"


class LineDecoder:
    """Bytes of one stream to items. Without `jsonl` all of it is Text.

    A line of more than `max_line` bytes is cut into lines of at most that, and a Note says so once.
    """

    def __init__(self, max_line: int, jsonl: bool) -> None:
        self._max_line: Final = max_line
        self._jsonl: Final = jsonl
        self._held: Final = bytearray()  # the beginning of a line, at most max_line bytes
        self._first = True  # no line was taken yet: a byte order mark may stand before it
        self._cut = False  # what comes is the rest of a line that was cut

    @property
    def holds(self) -> bool:
        """A line was begun."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[Item]:
        """What these bytes say, together with those held back."""
        if self._held:
            if len(self._held) + len(data) <= self._max_line and b"\n" not in data:
                self._held.extend(data)
                return []
            data = bytes(self._held) + data
            self._held.clear()
        said = _Said()
        start = 0
        while start < len(data):
            start = self._take(data, start, said)
        return said.items()

    def close(self) -> list[Item]:
        """The stream has ended: what is left is a line too."""
        said = _Said()
        self._lines(bytes(self._held), said)
        self._held.clear()
        return said.items()

    def handed(self) -> dict[str, Any]:
        """What it holds, as JSON: for a server that goes on with this stream."""
        return {"held": self._held.decode("latin-1"), "first": self._first, "cut": self._cut}

    def go_on(self, handed: Mapping[str, Any]) -> None:
        """From where another one has stopped."""
        self._held[:] = handed["held"].encode("latin-1")
        self._first, self._cut = handed["first"], handed["cut"]

    def _take(self, data: bytes, start: int, said: _Said) -> int:
        """As many whole lines as fit into the length of one, or a piece of one that is too long, or the beginning of
        one, to be held; gives where to go on."""
        window = start + self._max_line + 1
        end = data.rfind(b"\n", start, window) + 1
        if end:
            self._lines(data[start:end], said)
            return end
        if window > len(data):
            self._held.extend(data[start:] if start else data)
            return len(data)
        if not self._cut:
            kind = Cut if _OBJECT.match(data, start, window) else Note
            said.add(kind(f"a line of more than {format_size(self._max_line)} was cut"))
        self._first, self._cut = False, True
        end = _between_characters(data, start, window - 1)
        said.text(data[start:end])
        said.text(b"\n")
        return end

    def _lines(self, data: bytes, said: _Said) -> None:
        """Whole lines, none too long."""
        if not self._jsonl:
            said.text(data)
        elif self._cut or (self._first and data.startswith(_BOM)):
            end = data.find(b"\n") + 1 or len(data)
            message = None if self._cut else _message(data[len(_BOM) : end])
            if message:
                said.add(*message)
            else:
                said.text(data[:end])
            _messages(data[end:], said)
        else:
            _messages(data, said)
        self._first = self._cut = False


class _Said:
    """Items in the making: neighbouring text becomes one."""

    def __init__(self) -> None:
        self._items: Final[list[Item]] = []
        self._texts: Final[list[bytes]] = []

    def text(self, data: bytes) -> None:
        if data:
            self._texts.append(data)

    def add(self, *items: Item) -> None:
        self._join()
        self._items.extend(items)

    def items(self) -> list[Item]:
        self._join()
        return self._items

    def _join(self) -> None:
        if self._texts:
            self._items.append(Text(b"".join(self._texts)))
            self._texts.clear()


def _between_characters(data: bytes, start: int, end: int) -> int:
    """The last place up to `end` that tears no character of UTF-8 apart; `end` where there is no UTF-8."""
    for place in range(end, max(start, end - 4), -1):
        if data[place] & 0xC0 != 0x80:
            return place
    return end


def _messages(data: bytes, said: _Said) -> None:
    """Whole lines of which some may be messages; the text between them is passed on in one piece."""
    taken = 0
    if b"{" in data:
        for start in _openings(data):
            end = data.find(b"\n", start) + 1 or len(data)
            message = _message(data[start:end])
            if message:
                said.text(data[taken:start])
                said.add(*message)
                taken = end
    said.text(data[taken:])


def _openings(data: bytes) -> Iterator[int]:
    """Where the lines begin that may be an object. All others are passed over without a look at each."""
    if _OBJECT.match(data):
        yield 0
    for match in _NEXT_OBJECT.finditer(data):
        yield match.start() + 1


def _message(line: bytes) -> Sequence[Item]:
    """What a line says that may be a message; nothing if it is none: then it is text."""
    try:
        document = loads(line)
    except NotJSON:
        return ()
    if not isinstance(document, dict):
        return ()
    kind = document.pop("type", None)
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    return reader(document) if reader else ()


# ---------------------------------------------------------------------- messages: what each may say
# A member of the wrong type makes a message void, and a note says why. An error is never void: its task must fail.


def _progress(document: dict[str, Any]) -> Sequence[Item]:
    percent, message = document.get("percent"), document.get("message")
    if "percent" in document and not _is_number(percent):
        return _void("progress", f"percent is {_shown(percent)}, not a number")
    if message is not None and not isinstance(message, str):
        return _void("progress", f"message is {_shown(message)}, not a string")
    if percent is None and message is None:
        return _void("progress", "it has neither percent nor message")
    if message is not None and len(message) > _MAX_PROGRESS:
        message = f"{message[: _MAX_PROGRESS - 1]}…"
    if percent is None or 0 <= percent <= 100:
        return [ProgressMessage(Progress(percent=percent, message=message))]
    nearest = 0 if percent < 0 else 100
    return [
        Note(f"progress: percent is {_shown(percent)}, taken as {nearest}"),
        ProgressMessage(Progress(percent=nearest, message=message)),
    ]


def _log(document: dict[str, Any]) -> Sequence[Item]:
    """A log line is never void: what is not a string is shown as JSON."""
    level, message = document.pop("level", "info"), document.pop("message", "")
    return [LogMessage(_as_text(level), _as_text(message), document)]


def _result(document: dict[str, Any]) -> Sequence[Item]:
    if "output" not in document:
        return [NoOutput("a result message was ignored: it has no output", document.get("id"))]
    return [ResultMessage(document["output"], document.get("id"))]


def _error(document: dict[str, Any]) -> Sequence[Item]:
    message, code = document.get("message"), document.get("code")
    return [
        ErrorMessage(
            "the worker reported an error" if message is None else _as_text(message),
            None if code is None else _as_text(code),
            document.get("details"),
            document.get("id"),
        )
    ]


def _artifact(document: dict[str, Any]) -> Sequence[Item]:
    path, name = document.get("path"), document.get("name")
    if not isinstance(path, str) or not path or _CONTROL.search(path):
        return _void("artifact", f"path is {_shown(path)}, not the path of a file")
    if name is not None and (not isinstance(name, str) or _CONTROL.search(name)):
        return _void("artifact", f"name is {_shown(name)}, not a name")
    media_type = document.get("media_type")
    if media_type is None or (isinstance(media_type, str) and _MEDIA_TYPE.fullmatch(media_type)):
        return [ArtifactMessage(path, name, media_type)]
    return [
        Note(f"artifact: media_type is {_shown(media_type)}, not a media type: left out"),
        ArtifactMessage(path, name),
    ]


_READERS: Final[Mapping[str, Callable[[dict[str, Any]], Sequence[Item]]]] = {
    "progress": _progress,
    "log": _log,
    "result": _result,
    "error": _error,
    "artifact": _artifact,
}


def _void(kind: str, reason: str) -> Sequence[Item]:
    article = "an" if kind[0] in "aeiou" else "a"
    return [Note(f"{article} {kind} message was ignored: {reason}")]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _shown(value: Any) -> str:
    """Of one line, and short enough for a note."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
