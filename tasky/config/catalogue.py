"""The definitions in force, and how they change while the server runs."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ..errors import ConfigError, Problem
from ..model.worker import WorkerDefinition
from .workers import by_name, read_folder

Definitions = Mapping[str, WorkerDefinition]


class Catalogue:
    """The workers of a folder. `definitions` is replaced as a whole, so who takes it once sees one version.

    A file is what a definition is known by: one that breaks keeps the definition that it had, one that goes takes its
    worker along.
    """

    def __init__(self, folder: Path, kill_grace: int, *, check_owners: bool = True) -> None:
        self._folder: Final = folder
        self._check_owners: Final = check_owners
        self._kill_grace: Final = kill_grace
        self._by_file: Mapping[Path, WorkerDefinition] = {}
        self._definitions: Definitions = MappingProxyType({})
        self._problems: tuple[Problem, ...] = ()
        self._callbacks: list[Callable[[Definitions], None]] = []
        self._lock: Final = threading.Lock()
        self._tickets: Final = itertools.count(1)
        self._served = 0

    @property
    def definitions(self) -> Definitions:
        """By name. It never changes: a reload puts another in its place."""
        return self._definitions

    @property
    def files(self) -> Mapping[str, str]:
        """The names of the files, by worker."""
        return {definition.name: file.name for file, definition in self._by_file.items()}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the last reload found wrong."""
        return self._problems

    def on_change(self, callback: Callable[[Definitions], None]) -> None:
        """Has the new definitions given to `callback` after every reload, in the thread that reloads."""
        self._callbacks.append(callback)

    def load(self) -> None:
        """The first time: ConfigError with everything that is wrong, if anything is."""
        with self._lock:
            self._read()
            if self._problems:
                raise ConfigError(self._problems)

    def reload(self) -> None:
        """Again. Of calls that wait for each other only the last one reads the folder."""
        ticket = next(self._tickets)
        with self._lock:
            if self._served >= ticket:  # a reload that began after this call is done
                return
            self._served = next(self._tickets)
            self._read()
            for callback in self._callbacks:
                callback(self._definitions)

    def _read(self) -> None:
        try:
            self._by_file, problems = read_folder(
                self._folder, self._kill_grace, self._by_file, check_owners=self._check_owners
            )
        except ConfigError as error:  # the folder is away: what was in it stays
            self._problems = error.problems
            return
        self._definitions = MappingProxyType(by_name(self._by_file))
        self._problems = tuple(problems)
