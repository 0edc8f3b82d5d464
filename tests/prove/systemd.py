"""Tasky as a service of a booted systemd, from the install to the purge, by scripts/install and as a Debian package.

On a machine that has no Tasky, and that can be thrown away: it is installed there, used, killed and removed. `--inside`
names a command that runs what follows it as root there, and hands input, output and status on: `ssh root@vm`, `podman
exec -i box`. Without it, it is this machine.

A machine without a network needs the dependencies: `pip wheel -w DIR '.[all]' setuptools`, then --wheels DIR.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from tests.helpers import REPOSITORY
from tests.prove._counting import TASKS
from tests.prove._inside import FOLDER, Checkout, Machine, Package, Way, checkout
from tests.prove._parts import report, say
from tests.prove._walk import Walk


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--inside", metavar="COMMAND", default="", help="runs a command there")
    parser.add_argument("--wheels", metavar="DIR", type=Path, help="dependencies, for pip there")
    parser.add_argument("--way", choices=["checkout", "package", "both"], default="both")
    parser.add_argument("--record", action="store_true", help="write docs/reliability.md")


def main(arguments: argparse.Namespace) -> int:
    machine = Machine(shlex.split(arguments.inside))
    refuse(machine)
    prepare(machine, arguments.wheels)
    folder = f"PIP_NO_INDEX=1 PIP_FIND_LINKS={FOLDER}/wheels" if arguments.wheels else ""
    ways: list[type[Way]] = [Checkout] if arguments.way != "package" else []
    if arguments.way != "checkout":
        if machine.run("command -v dpkg-deb apt-get", status=None):
            ways.append(Package)
        else:
            say("NO PACKAGE IS TRIED: there is no dpkg-deb and apt-get there")
    walks = [Walk(machine, way(machine, folder)) for way in ways]
    found = {walk.way.name: dict(walk.steps()) for walk in walks}
    machine.run(f"rm -rf {FOLDER}")
    system = machine.run("systemctl --version | sed -n '1s/ (.*//p'; python3 --version")
    about = (
        f"{', '.join(system.splitlines())}, in a machine of its own. {TASKS} tasks at once, each of which writes"
        " numbered lines in two pieces. Requests: each by a connection of its own, one after the other, all the time."
    )
    # The command that leads there is of no interest to others.
    sys.argv[2:] = [f"--way={arguments.way}"] if arguments.way != "both" else []
    report("systemd", about, found, into_docs=arguments.record)
    return 0 if all(walk.kept for walk in walks) else 1


def refuse(machine: Machine) -> None:
    """What is somebody's service must not be purged."""
    there = machine.run(
        "ls -d /etc/tasky /var/lib/tasky /opt/tasky; getent passwd tasky", status=None
    )
    if there:
        sys.exit(f"prove: Tasky is installed there already, and this would remove it: {there}")
    if machine.run("id -u") != "0" or machine.run("systemctl is-system-running", status=None) in (
        "",
        "offline",
    ):
        sys.exit("prove: it takes root, and a booted systemd (see --inside)")


def prepare(machine: Machine, wheels: Path | None) -> None:
    files = checkout()
    files[f"{FOLDER}/visitor.py"] = REPOSITORY / "tests/prove/_visitor.py"
    for wheel in wheels.glob("*.whl") if wheels else ():
        files[f"{FOLDER}/wheels/{wheel.name}"] = wheel
    machine.send(files)
    machine.run(f"chown -R 0:0 {FOLDER} && chmod -R go-w {FOLDER}")
