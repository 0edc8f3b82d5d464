"""What the shell completes of a running server's; in a real Bash, too."""

from __future__ import annotations

import os
import pty
import select
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import environment
from tests.helpers import PATIENCE, Server

PROGRAM = "import sys, tasky.cli; sys.exit(tasky.cli.main())"


def complete(server: Server, *words: str, shell: str = "bash", **environ: str) -> list[str]:
    """What completes the last word."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        env=environment(
            server,
            _TASKY_COMPLETE=f"{shell}_complete",
            COMP_WORDS="\n".join(["tasky", *words])
            if shell == "bash"
            else " ".join(["tasky", *words]),
            COMP_CWORD=str(len(words)),
            **environ,
        ),
    )
    assert done.stderr == ""
    if shell == "zsh":
        return done.stdout.split("\n")[1::3]
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["run", "choo"], ["choose"]),
        (["run", "choose", ""], ["colour=", "count=", "loud="]),
        (["run", "choose", "co"], ["colour=", "count="]),
        (["run", "choose", "-w", "--priority", "5", "col"], ["colour="]),
        (["run", "choose", "colour", "="], ["red", "green", "grey"]),
        (["run", "choose", "colour", "=", "gr"], ["green", "grey"]),
        (["run", "choose", "colour", "=", "red", "co"], ["count="]),
        (["run", "choose", "colour", "=", "red", "loud", "=", "t"], ["true"]),
        (["run", "choose", "count", "="], ["1", "2"]),
        (["run", "choose", "unknown", "="], []),
        (["run", "nobody", ""], []),
        (["run", "echo", "text", "="], []),
        (["ps", "--status", "qu"], ["queued"]),
        (["events", "--worker", "choo"], ["choose"]),
    ],
)
def test_bash_takes_a_parameter_for_three_words(
    server: Server, words: list[str], found: list[str]
) -> None:
    assert complete(server, *words) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["run", "choose", "col"], ["colour="]),
        (["run", "choose", "colour="], ["colour=red", "colour=green", "colour=grey"]),
        (["run", "choose", "colour=red", "loud=f"], ["loud=false"]),
        (["run", "choose", "colour=red", "co"], ["count="]),
    ],
)
def test_zsh_takes_it_for_one(server: Server, words: list[str], found: list[str]) -> None:
    assert complete(server, *words, shell="zsh") == found


def test_names_of_profiles(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "tasky"
    folder.mkdir()
    (folder / "profiles.toml").write_text("[prod]\n[press]\n[test]\n")
    home = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert complete(server, "ps", "--profile", "pr", **home) == ["prod", "press"]
    assert complete(server, "--profile", "prod", "run", "choo", **home) == ["choose"], "TASKY_URL"
    (folder / "profiles.toml").write_text("broken")
    assert complete(server, "ps", "--profile", "pr", **home) == []
    assert complete(server, "run", "choo", **home) == []


@pytest.mark.parametrize("words", [["run", ""], ["run", "choose", ""], ["show", ""]])
def test_a_server_that_does_not_answer_completes_nothing(server: Server, words: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert complete(server, "--url", url, *words) == []
    assert complete(server, "--url", url, *words) == [], "nor does one that is gone"


@pytest.mark.parametrize(
    "environ",
    [{}, {"_TASKY_COMPLETE": "bash_complete", "COMP_WORDS": "tasky run ", "COMP_CWORD": "2"}],
)
def test_rich_is_not_imported(server: Server, environ: dict[str, str]) -> None:
    program = (
        "import atexit, sys, tasky.cli\n"
        "atexit.register(lambda: print('rich' in sys.modules, file=sys.stderr))\n"
        "sys.exit(tasky.cli.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--version"],
        capture_output=True,
        text=True,
        env=environment(server, **environ),
    )
    assert done.stderr == "False\n"
    assert done.stdout


def shell_says(typed: str, until: Callable[[str], bool], environ: dict[str, str]) -> str:
    """What an interactive Bash shows when `typed` is typed."""
    master, slave = pty.openpty()
    bash = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    text = ""
    try:
        os.write(master, b'eval "$(_TASKY_COMPLETE=bash_source tasky)"; echo it is re""ady\n')
        deadline = time.monotonic() + PATIENCE
        sent = False
        while not until(text) and time.monotonic() < deadline:
            if select.select([master], [], [], 1)[0]:
                text += os.read(master, 65536).decode()
            if "it is ready" in text and not sent:
                sent, text = True, ""
                os.write(master, typed.encode())
    finally:
        bash.kill()
        bash.wait()
        os.close(master)
    return text


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no Bash")
def test_a_real_bash(server: Server, tmp_path: Path) -> None:
    """No space behind `colour=`, so that the value can be completed at once."""
    program = tmp_path / "tasky"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tasky "$@"\n')
    program.chmod(0o755)
    environ = environment(server, PATH=f"{tmp_path}:{os.environ['PATH']}", PS1="> ", HISTFILE="")
    text = shell_says("tasky run choo\tcol\tre\t", lambda text: "colour=red" in text, environ)
    assert "tasky run choose colour=red" in text
