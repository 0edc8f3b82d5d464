"""Definitions from real files, and the programs that they name."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

import pytest

from tasky.config import host, load_workers, owners, tools
from tasky.config.programs import find_program
from tasky.model.fields import Wrong
from tasky.model.worker import Protocol, WorkerDefinition

SECOND = 1_000_000_000


def program(
    folder: Path, name: str = "run", text: bytes = b"#!/bin/sh\n", mode: int = 0o755
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(text)
    file.chmod(mode)
    return file


def load_one(folder: Path, text: str) -> WorkerDefinition:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "x.yaml").write_text(text)
    definitions, problems = load_workers(folder, kill_grace=5 * SECOND)
    assert problems == []
    (only,) = definitions.values()
    return only


def test_the_whole_of_a_definition(tmp_path: Path) -> None:
    run = program(tmp_path)
    definition = load_one(
        tmp_path,
        """
        name: CopyFile
        description: Copies a file on the server.
        usage: |
          Two lines
          of help
        command: [./run, --fast]
        protocol: text
        args: ["--to={destination}", "{source}"]
        params:
          source: {type: string, description: "File to copy"}
          destination: {type: string, default: /tmp, secret: true}
        enabled: false
        max_tasks: 10
        timeout: 1h
        kill_grace: 1s
        env: {LANG: C.UTF-8, EMPTY: ""}
        pass_env: [HTTP_PROXY]
        cwd: /
        """,
    )
    assert definition.name == "copyfile"
    assert definition.description == "Copies a file on the server."
    assert definition.usage == "Two lines\nof help\n"
    assert definition.command == (str(run), "--fast")
    assert definition.protocol is Protocol.TEXT
    assert definition.args == ("--to={destination}", "{source}")
    assert definition.parameters.check({"source": "/x"}) == {"source": "/x", "destination": "/tmp"}
    assert definition.parameters.secrets == {"destination"}
    assert definition.enabled is False
    assert definition.max_tasks == 10
    assert definition.timeout == 3600 * SECOND
    assert definition.kill_grace == SECOND
    assert definition.env == {"LANG": "C.UTF-8", "EMPTY": ""}
    assert definition.pass_env == ("HTTP_PROXY",)
    assert definition.cwd == "/"


def test_the_least_of_a_definition(tmp_path: Path) -> None:
    definition = load_one(tmp_path, "command: [sh]")
    assert definition.name == "x"
    assert definition.command == (shutil.which("sh"),)
    assert definition.kill_grace == 5 * SECOND
    assert definition.timeout is None


def test_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.json", ".d.yaml", "e.yaml~", "#f.yaml#", "G.yaml"):
        (tmp_path / name).write_text("command: [sh]")
    definitions, problems = load_workers(tmp_path, kill_grace=0)
    assert list(definitions) == ["a", "b", "g"]
    assert problems == []


def test_a_folder_with_the_name_of_a_definition(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    os.mkfifo(tmp_path / "b.yaml")
    (tmp_path / "c.yaml").symlink_to("nowhere")
    definitions, problems = load_workers(tmp_path, kill_grace=0)
    assert definitions == {}
    assert [problem.file.name for problem in problems] == ["a.yaml", "b.yaml", "c.yaml"]


@pytest.mark.case("C10", "C12")
def test_a_program_beside_a_file_that_is_linked(tmp_path: Path) -> None:
    """The link stands for the file, which was installed with its program."""
    run = program(tmp_path / "opt")
    (tmp_path / "opt/x.yaml").write_text("command: [./run]")
    workers = tmp_path / "workers.d"
    workers.mkdir()
    (workers / "y.yaml").symlink_to("../opt/x.yaml")
    definitions, problems = load_workers(workers, kill_grace=0)
    assert problems == []
    assert definitions["y"].command == (str(run),)


@pytest.mark.case("C10")
@pytest.mark.parametrize("word", ["./bin/run", "../workers.d/bin/run", "./bin/../bin/./run"])
def test_relative_paths(word: str, tmp_path: Path) -> None:
    folder = tmp_path / "workers.d"
    run = program(folder / "bin")
    assert find_program(word, folder, "/none") == str(run)


@pytest.mark.case("C10")
def test_names_are_looked_up_in_absolute_places_of_path_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, one, two = tmp_path / "here", tmp_path / "one", tmp_path / "two"
    program(here)
    (one / "run").mkdir(parents=True)
    run = program(two)
    monkeypatch.chdir(here)
    assert find_program("run", here, f".::{one}:{two}") == str(run)
    with pytest.raises(Wrong, match="no program"):
        find_program("run", here, ".::")


def test_the_path_of_the_worker_counts(tmp_path: Path) -> None:
    run = program(tmp_path / "bin")
    definition = load_one(tmp_path / "d", f"command: [run]\nenv: {{PATH: '{tmp_path}/bin'}}")
    assert definition.command == (str(run),)


@pytest.mark.parametrize(
    "text",
    [
        b"#!/bin/sh\n",
        b"#! /bin/sh -e\n",
        b"#!/bin/sh",
        b"#!/usr/bin/env sh\n",
        b"#!/usr/bin/env -S no-such -x\n",
        b"#!/usr/bin/env A=b no-such\n",
        b"#!/bin/sh\r-x\n",  # odd, but the kernel passes it on
        b"\x7fELF\x02\x01\x01\0",
        b"\xca\xfe\xba\xbe\0\0\0\x34",  # binfmt_misc may know it
    ],
)
def test_programs_that_can_be_run(text: bytes, tmp_path: Path) -> None:
    run = program(tmp_path, text=text)
    search = os.environ["PATH"]
    assert find_program("./run", tmp_path, search) == str(run)


@pytest.mark.case("C12")
def test_links_to_a_program_keep_their_names(tmp_path: Path) -> None:
    """As busybox and its like want it."""
    program(tmp_path, "box")
    (tmp_path / "ls").symlink_to("box")
    assert find_program("./ls", tmp_path, "") == str(tmp_path / "ls")


def test_a_path_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="name too long"):
        find_program("./" + "x" * 300, tmp_path, "")


# ---------------------------------------------------------------------- user


def test_the_user_that_the_server_is(tmp_path: Path) -> None:
    name = pwd.getpwuid(os.geteuid()).pw_name
    assert load_one(tmp_path, f"command: [sh]\nuser: {name}").user is None


def test_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of a server that runs as root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(host, "_can", lambda _: True)
    monkeypatch.setattr(owners, "check", lambda *_: None)
    assert load_one(tmp_path, "command: [sh]\nuser: nobody\ngroup: daemon").user == "nobody"


NEEDS = {
    "user: nobody": ("user", "setpriv"),
    "group: daemon": ("group", "setpriv"),
    "no_new_privs: true": ("no_new_privs", "setpriv"),
    "nice: 5": ("nice", "nice"),
    "limits: {memory: 1GiB}": ("limits", "prlimit"),
    "limits: {processes: 5}": ("limits", "prlimit"),
    "limits: {open_files: 5}": ("limits", "prlimit"),
    "limits: {file_size: 5}": ("limits", "prlimit"),
}


@pytest.mark.parametrize("key", NEEDS)
def test_a_tool_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr(host, "_can", lambda _: True)
    monkeypatch.setattr(tools, "_found", {})
    (tmp_path / "d").mkdir()
    (tmp_path / "d/w.yaml").write_text(f"command: [sh]\n{key}\n")
    assert load_workers(tmp_path / "d", kill_grace=0)[1] == []
    monkeypatch.setattr(tools, "_found", {})
    monkeypatch.setattr(tools, "PATH", str(tmp_path))
    _, problems = load_workers(tmp_path / "d", kill_grace=0)
    where, tool = NEEDS[key]
    assert [(problem.line, problem.key) for problem in problems] == [(2, where)]
    assert f"needs the program {tool} (package " in problems[0].message


def test_what_needs_no_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_found", {})
    monkeypatch.setattr(tools, "PATH", str(tmp_path))
    load_one(tmp_path, 'command: [sh]\numask: "077"\nlimits: {cpu: 2, output: 1MiB}\nnice: 0')
