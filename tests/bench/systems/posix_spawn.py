"""The limit: a loop in C that starts the program, waits for it, and keeps nothing."""

from __future__ import annotations

import shutil
from typing import Final

from ..bench import System

SYSTEM: Final = System(
    "posix_spawn",
    "a loop in C that starts the program and waits for it, in as many threads as there are clients: the limit",
    "nothing",
    lambda: "" if shutil.which("cc") or shutil.which("gcc") else "a C compiler",
)
