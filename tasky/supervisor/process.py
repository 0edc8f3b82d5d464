"""One attempt: a process with its pipes, from its start to its last byte. Lives in the loop's thread.

The process ends the attempt, not its pipes: a grandchild that holds one open has a second to finish, then it is killed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..crash import Point, crash_at
from ..model.messages import CANCEL
from ..model.outcome import Ending, ExitStatus, Reason
from ..model.task import Progress
from ..model.worker import Protocol
from ..store import Scribe, Stream
from .containment import NOT_ENTERED
from .emptying import PATIENCE, Emptying
from .launch import Launch
from .loop import READ, WRITE, Loop
from .output import Output
from .pipes import Pipes
from .reaping import look, reap
from .reuse import what_is_left
from .spawner import Spawned
from .stdin import Stdin
from .timers import Timer

#: How long after the exit the pipes may stay open (contract section 5), in ns.
DRAIN_GRACE: Final = 1_000_000_000
_MILLISECOND: Final = 1_000_000


class Process:
    """Reads, writes, signals and reaps. `ended()` is called once, when nothing of it and its tree is left; or when it
    does not end for all that is done: then it is `leaked`, and `gone()` is called if it ends after all. One with `keep`
    may answer instead of ending: if nothing is left of the task then, `keep()` takes it over, and that is the end.
    `former` is the task that it had before."""

    def __init__(
        self,
        spawned: Spawned,
        launch: Launch,
        *,
        max_line: int,
        loop: Loop,
        emptying: Emptying,
        scribe: Scribe,
        ended: Callable[[], None],
        gone: Callable[[], None],
        progressed: Callable[[Progress], None] = lambda _: None,
        keep: Callable[[], None] | None = None,
        former: str | None = None,
    ) -> None:
        self.reason: Reason | None = None
        self.status: ExitStatus | None = None
        #: Its end is told, but there are processes still.
        self.leaked = False
        #: It could not get into its tree, so it never was the worker.
        self.kept_out = False
        self.output: Final = Output(
            launch.task_id,
            jsonl=launch.definition.protocol is Protocol.JSONL,
            masker=launch.masker,
            max_line=max_line,
            limit=launch.definition.limits.output,
            scribe=scribe,
            caught_up=lambda: self._pipes.on_written(),
            progressed=progressed,
            attempt=launch.attempt,
            answers=keep is not None,
            former=former,
        )
        #: It has answered, and is others' now.
        self.kept = False
        self._untouched = False
        self._keep: Final = keep
        self._answer_is_taken = False
        self._frozen = False
        self._task_id: Final = launch.task_id
        self._masker: Final = launch.masker
        self._definition: Final = launch.definition
        self._spawned: Final = spawned
        self._loop: Final = loop
        self._emptying: Final = emptying
        self._ended: Final = ended
        self._gone: Final = gone
        self._tree: Final = spawned.tree
        self._pipes: Final = Pipes(
            spawned,
            self.output,
            loop,
            read=self._has_read,
            readable=self._readable,
            caught_up=self._caught_up,
        )
        self._sending = False
        self._rests = False
        self._kill_timer: Timer | None = None
        self._deadline: int | None = None
        self._drain_timer: Timer | None = None
        self._drain_over = False
        self._rest_is_killed = False
        self._pipes.watch()
        loop.watch(spawned.pidfd, READ, lambda _: self._exit())
        self._send_later()
        crash_at(Point.WATCHED)

    # ------------------------------------------------------------------ what the supervisor asks for

    @property
    def exited(self) -> bool:
        """The process itself has ended; its pipes may still have something."""
        return self.status is not None

    @property
    def is_untouched(self) -> bool:
        """It has ended without a look at its task, or a word: another one may have that."""
        return self._untouched and not (self.output.answered or self.output.logged or self.leaked)

    def stop(self, reason: Reason, grace: int) -> None:
        """SIGTERM, and SIGKILL `grace` ns later. Asked again, it only ever shortens the grace."""
        if self.exited or self._answer_is_taken:
            return
        if self.reason is None:
            self.reason = reason
            self._say_cancel()
            self._tree.terminate()
            crash_at(Point.SIGNALLED)
        deadline = time.monotonic_ns() + grace
        if self._deadline is None or deadline < self._deadline:
            self._deadline = deadline
            if self._kill_timer is not None:
                self._kill_timer.cancel()
            self._kill_timer = self._loop.later(grace, self._kill)

    def _kill(self) -> None:
        self._tree.kill()
        crash_at(Point.KILLED)
        self._kill_timer = self._loop.later(PATIENCE, self._does_not_end)

    def _does_not_end(self) -> None:
        """It was killed, and is in the middle of something that the kernel does not break off."""
        self.output.note("it was killed, but does not end: not waited for")
        self.status = ExitStatus(lost=True)
        self.leaked = True
        self._pipes.close()
        self._let_go()
        self._emptying.give_up(self._tree, self._task_id, self._spawned.pidfd)
        self._ended()

    def freeze(self) -> None:
        if not self.exited:
            self._frozen = True
            self._tree.freeze()

    def thaw(self) -> None:
        if not self.exited:
            self._frozen = False
            self._tree.thaw()
            self._loop.call(self._take_answer)

    # ------------------------------------------------------------------ another server goes on with it

    @property
    def rests(self) -> bool:
        """Nothing is read of it, nor written to it, and its end is not looked for: what happens waits in the kernel."""
        return self._rests and not self.exited

    def rest(self) -> None:
        """It may still be stopped, frozen, thawed and killed. One that has answered is about to end, or to be kept."""
        if self._rests or self.exited or self._answer_is_taken:
            return
        self._rests = True
        self._pipes.rest()
        self._loop.unwatch(self._spawned.pidfd)
        if self._sending:
            self._sending = False
            self._loop.unwatch(self._stdin_fd)

    def work(self) -> None:
        """After `rest`."""
        if not self._rests:
            return
        self._rests = False
        self._loop.watch(self._spawned.pidfd, READ, lambda _: self._exit())
        self._pipes.work()
        self._send_later()
        self._loop.call(self._take_answer)

    def handed(self) -> dict[str, Any]:
        """All that is known of it, as JSON: the whole truth while it rests."""
        spawned, fds = self._spawned, self._pipes.by_stream
        return {
            "pid": spawned.pid,
            "tree": spawned.tree.known_as,
            "pidfd": spawned.pidfd,
            "stdin": None if spawned.stdin is None else self._handed_stdin(spawned.stdin),
            "stdout": fds.get(Stream.STDOUT),
            "stderr": fds.get(Stream.STDERR),
            "reason": self.reason,
            "deadline": self._deadline,
            "secrets": None if self._masker is None else self._masker.values,
            "output": self.output.handed(),
        }

    def _handed_stdin(self, stdin: Stdin) -> dict[str, Any]:
        """To the next server, one that may be kept is like any other: it reads that there is no further task."""
        known = stdin.handed()
        return known if self._keep is None else known | {"keep_open": False}

    def go_on(self, handed: Mapping[str, Any]) -> None:
        """From where another server has stopped."""
        self.output.go_on(handed["output"])
        self.reason = None if handed["reason"] is None else Reason(handed["reason"])
        if handed["deadline"] is not None:
            self._deadline = handed["deadline"]
            left = max(0, handed["deadline"] - time.monotonic_ns())
            self._kill_timer = self._loop.later(left, self._kill)
        self._send()

    def ending(self, timeout: int | None) -> Ending:
        assert self.status is not None, "the process has not ended"
        return Ending(
            status=self.status,
            answered=self.output.answered,
            broken=self.output.broken,
            reason=self.reason,
            error=self.output.error,
            timeout=timeout,
            limits=self._definition.limits,
            out_of_memory=self._tree.out_of_memory,
            last_words=self.output.last_words,
        )

    # ------------------------------------------------------------------ stdin

    def _say_cancel(self) -> None:
        stdin = self._spawned.stdin
        if stdin is not None:
            if self._keep is None:
                stdin.add(CANCEL)
            else:  # it reads its next task there: there is none
                stdin.finish()
            self._send()

    def _send(self) -> None:
        stdin = self._spawned.stdin
        if stdin is None or stdin.fd is None:
            return
        stdin.flush()
        if not stdin.waiting and self._sending:
            self._sending = False
            self._loop.unwatch(stdin.fd)
        if stdin.done:
            stdin.close()
        self._send_later()

    @property
    def _stdin_fd(self) -> int:
        stdin = self._spawned.stdin
        assert stdin is not None
        assert stdin.fd is not None
        return stdin.fd

    def _send_later(self) -> None:
        stdin = self._spawned.stdin
        if self._sending or self._rests:
            return
        if stdin is not None and stdin.fd is not None and stdin.waiting:
            self._sending = True
            self._loop.watch(stdin.fd, WRITE, lambda _: self._send())

    # ------------------------------------------------------------------ stdout and stderr

    def _has_read(self) -> None:
        """A piece. What is wrong with it ends the process."""
        if self.output.over_limit and self.reason is None:
            self.stop(Reason.OUTPUT, self._definition.kill_grace)
            self.reason = Reason.OUTPUT  # also of one that has exited by now
        if self.output.broken and self.reason is None:
            self.stop(Reason.PROTOCOL, 0)
            self.reason = Reason.PROTOCOL

    def _readable(self) -> None:
        if self.exited and not self._pipes:
            self._conclude()
        elif self.output.answered:
            self._take_answer()
        else:
            self._pipes.hold_if_behind()

    def _caught_up(self) -> None:
        """The pipes may be read again."""
        if self._drain_over:
            self._close_pipes()
        else:
            self._pipes.watch()

    # ------------------------------------------------------------------ the answer of one that may be kept

    def _take_answer(self) -> None:
        """The task is done; what is being stopped, or is frozen, is left to that. A process that is as it was before it
        had the task is kept; of any other all is ended, and the task waits for that."""
        done = self.output.answered and not self._answer_is_taken
        if not done or self.exited or self.reason is not None or self._frozen or self._rests:
            return
        self._answer_is_taken = True
        self._pipes.read_once(Stream.STDERR)
        problem = what_is_left(self._spawned, self.output, self._pipes.by_stream.values())
        if problem is None:
            self._part()
        else:
            self.output.note(problem)
            self._rest_is_killed = True
            self._kill()

    def _part(self) -> None:
        """It goes on without its task."""
        assert self._keep is not None
        self._pipes.give_away()
        self._loop.unwatch(self._spawned.pidfd)
        self.status = ExitStatus()
        self.output.detach()
        self._pipes.detach()
        self.kept = True
        self._keep()
        self._ended()

    # ------------------------------------------------------------------ the end

    def _exit(self) -> None:
        """The process has ended. It is not reaped yet: as a zombie it keeps its group's number ours."""
        self._loop.unwatch(self._spawned.pidfd)
        crash_at(Point.EXITED)
        status = look(self._spawned.pidfd)
        if status is None:
            self._loop.later(_MILLISECOND, self._exit)
            return
        if self.leaked:
            self._exit_at_last()
            return
        self.kept_out = status.code == NOT_ENTERED and not self._tree.entered()
        self.status = ExitStatus() if self.kept_out or self._answer_is_taken else status
        if status.lost:
            self._tree.leader_is_gone()
        stdin = self._spawned.stdin
        self._untouched = self._keep is not None and stdin is not None and stdin.untouched
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        self._drain_timer = self._loop.later(DRAIN_GRACE, self._drain_is_over)
        if not self._pipes.held:
            self._pipes.read_what_is_there()
        if not self._pipes:
            self._conclude()

    def _drain_is_over(self) -> None:
        """Somebody else holds a pipe; or the log is slow: what the worker wrote before its end is not dropped for
        that."""
        self._drain_over = True
        if self._pipes.held:
            self._kill_rest()
        else:
            self._close_pipes()

    def _close_pipes(self) -> None:
        """Ends the rest of the tree, and takes what that still wrote."""
        try:
            self._pipes.read_what_is_there()
            if self._pipes:
                self.output.note(
                    "a process that it left behind held its output open: not waited for"
                )
            self._kill_rest()
            self._pipes.read_what_is_there()
            self._pipes.close()
        finally:
            self._conclude()

    def _conclude(self) -> None:
        """All was read: ends what is left of the tree, then reaps the leader, which gives its number back."""
        if self._drain_timer is not None:
            self._drain_timer.cancel()
        self._kill_rest()
        self._reap()
        crash_at(Point.REAPED)
        self._let_go()
        self._emptying.wait(self._tree, self._task_id, self._over, self._gone)

    def _kill_rest(self) -> None:
        """The leader has ended. What is left of one that we have stopped is about to end, and is not noted."""
        if not self._rest_is_killed:
            self._rest_is_killed = True
            count = self._tree.leftovers()
            if count and self.reason is None:
                self.output.note(f"leftover processes: {count}")
        self._tree.kill()

    def _reap(self) -> None:
        reap(self._spawned.pidfd)
        self._tree.leader_is_gone()
        os.close(self._spawned.pidfd)

    def _let_go(self) -> None:
        stdin = self._spawned.stdin
        if stdin is not None and stdin.fd is not None:
            self._loop.unwatch(stdin.fd)
            stdin.close()
        self.output.detach()
        self._pipes.detach()

    def _over(self, leaked: bool) -> None:
        self.leaked = leaked
        self._ended()

    def _exit_at_last(self) -> None:
        self._kill_rest()
        self._reap()
        self._emptying.await_stuck(self._tree, self._task_id, self._gone)
