"""The command line as a user who has no home: no HOME, and no entry in passwd(5), as in many containers."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from tasky.home import home
from tests.helpers import REPOSITORY

STRANGER = 64321
#: What the tests run on may lie in somebody's home, so it is allowed to read everything.
AS_STRANGER = (
    *("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--"),
)


def as_stranger(*arguments: str) -> subprocess.CompletedProcess[str]:
    if os.geteuid() != 0:
        pytest.skip("A USER WITHOUT A HOME IS NOT TESTED: that takes root")
    done = subprocess.run(
        [*AS_STRANGER, sys.executable, "-m", "tasky", *arguments],
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.stderr.startswith("setpriv:"):
        pytest.skip(f"A USER WITHOUT A HOME IS NOT TESTED: {done.stderr.strip()}")
    return done


def test_tokens_are_those_of_the_system() -> None:
    done = as_stranger("token", "revoke", "nobody-has-this-name")
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("tasky: ")
    assert done.returncode in (1, 3, 78), done.stderr


def test_a_state_directory_that_is_named() -> None:
    done = as_stranger("token", "list", "--json", "--state-dir", "/usr")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_profile_that_is_not_there() -> None:
    done = as_stranger("ps", "--profile", "prod")
    assert (
        done.stderr
        == "tasky: /.config/tasky/profiles.toml: there is no profile 'prod'; there are: none\n"
    )
    assert done.returncode == 78


def test_whose_home(monkeypatch: pytest.MonkeyPatch) -> None:
    assert home({"HOME": "/srv/ada"}) == Path("/srv/ada")
    assert home({}) == home({"HOME": ""}) == Path(pwd.getpwuid(os.getuid()).pw_dir)
    monkeypatch.setattr("os.getuid", lambda: STRANGER)
    assert home({}) is None
