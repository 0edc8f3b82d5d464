"""Chains beside the workers that they name, which other files define."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import Problem
from ..model.chain.fitting import check_workers, circle
from ..model.fields import Mistake
from ..model.worker import WorkerDefinition
from .document import Document


def settle_chains(
    definitions: Mapping[Path, WorkerDefinition],
    documents: Mapping[Path, Document],
    former: Mapping[Path, WorkerDefinition],
) -> tuple[dict[Path, WorkerDefinition], list[Problem]]:
    """The same definitions without the chains that do not fit the workers: such a file keeps what it had before. Only
    those are looked at that come from `documents`, which have just been read."""
    settled, problems = dict(definitions), list[Problem]()
    found = True
    while found:  # one chain less may be one that another names
        found = False
        workers = {definition.name: definition for definition in settled.values()}
        for file in sorted(documents.keys() & settled.keys()):
            mistakes = list(_mistakes(settled[file], workers))
            if not mistakes:
                continue
            found = True
            problems += documents[file].problems(mistakes)
            documents = {each: of for each, of in documents.items() if each != file}
            if file in former:
                settled[file] = former[file]
            else:
                del settled[file]
            break
    return settled, problems


def _mistakes(
    definition: WorkerDefinition, workers: Mapping[str, WorkerDefinition]
) -> Iterable[Mistake]:
    plan = definition.chain
    if plan is None:
        return
    yield from check_workers(plan, definition.parameters, workers)
    way = circle(definition.name, workers)
    if way is not None:
        yield Mistake(("chain",), f"it would run itself: {' -> '.join(way)}", at_key=True)
