"""C libraries that change what a server sees of the system: built by the test that needs one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parent


def build(name: str, folder: Path) -> str:
    """For LD_PRELOAD: the library of `name`.c."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    library = folder / f"{name}.so"
    source = _HERE / f"{name}.c"
    command = [
        compiler,
        "-shared",
        "-fPIC",
        "-O1",
        "-Wall",
        "-Werror",
        "-o",
        library,
        source,
        "-ldl",
    ]
    subprocess.run(command, check=True)
    return str(library)
