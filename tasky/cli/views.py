"""How a task that is followed is shown: JSON lines, plain lines, or (see `live_view`) a bar below its log."""

from __future__ import annotations

import importlib.util
import sys
import time
from types import TracebackType
from typing import Final, Self

from ..client import Event, LogEvent, ProgressDocument, ProgressEvent, StatusEvent
from ..model.states import LIVE
from .event_lines import as_json, log_text
from .invocation import Invocation
from .shapes import progress
from .terminal import colours, line, say

#: A line tells progress when the percentage has got into the next tenth; without one, once in so many seconds.
_TENTH: Final = 10
_PACE: Final = 5.0


class View:
    """Is shown each event, the first of them a status. `note` is for what else there is to say."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing of it stays but lines."""

    def show(self, event: Event) -> None:
        raise NotImplementedError

    def note(self, text: str) -> None:
        say(f"tasky: {text}")


class JsonView(View):
    """Events as lines of JSON on standard output; the result is the last of them."""

    def show(self, event: Event) -> None:
        line(as_json(event))


class PlainView(View):
    """Lines on standard error: those of the log, and between them, with "tasky: " before, state and progress."""

    def __init__(self) -> None:
        self._state = ""
        self._told: tuple[float | None, float] | None = None

    def show(self, event: Event) -> None:
        match event:
            case LogEvent(data=document):
                say(log_text(document))
            case StatusEvent(data=status):
                state = status["Status"]
                if state != self._state and state in LIVE:
                    self.note(state if self._state else f"{event.task_id} {state}")
                self._state = state
                self._progress(status.get("Progress"))
            case ProgressEvent(data=found):
                self._progress(found)

    def _progress(self, found: ProgressDocument | None) -> None:
        """The last of a short task may come with its end only."""
        if found and self._is_news(found.get("Percent")):
            self.note(progress({"TaskId": "", "Status": "", "Progress": found}))

    def _is_news(self, percent: float | None) -> bool:
        now = time.monotonic()
        told = self._told
        if told is not None:
            before, at = told
            same = None if percent is None else percent // _TENTH
            then = None if before is None else before // _TENTH
            if same == then and (percent is not None or now - at < _PACE):
                return False
        self._told = percent, now
        return True


def view_for(invocation: Invocation, task_id: str) -> View:
    """The bar is for a terminal that takes colours and all characters, where rich (the extra `cli`) is installed."""
    if invocation.json:
        return JsonView()
    encoding = (getattr(sys.stderr, "encoding", None) or "").lower().replace("-", "")
    if colours(sys.stderr) and encoding == "utf8" and importlib.util.find_spec("rich"):
        from .live_view import LiveView

        return LiveView(task_id)
    return PlainView()
