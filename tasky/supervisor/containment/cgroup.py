"""cgroup v2: what is in an attempt's own cgroup stays there, whatever it forks, and one write ends all of it.

A process of the server's user may move itself out on purpose. It is found as an orphan then, like one that left a
process group.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ...logs import about
from ...model.containment import Kind
from ...model.limits import Limits
from . import files, former, proc
from .base import Containment, Tree
from .home import Controllers, Home, Unavailable, instance
from .led import LedTree, emptied
from .orphans import Orphans
from .settings import limit
from .survivors import end_marked
from .trees import NamedTree, Trees
from .trial import make, try_out

log = logging.getLogger(__name__)


class Cgroups(Containment):
    kind = Kind.CGROUP

    def __init__(
        self, home: Home, state_dir: Path, handed: Mapping[str, Any] | None = None
    ) -> None:
        """Raises Unavailable, or OSError from the state directory. Blocks."""
        self._state_dir: Final = state_dir
        self._former: Final = former.folders(state_dir)
        self._folder: Final = f"{home.folder}/{instance(state_dir)}"
        self._name: Final = f"{home.name.rstrip('/')}/{instance(state_dir)}/"
        with contextlib.ExitStack() as undo:
            if handed is None:
                undo.callback(files.remove, self._folder)
                make(self._folder)
                try_out(self._folder)
                former.record(state_dir, self._folder)
                undo.callback(former.forget, state_dir)
            elif handed["folder"] != self._folder:
                raise Unavailable(f"they are in {handed['folder']}, and not in {self._folder}")
            self._controllers: Final = Controllers(
                home, self._folder, handed and handed["controllers"]
            )
            if handed is None:
                undo.callback(self._controllers.close)
            trees = Trees(f"{state_dir}/work", self._placed)
            self._orphans: Final = Orphans(trees, handed and handed["orphans"])
            undo.pop_all()
        self.controllers = self._controllers.names
        self._leaves: Final[dict[str, CgroupTree]] = {}
        #: Cgroups that could not be removed yet.
        self._stale: Final[set[str]] = set(handed["stale"] if handed else ())

    def tree(self, task_id: str, attempt: int, limits: Limits) -> CgroupTree:
        leaf = _leaf(task_id, attempt)
        folder = f"{self._folder}/{leaf}"
        try:
            os.mkdir(folder)  # noqa: PTH102 - done for every task
        except FileExistsError:  # of a try that could not be cleared away at once
            if not files.remove(folder):
                raise
            os.mkdir(folder)  # noqa: PTH102
        try:
            limit(folder, limits, self.controllers)
        except OSError:
            files.remove(folder)
            raise
        return self._tree(task_id, attempt, leaf)

    def _tree(self, task_id: str, attempt: int, leaf: str) -> CgroupTree:
        tree = CgroupTree(task_id, attempt, self._orphans, f"{self._folder}/{leaf}", self)
        self._leaves[leaf] = tree
        return tree

    def adopted(self, task_id: str, attempt: int) -> CgroupTree:
        return self._tree(task_id, attempt, _leaf(task_id, attempt))

    def handed(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "folder": self._folder,
            "controllers": self._controllers.handed(),
            "stale": sorted(self._stale),
            "orphans": self._orphans.handed(),
        }

    def recall(self, handed: Mapping[str, Any]) -> None:
        self._orphans.recall(handed["orphans"])

    def emptied(self, trees: Iterable[Tree]) -> list[Tree]:
        trees = list(trees)
        gone = emptied(trees, self._orphans)
        for tree in trees:
            if isinstance(tree, CgroupTree) and tree.looks:
                self._tell_escapes(tree)
        return gone

    def _tell_escapes(self, tree: CgroupTree) -> None:
        for pid in self._orphans.of(tree):
            if self._placed(pid) is not tree and pid not in tree.escaped:
                tree.escaped.add(pid)
                which = about(task=tree.task_id)
                log.warning("process %d escaped its cgroup: killed", pid, extra=which)

    def tick(self) -> bool:
        self._orphans.look()
        self._stale.difference_update([folder for folder in self._stale if files.remove(folder)])
        return bool(self._orphans.trees) or bool(self._stale) or self._orphans.is_init

    def end_survivors(self, task_ids: frozenset[str]) -> None:
        former.end_all(self._state_dir, self._former, keep=self._folder)
        end_marked(task_ids, self._state_dir)

    def close(self) -> None:
        self._orphans.close()
        if files.remove(self._folder):
            former.forget(self._state_dir)
        self._controllers.close()

    def closed(self, folder: str) -> None:
        """A tree's cgroup is not needed any more."""
        self._leaves.pop(folder.rpartition("/")[2], None)
        if not files.remove(folder):
            self._stale.add(folder)

    def _placed(self, pid: int) -> NamedTree | None:
        name = proc.cgroup(pid)
        if not name.startswith(self._name):
            return None
        return self._leaves.get(name[len(self._name) :].partition("/")[0])


def _leaf(task_id: str, attempt: int) -> str:
    return f"t-{task_id}-{attempt}"


class CgroupTree(LedTree):
    """Held together by its cgroup."""

    def __init__(
        self, task_id: str, attempt: int, orphans: Orphans, folder: str, cgroups: Cgroups
    ) -> None:
        super().__init__(task_id, attempt, orphans)
        self.entry = f"{folder}/cgroup.procs"
        self._folder: Final = folder
        self._cgroups: Final = cgroups
        self._watches_memory: Final = "memory" in cgroups.controllers
        self._out_of_memory = False
        self._emptied = False
        #: What had to be killed outside of it.
        self.escaped: Final[set[int]] = set()

    def terminate(self) -> None:
        with self.as_far_as_possible():
            self.note_below()
        self.signal_group(signal.SIGTERM)
        self.thaw()

    def kill(self) -> None:
        """Also what is frozen."""
        self.doomed = True
        with self.as_far_as_possible():
            self.note_below()
        if not self._emptied:
            self._write("cgroup.kill", "1")
        self.signal_group(signal.SIGKILL)  # a leader that is not in yet

    def freeze(self) -> None:
        self._write("cgroup.freeze", "1")

    def thaw(self) -> None:
        """A worker may have been stopped by a signal, too."""
        self._write("cgroup.freeze", "0")
        self.signal_group(signal.SIGCONT)

    def entered(self) -> bool:
        return proc.cgroup(self.number).endswith(f"/{self._folder.rpartition('/')[2]}")

    def members(self) -> set[int]:
        return set(files.members(self._folder))

    def count(self) -> int:
        return 0 if self._has_emptied() else len(files.members(self._folder))

    def quiet(self) -> bool:
        if not self._has_emptied():
            self._write("cgroup.kill", "1")  # the first may have failed
        return self._emptied

    def _has_emptied(self) -> bool:
        """Once the leader has ended: whoever is not in it can not get in any more but by his own will."""
        self._emptied = self._emptied or not files.populated(self._folder)
        return self._emptied

    def survivors(self) -> list[int]:
        return sorted({*files.members(self._folder), *self._orphans.of(self)})

    @property
    def out_of_memory(self) -> bool:
        if self._watches_memory and not self._out_of_memory:
            with contextlib.suppress(OSError):
                self._out_of_memory = files.values(self._folder, "memory.events")["oom_kill"] > 0
        return self._out_of_memory

    def close(self) -> None:
        _ = self.out_of_memory
        super().close()
        self._cgroups.closed(self._folder)

    def _write(self, name: str, value: str) -> None:
        try:
            files.write(self._folder, name, value)
        except OSError as error:
            which = about(task=self.task_id)
            log.error("%s cannot be written: %s", name, error, extra=which)
