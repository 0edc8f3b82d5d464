"""The machine that `scripts/prove systemd` works on, and the two ways to install there."""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from tests.helpers import REPOSITORY

T = TypeVar("T")
#: There: the checkout, the wheels, and what asks the server.
FOLDER: Final = "/var/tmp/tasky-prove"
SOURCE: Final = f"{FOLDER}/source"
_TOKEN: Final = re.compile(r"^tsk_[\w-]+", re.MULTILINE)
_PATIENCE: Final = 120.0  # seconds
_LONGEST: Final = 600.0
#: Where an install may leave something. What is not looked at: what apt, dpkg and systemd keep for themselves, this
#: program, and /opt itself, which dpkg removes with the last package in it.
_PLACES: Final = "/etc /opt /srv /usr /var"
_NOT_OURS: Final = (
    f"^/opt$|{FOLDER}|/var/log/|/var/cache/|/var/lib/(dpkg|apt|systemd|private)|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$"
    "|/__pycache__|/etc/ld.so.cache"
)


class Broken(Exception):
    """The promise was not kept, or could not be tried."""


class Machine:
    """`prefix` is a command that runs what follows it as root there; empty: it is this machine."""

    def __init__(self, prefix: Sequence[str]) -> None:
        self._prefix: Final = list(prefix)

    def run(self, script: str, *, status: int | None = 0, stdin: bytes = b"") -> str:
        """By sh; gives its output. Broken where it ends with another status; None: any."""
        try:
            done = subprocess.run(
                [*self._prefix, "sh", "-c", script],
                input=stdin,
                capture_output=True,
                timeout=_LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Broken(f"`{script[:200]}` does not end") from None
        if status is not None and done.returncode != status:
            said = done.stderr.decode(errors="replace").strip()[-2000:]
            raise Broken(f"`{script[:200]}` ended with {done.returncode}: {said}")
        return done.stdout.decode(errors="replace").strip()

    def start(self, script: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._prefix, "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def send(self, files: dict[str, bytes | Path]) -> None:
        """By their paths there. A file that this machine can execute, that one can, too."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, content in files.items():
                if isinstance(content, Path):
                    archive.add(content.resolve(), name)
                else:
                    info = tarfile.TarInfo(name)
                    info.size, info.mode = len(content), 0o644
                    archive.addfile(info, io.BytesIO(content))
        self.run("tar -x --no-same-owner -C / -f -", stdin=packed.getvalue())

    def shown(self, name: str, unit: str = "tasky.service") -> str:
        return self.run(f"systemctl show --property={name} --value {unit}")

    @property
    def main_pid(self) -> int:
        return int(self.shown("MainPID"))

    def processes(self) -> list[str]:
        """Of the service's user."""
        return self.run("ps -o pid= -u tasky", status=None).split()

    def files(self) -> set[str]:
        found = self.run(f"find {_PLACES} -xdev | grep -Ev {shlex.quote(_NOT_OURS)}")
        users = self.run("getent passwd; getent group")
        return {*found.splitlines(), *users.splitlines()}

    def wait_for(self, condition: Callable[[], T], what: str) -> T:
        deadline = time.monotonic() + _PATIENCE
        while not (answer := condition()):
            if time.monotonic() > deadline:
                raise Broken(f"did not happen: {what}")
            time.sleep(0.1)
        return answer


class Visitor:
    """Asks the server there: see _visitor.py."""

    def __init__(self, machine: Machine, token: str) -> None:
        self._machine: Final = machine
        self._command: Final = f"python3 {FOLDER}/visitor.py {token}"

    def __call__(self, *words: str) -> Any:
        return json.loads(self._machine.run(f"{self._command} {shlex.join(words)}"))

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """What `ended` ends, or waits for."""
        return self._machine.start(f"{self._command} {shlex.join(words)}")

    @staticmethod
    def ended(process: subprocess.Popen[bytes]) -> Any:
        told, _ = process.communicate(timeout=_LONGEST)
        return json.loads(told or b"{}")


class Way:
    """How it is installed there, upgraded and removed. `install` gives the first admin's token."""

    name: str
    removes_edited = ""

    def __init__(self, machine: Machine, environ: str) -> None:
        self.machine: Final = machine
        self.environ: Final = environ  #: of pip

    def install(self) -> str:
        raise NotImplementedError

    def install_again(self) -> None:
        raise NotImplementedError

    def upgrade(self, version: str) -> None:
        raise NotImplementedError

    def remove(self) -> None:
        raise NotImplementedError

    def purge(self) -> None:
        raise NotImplementedError

    def _set_version(self, version: str) -> None:
        file = f"{SOURCE}/tasky/__init__.py"
        self.machine.run(f"sed -i 's/^__version__ = .*/__version__ = \"{version}\"/' {file}")


class Checkout(Way):
    name = "scripts/install"

    def install(self) -> str:
        return first_token(self.machine.run(f"{self.environ} {SOURCE}/scripts/install"))

    def install_again(self) -> None:
        said = self.machine.run(f"{self.environ} {SOURCE}/scripts/install 2>&1")
        if len(said.splitlines()) != 2:
            raise Broken(f"again, it does something: {said}")

    def upgrade(self, version: str) -> None:
        self._set_version(version)
        self.machine.run(f"{self.environ} {SOURCE}/scripts/install --upgrade")

    def remove(self) -> None:
        self.machine.run(f"{SOURCE}/scripts/install --uninstall")

    def purge(self) -> None:
        self.machine.run(f"{SOURCE}/scripts/install --uninstall --purge")


class Package(Way):
    name = "the Debian package"

    def install(self) -> str:
        return first_token(self._install(self._build()))

    def install_again(self) -> None:
        self._install(f"{FOLDER}/tasky_*.deb", "--reinstall")

    def upgrade(self, version: str) -> None:
        self._set_version(version)
        self.machine.run(f"rm {FOLDER}/tasky_*.deb")
        self._install(self._build())

    def remove(self) -> None:
        self.machine.run("DEBIAN_FRONTEND=noninteractive apt-get remove -y -q tasky")

    def purge(self) -> None:
        self.machine.run("DEBIAN_FRONTEND=noninteractive apt-get purge -y -q tasky")

    def _build(self) -> str:
        return self.machine.run(f"{self.environ} {SOURCE}/scripts/deb {FOLDER}")

    def _install(self, package: str, option: str = "") -> str:
        """An edited file of /etc stays, as one who is asked would say."""
        keep = "-o Dpkg::Options::=--force-confold"
        return self.machine.run(
            f"DEBIAN_FRONTEND=noninteractive apt-get install -y -q {keep} {option} {package}"
        )


def first_token(said: str) -> str:
    match = _TOKEN.search(said)
    if match is None:
        raise Broken(f"no token was printed: {said[-500:]}")
    return match[0]


def checkout() -> dict[str, bytes | Path]:
    """What git tracks, or would, by the paths there."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout.decode()
    names = [name for name in listed.split("\0") if name and not name.startswith("tests/")]
    return {f"{SOURCE}/{name}": REPOSITORY / name for name in names if (REPOSITORY / name).exists()}
