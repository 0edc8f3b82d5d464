"""Definitions from a folder: one YAML file each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import ConfigError, Problem
from ..model.fields import Wrong
from ..model.worker import WorkerDefinition, parse_worker
from . import owners
from .chains import settle_chains
from .document import Document
from .files import failure, reason
from .host import settle
from .strict import load

_SUFFIXES: Final = frozenset({".yaml", ".yml"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """One file: its definition, or what is wrong with it."""

    file: Path
    definition: WorkerDefinition | None
    problems: tuple[Problem, ...] = ()
    document: Document | None = None


def load_workers(
    folder: Path, *, kill_grace: int, check_owners: bool = True
) -> tuple[dict[str, WorkerDefinition], list[Problem]]:
    """The definitions of a folder by name, and everything that is wrong in it."""
    try:
        by_file, problems = read_folder(folder, kill_grace, {}, check_owners=check_owners)
    except ConfigError as error:
        return {}, list(error.problems)
    return by_name(by_file), problems


def by_name(by_file: Mapping[Path, WorkerDefinition]) -> dict[str, WorkerDefinition]:
    """Sorted."""
    definitions = {definition.name: definition for definition in by_file.values()}
    return dict(sorted(definitions.items()))


def read_folder(
    folder: Path,
    kill_grace: int,
    former: Mapping[Path, WorkerDefinition],
    *,
    check_owners: bool = True,
) -> tuple[dict[Path, WorkerDefinition], list[Problem]]:
    """Each file's definition, and everything that is wrong. A broken file keeps the definition that it had before.
    ConfigError if the folder cannot be read."""
    loaded = [
        load_worker(file, kill_grace=kill_grace, check_owners=check_owners)
        for file in definition_files(folder)
    ]
    by_file, disputes = _settle_names(loaded, former)
    documents = {
        one.file: one.document
        for one in loaded
        if one.document and one.definition is not None and by_file.get(one.file) is one.definition
    }
    by_file, misfits = settle_chains(by_file, documents, former)
    problems = [*(problem for one in loaded for problem in one.problems), *disputes, *misfits]
    return by_file, sorted(problems, key=lambda problem: problem.file)


def load_worker(file: Path, *, kill_grace: int, check_owners: bool = True) -> Loaded:
    """What one file defines. With `check_owners`, one that a stranger could change is refused."""
    try:
        document = load(file)
    except ConfigError as error:
        return Loaded(file, None, error.problems)
    draft = parse_worker(document.data, stem=file.stem, kill_grace=kill_grace)
    # A link stands for its file, which has its program beside it.
    folder = Path(os.path.realpath(file)).parent
    definition, mistakes = settle(draft.definition, folder, check_owners=check_owners)
    problems = document.problems([*draft.mistakes, *mistakes])
    if check_owners:
        problems = [*_changeable(file), *problems]
    return Loaded(file, None if problems else definition, tuple(problems), document)


def _changeable(file: Path) -> tuple[Problem, ...]:
    try:
        owners.check(file, owners.trusted())
    except Wrong as error:
        return failure(file, str(error)).problems
    return ()


def definition_files(folder: Path) -> list[Path]:
    """The files that define workers, sorted by name; hidden ones (an editor's) do not."""
    try:
        files = [file for file in folder.iterdir() if file.suffix in _SUFFIXES]
    except OSError as error:
        message = f"the folder of the workers cannot be read ({reason(error)}): create it, or set workers_dir"
        raise failure(folder, message) from error
    return sorted(file for file in files if not file.name.startswith("."))


def _settle_names(
    loaded: list[Loaded], former: Mapping[Path, WorkerDefinition]
) -> tuple[dict[Path, WorkerDefinition], list[Problem]]:
    """Each file's definition, and the problems of files that ask for a name that another has. The name stays with the
    file that had it before, else it goes to the first; the other keeps what it had."""
    claims = {
        one.file: one.definition or former[one.file]
        for one in loaded
        if one.definition or one.file in former
    }
    lines = {one.file: one.document.line("name") if one.document else 0 for one in loaded}
    problems: list[Problem] = []
    while dispute := _dispute(claims, former):
        owner, loser = dispute
        problems.append(_taken(loser, lines[loser], claims[loser].name, owner))
        if loser in former:
            claims[loser] = former[loser]
        else:
            del claims[loser]
    return claims, problems


def _dispute(
    claims: Mapping[Path, WorkerDefinition], former: Mapping[Path, WorkerDefinition]
) -> tuple[Path, Path] | None:
    """Two files that claim the same name: whose it is, and whose it is not."""
    owners: dict[str, Path] = {}
    for file, definition in claims.items():
        owner = owners.setdefault(definition.name, file)
        if owner is file:
            continue
        had = file in former and former[file].name == definition.name
        return (file, owner) if had else (owner, file)
    return None


def _taken(file: Path, line: int, name: str, owner: Path) -> Problem:
    message = f"{name} is defined by {owner} already: give this worker another name"
    return Problem(file, line, "name", message)
