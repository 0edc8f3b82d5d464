"""Before these tests: what has to be compiled is."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from .support import WORKERS


@pytest.fixture(scope="session", autouse=True)
def _built() -> None:
    if shutil.which("make") and shutil.which("cc"):
        subprocess.run(["make", "-s", "-C", WORKERS / "wordfreq"], check=True)
