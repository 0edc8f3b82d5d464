"""A task that is followed, on a terminal: its log, and below it a bar that lives. The only importer of rich."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from ..client import Event, LogDocument, LogEvent, ProgressDocument, ProgressEvent, StatusEvent
from .event_lines import log_text
from .ids import short
from .shapes import state_colour
from .terminal import harmless, one_line
from .views import View

_LEVELS: Final = {
    "debug": "bright_black",
    "warning": "yellow",
    "warn": "yellow",
    "error": "red",
    "critical": "bold red",
}
#: Seconds from one print to the next; lines that are printed at once, however soon.
_PACE: Final = 0.05
_MANY: Final = 1000
_STREAMS: Final = {"stderr": "red", "tasky": "bright_black"}


class LiveView(View):
    """On standard error. When it is left the bar is gone, and the log stays.

    Each time that something is printed the bar is drawn anew, so lines are printed together, a few times a second, by a
    thread: a worker that writes a lot is not held up by that.
    """

    def __init__(self, task_id: str) -> None:
        self._console: Final = Console(stderr=True, highlight=False)
        self._lines: list[Text] = []
        self._lock: Final = threading.Lock()
        self._over: Final = threading.Event()
        self._printer: Final = threading.Thread(
            target=self._print_often, name="printer", daemon=True
        )
        self._bar: Final = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[id]}", style="bold", markup=False),
            _State("", markup=False),
            BarColumn(20),
            TextColumn("{task.fields[percent]}", markup=False),
            TimeElapsedColumn(),
            TextColumn(
                "{task.fields[message]}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
            ),
            console=self._console,
            transient=True,
            expand=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._row: Final = self._bar.add_task(
            "", total=None, id=short(task_id), state="", percent="", message=""
        )

    def __enter__(self) -> Self:
        self._bar.start()
        self._printer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._printer.join()
        self._print()
        self._bar.stop()

    def show(self, event: Event) -> None:
        match event:
            case LogEvent(data=document):
                line = Text(harmless(log_text(document)), style=_style(document))
                with self._lock:
                    self._lines.append(line)
                    many = len(self._lines) >= _MANY
                if many:
                    self._print()
            case StatusEvent(data=status):
                self._bar.update(self._row, state=status["Status"], refresh=True)
                self._progress(status.get("Progress", {}))
            case ProgressEvent(data=found):
                self._progress(found)

    def note(self, text: str) -> None:
        with self._lock:
            self._lines.append(Text(f"tasky: {harmless(text)}", style="bold"))
        self._print()

    def _print_often(self) -> None:
        while not self._over.wait(_PACE):
            self._print()

    def _print(self) -> None:
        with self._lock:  # held while it prints: what comes later is printed later
            if self._lines:
                self._console.print(Text("\n").join(self._lines), soft_wrap=True)
                self._lines.clear()

    def _progress(self, found: ProgressDocument) -> None:
        percent = found.get("Percent")
        self._bar.update(self._row, message=one_line(found.get("Message", "")))
        if percent is not None:
            self._bar.update(self._row, total=100, completed=percent, percent=f"{percent:.0f}%")


class _State(TextColumn):
    def render(self, task: object) -> Text:
        state = str(task.fields["state"])  # type: ignore[attr-defined]  # rich's Task: a name that is ours, too
        return Text(state, style=state_colour(state) or "")


def _style(document: LogDocument) -> str:
    level = _LEVELS.get(document.get("Level", "").lower())
    return level or _STREAMS.get(document["Stream"], "")
