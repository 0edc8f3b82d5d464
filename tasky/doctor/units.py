"""tasky.service and tasky.socket: what is installed, what differs from this version's, what is in force."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..config import Listen
from . import systemctl
from .drift import drift, overridden
from .finding import Finding, ok, problem, skipped, warning, worst
from .systemctl import Properties
from .timespan import seconds
from .unit_files import FOLDERS, UnitFile, find, shipped

_SERVICE: Final = "tasky.service"
_SOCKET: Final = "tasky.socket"
_NOTIFY: Final = ("notify", "notify-reload")
_RESTARTS: Final = ("on-failure", "always", "on-abnormal", "on-watchdog")
#: systemd's own, where the unit does not say: DefaultTimeoutStopSec=.
_STOP: Final = "90s"
_NO: Final = ("", "no", "false", "off", "0")
_STATES: Final = {"active": "", "activating": "is starting", "inactive": "is not running"}


@dataclass(frozen=True, slots=True)
class Unit:
    """One of them. `file` is None where there is none, or it could not be read: then `unseen` says why. `state` is
    what systemd says, empty where it does not run."""

    name: str
    file: UnitFile | None
    state: Properties
    unseen: str = ""

    @property
    def is_active(self) -> bool:
        return self.state.get("ActiveState") == "active"

    @property
    def main_pid(self) -> int:
        return int(self.state.get("MainPID", "0"))


def look_for(name: str) -> Unit:
    state = systemctl.show(name)
    try:
        return Unit(name, find(name, FOLDERS), state)
    except OSError as error:
        return Unit(name, None, state, f"{error.filename}: {error.strerror}")


def service() -> Unit:
    return look_for(_SERVICE)


def socket() -> Unit:
    return look_for(_SOCKET)


def unit(found: Unit, subject: str = "unit") -> Finding:
    """The file in force, and how it differs from what this version ships."""
    if found.unseen:
        return skipped(subject, f"{found.name} cannot be read: {found.unseen}")
    if found.file is None:
        where = (
            "is not installed"
            if systemctl.runs()
            else "is not installed, and systemd does not run here"
        )
        return ok(subject, f"{found.name} {where}")
    if found.file.file is None:
        return warning(subject, f"{found.name} is masked: systemctl unmask {found.name}")
    return worst(subject, [*_file(found.file, found.file.file), *_state(found)])


def _file(found: UnitFile, file: Path) -> Iterator[Finding]:
    yield ok("", str(file))
    if differences := drift(found, shipped(found.name)):
        yield warning(
            "",
            f"it differs from this version's: {differences}. What you want otherwise belongs into a drop-in"
            f" (systemctl edit {found.name.partition('.')[0]}), which an upgrade leaves alone",
        )
    if found.hidden:
        hidden = ", ".join(map(str, found.hidden))
        yield warning("", f"it hides {hidden}, also when an upgrade changes that: use a drop-in")
    yield from _program(found)
    if found.drop_ins:
        files = ", ".join(map(str, found.drop_ins))
        yield ok("", f"with {files}, for {', '.join(overridden(found)) or 'nothing'}")


def _program(found: UnitFile) -> Iterator[Finding]:
    """What a service starts: is it there, and is it of the installation that this is."""
    command = found.last("Service", "ExecStart")
    if not command:
        return
    program = Path(command.split()[0].lstrip("@-:+!|"))
    if not program.exists():
        yield problem("", f"it starts {program}, which is not there")
    elif program.resolve().parent.parent != Path(sys.prefix).resolve():
        yield ok("", f"it starts {program}, and this is the installation in {sys.prefix}")


def _state(found: Unit) -> Iterator[Finding]:
    state = found.state
    if not state:
        return
    if state.get("NeedDaemonReload") == "yes":
        yield warning("", "changed since systemd has read it: systemctl daemon-reload")
    active = state.get("ActiveState", "")
    if active == "failed":
        yield problem(
            "",
            f"it has failed ({state.get('Result', 'unknown')}): {state.get('StatusText', '')}"
            f" systemctl status {found.name}",
        )
    elif said := _STATES.get(active, active):
        yield ok("", f"it {said}")
    if state.get("UnitFileState") == "disabled":
        yield ok("", f"it does not start with the machine (systemctl enable {found.name})")
    if restarts := int(state.get("NRestarts", "0")):
        yield warning("", f"systemd has restarted it {restarts} times: journalctl -u {found.name}")


def watchdog(found: Unit) -> Finding | None:
    """Whether a server that dies, or is stuck, is started anew."""
    if found.file is None or found.file.file is None:
        return None
    parts = []
    limit = found.file.last("Service", "WatchdogSec", "0")
    kind = found.file.last("Service", "Type", "simple")
    restart = found.file.last("Service", "Restart", "no")
    if kind not in _NOTIFY:
        parts.append(
            warning("", f"Type={kind}: systemd does not hear of the server's state: Type=notify")
        )
    elif _is_off(limit):
        parts.append(warning("", "none: a server that is stuck stays so. WatchdogSec=60"))
    else:
        parts.append(ok("", f"WatchdogSec={limit}"))
    if restart not in _RESTARTS:
        parts.append(
            warning("", f"Restart={restart}: a server that dies stays down. Restart=on-failure")
        )
    else:
        parts.append(ok("", f"Restart={restart}"))
    return worst("watchdog", parts)


def stop(found: Unit, graces: Iterable[int]) -> Finding | None:
    """Whether tasks have their grace when the service is stopped, and nothing is left of them. In nanoseconds."""
    if found.file is None or found.file.file is None:
        return None
    parts = []
    mode = found.file.last("Service", "KillMode", "control-group")
    limit = found.file.last(
        "Service", "TimeoutStopSec", found.file.last("Service", "TimeoutSec", _STOP)
    )
    longest = max(graces, default=0) / 1e9
    if mode in ("process", "none"):
        parts.append(
            problem("", f"KillMode={mode}: what the server leaves lives on. KillMode=mixed")
        )
    elif mode == "control-group":
        parts.append(
            warning(
                "",
                "KillMode=control-group: SIGTERM goes to workers past the server. KillMode=mixed",
            )
        )
    else:
        parts.append(ok("", f"KillMode={mode}"))
    if (_seconds(limit) or math.inf) <= longest:  # 0 is without end
        parts.append(
            warning(
                "",
                f"TimeoutStopSec={limit} is over before the longest kill_grace ({longest:g}s): raise it",
            )
        )
    else:
        parts.append(
            ok("", f"TimeoutStopSec={limit}, longer than the longest kill_grace ({longest:g}s)")
        )
    return worst("stop", parts)


def delegates(found: Unit) -> bool:
    """Whether its server gets a cgroup of its own to divide."""
    return found.file is not None and found.file.last("Service", "Delegate").lower() not in _NO


def listening(found: Unit, listen: Listen) -> Finding | None:
    """The socket that systemd holds, in place of the one of the settings."""
    if found.file is None or found.file.file is None:
        return None
    about = unit(found, "socket")
    addresses = address_of(found)
    if not found.is_active:
        return worst(
            "socket", [about, ok("", "connections are refused while the service restarts")]
        )
    parts = [about, ok("", f"{addresses}: no connection is refused while the service restarts")]
    if addresses != str(listen):
        parts.append(ok("", f"it is in force, and not the setting listen: {listen}"))
    return worst("socket", parts)


def address_of(found: Unit) -> str:
    """As the setting `listen` has it; several with blanks between."""
    values = found.file.values.get(("Socket", "ListenStream"), ()) if found.file else ()
    return " ".join(f"unix:{one}" if one.startswith("/") else _with_host(one) for one in values)


def _with_host(address: str) -> str:
    """A port alone is one of every interface."""
    return f"[::]:{address}" if re.fullmatch("[0-9]+", address) else address


def _is_off(limit: str) -> bool:
    return _seconds(limit) in (0, math.inf)


def _seconds(text: str) -> float:
    """What cannot be read is as good as none."""
    try:
        return seconds(text)
    except ValueError:
        return 0
