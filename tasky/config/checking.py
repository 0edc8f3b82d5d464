"""What `tasky check` finds: the same as the start of the server, without one."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import ConfigError, Problem
from ..model.containment import Kind
from ..model.fields import Mistake, Wrong
from ..model.worker import KEYS, KILL_GRACE, WorkerDefinition
from .chains import settle_chains
from .files import mode_of
from .secrets import read_secret
from .settings import SETTINGS
from .sources import load_settings, settings_file
from .strict import load
from .workers import definition_files, load_worker, load_workers


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at: the mistakes, the workers without any, the files that were read, and what the settings say
    of containment."""

    problems: tuple[Problem, ...]
    workers: tuple[WorkerDefinition, ...]
    files: tuple[Path, ...]
    containment: Kind = Kind.AUTO


def check(path: Path | None, environ: Mapping[str, str], *, insecure_perms: bool = False) -> Report:
    """Every mistake at once. `path` is a tasky.yaml (then the workers of its folder are checked too), a folder of
    definitions, or one definition; None is what `tasky serve` would read. `insecure_perms` is as the option of that."""
    if path is None:
        return _check_server(None, environ, insecure_perms)
    if stat.S_ISDIR(mode_of(path)):
        return _check_folder(path, KILL_GRACE, not insecure_perms)
    if _holds_settings(path):
        return _check_server(path, environ, insecure_perms)
    return _check_worker(path, not insecure_perms)


def _check_server(path: Path | None, environ: Mapping[str, str], insecure_perms: bool) -> Report:
    file = settings_file(path, environ)
    files = (file,) if file else ()
    try:
        word = "true" if insecure_perms else None
        settings = load_settings(path, environ, insecure_perms=word)
    except ConfigError as error:
        return Report(error.problems, (), files)
    check_owners = not settings.insecure_perms
    report = _check_folder(settings.workers_dir, settings.kill_grace, check_owners)
    return replace(
        report,
        problems=(*_check_secret(settings.webhooks.secret_file, file), *report.problems),
        files=files + report.files,
        containment=settings.containment,
    )


def _check_secret(secret: Path | None, file: Path | None) -> tuple[Problem, ...]:
    if secret is None:  # the server makes it
        return ()
    try:
        read_secret(secret)
    except Wrong as error:
        mistake = Mistake(("webhooks", "secret_file"), str(error))
        if file is None:
            return (Problem(Path("environment"), 0, "webhooks.secret_file", mistake.message),)
        return (load(file).problem(mistake),)
    return ()


def _check_folder(folder: Path, kill_grace: int, check_owners: bool) -> Report:
    definitions, problems = load_workers(folder, kill_grace=kill_grace, check_owners=check_owners)
    try:
        files = definition_files(folder)
    except ConfigError:  # among the problems already
        files = []
    return Report(tuple(problems), tuple(definitions.values()), tuple(files))


def _check_worker(file: Path, check_owners: bool) -> Report:
    """A chain is looked at beside the other definitions of its folder."""
    loaded = load_worker(file, kill_grace=KILL_GRACE, check_owners=check_owners)
    definition, problems = loaded.definition, loaded.problems
    if definition is not None and definition.chain is not None and loaded.document is not None:
        others, _ = load_workers(file.parent, kill_grace=KILL_GRACE, check_owners=check_owners)
        beside = {Path(name): worker for name, worker in others.items() if name != definition.name}
        left, found = settle_chains({**beside, file: definition}, {file: loaded.document}, {})
        definition, problems = left.get(file), tuple(found)
    workers = () if definition is None else (definition,)
    return Report(problems, workers, (file,))


def _holds_settings(file: Path) -> bool:
    """Whether the file is one of settings: by its keys, and by its name if they do not tell."""
    by_name = file.stem == "tasky"
    try:
        keys = load(file).data.keys()
    except ConfigError:  # the check itself will say so
        return by_name
    settings = len(keys & {path[0] for path in SETTINGS})
    worker = len(keys & set(KEYS))
    return by_name if settings == worker else settings > worker
