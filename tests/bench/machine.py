"""On what the figures were measured."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

_VERSIONS = {
    "webhook": ("webhook", "-version"),
    "Redis": ("redis-server", "--version"),
    "Node": ("node", "--version"),
    "task-spooler": ("tsp", "-V"),
}


def machine() -> dict[str, Any]:
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release().split("-")[0],
        "versions": {
            "Python": platform.python_version(),
            "SQLite": sqlite3.sqlite_version,
            **{name: version for name in _VERSIONS if (version := _version(name))},
        },
    }


def _version(name: str) -> str:
    program, option = _VERSIONS[name]
    if not shutil.which(program):
        return ""
    said = subprocess.run([program, option], capture_output=True, text=True, check=False).stdout
    match = re.search(r"\d+\.\d+(\.\d+)?", said)
    return match[0] if match else ""


def load() -> float:
    """How many processes were running or waiting for the disk in the last minute."""
    return round(os.getloadavg()[0], 2)
