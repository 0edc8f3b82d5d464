"""What every kind of containment can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from ...model.containment import Kind
from ...model.limits import Limits


class Tree(ABC):
    """One attempt's processes: the leader, which we started, and whatever descends from it.

    Made before the process, by the spawner's thread, then used by the loop's thread only.
    """

    #: The file that the leader writes itself into before it becomes the worker; None where there is none.
    entry: str | None = None

    @abstractmethod
    def lead(self, pid: int) -> None:
        """The leader was started, in a session of its own."""

    @abstractmethod
    def terminate(self) -> None:
        """One SIGTERM to the leader's process group (many programs take a second one as "at once"); it is thawed, for
        what is stopped would never see it."""

    @abstractmethod
    def kill(self) -> None:
        """SIGKILL to everything that can be reached at once. What escaped is ended by `Containment.emptied`."""

    @abstractmethod
    def freeze(self) -> None: ...

    @abstractmethod
    def thaw(self) -> None: ...

    @abstractmethod
    def entered(self) -> bool:
        """Whether the leader, a zombie now, ever got past `entry`; True where there is none."""

    @abstractmethod
    def leftovers(self) -> int:
        """How many processes there are besides the leader, which has ended: it has no children any more."""

    @abstractmethod
    def others(self) -> int:
        """How many processes there are, or may be, besides the leader, which lives. May raise OSError."""

    @property
    @abstractmethod
    def known_as(self) -> tuple[str, int]:
        """What its processes can be told by: a task, or what one was started as that waits for its task; an attempt."""

    @abstractmethod
    def serve(self, task_id: str | None) -> None:
        """The task that it is for, where it is older than its task: None while it waits for another."""

    @abstractmethod
    def leader_is_gone(self) -> None:
        """It was reaped: its number may be another's from now on, and is signalled no more."""

    @abstractmethod
    def give_up(self) -> None:
        """It does not end, and is looked at once a second from now on."""

    @abstractmethod
    def survivors(self) -> list[int]:
        """The processes that are there still, for a message about a tree that does not end."""

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel killed a process of it at its memory limit. Also after `close`."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Frees what it holds; for an empty tree, or one whose leader was never started."""


class Containment(ABC):
    """Makes trees. One for each server."""

    kind: ClassVar[Kind]
    #: What the kernel can limit for a whole tree: of memory, pids, cpu.
    controllers: Collection[str] = ()

    @abstractmethod
    def tree(self, task_id: str, attempt: int, limits: Limits) -> Tree:
        """In the spawner's thread. Raises OSError."""

    @abstractmethod
    def adopted(self, task_id: str, attempt: int) -> Tree:
        """The tree of another server's that goes on here."""

    @abstractmethod
    def handed(self) -> dict[str, Any]:
        """What another server that goes on with its trees must know, as JSON. For a time at which nothing is looked at;
        it is not closed then."""

    @abstractmethod
    def recall(self, handed: Mapping[str, Any]) -> None:
        """What `handed` knew of processes that have become ours, when all trees are `adopted`."""

    @abstractmethod
    def emptied(self, trees: Iterable[Tree]) -> list[Tree]:
        """Those of these, whose leaders were reaped, that have nothing left. Kills what it still finds of them; asked
        again and again until it has given them all. One look serves all; cheap where nothing is left."""

    @abstractmethod
    def tick(self) -> bool:
        """Once a second while there are trees: reaps what has become our child and ended. False if there are none, and
        nothing else to reap."""

    @abstractmethod
    def end_survivors(self, task_ids: frozenset[str]) -> None:
        """At start, before anything runs: ends what a killed server's tasks have left. May block."""

    @abstractmethod
    def close(self) -> None:
        """At the end of the server: ends what is left of anything that it started. May block."""

    def describe(self) -> Mapping[str, object]:
        """For people and programs that want to know what is guaranteed here."""
        return {"containment": str(self.kind), "controllers": sorted(self.controllers)}
