"""Definitions that change while they are in force."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tasky.config import Catalogue, workers
from tasky.errors import ConfigError
from tasky.model.worker import WorkerDefinition

SECOND = 1_000_000_000


def define(folder: Path, stem: str, *, name: str | None = None, description: str = "") -> Path:
    file = folder / f"{stem}.yaml"
    file.write_text(f"name: {name or stem}\ncommand: [sh]\ndescription: {description!r}\n")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    define(tmp_path, "a", description="first")
    define(tmp_path, "b", description="first")
    return tmp_path


@pytest.fixture
def catalogue(folder: Path) -> Catalogue:
    catalogue = Catalogue(folder, 7 * SECOND)
    catalogue.load()
    return catalogue


def shown(catalogue: Catalogue) -> dict[str, str]:
    return {name: one.description for name, one in catalogue.definitions.items()}


def wrong(catalogue: Catalogue) -> list[str]:
    return [f"{problem.file.name}:{problem.line}" for problem in catalogue.problems]


def test_load(catalogue: Catalogue) -> None:
    assert shown(catalogue) == {"a": "first", "b": "first"}
    assert catalogue.definitions["a"].kill_grace == 7 * SECOND
    assert catalogue.problems == ()


@pytest.mark.case("C1")
def test_a_start_with_a_broken_file(folder: Path) -> None:
    (folder / "c.yaml").write_text("command: [sh")
    (folder / "d.yaml").write_text("command: [sh]\nname: a\n")
    with pytest.raises(ConfigError) as caught:
        Catalogue(folder, 0).load()
    assert [problem.file.name for problem in caught.value.problems] == ["c.yaml", "d.yaml"]


def test_a_start_without_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="create it, or set workers_dir"):
        Catalogue(tmp_path / "workers.d", 0).load()


def test_a_start_without_workers(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path, 0)
    catalogue.load()
    assert catalogue.definitions == {}


def test_changes(catalogue: Catalogue, folder: Path) -> None:
    define(folder, "a", description="second")
    (folder / "b.yaml").unlink()
    define(folder, "c", description="new")
    catalogue.reload()
    assert shown(catalogue) == {"a": "second", "c": "new"}


@pytest.mark.case("C13", "C15")
def test_who_has_a_version_keeps_it(catalogue: Catalogue, folder: Path) -> None:
    before = catalogue.definitions
    (folder / "a.yaml").unlink()
    catalogue.reload()
    assert list(before) == ["a", "b"]
    assert list(catalogue.definitions) == ["b"]


@pytest.mark.case("C1", "C17")
def test_a_broken_file_keeps_what_it_had(catalogue: Catalogue, folder: Path) -> None:
    (folder / "a.yaml").write_text("command: [sh")
    define(folder, "b", description="second")
    (folder / "c.yaml").write_text("command: [sh")
    catalogue.reload()
    assert shown(catalogue) == {"a": "first", "b": "second"}
    assert wrong(catalogue) == ["a.yaml:1", "c.yaml:1"]
    define(folder, "a", description="third")
    (folder / "c.yaml").unlink()
    catalogue.reload()
    assert shown(catalogue) == {"a": "third", "b": "second"}
    assert wrong(catalogue) == []


def test_a_broken_file_that_goes(catalogue: Catalogue, folder: Path) -> None:
    (folder / "a.yaml").write_text("command: [sh")
    catalogue.reload()
    (folder / "a.yaml").unlink()
    catalogue.reload()
    assert shown(catalogue) == {"b": "first"}
    assert wrong(catalogue) == []


@pytest.mark.case("C9")
def test_a_program_that_goes_and_comes_back(tmp_path: Path) -> None:
    program = tmp_path / "run"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "x.yaml").write_text("command: [./run]\n")
    catalogue = Catalogue(tmp_path, 0)
    catalogue.load()
    program.chmod(0o644)
    catalogue.reload()
    assert wrong(catalogue) == ["x.yaml:1"]
    assert catalogue.definitions["x"].command == (str(program),)
    program.chmod(0o755)
    catalogue.reload()
    assert wrong(catalogue) == []


def test_a_folder_that_is_away_takes_nothing_along(catalogue: Catalogue, folder: Path) -> None:
    away = folder.rename(folder.with_name("away"))
    catalogue.reload()
    assert shown(catalogue) == {"a": "first", "b": "first"}
    assert wrong(catalogue) == [f"{folder.name}:0"]
    away.rename(folder)
    catalogue.reload()
    assert wrong(catalogue) == []


# ---------------------------------------------------------------------- names


def test_a_worker_that_is_renamed(catalogue: Catalogue, folder: Path) -> None:
    define(folder, "a", name="z", description="second")
    catalogue.reload()
    assert shown(catalogue) == {"b": "first", "z": "second"}


def test_a_file_that_is_renamed(catalogue: Catalogue, folder: Path) -> None:
    (folder / "a.yaml").rename(folder / "0.yaml")
    catalogue.reload()
    assert shown(catalogue) == {"a": "first", "b": "first"}
    assert wrong(catalogue) == []


def test_two_workers_that_swap_names(catalogue: Catalogue, folder: Path) -> None:
    define(folder, "a", name="b", description="was a")
    define(folder, "b", name="a", description="was b")
    catalogue.reload()
    assert shown(catalogue) == {"a": "was b", "b": "was a"}
    assert wrong(catalogue) == []


@pytest.mark.case("C4")
def test_a_name_stays_with_the_file_that_had_it(catalogue: Catalogue, folder: Path) -> None:
    define(folder, "0", name="b", description="thief")  # the first by its name
    catalogue.reload()
    assert shown(catalogue) == {"a": "first", "b": "first"}
    assert wrong(catalogue) == ["0.yaml:1"]
    (folder / "b.yaml").unlink()
    catalogue.reload()
    assert shown(catalogue) == {"a": "first", "b": "thief"}


def test_who_takes_a_taken_name_keeps_his_own(catalogue: Catalogue, folder: Path) -> None:
    define(folder, "a", name="b", description="second")
    define(folder, "c", name="a", description="hopeful")
    catalogue.reload()
    assert shown(catalogue) == {"a": "first", "b": "first"}
    assert wrong(catalogue) == ["a.yaml:1", "c.yaml:1"]


@pytest.mark.case("C4")
def test_the_name_of_a_broken_file_is_taken(catalogue: Catalogue, folder: Path) -> None:
    (folder / "b.yaml").write_text("name: z\ncommand: [sh")
    define(folder, "a", name="b", description="second")
    catalogue.reload()
    assert shown(catalogue) == {"a": "first", "b": "first"}
    assert wrong(catalogue) == ["a.yaml:1", "b.yaml:2"]


# ---------------------------------------------------------------------- threads


def test_callbacks(catalogue: Catalogue, folder: Path) -> None:
    seen: list[Mapping[str, WorkerDefinition]] = []
    catalogue.on_change(seen.append)
    define(folder, "a", description="second")
    catalogue.reload()
    assert [one["a"].description for one in seen] == ["second"]
    assert seen[0] is catalogue.definitions


class Tickets:
    """Numbers, and an event for each that says it was drawn."""

    def __init__(self, known: int) -> None:
        self.drawn = [threading.Event() for _ in range(known)]
        self._numbers = itertools.count(1)

    def __next__(self) -> int:
        number = next(self._numbers)
        self.drawn[number - 1].set()
        return number


@pytest.mark.case("C16")
def test_a_storm_of_reloads(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that come while one is under way are served by the next one, all together."""
    go_on = threading.Event()
    reads: list[Path] = []

    def read_folder(
        folder: Path, grace: int, former: Mapping[Path, WorkerDefinition], *, check_owners: bool
    ) -> Any:
        reads.append(folder)
        assert go_on.wait(30)
        return workers.read_folder(folder, grace, former, check_owners=check_owners)

    tickets = Tickets(known=22)
    monkeypatch.setattr("tasky.config.catalogue.read_folder", read_folder)
    monkeypatch.setattr(catalogue, "_tickets", tickets)
    threads = [threading.Thread(target=catalogue.reload) for _ in range(20)]
    threads[0].start()
    assert tickets.drawn[1].wait(30)  # its own, and that of its reading
    for thread in threads[1:]:
        thread.start()
    assert tickets.drawn[20].wait(30)  # now all of them wait
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert len(reads) == 2


def test_a_reload_sees_what_was_written_before_it(catalogue: Catalogue, folder: Path) -> None:
    """Whoever's reading serves a call, it began after the call."""
    failures: list[str] = []

    def work(stem: str) -> None:
        for round_ in range(10):
            define(folder, stem, description=f"{round_}")
            catalogue.reload()
            seen = catalogue.definitions[stem].description
            if seen != f"{round_}":
                failures.append(f"{stem}: {seen} instead of {round_}")

    threads = [threading.Thread(target=work, args=(stem,)) for stem in ("a", "b", "c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
