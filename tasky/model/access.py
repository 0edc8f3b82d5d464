"""Who may do what: scopes, and those who have them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

_GLOB: Final = re.compile(r"[a-z0-9_*?\[\]!-]{1,64}", re.ASCII)


class Need(StrEnum):
    """What an operation asks of whoever wants it. OPEN: nothing, not even to be known."""

    OPEN = "open"
    READ = "read"
    RUN = "run"
    CANCEL = "cancel"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Scope:
    """One right, over the workers whose names match `workers` (a glob of fnmatch(3), in lower case) and their tasks."""

    need: Need
    workers: str = "*"

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Of `admin`, `read`, `cancel`, `run:GLOB`, `read:GLOB` or `cancel:GLOB`; ValueError says what is wrong."""
        word, colon, glob = text.partition(":")
        try:
            need = Need(word)
        except ValueError:
            need = Need.OPEN
        if need is Need.OPEN:
            raise ValueError(f'"{text}" is no scope: there are read, run:WORKER, cancel and admin')
        if need is Need.ADMIN and colon:
            raise ValueError("admin is for everything: no worker is named with it")
        if need is Need.RUN and not colon:
            raise ValueError("run names the workers that may be run: run:NAME, or run:* for all")
        if colon and not _GLOB.fullmatch(glob.lower()):
            raise ValueError(f'"{glob}" is not the name of a worker, nor a pattern such as copy*')
        return cls(need, glob.lower() if colon else "*")

    def covers(self, need: Need, worker: str) -> bool:
        return self.need is need and fnmatchcase(worker, self.workers)

    def __str__(self) -> str:
        named = self.need is Need.RUN or self.workers != "*"
        return f"{self.need}:{self.workers}" if named else str(self.need)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who is known: the name is that of a token, or of a proxy's user; empty where there is no
    authentication."""

    name: str
    scopes: frozenset[Scope]

    @property
    def is_admin(self) -> bool:
        return any(scope.need is Need.ADMIN for scope in self.scopes)

    def may(self, need: Need, worker: str) -> bool:
        """Whether something may be done to this worker, or to anybody's task of it."""
        if need is Need.OPEN or self.is_admin:
            return True
        return any(scope.covers(need, worker) for scope in self.scopes)

    def may_somewhere(self, need: Need) -> bool:
        """To one worker at least, whichever."""
        return need is Need.OPEN or self.is_admin or any(one.need is need for one in self.scopes)

    def sees_worker(self, worker: str) -> bool:
        """Who may run a worker must see how."""
        return self.may(Need.READ, worker) or self.may(Need.RUN, worker)

    def sees_task(self, worker: str, by: str | None) -> bool:
        """One's own tasks are seen by whoever may run their worker, others' by whoever may read it."""
        own = by is not None and by == self.name
        return self.may(Need.READ, worker) or (own and self.may(Need.RUN, worker))


#: Where there is no authentication, whoever can connect may do everything.
ANYBODY: Final = Principal("", frozenset({Scope(Need.ADMIN)}))
