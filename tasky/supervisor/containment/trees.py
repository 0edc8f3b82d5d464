"""The trees of a server, and to which of them a process belongs: told by what it cannot change first."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

from . import proc
from .base import Tree
from .proc import Process, Stat


class NamedTree(Tree):
    """A tree that processes can be told to belong to."""

    def __init__(self, task_id: str, attempt: int) -> None:
        self.task_id: Final = task_id
        self.attempt: Final = attempt
        self.key: Final = (task_id, str(attempt))
        #: The leader's pid, and so the number of its group and session; 0 before it was started.
        self.number = 0
        #: It was killed: whatever of it turns up is killed, too.
        self.doomed = False
        #: The task, where it has one id and its tree another, being older.
        self.serves: str | None = None

    @property
    def known_as(self) -> tuple[str, int]:
        return self.task_id, self.attempt


#: The trees that a process may be of: one that is known, or all that were there when it came; none for one whose task
#: has ended.
Owners: TypeAlias = frozenset[NamedTree]


class Trees:
    """Every method may be called by any thread; `lock` is held meanwhile, and may be held by a caller."""

    def __init__(self, work: str, placed: Callable[[int], NamedTree | None] | None = None) -> None:
        """`work` is the folder that holds the tasks' work folders; `placed` says where the kernel has put a process."""
        self.lock: Final = threading.RLock()
        self._works: Final = {work, os.path.realpath(work)}
        self._placed: Final = placed
        self._trees: Final[dict[tuple[str, str], NamedTree]] = {}
        self._numbers: Final[dict[int, NamedTree]] = {}
        #: Those that were not reaped.
        self._leaders: Final[set[int]] = set()
        #: Processes that were seen below a tree, before they lost their parents.
        self._seen: dict[Process, Owners] = {}

    def __bool__(self) -> bool:
        return bool(self._trees)

    def all(self) -> Owners:
        with self.lock:
            return frozenset(self._trees.values())

    def is_leader(self, pid: int) -> bool:
        return pid in self._leaders

    # ------------------------------------------------------------------ the life of a tree

    def enlist(self, tree: NamedTree) -> None:
        with self.lock:
            self._trees[tree.key] = tree

    def lead(self, tree: NamedTree) -> None:
        """Its leader has been started: a former owner of the number has nothing left under it."""
        with self.lock:
            self._numbers[tree.number] = tree
            self._leaders.add(tree.number)

    def leader_is_gone(self, tree: NamedTree) -> None:
        with self.lock:
            if self._numbers.get(tree.number) is tree:
                self._leaders.discard(tree.number)

    def free_number(self, tree: NamedTree) -> None:
        """It says nothing about anybody from now on: by and by it will be another's."""
        with self.lock:
            if self._numbers.get(tree.number) is tree:
                del self._numbers[tree.number]

    def delist(self, tree: NamedTree) -> None:
        with self.lock:
            self.leader_is_gone(tree)
            self.free_number(tree)
            if self._trees.get(tree.key) is tree:
                del self._trees[tree.key]
            if self._seen:
                self._seen = {each: of for each, of in self._seen.items() if tree not in of}

    # ------------------------------------------------------------------ whose a process is

    def remember(self, owners: Owners, found: Iterable[Stat]) -> None:
        """These are below one of its processes: should they lose their parents, they are known."""
        with self.lock:
            self._seen.update((each.process, owners) for each in found)

    def handed(self) -> list[Any]:
        """What `remember` has been told, as JSON."""
        with self.lock:
            return [[*each, [tree.key for tree in of]] for each, of in self._seen.items()]

    def recall(self, handed: Iterable[Any]) -> None:
        """What `handed` knew, when all trees are there."""
        with self.lock:
            for pid, started, keys in handed:
                self._seen[Process(pid, started)] = self.known(keys)

    def known(self, keys: Iterable[Sequence[str]]) -> Owners:
        """The trees of these tasks and attempts."""
        with self.lock:
            found = (self._trees.get((task_id, attempt)) for task_id, attempt in keys)
            return frozenset(tree for tree in found if tree is not None)

    def forget_ownerless(self) -> None:
        """There are no orphans: what was remembered of those of former tasks is of no use any more."""
        with self.lock:
            if self._seen:
                self._seen = {each: of for each, of in self._seen.items() if of}

    def owners(self, seen: Stat, otherwise: Owners | None) -> Owners | None:
        """Whose it is; `otherwise` where that cannot be told."""
        with self.lock:
            owners = None if seen.dead else self._evidence(seen)
            if owners is None:
                owners = self._seen.get(seen.process, otherwise)
            return owners and frozenset(each for each in owners if self._is_there(each))

    def _is_there(self, tree: NamedTree) -> bool:
        return self._trees.get(tree.key) is tree

    def _evidence(self, seen: Stat) -> Owners | None:
        if self._placed is not None and (tree := self._placed(seen.pid)):
            return frozenset({tree})
        if tree := self._numbers.get(seen.session) or self._numbers.get(seen.group):
            return frozenset({tree})
        marker = proc.marker(seen.pid)
        if marker is not None and (tree := self._trees.get((marker.task_id, marker.attempt))):
            return frozenset({tree})
        if marker is not None and self._task_at(marker.workdir) == marker.task_id:
            return self._of_task(marker.task_id)
        task_id = self._task_at(proc.cwd(seen.pid))
        return None if task_id is None else self._of_task(task_id)

    def _task_at(self, folder: str) -> str | None:
        """Whose work folder it is, or is in."""
        for work in self._works:
            if folder.startswith(f"{work}/"):
                return folder[len(work) + 1 :].partition("/")[0]
        return None

    def _of_task(self, task_id: str) -> Owners:
        """None of them, where the task has ended."""
        return frozenset(
            tree for tree in self._trees.values() if task_id in (tree.task_id, tree.serves)
        )
