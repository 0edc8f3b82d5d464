"""The children that this server did not start: processes of its tasks that lost their parents.

As the subreaper we inherit them, and must reap them. They are listed under our main thread, which starts nothing
itself; what the spawner starts is listed under the spawner's. A child of the main thread that is in our own session, or
was there before, is none: another part of this process started it. As our children they are pinned: their numbers are
theirs until we reap them, each by its own number.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from . import proc, subreaper
from .proc import Stat
from .trees import NamedTree, Owners, Trees

log = logging.getLogger(__name__)

_OURS: Final = "/proc/self/task/{}/children"
#: When hundreds of trees are killed at once, not each is worth a look of its own: they take this part of the time.
_SHARE: Final = 4
_MAX_SWEEPS: Final = 50
_SWEEP_PAUSE: Final = 0.02


class Orphans:
    """One for each server. For the loop's thread, or for the only one that works."""

    def __init__(self, trees: Trees, handed: Mapping[str, Any] | None = None) -> None:
        """`handed` by another server of the same process: then the workers that it has started are listed, too."""
        self.trees: Final = trees
        self._orphans: dict[int, Owners] = {}
        self._next_look = 0
        self._session: Final = os.getsid(0)
        self._open = _have_list()
        was_one = self._open and subreaper.become()
        self._resigns: Final[bool] = handed["resigns"] if handed else self._open and not was_one
        self._before = frozenset(handed["before"] if handed else _adopted())
        #: The first process of a container: what others leave there nobody else would reap.
        self.is_init: Final = os.getpid() == 1

    def look(self) -> set[NamedTree]:
        """Reaps those that have ended, kills those of trees that were killed. Gives the trees that still had one: those
        of what it has reaped, too, whose children may have become ours after it had listed them.
        Raises OSError where it cannot look (no descriptor is left); what it knows then is true."""
        began = time.monotonic_ns()
        listed = _adopted()
        holding: set[NamedTree] = set()
        self._before &= frozenset(listed)
        with self.trees.lock:
            for pid in self._orphans.keys() - set(listed):
                del self._orphans[pid]  # somebody else has reaped it
            for pid in listed:
                if pid in self._before:
                    self._reap_as_init(pid)
                elif not self.trees.is_leader(pid):
                    holding |= self._look_at(pid, self._orphans.get(pid))
            if not self._orphans:
                self.trees.forget_ownerless()
        holding |= self._end_the_doomed()
        now = time.monotonic_ns()
        self._next_look = now + _SHARE * (now - began)
        return holding

    def handed(self) -> dict[str, Any]:
        """As JSON. Whose a process is, is told by the tasks and attempts."""
        return {
            "resigns": self._resigns,
            "before": sorted(self._before),
            "owners": [[pid, _keys(owners)] for pid, owners in self._orphans.items()],
            "seen": self.trees.handed(),
        }

    def recall(self, handed: Mapping[str, Any]) -> None:
        """What `handed` knew, when all trees are there."""
        self._orphans.update((pid, self.trees.known(keys)) for pid, keys in handed["owners"])
        self.trees.recall(handed["seen"])

    def of(self, tree: NamedTree) -> list[int]:
        """The orphans of a tree, at the latest look. Pinned."""
        return [pid for pid, owners in self._orphans.items() if owners == {tree}]

    def perhaps_of(self, tree: NamedTree) -> list[int]:
        """As `of`, with those that may be of another tree as well."""
        return [pid for pid, owners in self._orphans.items() if tree in owners]

    def below(self, tree: NamedTree) -> list[Stat]:
        """The orphans of a tree and all that descends from them, now: or a moment ago, where there are many."""
        if time.monotonic_ns() >= self._next_look:
            self.look()
        found = []
        for pid in self.of(tree):
            if seen := proc.stat(pid):
                found += [seen, *proc.descendants(pid)]
        self.trees.remember(frozenset({tree}), found)
        return found

    def _look_at(self, pid: int, owners: Owners | None) -> Owners:
        """Gives the trees that have had it until now, if all of them were killed."""
        if owners is None or len(owners) != 1:
            seen = proc.stat(pid)
            if seen is None or seen.session == self._session:
                self._reap_as_init(pid)
                return frozenset()
            if owners is None and self._all_are_ours():
                owners = self.trees.all()
            owners = self.trees.owners(seen, owners)
        if _reaped(pid):
            self._orphans.pop(pid, None)
            return owners if owners and _doomed(owners) else frozenset()
        if owners is not None:
            self._orphans[pid] = owners
        return frozenset()

    def _reap_as_init(self, pid: int) -> None:
        """A child of ours that is nothing of ours: as init does, once it has ended by itself."""
        if self.is_init:
            _reaped(pid)

    def _all_are_ours(self) -> bool:
        """Whether whatever becomes our child descends from what we started: not so in the first process of a container,
        nor beside children that were there before."""
        return not self.is_init and not self._before

    # ------------------------------------------------------------------ their end

    def _end_the_doomed(self) -> set[NamedTree]:
        """One that may be of several trees is ended with the last of them; one that can be of none, at once."""
        holding: set[NamedTree] = set()
        for pid, owners in self._orphans.items():
            if _doomed(owners):
                holding |= owners
                self._end(pid, owners)
        return holding

    def _end(self, pid: int, owners: Owners) -> None:
        below = proc.descendants(pid)
        self.trees.remember(owners, below)
        with contextlib.suppress(OSError):  # another user's
            os.kill(pid, signal.SIGKILL)  # a child of ours that was not reaped: pinned
        for each in below:
            if not each.dead:
                proc.send(each.process, signal.SIGKILL)

    def close(self) -> None:
        """Ends all that are left, whosever they are; after that, orphans are init's again. Blocks."""
        if not self._open:
            return
        self._open = False
        for tree in self.trees.all():
            tree.doomed = True
            self.trees.delist(tree)
        for _ in range(_MAX_SWEEPS):
            with contextlib.suppress(OSError):
                self.look()
                if not self._orphans:
                    break
            time.sleep(_SWEEP_PAUSE)
        else:
            log.error("processes of tasks do not end: %s", sorted(self._orphans))
        if self._resigns:
            subreaper.resign()


def _keys(owners: Owners) -> list[tuple[str, str]]:
    return [tree.key for tree in owners]


def _doomed(owners: Owners) -> bool:
    return all(tree.doomed for tree in owners)


def _have_list() -> bool:
    """Without CONFIG_PROC_CHILDREN orphans could not be found, nor reaped: they are left to init."""
    if Path(_OURS.format(os.getpid())).exists():
        return True
    log.warning("this kernel does not list children: what leaves its process group is not found")
    return False


def _adopted() -> list[int]:
    """The children listed under our main thread: the kernel gives an orphan to the first thread that lives."""
    try:
        return [int(pid) for pid in proc.whole(_OURS.format(os.getpid())).split()]
    except FileNotFoundError:
        return []


def _reaped(pid: int) -> bool:
    """Whether it had ended, and is reaped now."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is not None
    except ChildProcessError:
        return True
