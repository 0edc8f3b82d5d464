"""The workers as clients see them: their definitions, and whether each takes tasks.

Whether it does is said by the definition's file and by clients; the later word counts. So a client's word is stored
with what the file said then, and holds until the file says something else.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from ..crash import Point, crash_at
from ..errors import UnknownWorker, WorkerDisabled
from ..model.worker import WorkerDefinition
from ..store import Store, tasks
from ..supervisor import Counts

_NOTHING: Final = Counts()


class Definitions(Protocol):
    """Where the definitions come from (tasky.config.Catalogue): replaced as a whole at a reload."""

    @property
    def definitions(self) -> Mapping[str, WorkerDefinition]: ...

    @property
    def files(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A worker at this moment."""

    definition: WorkerDefinition
    enabled: bool
    counts: Counts = _NOTHING


class Workers:
    """Every method may be called by any thread. A worker's name is folded to lower case: older clients write
    `Sleeper`."""

    def __init__(self, store: Store, catalogue: Definitions) -> None:
        self._store: Final = store
        self._catalogue: Final = catalogue
        self._changing: Final = threading.Lock()
        #: By worker: a client's word, and what the file said then.
        self._overrides = store.reader.enabled_overrides()

    def views(self, counts: Mapping[str, Counts]) -> list[WorkerView]:
        """All of them, by name."""
        found = sorted(self._catalogue.definitions.items())
        return [self._view(definition, counts) for _, definition in found]

    @property
    def definitions(self) -> Mapping[str, WorkerDefinition]:
        """By name, all of one moment: it never changes, a reload puts another in its place."""
        return self._catalogue.definitions

    @property
    def files(self) -> Mapping[str, str]:
        """The names of the files that define them, by worker."""
        return self._catalogue.files

    def view(self, name: str, counts: Mapping[str, Counts]) -> WorkerView:
        return self._view(self.definition(name), counts)

    def definition(self, name: str) -> WorkerDefinition:
        """UnknownWorker, with the nearest name, if there is none."""
        definitions = self._catalogue.definitions
        definition = definitions.get(name) or definitions.get(name.lower())
        if definition is None:
            raise _unknown(name, definitions)
        return definition

    def usable(self, name: str) -> WorkerDefinition:
        """The definition of a worker that takes tasks; WorkerDisabled if it takes none."""
        definition = self.definition(name)
        if not self.takes_tasks(definition):
            raise WorkerDisabled(f"the worker {definition.name} is disabled: it takes no new tasks")
        return definition

    def set_enabled(self, name: str, enabled: bool) -> None:
        """On disk when it returns."""
        definition = self.definition(name)
        with self._changing:
            operation = tasks.set_enabled(definition.name, enabled, definition.enabled)
            self._store.writer.call(operation)
            crash_at(Point.SWITCHED)
            self._overrides = {**self._overrides, definition.name: (enabled, definition.enabled)}

    def _view(self, definition: WorkerDefinition, counts: Mapping[str, Counts]) -> WorkerView:
        enabled = self.takes_tasks(definition)
        return WorkerView(definition, enabled, counts.get(definition.name, _NOTHING))

    def takes_tasks(self, definition: WorkerDefinition) -> bool:
        override = self._overrides.get(definition.name)
        if override is not None and override[1] == definition.enabled:
            return override[0]
        return definition.enabled


def _unknown(name: str, definitions: Mapping[str, WorkerDefinition]) -> UnknownWorker:
    near = difflib.get_close_matches(name[:64].lower(), definitions, 1)
    return UnknownWorker(f"there is no worker {name[:64]!r}", near[0] if near else None)
