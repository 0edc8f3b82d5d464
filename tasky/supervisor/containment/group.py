"""Process groups: the containment that every Linux has. What leaves its group is found as our orphan, or below one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ...model.containment import Kind
from ...model.limits import Limits
from . import former, proc
from .base import Containment, Tree
from .led import LedTree, emptied
from .orphans import Orphans
from .proc import Process, Stat
from .survivors import end_marked
from .trees import Trees

#: After as many looks in vain it is asked what kind the members are: an init that is slow to reap leaves zombies.
_MANY_LOOKS: Final = 4
#: Such looks, at all processes, take this part of the loop's time at the most.
_SHARE: Final = 20
#: So often a pause is carried out again on what was forked meanwhile.
_MAX_PASSES: Final = 10


class ProcessGroups(Containment):
    kind = Kind.PROCESS_GROUP

    def __init__(self, state_dir: Path, handed: Mapping[str, Any] | None = None) -> None:
        self._state_dir: Final = state_dir
        self._orphans: Final = Orphans(Trees(f"{state_dir}/work"), handed and handed["orphans"])
        self._next_scan = 0

    def tree(self, task_id: str, attempt: int, limits: Limits) -> GroupTree:  # noqa: ARG002
        return GroupTree(task_id, attempt, self._orphans)

    def adopted(self, task_id: str, attempt: int) -> GroupTree:
        return GroupTree(task_id, attempt, self._orphans)

    def handed(self) -> dict[str, Any]:
        return {"kind": self.kind.value, "orphans": self._orphans.handed()}

    def recall(self, handed: Mapping[str, Any]) -> None:
        self._orphans.recall(handed["orphans"])

    def emptied(self, trees: Iterable[Tree]) -> list[Tree]:
        groups = [tree for tree in trees if isinstance(tree, GroupTree)]
        gone = emptied(groups, self._orphans)
        slow = [tree for tree in groups if tree.vain > _MANY_LOOKS and tree not in gone]
        if slow and time.monotonic_ns() >= self._next_scan:
            self._look_at_all(slow)
        return gone

    def _look_at_all(self, slow: list[GroupTree]) -> None:
        began = time.monotonic_ns()
        living = _living_groups()
        for tree in slow:
            tree.only_zombies = tree.number not in living
        now = time.monotonic_ns()
        self._next_scan = now + _SHARE * (now - began)

    def tick(self) -> bool:
        self._orphans.look()
        return bool(self._orphans.trees) or self._orphans.is_init

    def end_survivors(self, task_ids: frozenset[str]) -> None:
        former.end_all(self._state_dir)
        end_marked(task_ids, self._state_dir)

    def close(self) -> None:
        self._orphans.close()


class GroupTree(LedTree):
    """Held together by the group, and by the sweep for what has left it."""

    def __init__(self, task_id: str, attempt: int, orphans: Orphans) -> None:
        super().__init__(task_id, attempt, orphans)
        #: Looks at which the group still had a member.
        self.vain = 0
        #: It has members, but none that lives.
        self.only_zombies = False
        self._gone = False

    def terminate(self) -> None:
        """To the group only; what has left it is thawed with it, and has until the kill."""
        with self.as_far_as_possible():
            self.note_below()
        self.signal_group(signal.SIGTERM)
        self.thaw()

    def kill(self) -> None:
        self.doomed = True
        outside: list[Stat] = []
        with self.as_far_as_possible():
            outside = self._outside()
        self.signal_group(signal.SIGKILL)
        for each in outside:
            proc.send(each.process, signal.SIGKILL)

    def freeze(self) -> None:
        self.signal_group(signal.SIGSTOP)
        self._signal_outside(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal_group(signal.SIGCONT)
        self._signal_outside(signal.SIGCONT)

    def entered(self) -> bool:
        return True

    def count(self) -> int:
        return sum(not each.dead for each in self.below())

    def quiet(self) -> bool:
        """Members that have become our children are reaped on the way."""
        if self._gone:
            return True
        try:
            os.killpg(self.number, 0)
            while os.waitid(os.P_PGID, self.number, os.WEXITED | os.WNOHANG) is not None:
                pass
            os.killpg(self.number, 0)
        except ProcessLookupError:
            self._gone = True
        except (ChildProcessError, PermissionError):  # none of ours; a member under another user
            self.vain += 1
        return self._gone or self.only_zombies

    def survivors(self) -> list[int]:
        members = (proc.stat(pid) for pid in proc.pids())
        group = [each.pid for each in members if each and each.group == self.number]
        return sorted({*([] if self._gone else group), *self._orphans.of(self)})

    def _outside(self) -> list[Stat]:
        return [each for each in self.below() if each.group != self.number and not each.dead]

    def _signal_outside(self, number: int) -> None:
        """Again and again, until there is none that was not signalled."""
        done: set[Process] = set()
        with self.as_far_as_possible():
            for _ in range(_MAX_PASSES):
                fresh = {each.process for each in self._outside()} - done
                for process in fresh:
                    proc.send(process, number)
                if not fresh:
                    return
                done |= fresh


def _living_groups() -> frozenset[int]:
    """The numbers of all process groups with a member that is no zombie. As slow as there are processes."""
    everyone = (proc.stat(pid) for pid in proc.pids())
    return frozenset(each.group for each in everyone if each and not each.dead)
