"""What one process says: bytes of its pipes in; log lines, progress, result, error and artifacts out.

For the loop's thread, but for the account of what the scribe has written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from ..model.messages import (
    ArtifactMessage,
    Cut,
    ErrorMessage,
    Item,
    LineDecoder,
    LogMessage,
    NoOutput,
    Note,
    ProgressMessage,
    ResultMessage,
    Text,
)
from ..model.outcome import WorkerError
from ..model.params import Masker
from ..model.task import Progress
from ..model.units import format_size
from ..store import Scribe, Stream

#: What a piece of a log takes in memory besides its bytes.
_PIECE: Final = 256
_MAX_NOTES: Final = 100
#: Of all that is announced together, in characters.
_MAX_ARTIFACTS: Final = 4 << 20
_LAST_WORDS: Final = 300


class Output:
    """`limit` is how many bytes of both streams together are taken. `caught_up()` is called in the scribe's thread each
    time that it has written something, `progressed(progress)` for the latest of what was fed."""

    def __init__(
        self,
        task_id: str,
        *,
        jsonl: bool,
        masker: Masker | None,
        max_line: int,
        limit: int | None,
        scribe: Scribe,
        caught_up: Callable[[], None],
        progressed: Callable[[Progress], None],
        attempt: int = 1,
        answers: bool = False,
        former: str | None = None,
    ) -> None:
        """With `answers`, its result or error is the last that it says of this task. `former` is the task that its
        process had before."""
        self.progress: Progress | None = None
        #: JSON text.
        self.result: str | None = None
        self.error: WorkerError | None = None
        self.artifacts: Final[list[ArtifactMessage]] = []
        #: Something was given to the scribe.
        self.logged = False
        #: The last line on stderr that is not blank: often the reason of a failure.
        self.last_words = ""
        #: More was written than the limit: it is dropped.
        self.over_limit = False
        #: The task is done, as the worker says.
        self.answered = False
        #: More was said after that, or of the task before: it is dropped.
        self.says_more = False
        #: What it did that leaves its task without an answer of its own.
        self.broken = ""
        self._answers: Final = answers
        self._former: Final = former
        self._limit: Final = limit
        self._taken = 0
        self._task_id: Final = task_id
        self._attempt: Final = attempt
        self._masker: Final = masker
        self._scribe: Final = scribe
        self._caught_up = caught_up
        self._progressed: Final = progressed
        self._decoders: Final = {
            Stream.STDOUT: LineDecoder(max_line, jsonl),
            Stream.STDERR: LineDecoder(max_line, False),
        }
        self._lines: Final[list[tuple[Stream, bytes]]] = []
        self._handed = 0
        self._written = 0
        self._notes = 0
        self._announced = 0

    @property
    def backlog(self) -> int:
        """Bytes on their way to the disk."""
        return self._handed - self._written

    def feed(self, stream: Stream, data: bytes) -> int:
        """Gives how many things were said."""
        room = self._room(len(data))
        items = self._decoders[stream].feed(data[:room])
        if self._answers and stream is Stream.STDOUT:
            items = self._until_answer(items)
        self._take(stream, items)
        if room < len(data) and not self.over_limit:
            self.over_limit = True
            self.note(f"it wrote more than {format_size(self._taken)}: the rest is dropped")
        return len(items)

    def _until_answer(self, items: list[Item]) -> list[Item]:
        """What is said up to the answer; what its process still has to say of the task before is dropped."""
        taken: list[Item] = []
        for item in items:
            if self.answered:
                self.says_more = True
            elif isinstance(item, (ResultMessage, ErrorMessage, NoOutput)):
                taken += self._answer(item)
            else:
                taken.append(item)
                if isinstance(item, Cut):
                    self.broken = "a message of it was lost, being too long: perhaps its answer"
            if self.broken:
                break
        holds = self._decoders[Stream.STDOUT].holds
        self.says_more = self.says_more or (self.answered and holds)
        return taken

    def _answer(self, item: ResultMessage | ErrorMessage | NoOutput) -> Sequence[Item]:
        if item.task == self._task_id:
            self.answered = True
            return () if isinstance(item, NoOutput) else (item,)
        if item.task is not None and item.task == self._former:
            self.says_more = True
            return (Note("one more answer of the task before was dropped"),)
        wrong = "has no id" if item.task is None else "has the id of another task"
        self.broken = f"its answer {wrong}: it must have that of its own"
        return ()

    def _room(self, size: int) -> int:
        """How much of a piece is within the limit."""
        if self._limit is None:
            return size
        room = min(size, self._limit - self._taken)
        self._taken += room
        return room

    def close(self, stream: Stream) -> None:
        """The stream has ended: what it left without a newline counts."""
        items = self._decoders[stream].close()
        if self._answers and stream is Stream.STDOUT:
            items = self._until_answer(items)
        self._take(stream, items)

    def note(self, text: str) -> None:
        """A remark of the supervisor's, for the log."""
        self._take(Stream.TASKY, [Note(text)])

    def handed(self) -> dict[str, Any]:
        """What is known by now, as JSON: for a server that goes on with it. The log is on its way to the disk."""
        progress, error = self.progress, self.error
        return {
            "progress": progress and [progress.percent, progress.message],
            "result": self.result,
            "error": error and [error.message, error.code, error.details],
            "artifacts": [[each.path, each.name, each.media_type] for each in self.artifacts],
            "logged": self.logged,
            "last_words": self.last_words,
            "over_limit": self.over_limit,
            "taken": self._taken,
            "notes": self._notes,
            "announced": self._announced,
            "streams": {stream.value: each.handed() for stream, each in self._decoders.items()},
        }

    def go_on(self, handed: Mapping[str, Any]) -> None:
        """From where another server has stopped."""
        if progress := handed["progress"]:
            self.progress = Progress(percent=progress[0], message=progress[1])
        self.result = handed["result"]
        if handed["error"]:
            self.error = WorkerError(*handed["error"])
        self.artifacts.extend(ArtifactMessage(*each) for each in handed["artifacts"])
        self.logged = handed["logged"]
        self.last_words = handed["last_words"]
        self.over_limit = handed["over_limit"]
        self._taken = handed["taken"]
        self._notes = handed["notes"]
        self._announced = handed["announced"]
        for name, stream in handed["streams"].items():
            self._decoders[Stream(name)].go_on(stream)

    def detach(self) -> None:
        """The process has ended: who made this need not be told any more."""
        self._caught_up = _nobody

    # ------------------------------------------------------------------ what it says

    def _take(self, stream: Stream, items: Sequence[Item]) -> None:
        before = self.progress
        for item in items:
            match item:
                case Text(data=data):
                    self._lines.append((stream, self._masked_bytes(data)))
                case ProgressMessage(progress=progress):
                    self.progress = self._masked_progress(progress)
                case LogMessage():
                    self._lines.append((Stream.LOG, self._log_line(item)))
                case ResultMessage(output=output):
                    self.result = _dump(self._masked(output))
                case ErrorMessage():
                    self.error = WorkerError(
                        self._masked(item.message),
                        self._masked(item.code),
                        self._masked(item.details),
                    )
                case ArtifactMessage():
                    self._announce(item)
                case Note(text=text):
                    self._remark(text)
        if self._lines:
            self._hand_over()
        if self.progress is not None and self.progress is not before:
            self._progressed(self.progress)

    def _announce(self, artifact: ArtifactMessage) -> None:
        size = len(artifact.path) + len(artifact.name or "") + len(artifact.media_type or "")
        self._announced += size + _PIECE
        if self._announced <= _MAX_ARTIFACTS:
            self.artifacts.append(artifact)
        else:
            self._remark("an artifact was ignored: too many are announced")

    def _remark(self, text: str) -> None:
        self._notes += 1
        if self._notes == _MAX_NOTES:
            text = "further remarks of this kind are left out"
        if self._notes <= _MAX_NOTES:
            data = f"{text}\n".encode(errors="backslashreplace")
            self._lines.append((Stream.TASKY, self._masked_bytes(data)))

    def _log_line(self, item: LogMessage) -> bytes:
        document = self._masked({**item.fields, "level": item.level, "message": item.message})
        # Half a surrogate pair becomes what JSON itself writes for it.
        return f"{_dump(document)}\n".encode(errors="backslashreplace")

    # ------------------------------------------------------------------ to the log

    def _hand_over(self) -> None:
        """Gives the collected lines to the scribe, neighbours of one stream together."""
        now = time.time_ns()
        for stream, group in groupby(self._lines, itemgetter(0)):
            data = b"".join(piece for _, piece in group)
            if stream is Stream.STDERR:
                self._remember(data)
            self.logged = True
            self._handed += len(data) + _PIECE
            self._scribe.append(
                self._task_id, stream, now, data, self._on_written, attempt=self._attempt
            )
        self._lines.clear()

    def _on_written(self, count: int) -> None:
        """In the scribe's thread: the only one that changes `_written`."""
        self._written += count + _PIECE
        self._caught_up()

    def _remember(self, data: bytes) -> None:
        line = data.rstrip().rpartition(b"\n")[2].strip()
        if line:
            self.last_words = line[:_LAST_WORDS].decode(errors="backslashreplace")

    # ------------------------------------------------------------------ secrets

    def _masked(self, value: Any) -> Any:
        return value if self._masker is None else self._masker.value(value)

    def _masked_bytes(self, data: bytes) -> bytes:
        return data if self._masker is None else self._masker.data(data)

    def _masked_progress(self, progress: Progress) -> Progress:
        if self._masker is None or progress.message is None:
            return progress
        return Progress(percent=progress.percent, message=self._masker.text(progress.message))


def _nobody() -> None:
    pass


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
