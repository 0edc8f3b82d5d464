"""What a file holds, with the place of every key and value: mistakes in the one become problems in the other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Problem
from ..model.fields import Mistake, describe, quoted
from ..model.fields import Path as Keys


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thing stands; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Entry:
    """The places of a key and its value (an item of a list has no key), and the value as it is written if it is an
    unquoted one that is not text."""

    key: Place
    value: Place
    raw: str | None = None


class Document:
    """What a file holds: `data`, and where each part of it stands."""

    def __init__(
        self,
        file: Path,
        data: Mapping[str, Any],
        entries: Mapping[Keys, Entry],
        found: list[Problem],
        refused: frozenset[Keys],
    ) -> None:
        """`found` is what is wrong with the YAML itself, `refused` the paths of values that it leaves unclear."""
        self.file = file
        self.data = data
        self._entries = entries
        self._found = found
        self._refused = refused

    def problems(self, mistakes: Iterable[Mistake] = ()) -> list[Problem]:
        """What is wrong with the YAML, and the mistakes, in the order of their places. A mistake in a value that was
        already refused is left out."""
        fresh = [mistake for mistake in mistakes if not self._covered(mistake.path)]
        problems = [*self._found, *(self.problem(mistake) for mistake in fresh)]
        return sorted(problems, key=lambda problem: (problem.line, problem.column))

    def problem(self, mistake: Mistake) -> Problem:
        """The mistake with its place; for a key that is missing, the place of what it is missing from."""
        path = mistake.path
        while path not in self._entries:
            path = path[:-1]
        entry = self._entries[path]
        place = entry.key if mistake.at_key or path != mistake.path else entry.value
        message = mistake.message + self._remark(mistake, entry if path == mistake.path else None)
        return Problem(self.file, place.line, dotted(mistake.path), message, place.column)

    def line(self, key: str) -> int:
        """The line of a key at the top; 0 if it is not there."""
        entry = self._entries.get((key,))
        return entry.key.line if entry else 0

    def _covered(self, path: Keys) -> bool:
        return any(path[:length] in self._refused for length in range(1, len(path) + 1))

    def _remark(self, mistake: Mistake, entry: Entry | None) -> str:
        """What YAML made of a value that should have been in quotes."""
        raw = entry.raw if entry else None
        if raw is None or mistake.at_key:
            return ""
        value = json.loads(raw)
        if raw != json.dumps(value):
            return f": YAML reads {raw} as {describe(value)}; for the text, put it in quotes"
        return f': put it in quotes, "{raw}"' if mistake.wants_text else ""


def dotted(path: Keys) -> str:
    """As people write it: params.source.type, command[0]."""
    return "".join(map(_step, path)).removeprefix(".")


def _step(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if re.fullmatch(r"[\w-]{1,64}", part) else f".{quoted(part)}"
