"""What a run of the benchmarks has: a folder, the load, the systems that are here, and how long to measure."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")
LOAD: Final = Path(__file__).with_name("load.c")
PROGRAMS: Final = Path(__file__).with_name("programs")

#: What one measurement found, by the metric's key.
Sample = Mapping[str, float]


class Trouble(Exception):
    """Something cannot be measured, and why: it is reported, and the rest is measured."""


@dataclass(frozen=True, slots=True)
class System:
    """Something that runs programs. `keeps` says what it has stored of a task when it says that it took it; `lacks`
    says what is missing here, nothing if it can be started."""

    name: str
    about: str
    keeps: str
    lacks: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Metric:
    """`scale` is how many of what a sample has make one of `unit`."""

    key: str
    unit: str
    more_is_better: bool = False
    scale: float = 1
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Contestant:
    """One system in one case of a scenario; `measure` is called once in each round."""

    case: str
    system: str
    measure: Callable[[], Sample]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`metrics`: the first one makes the picture. `base` is the system that the others are divided by, or a case with
    its system, where the cases are compared. `rounds` at most. `contestants` starts what it needs."""

    name: str
    title: str
    about: str
    systems: tuple[str, ...]
    metrics: tuple[Metric, ...]
    base: str | tuple[str, str]
    contestants: Callable[[Bench, ExitStack], Iterable[Contestant]]
    rounds: int = 100


@dataclass(frozen=True, slots=True)
class Bench:
    folder: Path
    load_program: Path
    seconds: float
    quick: bool
    #: The systems to be measured.
    chosen: frozenset[str]
    #: Whether Redis waits for the disk: always, everysec or no.
    fsync: str = "always"
    #: What could not be measured, and why.
    absent: dict[str, str] = field(default_factory=dict)

    def count(self, whole: int, quick: int) -> int:
        return quick if self.quick else whole

    def room(self, name: str) -> Path:
        """A new folder."""
        for number in range(1000):
            folder = self.folder / f"{name}-{number}"
            if not folder.exists():
                folder.mkdir()
                return folder
        raise Trouble(f"no room for {name}")

    def spawn(
        self,
        clients: int,
        amount: str,
        *command: str | Path,
        environment: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        return run_json(
            self.load_program, "spawn", str(clients), amount, *command, environment=environment
        )

    def ask(
        self,
        clients: int,
        amount: str,
        port: int,
        path: str,
        *,
        method: str = "POST",
        status: int = 200,
        text: str = "",
        paths: Iterable[str] = (),
    ) -> dict[str, Any]:
        """HTTP requests to the loopback address. With `paths` (and path -), one for each."""
        return run_json(
            *(self.load_program, "http", str(clients), amount, str(port), method, path),
            *(str(status), text),
            given="".join(f"{path}\n" for path in paths),
        )

    def miss(self, what: str, why: str) -> None:
        note(f"{what}: {why}")
        self.absent[what] = why

    def started(self, stack: ExitStack, system: str, server: AbstractContextManager[T]) -> T | None:
        """A system that is to be measured; None if it is not, or does not start."""
        if system not in self.chosen:
            return None
        try:
            return stack.enter_context(server)
        except Trouble as trouble:
            self.miss(system, f"it did not start: {trouble}")
            return None

    def period(self, pause: float = 0) -> str:
        """For the load; with a pause of so many seconds before each round."""
        return f"{self.seconds:g}s" + (f",{pause * 1000:g}ms" if pause else "")


def note(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def rates(figures: Mapping[str, Any]) -> dict[str, float]:
    """What the load prints, as a sample."""
    return {
        "rate": figures["count"] / figures["seconds"],
        "p50": figures["p50_us"],
        "p99": figures["p99_us"],
    }


def run_json(
    *command: str | Path,
    given: str = "",
    timeout: float = 300,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    try:
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise Trouble(f"{Path(command[0]).name} took more than {timeout:g} s") from error
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise Trouble(f"{Path(command[0]).name} {command[1]}: {words[-1][:300]}")
    return dict(json.loads(done.stdout))


def compile_load(folder: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Trouble("a C compiler is needed (Debian: apt install gcc libc6-dev)")
    load = folder / "load"
    subprocess.run([compiler, "-O2", "-pthread", "-o", load, LOAD], check=True)
    return load


def plain_python() -> str:
    """The system's interpreter: one in a virtual environment starts slower."""
    return shutil.which("python3", path="/usr/bin:/usr/local/bin") or "python3"
