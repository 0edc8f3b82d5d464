"""What the documents of the workers show is so."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasky.config import load_workers
from tasky.model.messages import ArtifactMessage, LogMessage, encode_task
from tasky.model.worker import KEYS
from tests.helpers import REPOSITORY

from .support import WORKERS, Finished, Running

PROTOCOL = (REPOSITORY / "docs" / "protocol.md").read_text()
WRITING = (REPOSITORY / "docs" / "writing-workers.md").read_text()
README = (WORKERS / "README.md").read_text()
PAGES = [
    *("README.md", "workers.d/README.md"),
    *sorted(f"docs/{page.name}" for page in (REPOSITORY / "docs").glob("*.md")),
]


def blocks(document: str, language: str) -> list[str]:
    """The code of this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)


def run(argv: list[str], tmp_path: Path, **params: object) -> Finished:
    task = encode_task("0190c5", "greet", params, 1, str(tmp_path / "work"))
    return Running(argv, task, tmp_path / "work", {}).finish()


def needs(program: str) -> None:
    if not shutil.which(program):
        pytest.skip(f"AN EXAMPLE OF docs/protocol.md IS NOT TESTED: {program} not found")


def greets(argv: list[str], tmp_path: Path) -> None:
    name = 'Zoë "😀"\n\\ $(x)'
    finished = run(argv, tmp_path, name=name)
    assert finished.output == {"greeting": f"Hello, {name}"}
    assert finished.percents == [50]


@pytest.mark.parametrize("number", [0, 1])
def test_python(number: int, tmp_path: Path) -> None:
    program = tmp_path / "greet"
    program.write_text(blocks(PROTOCOL, "python")[number])
    greets([sys.executable, str(program)], tmp_path)


def test_bash(tmp_path: Path) -> None:
    program = tmp_path / "greet"
    program.write_text(blocks(PROTOCOL, "bash")[0])
    needs("bash")
    subprocess.run(["bash", "-n", program], check=True)
    if shutil.which("jq"):  # not on every machine, and the workers do not need it
        greets(["bash", str(program)], tmp_path)


def test_node(tmp_path: Path) -> None:
    needs("node")
    program = tmp_path / "greet"
    program.write_text(blocks(PROTOCOL, "javascript")[0])
    greets(["node", str(program)], tmp_path)


def test_perl(tmp_path: Path) -> None:
    needs("perl")
    program = tmp_path / "greet"
    program.write_text(blocks(PROTOCOL, "perl")[0])
    greets(["perl", str(program)], tmp_path)


def test_c(tmp_path: Path) -> None:
    needs("cc")
    source = tmp_path / "greet.c"
    source.write_text(blocks(PROTOCOL, "c")[0])
    json = WORKERS / "wordfreq"
    compiler = ["cc", "-Wall", "-Wextra", "-Werror", "-I", json, "-o", tmp_path / "greet"]
    subprocess.run([*compiler, source, json / "json.c"], check=True)
    greets([str(tmp_path / "greet")], tmp_path)
    assert run([str(tmp_path / "greet")], tmp_path, name=7).error.startswith("the name is missing")


def test_the_helper(tmp_path: Path) -> None:
    (program,) = (block for block in blocks(WRITING, "python") if "run(main)" in block)
    (tmp_path / "program.py").write_text(program)
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    argv = [sys.executable, str(tmp_path / "program.py")]
    finished = run(argv, tmp_path, file=str(tmp_path / "data.csv"))
    assert finished.output == {"rows": 2}
    assert finished.percents == [50, 100]
    assert finished.all(ArtifactMessage) == [ArtifactMessage("last.txt")]
    assert finished.all(LogMessage) == [LogMessage("info", "read", {"rows": 2})]
    assert (tmp_path / "work" / "last.txt").read_text() == "1 2\n"
    (tmp_path / "data.csv").write_text("")
    assert run(argv, tmp_path, file=str(tmp_path / "data.csv")).error == "the file is empty"


def test_definitions_are_right(tmp_path: Path) -> None:
    definitions = [*blocks(WRITING, "yaml"), *blocks(PROTOCOL, "yaml")]
    for number, definition in enumerate(definitions):
        (tmp_path / f"worker{number}.yaml").write_text(definition)
        for program in re.findall(r"^command: \[\./([\w.]+)\]", definition, re.MULTILINE):
            (tmp_path / program).write_text("#!/bin/sh\n")
            (tmp_path / program).chmod(0o755)
    loaded, problems = load_workers(tmp_path, kill_grace=0)
    assert problems == []
    assert len(loaded) == len(definitions) == 9


def test_every_key_of_a_definition_is_there() -> None:
    rows = re.findall(r"^\| (`.*?) \|", WRITING, re.MULTILINE)
    described = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert set(KEYS) <= described


def test_every_worker_has_its_paragraph() -> None:
    loaded, _ = load_workers(WORKERS, kill_grace=0)
    for name, definition in loaded.items():
        paragraph = README.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert f"tasky run {name}" in paragraph
        for parameter in definition.parameters.names:
            assert f"| `{parameter}` |" in paragraph, (name, parameter)


@pytest.mark.parametrize("file", PAGES)
def test_links_lead_somewhere(file: str) -> None:
    document = REPOSITORY / file
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = document.parent / path if path else document
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in anchors, target
