"""The man pages are up to date, and every reader of man pages takes them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import REPOSITORY

PAGES = sorted((REPOSITORY / "etc/man").iterdir())


@pytest.mark.long
def test_they_are_up_to_date() -> None:
    done = subprocess.run(
        [REPOSITORY / "scripts/man", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_all_are_there() -> None:
    names = [page.name for page in PAGES]
    assert names == ["tasky-protocol.7", "tasky-worker.5", "tasky.1", "tasky.yaml.5"]


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_groff_has_nothing_to_say(page: Path) -> None:
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", page], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert page.read_text(encoding="ascii").isascii()


def test_an_unknown_element_is_not_left_out_in_silence() -> None:
    """A page that the converter does not understand stops it, instead of becoming a gap."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from manual import markdown; markdown.page('> quoted', 'tasky-worker(5)', 'x')",
        ],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "scripts")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "there is no roff for blockquote yet" in done.stderr
