"""Measures Tasky beside other systems, in one run.

    scripts/bench --install --record        everything, into docs/benchmarks.md
    scripts/bench --quick true logs         two scenarios, a few seconds each
    scripts/bench --list                    the scenarios and the systems, and what is missing here

In each round all systems of a scenario are measured one after the other; what counts are the medians of the rounds'
ratios. Whatever is not here is left out, and named. Needs a C compiler.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

from . import pictures
from .bench import Bench, Trouble, compile_load, note
from .machine import load, machine
from .report import report
from .run import run
from .scenarios import SCENARIOS
from .systems import SYSTEMS, peers
from .systems.redis import KEEPS

_PAGE: Final = peers.ROOT / "docs/benchmarks.md"
_PICTURES: Final = "benchmarks"
_OF_INTERPRETERS: Final = ("NODE_", "PYTHON")


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    unknown = [name for name in options.scenario if name not in SCENARIOS]
    if unknown:
        note(f"there is no scenario {', '.join(unknown)}: see --list")
        return 2
    if options.install:
        peers.install()
    if options.list:
        _list()
        return 0
    try:
        with _plain_environment():
            document = json.loads(options.read.read_text()) if options.read else _measure(options)
    except Trouble as trouble:
        note(str(trouble))
        return 1
    _write(document, options)
    return 0


@contextlib.contextmanager
def _plain_environment() -> Iterator[None]:
    """What is set for interpreters slows their start, or speeds it up, where they get it: not as workers of Tasky."""
    before = {
        name: value for name, value in os.environ.items() if name.startswith(_OF_INTERPRETERS)
    }
    for name in before:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("scenario", nargs="*", help="all of them if none is named")
    parser.add_argument("--systems", metavar="A,B", help="only these")
    parser.add_argument("--rounds", type=int, help="3 if not given; 1 with --quick")
    parser.add_argument("--seconds", type=float, help="of each measurement: 2; 0.3 with --quick")
    parser.add_argument("--quick", action="store_true", help="small, to see that it works")
    parser.add_argument("--fsync", choices=KEEPS, default="always",
                        help="when Redis waits for the disk (always: as Tasky does)")  # fmt: skip
    parser.add_argument("--install", action="store_true",
                        help="first install what is compared with (Debian's packages as root;\n"
                             "those of PyPI into .bench/)")  # fmt: skip
    parser.add_argument("--list", action="store_true", help="measure nothing; say what there is")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"),
                        help="where the states and logs are put: a disk, not memory")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--read", type=Path, metavar="FILE",
                        help="measure nothing; take the figures that --json wrote")  # fmt: skip
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw there (SVG)")
    parser.add_argument("--record", action="store_true",
                        help="write docs/benchmarks.md and its pictures")  # fmt: skip
    return parser


def _list() -> None:
    for scenario in SCENARIOS.values():
        print(f"{scenario.name:12}  {scenario.title}: {', '.join(scenario.systems)}")
    print()
    for system in SYSTEMS.values():
        lacks = system.lacks()
        print(f"{system.name:12}  {f'ABSENT: it needs {lacks}' if lacks else 'here'}")


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    scenarios = [SCENARIOS[name] for name in options.scenario or SCENARIOS]
    wanted = options.systems.split(",") if options.systems else list(SYSTEMS)
    if unknown := [name for name in wanted if name not in SYSTEMS]:
        raise Trouble(f"there is no system {', '.join(unknown)}: see --list")
    fitting = [name for name in wanted if any(name in it.systems for it in scenarios)]
    missing = {name: lacks for name in fitting if (lacks := SYSTEMS[name].lacks())}
    for name, lacks in missing.items():
        note(f"{name} is ABSENT: it needs {lacks}")
    seconds = options.seconds or (0.3 if options.quick else 2.0)
    begin, before = time.monotonic(), load()
    with tempfile.TemporaryDirectory(prefix="tasky-bench-", dir=options.folder) as scratch:
        bench = Bench(
            folder=Path(scratch),
            load_program=compile_load(Path(scratch)),
            seconds=seconds,
            quick=options.quick,
            chosen=frozenset(fitting) - missing.keys(),
            fsync=options.fsync,
            absent={name: f"it needs {lacks}" for name, lacks in missing.items()},
        )
        results = run(bench, scenarios, options.rounds or (1 if options.quick else 3))
    return {
        "date": str(date.today()),
        "command": shlex.join(["scripts/bench", *sys.argv[1:]]),
        "minutes": round((time.monotonic() - begin) / 60, 1),
        "machine": machine(),
        "load": before,
        "fsync": options.fsync,
        "absent": bench.absent,
        "results": results,
    }


def _write(document: dict[str, Any], options: argparse.Namespace) -> None:
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    if options.pictures:
        pictures.draw(document["results"], options.pictures)
    if options.record:
        pictures.draw(document["results"], _PAGE.parent / _PICTURES)
        _PAGE.write_text(report(document, _PICTURES) + "\n")
    else:
        print(report(document))
