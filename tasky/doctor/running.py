"""The server that runs, and what it has of the system; or who it would be."""

from __future__ import annotations

import os
import pwd
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..client import Client, ClientError, Unavailable
from ..edition import edition
from ..store import lock_holder
from .finding import Finding, ok, problem, skipped, warning, worst
from .units import Unit

_OPEN_FILES: Final = re.compile(r"^Max open files +(\S+)", re.MULTILINE)
_PATIENCE: Final = 3.0  # seconds for an answer
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
_FULL: Final = 0.8


@dataclass(frozen=True, slots=True)
class Running:
    """`pid` is 0 where none runs, `code` empty where it cannot be told. `uid` is whose it is, or would be. Not
    `is_known`: whether one runs cannot be told."""

    pid: int
    uid: int
    code: str = ""
    is_known: bool = True

    @property
    def user(self) -> str:
        return name_of(self.uid)

    @property
    def is_this_user(self) -> bool:
        return self.uid == os.geteuid()

    @property
    def is_seen_whole(self) -> bool:
        """Whether this user may look at all that it does."""
        return self.is_this_user or os.geteuid() == 0


def find(state_dir: Path, unit: Unit) -> Running:
    """By the lock of the state directory; where that cannot be read, by what systemd says."""
    try:
        held = lock_holder(state_dir)
    except OSError:
        return _by_unit(state_dir, unit)
    uid = _owner(Path(f"/proc/{held.pid}")) if held.pid else None
    if uid is None:
        return Running(0, _of_unit(unit, os.geteuid()))
    return Running(held.pid, uid, held.code)


def _by_unit(state_dir: Path, unit: Unit) -> Running:
    """Whose the state is has the server."""
    if unit.main_pid and (uid := _owner(Path(f"/proc/{unit.main_pid}"))) is not None:
        return Running(unit.main_pid, uid)
    owner = _owner(state_dir)
    return Running(0, _of_unit(unit, os.geteuid() if owner is None else owner), is_known=False)


def server(found: Running, unit: Unit, address: str | None) -> Finding:
    """Which process it is, whether it runs this code, and what it says of itself."""
    if not found.is_known:
        return skipped(
            "server", "whether one runs is told by the lock, which this user may not read"
        )
    if not found.pid:
        return ok("server", "none runs")
    parts = [ok("", f"process {found.pid} of {found.user}"), _code(found)]
    if unit.main_pid and unit.main_pid != found.pid:
        parts.append(warning("", f"systemd's is another one: process {unit.main_pid}"))
    if address is not None:
        parts.append(_answers(address))
    return worst("server", parts)


def files(found: Running) -> Finding:
    """How many descriptors it has, of those that it may have."""
    folder = Path(f"/proc/{found.pid}")
    try:
        match = _OPEN_FILES.search((folder / "limits").read_text())
        used = len(os.listdir(folder / "fd"))  # noqa: PTH208 - the names
    except OSError as error:
        return skipped("files", f"those of process {found.pid} cannot be counted: {error.strerror}")
    limit = match[1] if match else "unlimited"
    said = f"process {found.pid} has {used} open, of {limit}"
    if limit != "unlimited" and used > _FULL * int(limit):
        return warning("files", f"{said}: raise LimitNOFILE=, or lower max_tasks")
    return ok("files", said)


def url_of(address: str) -> str | None:
    """To ask the server that listens there (as the setting `listen` has it); None for a port that the kernel chose,
    and for several addresses."""
    if address.startswith("unix:"):
        return address
    host, _, port = address.rpartition(":")
    if " " in address or port == "0":
        return None
    return f"http://{_EVERYWHERE.get(host, host)}:{port}"


def named(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def name_of(uid: int) -> str:
    return pwd.getpwuid(uid).pw_name if named(uid) else f"user {uid}"


def _code(found: Running) -> Finding:
    this = edition()
    if not found.code:
        return skipped("", "which code it runs cannot be told by this user")
    if found.code == this:
        return ok("", f"it runs this code, {_shown(this)}")
    return warning(
        "",
        f"it runs other code, {_shown(found.code)}, than what is installed here, {_shown(this)}:"
        " `tasky upgrade`, or a restart, has it run this one",
    )


def _shown(code: str) -> str:
    version, _, written = code.partition(" ")
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(int(written or 0) // 1_000_000_000))
    return f"{version} of {at}"


def _answers(address: str) -> Finding:
    try:
        with Client(address, token="", timeout=_PATIENCE) as client:
            told = client.ready()
    except Unavailable as error:
        return problem("", f"it takes no tasks: {error.document.get('status', error)}")
    except ClientError as error:
        return warning(
            "", f"it does not answer at {address}, where these settings have it: {error}"
        )
    status = str(told.get("status"))
    if status == "ready" and not told.get("problems"):
        return ok("", f"it is ready, at {address}")
    troubles = [str(one["detail"]) for one in told.get("troubles", [])]
    troubles += [
        f"{one['file']}:{one['line']}: {one['message']}" for one in told.get("problems", [])
    ]
    return warning(
        "", f"it is {status}: {'; '.join(troubles) or f'{address}/readyz tells more to an admin'}"
    )


def _of_unit(unit: Unit, otherwise: int) -> int:
    """Whom the unit names."""
    if unit.file is not None and (name := unit.file.last("Service", "User")):
        try:
            return int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid
        except KeyError:
            pass
    return otherwise


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None
