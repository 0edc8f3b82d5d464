"""The peers of Python's package index: in a virtual environment of their own, so that Tasky's stays what it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from ..bench import PROGRAMS

ROOT: Final = Path(__file__).resolve().parents[3]
ENVIRONMENT: Final = ROOT / ".bench"
PYTHON: Final = ENVIRONMENT / "bin/python"
PACKAGES: Final = ("celery>=5.4", "packaging", "redis>=5", "rq>=2", "supervisor>=4.2")
DEBIAN: Final = {"redis-server": "redis-server", "webhook": "webhook", "tsp": "task-spooler"}
QUEUE_CLIENT: Final = PROGRAMS / "queue_client.py"


def lacks_program(name: str) -> str:
    return "" if (ENVIRONMENT / "bin" / name).exists() else f"{name} (scripts/bench --install)"


def lacks_redis() -> str:
    return "" if shutil.which("redis-server") else "the Debian package redis-server"


def install() -> None:
    """Everything to compare with that is not here. Debian's packages are installed only for root."""
    packages = [package for name, package in DEBIAN.items() if not shutil.which(name)]
    if packages and shutil.which("apt-get"):
        if os.geteuid() == 0:
            command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
            subprocess.run(command, check=False, stdout=sys.stderr)
        else:
            print(f"bench: as root: apt install {' '.join(packages)}", file=sys.stderr)
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # supervisor imports pkg_resources, which newer ones of setuptools do not have.
    subprocess.run([*pip, *PACKAGES, "setuptools<81"], check=True)
