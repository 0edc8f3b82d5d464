"""An upgrade in place: the server comes to rest, and hands over to the code that is installed now.

First that code rehearses. Then nothing starts any more, starts and ends that are under way come to theirs, requests are
answered, and everything is closed that is not handed over. If it does not come to rest in time, it goes on.
"""

from __future__ import annotations

import logging
import signal
import time
from typing import Any, Final

from .. import __version__
from ..crash import Point, crash_at
from ..errors import TaskyError
from ..systemd import Given, ServiceManager
from .handover import VERSION, Handover, moved_command, own_command
from .outcome import Outcome
from .parts import Parts
from .rehearsal import Rehearsal
from .signals import STOP, Signals

log = logging.getLogger(__name__)

#: Seconds for what has to come to rest: longer than a killed process is waited for.
_PATIENCE: Final = 10.0
_LAST_ANSWERS: Final = 5.0  # ... and for requests that are under way
_LAST_DELIVERIES: Final = 0.5  # ... for notifications: what is cut off is sent again
_PAUSE: Final = 0.005
#: Seconds that the new code has until it must give a sign of life.
_START: Final = 600.0


class Upgrade:
    """Asked for again and again; one at a time. For the main thread."""

    def __init__(
        self,
        parts: Parts,
        signals: Signals,
        manager: ServiceManager,
        given: Given,
        handed: dict[str, Any] | None,
    ) -> None:
        self._parts: Final = parts
        self._signals: Final = signals
        self._manager: Final = manager
        self._given: Final = given
        #: After a way back, the path of the code that runs is not the one to look for new code at.
        self._command: Final[list[str]] = handed["command"] if handed else own_command()
        self._rehearsal: Rehearsal | None = None
        self._missed: set[int] = set()

    def begin(self) -> None:
        """Has the new code rehearse; `rehearsed` when it has."""
        if self._rehearsal is not None:
            log.info("an upgrade is under way already")
            return
        log.info("upgrade: the installed code rehearses")
        self._manager.status("upgrade: the installed code rehearses")
        try:
            document = self._document(rehearsal=True) | {
                "supervisor": self._parts.supervisor.glimpse()
            }
        except TaskyError as error:
            self.refuse(error.message)
            return
        wake = signal.SIGALRM
        self._rehearsal = Rehearsal(self._command, document, lambda: self._signals.send(wake))

    @property
    def rehearsed(self) -> bool:
        return self._rehearsal is not None and self._rehearsal.over

    def carry_out(self) -> Handover | None:
        """After the rehearsal; None where the old code goes on."""
        assert self._rehearsal is not None
        rehearsal, self._rehearsal = self._rehearsal, None
        if rehearsal.reason is not None:
            self.refuse(rehearsal.reason)
            return None
        self._manager.reloading()
        try:
            began = self._come_to_rest()
        except TaskyError as error:
            self._parts.http.work()
            self._parts.supervisor.work()
            self._manager.ready(self._parts.summary())
            self.refuse(error.message)
            missed, self._missed = self._missed, set()
            for number in missed:
                self._signals.send(signal.Signals(number))
            return None
        return self._hand_over(began)

    def refuse(self, reason: str) -> None:
        log.error("not upgraded: %s", reason)
        self._manager.status(f"not upgraded: {reason}")
        Outcome(number=self._number, old=__version__, reason=reason).write(
            self._parts.settings.state_dir
        )

    # ------------------------------------------------------------------ to rest

    def _come_to_rest(self) -> int:
        """Gives since when no request is answered, by the monotonic clock. TaskyError if something is in the way."""
        parts = self._parts
        self._must_be_well()
        deadline = time.monotonic() + _PATIENCE
        self._rest_tasks(deadline)
        began = time.monotonic_ns()
        last_answers = time.monotonic() + _LAST_ANSWERS
        while parts.http.rest():
            parts.supervisor.rest()
            if time.monotonic() > last_answers:
                log.warning("requests that take long are broken off")
                break
            self._pause()
        self._rest_tasks(deadline + _LAST_ANSWERS)
        self._must_be_well()
        crash_at(Point.RESTING)
        return began

    def _must_be_well(self) -> None:
        if stuck := self._parts.supervisor.unkillable():
            tasks = ", ".join(stuck)
            raise TaskyError(f"processes that were killed do not end, of the tasks {tasks}")
        if trouble := self._parts.store.trouble():
            raise TaskyError(f"the store is in trouble: {trouble}")

    def _rest_tasks(self, deadline: float) -> None:
        while under_way := self._parts.supervisor.rest():
            if time.monotonic() > deadline:
                raise TaskyError(
                    f"{len(under_way)} tasks do not come to rest (the first: {under_way[0]}):"
                    " see the log"
                )
            self._pause()

    def _pause(self) -> None:
        came = self._signals.wait(_PAUSE)
        if signal.SIGUSR1 in came:
            self._parts.levels.toggle()
        self._missed |= came - {signal.SIGUSR1}
        if STOP & came:
            raise TaskyError("the server is stopped")

    # ------------------------------------------------------------------ over

    def _hand_over(self, began: int) -> Handover:
        """Closes everything that is not handed over."""
        parts, document = self._parts, self._document(rehearsal=False)
        if (
            self._given.watchdog is not None
        ):  # a migration may take long, and a start is not watched
            self._manager.patience(_START)
        parts.heartbeat.close()
        parts.watch.close()
        parts.schedules.close()
        parts.notifier.close(_LAST_DELIVERIES)
        parts.streams.stop()
        connections = parts.http.hand_over()
        supervisor = parts.supervisor.hand_over()
        if parts.access is not None:
            parts.access.tokens.flush()
        store = parts.store.hand_over()
        crash_at(Point.HANDED_OVER)
        log.info("upgrade: handing over, with %d tasks", len(supervisor["tasks"]))
        listen = parts.settings.listen
        document |= {
            "old": moved_command(),
            "began": began,
            "passed": parts.passed,
            "listen": [str(listen.path) if listen.path else None, listen.host, listen.port],
            "socket": parts.socket.detach(),
            "connections": connections,
            "watchdog": self._given.watchdog,
            "notify_socket": self._given.notify_socket,
            "log_level": parts.levels.changed,
            "store": store,
            "supervisor": supervisor,
        }
        document["descriptors"] = [
            document["socket"],
            store["lock"],
            *connections,
            *(fd for task in supervisor["tasks"] for fd in _descriptors(task["process"])),
        ]
        document["signals"] = sorted(STOP & (self._missed | self._signals.wait(0)))
        return Handover(document)

    def _document(self, *, rehearsal: bool) -> dict[str, Any]:
        return {
            "version": VERSION,
            "rehearsal": rehearsal,
            "descriptors": [],
            "old": None,
            "returned": None,
            "tasky": __version__,
            "number": self._number,
            "command": self._command,
            "state_dir": str(self._parts.settings.state_dir.absolute()),
        }

    @property
    def _number(self) -> int:
        latest = Outcome.read(self._parts.settings.state_dir)
        return 1 if latest is None else latest.number + 1


def _descriptors(process: dict[str, Any]) -> list[int]:
    stdin = process["stdin"]
    fds = (process["pidfd"], process["stdout"], process["stderr"], stdin and stdin["fd"])
    return [fd for fd in fds if fd is not None]
