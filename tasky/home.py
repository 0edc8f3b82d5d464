"""The home folder of who runs this. Imports nothing of ours."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path


def home(environ: Mapping[str, str]) -> Path | None:
    """None where there is none: HOME is not set, and the user is not in passwd(5), as in many containers."""
    folder = environ.get("HOME") or _of_user(os.getuid())
    return Path(folder) if folder else None


def _of_user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_dir
    except KeyError:
        return ""
