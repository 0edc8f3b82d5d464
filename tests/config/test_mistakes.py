"""Every mistake in a definition that we could think of: where it is reported, and the words that an operator acts on.

Each case is a file `worker.yaml`, and all that must be said of it, in order: line, key, and what the message has in it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from tasky.config import load_workers

SECOND = 1_000_000_000


class Said(NamedTuple):
    line: int
    key: str
    words: tuple[str, ...]


class Case(NamedTuple):
    title: str
    text: str
    said: tuple[Said, ...]


def said(line: int, key: str, *words: str) -> Said:
    return Said(line, key, words)


def case(title: str, text: str, *expected: Said) -> Case:
    return Case(title, dedent(text).removeprefix("\n"), expected)


KEYS = (
    case(
        "a misspelt key",
        """
        command: [./run]
        desription: copies a file
        """,
        said(2, "desription", "not a key here", "did you mean description?"),
    ),
    case(
        "a key like no other",
        """
        command: [./run]
        config_objects: {}
        """,
        said(2, "config_objects", "not a key here", "the keys are name, description", "params"),
    ),
    case(
        "no command",
        """
        description: copies a file
        """,
        said(1, "command", "missing", "command: [./copyfile.py]"),
    ),
    case(
        "a key given twice",
        """
        command: [./run]
        timeout: 1h
        description: x
        timeout: 2h
        """,
        said(4, "timeout", "given twice", "line 2"),
    ),
    case(
        "a key without a value",
        """
        command: [./run]
        timeout:
        """,
        said(2, "timeout", "has no value", "leave the key out"),
    ),
    case(
        "several mistakes, all at once",
        """
        comand: [./run]
        enabled: "yes"
        max_tasks: ten
        env: {LANG: 1, PATH: [a]}
        """,
        said(1, "comand", "did you mean command?"),
        said(1, "command", "missing"),
        said(2, "enabled", "true or false", '"yes"'),
        said(3, "max_tasks", "whole number", '"ten"'),
        said(4, "env.LANG", "must be text", "the number 1"),
        said(4, "env.PATH", "must be text", "a list"),
    ),
)

COMMANDS = (
    case("a text for the list", "command: ls -l", said(1, "command", "list such as [ls -l]")),
    case("an empty command", "command: []", said(1, "command", "the program to run")),
    case(
        "a number among the arguments",
        "command: [./run, 60]",
        said(1, "command[1]", "must be text, not the number 60", 'in quotes, "60"'),
    ),
    case(
        "a program that is not there",
        """
        command:
          - ./runn
          - --fast
        """,
        said(2, "command[0]", "/runn", "no such file"),
    ),
    case(
        "not executable", "command: [./notes]", said(1, "command[0]", "not executable", "chmod +x")
    ),
    case("a directory", "command: [./folder]", said(1, "command[0]", "is a directory")),
    case(
        "a program that PATH does not have",
        "command: [no-such-program]",
        said(1, "command[0]", '"no-such-program"', "in PATH (", "write its path"),
    ),
    case(
        "a program beside the file, without ./",
        "command: [run]",
        said(1, "command[0]", "in PATH (", "./run"),
    ),
    case(
        "a relative path, without ./",
        "command: [bin/run]",
        said(1, "command[0]", "neither an absolute path", '"./bin/run"'),
    ),
    case(
        "a home folder",
        "command: [~/run]",
        said(1, "command[0]", "~ is not expanded"),
    ),
    case(
        "an interpreter that is not there",
        "command: [./lost]",
        said(1, "command[0]", "first line", "/no/such/interpreter"),
    ),
    case(
        "an interpreter that env does not find",
        "command: [./enved]",
        said(1, "command[0]", "first line", "no-such-python", "not in PATH"),
    ),
    case(
        "Windows line ends",
        "command: [./windows]",
        said(1, "command[0]", "Windows line ends", "sed -i"),
    ),
    case(
        "a script without a first line",
        "command: [./bare]",
        said(1, "command[0]", "without a first line such as #!/bin/sh"),
    ),
    case("an empty program", "command: [./empty]", said(1, "command[0]", "is empty")),
    case(
        "a byte order mark before #!",
        "command: [./marked]",
        said(1, "command[0]", "byte order mark"),
    ),
)

SURPRISES = (
    case(
        "no is false",
        """
        command: [./run]
        enabled: no
        """,
        said(2, "enabled", "YAML reads no as false", "write", "false for the truth value"),
    ),
    case(
        "on is true",
        """
        command: [./run]
        enabled: on
        """,
        said(2, "enabled", "YAML reads on as true"),
    ),
    case(
        "12:30 is 750",
        """
        command: [./run]
        env:
          START: 12:30
        """,
        said(3, "env.START", "YAML reads 12:30 as the number 750", '"12:30" in quotes'),
    ),
    case(
        "1.10 is 1.1",
        """
        command: [./run]
        env: {VERSION: 1.10}
        """,
        said(2, "env.VERSION", "must be text", "YAML reads 1.10 as the number 1.1", "in quotes"),
    ),
    case(
        "010 is 8",
        """
        command: [./run]
        max_tasks: 010
        """,
        said(2, "max_tasks", "YAML reads 010 as the number 8", "8 for the number"),
    ),
    case(
        "1_000 is 1000",
        """
        command: [./run]
        max_tasks: 1_000
        """,
        said(2, "max_tasks", "YAML reads 1_000 as the number 1000"),
    ),
    case(
        "0x1F is 31",
        """
        command: [./run]
        max_tasks: 0x1F
        """,
        said(2, "max_tasks", "the number 31"),
    ),
    case(
        "1e3 is text to some",
        """
        command: [./run]
        max_tasks: 1e3
        """,
        said(2, "max_tasks", "some readers of YAML", '"1e3"', "1000.0"),
    ),
    case(
        "2024-01-01 is a date",
        """
        command: [./run]
        env: {SINCE: 2024-01-01}
        """,
        said(2, "env.SINCE", "YAML reads 2024-01-01 as a date", '"2024-01-01" in quotes'),
    ),
    case(
        "~ is nothing",
        """
        command: [./run]
        cwd: ~
        """,
        said(2, "cwd", "YAML reads ~ as nothing", '"~" in quotes'),
    ),
    case(
        "a number as the name",
        """
        name: 404
        command: [./run]
        """,
        said(1, "name", "must be text, not the number 404", 'in quotes, "404"'),
    ),
    case(
        "a placeholder without quotes",
        """
        command: [./run]
        protocol: text
        args: [--to, {destination}]
        params: {destination: {type: string}}
        """,
        said(3, "args[1]", "in quotes", '"{destination}"'),
    ),
)

YAML = (
    case(
        "a text with a colon",
        """
        command: [./run]
        description: Copies: a file
        """,
        said(2, "", "not valid YAML at column 20", 'contains ": " must be in quotes'),
    ),
    case(
        "an open bracket",
        """
        command: [./run
        timeout: 1h
        """,
        said(2, "", "not valid YAML", "flow sequence", "line 1"),
    ),
    case("a tab", "env:\n\tLANG: C\n", said(2, "", "column 1", "a tab: indent with spaces")),
    case(
        "an alias",
        """
        command: &program [./run]
        args: *program
        """,
        said(1, "command", "anchors (&program) are not allowed"),
        said(2, "args", "aliases (*program) are not allowed", "write it out"),
    ),
    case(
        "a merge key",
        """
        command: [./run]
        env:
          <<: {LANG: C}
          TZ: UTC
        """,
        said(3, 'env."<<"', "merge keys (<<) are not allowed"),
    ),
    case(
        "a tag",
        """
        command: [./run]
        description: !!python/object/apply:os.system ["true"]
        """,
        said(2, "description", "tags (!!python/object/apply:os.system) are not allowed"),
    ),
    case(
        "two documents",
        """
        command: [./run]
        ---
        command: [./run]
        """,
        said(2, "", "second document"),
    ),
    case("a list of lists", "[" * 40 + "]" * 40, said(1, "[0]" * 33, "nested more than 32 deep")),
    case("a list", "- command: [./run]", said(1, "", "must be a mapping", "a list")),
    case("no space after the colon", "command:./run", said(1, "", "a space belongs after")),
    case("nothing", "# nothing yet\n", said(0, "", "is empty")),
    case("a control character", "command: [./run]\nusage: a\x07b\n", said(2, "", "U+0007")),
    case("a list as a key", "? [a, b]\n: c\n", said(1, "", "a key must be a word")),
)

VALUES = (
    case(
        "a name with a space",
        """
        name: copy file
        command: [./run]
        """,
        said(1, "name", '"copy file" is not a name', "a-z, 0-9"),
    ),
    case(
        "a duration without a unit",
        """
        command: [./run]
        timeout: 30
        """,
        said(2, "timeout", "a duration such as 10s", "write 30s"),
    ),
    case(
        "a duration in words",
        """
        command: [./run]
        timeout: ten minutes
        kill_grace: 5 s
        """,
        said(2, "timeout", "a duration looks like"),
        said(3, "kill_grace", "a duration looks like"),
    ),
    case(
        "no time at all",
        """
        command: [./run]
        timeout: 0s
        """,
        said(2, "timeout", "longer than 0s"),
    ),
    case(
        "a duration beyond all reason",
        """
        command: [./run]
        timeout: 90000d
        """,
        said(2, "timeout", "longer than 3650d"),
    ),
    case(
        "fewer than none",
        """
        command: [./run]
        max_tasks: -1
        """,
        said(2, "max_tasks", "between 0 and 100000, not -1"),
    ),
    case(
        "an unknown protocol",
        """
        command: [./run]
        protocol: json
        args: [a]
        """,
        said(2, "protocol", 'jsonl or text, not the text "json"', "did you mean jsonl?"),
    ),
    case(
        "names of variables",
        """
        command: [./run]
        env: {A-B: x, TASKY_WORKER: y}
        pass_env: [HTTP PROXY, TASKY_URL, HOME]
        """,
        said(2, "env.A-B", "not a name of an environment variable"),
        said(2, "env.TASKY_WORKER", "cannot be set"),
        said(3, "pass_env[0]", "not a name of an environment variable"),
        said(3, "pass_env[1]", "cannot be set"),
    ),
    case(
        "variables named twice",
        """
        command: [./run]
        env: {HOME: /}
        pass_env: [HOME]
        """,
        said(3, "pass_env[0]", "HOME is set by env"),
    ),
    case(
        "a variable passed twice",
        """
        command: [./run]
        pass_env: [HOME, TZ, HOME]
        """,
        said(2, "pass_env[2]", "HOME is named twice"),
    ),
    case(
        "a user who does not exist",
        """
        command: [./run]
        user: no-such-user
        """,
        said(2, "user", 'no user "no-such-user"'),
    ),
    case(
        "a relative folder",
        """
        command: [./run]
        cwd: data
        """,
        said(2, "cwd", "absolute path", '"data"'),
    ),
    case(
        "a folder that is not there",
        """
        command: [./run]
        cwd: /no/such/folder
        """,
        said(2, "cwd", 'no directory "/no/such/folder"'),
    ),
    case(
        "a mapping that is a list",
        """
        command: [./run]
        env:
          - LANG=C
        """,
        said(2, "env", "must be a mapping (key: value), not a list"),
    ),
)

PARAMETERS = (
    case(
        "an unknown type",
        """
        command: [./run]
        params:
          source:
            description: File to copy
            type: sting
        """,
        said(5, "params.source.type", "'sting' is no type", "'string'"),
    ),
    case(
        "an unknown key of a schema",
        """
        command: [./run]
        params: {source: {type: string, minLenght: 1}}
        """,
        said(2, "params.source.minLenght", "unknown", "minLength"),
    ),
    case(
        "a default that does not fit",
        """
        command: [./run]
        params:
          seconds: {type: integer, default: soon}
        """,
        said(3, "params.seconds.default", "does not fit", '"soon" is not of type "integer"'),
    ),
    case(
        "a default that YAML reads as another",
        """
        command: [./run]
        params:
          version: {type: string, default: 3.10}
        """,
        said(3, "params.version.default", "does not fit", "YAML reads 3.10 as the number 3.1"),
    ),
    case(
        "no schema",
        """
        command: [./run]
        params:
          source: string
        """,
        said(3, "params.source", "JSON Schema", "{type: string}"),
    ),
    case(
        "an unknown placeholder",
        """
        command: [./run]
        protocol: text
        params: {source: {type: string}}
        args:
          - "{source}"
          - "{sauce}"
          - "{"
        """,
        said(6, "args[1]", 'no parameter "sauce"', "'source'"),
        said(7, "args[2]", "lacks its other half"),
    ),
    case(
        "a parameter that goes nowhere",
        """
        command: [./run]
        protocol: text
        params:
          source: {type: string}
          target: {type: string}
        args: ["{source}", "{{target}}"]
        """,
        said(5, "params.target", "goes nowhere", 'Put "{target}" in args'),
    ),
    case(
        "arguments of a jsonl worker",
        """
        command: [./run]
        args: ["{source}"]
        params: {source: {type: string}}
        """,
        said(2, "args", "for protocol: text", "JSON on stdin", "command"),
    ),
    case(
        "a placeholder in the command",
        """
        command: [./run, "{source}"]
        params: {source: {type: string}}
        """,
        said(1, "command[1]", "{source} is filled in by args"),
    ),
    case(
        "input of a text worker",
        """
        command: [./run]
        protocol: text
        input: open
        """,
        said(3, "input", "only a jsonl worker"),
    ),
    case(
        "warm and reuse of a text worker",
        """
        command: [./run]
        protocol: text
        warm: 2
        reuse: {tasks: 10}
        """,
        said(3, "warm", "only a jsonl worker can wait"),
        said(4, "reuse", "only a jsonl worker can wait"),
    ),
    case(
        "reuse with open input",
        """
        command: [./run]
        input: open
        reuse: {}
        """,
        said(2, "input", "cannot be open with reuse"),
    ),
    case(
        "more warm than may run",
        """
        command: [./run]
        max_tasks: 2
        warm: 3
        """,
        said(3, "warm", "must not be above max_tasks, which is 2"),
    ),
    case(
        "reuse with mistakes",
        """
        command: [./run]
        reuse: {tasks: 0, idle: 0s, ilde: 5s}
        warm: many
        """,
        said(2, "reuse.tasks"),
        said(2, "reuse.idle"),
        said(2, "reuse.ilde", "did you mean idle?"),
        said(3, "warm"),
    ),
)

CONDITIONS = (
    case(
        "limits with mistakes",
        """
        command: [./run]
        limits:
          memory: lots
          cpus: 2
          cpu: .5
          processes: 0
          output: true
        """,
        said(3, "limits.memory", "a size looks like"),
        said(4, "limits.cpus", "did you mean cpu?"),
        said(5, "limits.cpu", "YAML reads .5 as the number 0.5"),
        said(6, "limits.processes", "between 1 and"),
        said(7, "limits.output", "must be a size", "true"),
    ),
    case(
        "limits that are no mapping",
        """
        command: [./run]
        limits: 512MiB
        """,
        said(2, "limits", "must be a mapping"),
    ),
    case(
        "retry with mistakes",
        """
        command: [./run]
        retry:
          attempts: 0
          delay: 5
          backoff: fast
          on: [exit, timeuot, shutdown]
        """,
        said(3, "retry.attempts", "between 1 and 100"),
        said(4, "retry.delay", "write 5s"),
        said(5, "retry.backoff", "must be a number"),
        said(6, "retry.on[1]", '"timeuot"', "did you mean timeout?"),
        said(6, "retry.on[2]", "write lost"),
    ),
    case(
        "a retry that does not say how often",
        """
        command: [./run]
        retry: {delay: 5s}
        """,
        said(2, "retry.attempts", "is missing", "such as 3"),
    ),
    case(
        "an octal umask without quotes",
        """
        command: [./run]
        umask: 027
        """,
        said(2, "umask", "YAML reads 027 as the number 23", 'write "027" in quotes'),
    ),
    case(
        "a umask that could be octal or decimal",
        """
        command: [./run]
        umask: 27
        """,
        said(2, "umask", 'octal digits in quotes, such as "027"', "not the number 27"),
    ),
    case(
        "a umask in letters",
        """
        command: [./run]
        umask: u=rwx,g=rx,o=
        """,
        said(2, "umask", "three octal digits in quotes", "u=rwx"),
    ),
    case(
        "a niceness that there is not",
        """
        command: [./run]
        nice: 20
        no_new_privs: 1
        group: no-such-group
        """,
        said(2, "nice", "between -20 and 19"),
        said(3, "no_new_privs", "must be true or false"),
        said(4, "group", 'no group "no-such-group"'),
    ),
)

ALL = (
    *KEYS, *COMMANDS, *SURPRISES, *YAML, *VALUES, *PARAMETERS, *CONDITIONS,
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the cases name: one program that can be run, and many that cannot."""
    programs = {
        "run": f"#!{sys.executable}\n",
        "lost": "#!/no/such/interpreter\n",
        "enved": "#!/usr/bin/env no-such-python\n",
        "windows": "#!/bin/sh\r\necho\r\n",
        "bare": "echo hello\n",
        "empty": "",
        "marked": "\ufeff#!/bin/sh\n",
    }
    for name, text in programs.items():
        program = tmp_path / name
        program.write_text(text, newline="")
        program.chmod(0o755)
    (tmp_path / "notes").write_text("#!/bin/sh\n")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.case("C1", "C2", "C3", "C4", "C5", "C7", "C9")
@pytest.mark.parametrize("one", ALL, ids=[one.title for one in ALL])
def test_mistake(one: Case, folder: Path) -> None:
    file = folder / "worker.yaml"
    file.write_text(one.text)
    definitions, problems = load_workers(folder, kill_grace=10 * SECOND)
    assert definitions == {}
    assert [(problem.line, problem.key) for problem in problems] == [
        (expected.line, expected.key) for expected in one.said
    ], "\n".join(map(str, problems))
    for problem, expected in zip(problems, one.said, strict=True):
        assert problem.file == file
        for words in expected.words:
            assert words in problem.message
        assert "\n" not in problem.message


def test_there_are_enough_of_them() -> None:
    assert len({one.title for one in ALL}) == len(ALL) >= 30


def test_only_root_becomes_another_user(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    (folder / "worker.yaml").write_text("command: [./run]\nuser: root\n")
    _, problems = load_workers(folder, kill_grace=0, check_owners=False)
    assert [(problem.line, problem.key) for problem in problems] == [(2, "user")]
    assert "only a server that runs as root can become root" in problems[0].message


def test_only_root_takes_on_a_group_or_is_nicer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(os, "getegid", lambda: 12345)
    (folder / "worker.yaml").write_text("command: [./run]\ngroup: root\nnice: -1\n")
    _, problems = load_workers(folder, kill_grace=0, check_owners=False)
    assert [(problem.line, problem.key) for problem in problems] == [(2, "group"), (3, "nice")]
    assert "take on the group root" in problems[0].message
    assert "can give -1" in problems[1].message


@pytest.mark.case("C4")
def test_a_name_that_another_file_has(folder: Path) -> None:
    (folder / "a.yaml").write_text("name: Copy\ncommand: [./run]\n")
    (folder / "b.yml").write_text("command: [./run]\nname: copy\n")
    definitions, problems = load_workers(folder, kill_grace=0)
    assert list(definitions) == ["copy"]
    assert [(problem.file.name, problem.line, problem.key) for problem in problems] == [
        ("b.yml", 2, "name")
    ]
    assert f"copy is defined by {folder / 'a.yaml'} already" in problems[0].message


def test_a_file_name_that_is_no_worker_name(folder: Path) -> None:
    (folder / "my worker.yaml").write_text("command: [./run]\n")
    _, problems = load_workers(folder, kill_grace=0)
    assert [(problem.line, problem.key) for problem in problems] == [(1, "name")]
    assert "missing" in problems[0].message
