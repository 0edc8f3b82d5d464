"""A tree with a leader: what both modes have in common.

A process group's number is pinned by its leader as long as that is not reaped, so signals go to the group only while
the leader lives or is a zombie of ours: never to a stored number.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator
from typing import Final

from ...logs import about
from . import proc
from .base import Tree
from .orphans import Orphans
from .proc import Stat
from .trees import NamedTree

log = logging.getLogger(__name__)


class LedTree(NamedTree):
    """The group (and session) that a worker leads."""

    def __init__(self, task_id: str, attempt: int, orphans: Orphans) -> None:
        super().__init__(task_id, attempt)
        self._orphans: Final = orphans
        self._trees: Final = orphans.trees
        self._pinned = False
        self._has_children = True
        #: Looks that must still find nothing: two, once one has found something.
        self.looks = 0
        self._trees.enlist(self)

    def lead(self, pid: int) -> None:
        self.number = pid
        self._pinned = True
        self._trees.lead(self)

    def leader_is_gone(self) -> None:
        self._pinned = False
        self._trees.leader_is_gone(self)

    def give_up(self) -> None:
        """In so long a time its number may become another's."""
        self._trees.free_number(self)

    def close(self) -> None:
        self._trees.delist(self)

    def signal_group(self, number: int) -> None:
        if self._pinned:
            # Gone already is normal: reaping tells how it ended.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.number, number)

    def below(self) -> list[Stat]:
        """What descends from the leader, and the orphans with what descends from them."""
        return [*self.note_below(), *self._orphans.below(self)]

    def note_below(self) -> list[Stat]:
        """What descends from the leader is known from now on: also if it hides, and then loses its parent."""
        found = proc.descendants(self.number) if self._pinned and self._has_children else []
        self._trees.remember(frozenset({self}), found)
        return found

    def leftovers(self) -> int:
        self._has_children = False
        try:
            return self.count()
        except OSError as error:
            self._cannot_look(error)
            return 0

    def serve(self, task_id: str | None) -> None:
        self.serves = task_id

    def others(self) -> int:
        """What descends from the leader is looked at first: who loses its parent meanwhile is among the orphans."""
        found = {each.pid for each in self.note_below() if not each.dead}
        self._orphans.look()
        found.update(self._orphans.perhaps_of(self))
        return len((found | self.members()) - {self.number})

    def members(self) -> set[int]:
        """What the kernel itself lists as being in it. May raise OSError."""
        return set()

    def count(self) -> int:
        """The processes besides the leader, which has ended. May raise OSError."""
        raise NotImplementedError

    @contextlib.contextmanager
    def as_far_as_possible(self) -> Iterator[None]:
        """A look that fails for want of a descriptor must not keep anything from being killed: what it would have found
        is found when the tree must be empty."""
        try:
            yield
        except OSError as error:
            self._cannot_look(error)

    def _cannot_look(self, error: OSError) -> None:
        which = about(task=self.task_id)
        log.warning("its processes cannot be looked at: %s", error, extra=which)

    def quiet(self) -> bool:
        """Whether what holds the tree together has nothing in it; for after the leader was reaped. May raise
        OSError."""
        raise NotImplementedError


def emptied(trees: Iterable[Tree], orphans: Orphans) -> list[Tree]:
    """As Containment's. The orphans are looked at last: whatever was in a tree that is quiet has had its children
    handed over to us by then."""
    led = [tree for tree in trees if isinstance(tree, LedTree)]
    quiet = [tree for tree in led if tree.quiet()]
    holding = orphans.look()
    for tree in led:
        tree.looks = 2 if tree in holding else max(0, tree.looks - (tree in quiet))
    return [tree for tree in quiet if not tree.looks]
