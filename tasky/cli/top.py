"""tasky top"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from ..client import ClientError
from .invocation import Invocation, asks_server, emit
from .screen import Screen
from .snapshot import Snapshot, frame, look
from .target import Target
from .terminal import colours, is_terminal, line, width
from .types import duration

#: For one answer, seconds: what is late is out of date.
_PATIENCE = 5.0


def _interval(text: str) -> float:
    seconds = duration(text)
    if seconds < 0.1:
        raise click.BadParameter("it is 100ms at least")
    return seconds


@click.command()
@click.option(
    "--once",
    is_flag=True,
    help="One table, and no more; so it is, too, where the output is no terminal.",
)
@click.option("--interval", type=_interval, default="1s", show_default=True, metavar="DURATION",
              help="From one look at the server to the next.")  # fmt: skip
@asks_server
def top(invocation: Invocation, once: bool, interval: float) -> None:
    """The tasks that run and wait, live. q or Ctrl-C ends it."""
    if invocation.json:
        emit(look(invocation.client()).document())
    elif once or not is_terminal(sys.stdout) or os.environ.get("TERM") == "dumb":
        snapshot = look(invocation.client())
        for text in frame(
            snapshot,
            now(),
            invocation.find_target().url,
            width(),
            None,
            coloured=colours(sys.stdout),
        ):
            line(text)
    else:
        _live(invocation, interval)


def now() -> datetime:
    return datetime.now(UTC)


def _live(invocation: Invocation, interval: float) -> None:
    target = invocation.find_target()
    looks = _Looks(invocation, interval)  # the first look may raise: then there is nothing to show
    looks.start()
    try:
        with Screen() as screen:
            key = ""
            while "q" not in key.lower():
                screen.show(_frame(looks.latest, looks.trouble, target, screen))
                key = screen.key()
    except KeyboardInterrupt:
        pass  # one of the two ways to end it
    finally:
        looks.stop()


def _frame(snapshot: Snapshot, trouble: str, target: Target, screen: Screen) -> Iterator[str]:
    columns, lines = screen.size
    head = f"{target.url}  {trouble}" if trouble else target.url
    return frame(snapshot, now(), head, columns - 1, lines, coloured=colours(sys.stdout))


class _Looks(threading.Thread):
    """Looks at the server again and again, in a thread of its own: a server that hangs does not hang the keys."""

    def __init__(self, invocation: Invocation, interval: float) -> None:
        super().__init__(name="looks", daemon=True)
        self._client = invocation.own_client(_PATIENCE)
        self._interval = interval
        self._over = threading.Event()
        self.latest = look(self._client)
        #: Why there is nothing newer.
        self.trouble = ""

    def run(self) -> None:
        while not self._over.wait(self._interval):
            try:
                self.latest, self.trouble = look(self._client), ""
            except ClientError as error:
                self.trouble = error.message
        self._client.close()

    def stop(self) -> None:
        """Soon: an answer that is waited for is not."""
        self._over.set()
