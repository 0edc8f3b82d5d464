"""Chains beside the workers that other files define."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasky.config import check
from tasky.config.workers import by_name, load_workers, read_folder

COPY = "command: [/bin/cp]\nparams: {source: {type: string}}\n"
NIGHTLY = """\
chain:
  pack:
    worker: copy
    params: {source: a}
  again:
    worker: copy
    params:
      source: {$: steps.pack.status}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "copy.yaml").write_text(COPY)
    (tmp_path / "nightly.yaml").write_text(NIGHTLY)
    return tmp_path


def found(folder: Path) -> list[str]:
    _, problems = load_workers(folder, kill_grace=0)
    return [f"{each.file.name}:{each.line} {each.key}: {each.message}" for each in problems]


def test_a_chain(folder: Path) -> None:
    definitions, problems = load_workers(folder, kill_grace=0)
    assert problems == []
    assert list(definitions) == ["copy", "nightly"]
    assert definitions["nightly"].chain is not None
    assert definitions["nightly"].command == ()


def test_mistakes_have_their_lines(folder: Path) -> None:
    (folder / "nightly.yaml").write_text(
        NIGHTLY.replace("steps.pack.status", "steps.pck.status").replace("source: a", "sauce: a")
    )
    assert found(folder) == [
        'nightly.yaml:8 chain.again.params.source."$": there is no step pck: did you mean pack?'
    ]
    (folder / "nightly.yaml").write_text(NIGHTLY.replace("source: a", "sauce: a"))
    assert found(folder) == [
        "nightly.yaml:4 chain.pack.params: copy needs the parameter source",
        "nightly.yaml:4 chain.pack.params.sauce: copy has no parameter sauce: did you mean source?",
    ]


def test_a_worker_that_there_is_not(folder: Path) -> None:
    (folder / "copy.yaml").unlink()
    assert [line.partition(": ")[0] for line in found(folder)] == [
        "nightly.yaml:3 chain.pack.worker",
        "nightly.yaml:6 chain.again.worker",
    ]


def test_one_broken_chain_breaks_those_that_name_it(folder: Path) -> None:
    (folder / "weekly.yaml").write_text("chain:\n  all: {worker: nightly}\n")
    assert found(folder) == []
    (folder / "copy.yaml").unlink()
    assert found(folder)[-1] == "weekly.yaml:2 chain.all.worker: there is no worker nightly"


def test_a_circle(folder: Path) -> None:
    (folder / "a.yaml").write_text("chain: {x: {worker: b}}\n")
    (folder / "b.yaml").write_text("chain: {x: {worker: a}}\n")
    assert found(folder)[0] == "a.yaml:1 chain: it would run itself: a -> b -> a"


def test_a_reload_keeps_a_chain_that_does_not_fit_any_more(folder: Path) -> None:
    former, _ = read_folder(folder, 0, {})
    (folder / "nightly.yaml").write_text(NIGHTLY.replace("worker: copy", "worker: gone", 1))
    now, problems = read_folder(folder, 0, former)
    assert [problem.line for problem in problems] == [3]
    assert by_name(now)["nightly"] is by_name(former)["nightly"]


def test_check_of_one_file(folder: Path) -> None:
    nightly = folder / "nightly.yaml"
    assert check(nightly, {}).problems == ()
    (folder / "copy.yaml").write_text(COPY.replace("source", "origin"))
    report = check(nightly, {})
    assert {problem.line for problem in report.problems} == {4, 7, 8}
    assert report.workers == ()
