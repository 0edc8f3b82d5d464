"""Who may do what: scopes, and those who have them. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from .chain import AD_HOC

_GLOB: Final = re.compile(r"[a-z0-9_*?\[\]!-]{1,64}", re.ASCII)
_TOKEN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
#: 256 bits in the alphabet of base64url.
_SECRET: Final = re.compile(r"tsk_[A-Za-z0-9_-]{43}", re.ASCII)


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

    def ever(self, need: Need) -> bool:
        """Whether there may be a worker or a task with which it may be done. Who may run looks at, and cancels, what is
        his own."""
        own = need in (Need.READ, Need.CANCEL) and self.may_somewhere(Need.RUN)
        return own or self.may_somewhere(need)

    def may_with_task(self, need: Need, worker: str, by: str | None) -> bool:
        """`by` is who submitted the task. A restart shows whose parameters it repeats, so that takes seeing it."""
        if need is Need.READ:
            return self.sees_task(worker, by)
        if need is Need.RUN and not self.sees_task(worker, by):
            return False
        if need is Need.RUN and worker == AD_HOC:
            return True  # its workers are looked at when it is made
        own = need is Need.CANCEL and by == self.name and self._may_have(worker)
        return own or self.may(need, worker)

    @property
    def sees_all(self) -> bool:
        """Every worker, and every task."""
        return self.is_admin or Scope(Need.READ) in self.scopes

    def sees_worker(self, worker: str) -> bool:
        """Who may run a worker must see how."""
        return self.may(Need.READ, worker) or self.may(Need.RUN, worker)

    def sees_task(self, worker: str, by: str | None) -> bool:
        """One's own tasks are seen by whoever may run their worker, others' by whoever may read it."""
        own = by is not None and by == self.name
        return self.may(Need.READ, worker) or (own and self._may_have(worker))

    def _may_have(self, worker: str) -> bool:
        """Tasks of one's own. For a chain of one's own, the workers in it were looked at when it was sent."""
        return worker == AD_HOC or self.may(Need.RUN, worker)


#: Where there is no authentication, whoever can connect may do everything.
ANYBODY: Final = Principal("", frozenset({Scope(Need.ADMIN)}))


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """What is known of a token; the token itself is not. Times are nanoseconds since the epoch, `used` (the last time)
    to the minute."""

    name: str
    digest: bytes
    scopes: tuple[Scope, ...]
    created: int
    expires: int | None = None
    used: int | None = None

    def principal(self, now: int) -> Principal | None:
        """None if it has expired."""
        if self.expires is not None and now >= self.expires:
            return None
        return Principal(self.name, frozenset(self.scopes))


def token_name(text: str) -> str:
    """The same; ValueError if no token can have this name."""
    if _TOKEN_NAME.fullmatch(text) is None:
        raise ValueError(
            "a token's name has 1 to 64 letters, digits, dots, dashes and underscores,"
            " and begins with a letter or a digit"
        )
    return text


def user_name(user: str) -> str:
    """The name of somebody whom a proxy knows: never that of a token, since that has no colon."""
    return f"user:{user}"


def parse_scopes(texts: Iterable[str]) -> tuple[Scope, ...]:
    """Each once; ValueError says what is wrong."""
    scopes = tuple(dict.fromkeys(map(Scope.parse, texts)))
    if not scopes:
        raise ValueError(
            "without a scope it could do nothing: there are read, run:WORKER, cancel and admin"
        )
    return scopes


def digest_of(secret: str) -> bytes | None:
    """SHA-256 of a token, or of a session's secret: all that is ever kept or compared. None for what cannot be one."""
    if _SECRET.fullmatch(secret) is None:
        return None
    return hashlib.sha256(secret.encode("ascii")).digest()


def has_secret(text: str) -> bool:
    """Whether a token stands somewhere in the text."""
    return _SECRET.search(text) is not None
