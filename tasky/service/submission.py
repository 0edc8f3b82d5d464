"""What comes with the parameters of a submission, and what the service answers to it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from ..model.access import ANYBODY, Principal
from ..model.notify import Hook
from ..model.task import Idempotency
from ..store import Staged
from ..supervisor import Ended


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How a task is to run, and who wants it. `timeout` is in ns (None: the worker's own), `not_before` in ns since
    the epoch."""

    timeout: int | None = None
    priority: int = 0
    labels: tuple[tuple[str, str], ...] = ()
    not_before: int | None = None
    idempotency_key: str | None = None
    by: Principal = ANYBODY
    notify: tuple[Hook, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """What a submission with files came with: the files, and all of its parts for an Idempotency-Key to stand for."""

    files: Staged
    body: list[Any]


#: A submission with nothing but its parameters.
DEFAULTS = Options()


@dataclass(frozen=True, slots=True)
class Submitted:
    """An accepted task. `created` is False where the Idempotency-Key led to an earlier one; `ended` is None unless
    the end was waited for, and came."""

    task_id: str
    created: bool
    ended: Ended | None = None


def idempotency(
    key: str | None, worker: str, body: Any, by: Principal = ANYBODY
) -> Idempotency | None:
    """The key with a digest of what it came with: the parameters as the client sent them, in any order and spacing, or
    the parts of a form; so that a new default in the worker's definition makes no other body of them. Everybody has
    keys of his own: another's leads to no task of one's."""
    if key is None:
        return None
    canonical = json.dumps([worker, body], sort_keys=True, separators=(",", ":"))
    if by.name:
        key = f"{by.name}\n{key}"  # no key that is sent has a line's end
    return Idempotency(key=key, digest=hashlib.sha256(canonical.encode()).hexdigest())
