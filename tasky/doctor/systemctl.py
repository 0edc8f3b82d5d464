"""What the service manager says of a unit; nothing where it does not run, or does not answer in time."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_RUNS: Final = Path("/run/systemd/system")  # sd_booted(3)
_PATIENCE: Final = 5.0  # seconds
_PROPERTIES: Final = (
    *("LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload", "Result"),
    *("MainPID", "NRestarts", "StatusText"),
)

Properties = Mapping[str, str]


def runs() -> bool:
    """Whether systemd manages this machine, or container."""
    return _RUNS.is_dir()


def show(unit: str) -> Properties:
    """systemctl(1), `show`: any user may ask."""
    if not runs():
        return {}
    wanted = f"--property={','.join(_PROPERTIES)}"
    try:
        done = subprocess.run(
            ["systemctl", "--no-pager", "--system", "show", wanted, unit],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {key: value for key, _, value in pairs if value}
