"""What `scripts/prove systemd` does with an installed Tasky, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from tests.prove._counting import COUNTER, DEFINITION, OVER, TASKS, Counting
from tests.prove._inside import Broken, Machine, Way
from tests.prove._parts import say

#: Seconds, and an install takes as long as it takes.
_LONG: Final = 3600.0
VERSION: Final = "0.1.0.1"
WORKERS: Final = "/etc/tasky/workers.d"
DROP_IN: Final = "/etc/systemd/system/tasky.service.d/prove.conf"


class Walk(Counting):
    """One way of installing, lived through."""

    def __init__(self, machine: Machine, way: Way) -> None:
        super().__init__(machine, way)
        self.kept = True
        self._before: set[str] = set()

    def steps(self) -> Iterator[tuple[str, str]]:
        """What was tried, and what came of it. After what was broken, the others are tried all the same."""
        self._before = self.machine.files()
        for name, step in self._all():
            begun = time.monotonic()
            try:
                found = step()
            except Broken as broken:
                self.kept = False
                found = f"**broken**: {' '.join(str(broken).split())}"
            say(f"{self.way.name}, {name}, {time.monotonic() - begun:.0f} s: {found}")
            yield name, found

    def _all(self) -> list[tuple[str, Callable[[], str]]]:
        return [
            ("install", self.install),
            ("installed again", self.install_again),
            ("`tasky doctor`", self.doctor),
            (f"{TASKS} tasks", self.tasks),
            ("`systemctl reload`, with a broken definition", self.reload),
            (f"upgrade, {TASKS} tasks running", self.upgrade),
            ("SIGKILL to the server", self.kill),
            ("its loop is stuck", self.stick),
            ("3 restarts, requests all the time", self.restarts),
            ("stopped; the next connection starts it", self.activation),
            (f"stop, {TASKS} tasks running", self.stop),
            ("remove: what was edited stays", self.remove),
            ("purge: nothing stays", self.purge),
        ]

    # ------------------------------------------------------------------ what they do

    def install(self) -> str:
        self.token = self.way.install()
        self._expect("ActiveState", "active")
        self.machine.send(
            {
                f"{WORKERS}/counter.py": COUNTER.encode(),
                f"{WORKERS}/counter.yaml": DEFINITION.encode(),
            }
        )
        self.machine.run(f"chmod 755 {WORKERS}/counter.py && systemctl reload tasky")
        self.machine.wait_for(self._has_counter, "the new worker is there")
        return "runs, and has printed a token"

    def install_again(self) -> str:
        pid = self.machine.main_pid
        self.way.install_again()
        return "the same process" if self.machine.main_pid == pid else "another process"

    def doctor(self) -> str:
        """As root, and as an ordinary user."""
        found = self._examined("tasky doctor --json")
        problems = {
            name: one["message"] for name, one in found.items() if one["verdict"] == "problem"
        }
        if problems:
            raise Broken(f"problems: {problems}")
        for name, words in (
            ("containment", "cgroup, in force"),
            ("limits", self._limits()),
            ("server", "it runs this code"),
            ("watchdog", "WatchdogSec=60"),
            ("socket", "no connection is refused"),
        ):
            if words not in found[name]["message"]:
                raise Broken(f"{name}: {found[name]['message']}")
        stranger = self._examined(
            "setpriv --reuid=65534 --regid=65534 --clear-groups tasky doctor --json"
        )
        if "problem" in {one["verdict"] for one in stranger.values()}:
            raise Broken(f"to an ordinary user: {stranger}")
        warned = [name for name, one in found.items() if one["verdict"] == "warning"]
        skipped = [name for name, one in stranger.items() if one["verdict"] == "skipped"]
        return f"no problems; warnings: {', '.join(warned) or 'none'}; a stranger cannot see: {', '.join(skipped)}"

    def tasks(self) -> str:
        return self._whole(self._submit(2))

    def reload(self) -> str:
        running = self._submit(5)
        definition = f"{WORKERS}/counter.yaml"
        self.machine.run(f"sed -i 's/^description: .*/description: Counts on./' {definition}")
        self.machine.run("systemctl reload tasky")
        self.machine.wait_for(
            lambda: self._visitor("describe", "counter") == "Counts on.", "it is loaded"
        )
        self.machine.run(
            f"sed -i 's/^command: .*/comand: [x]/' {definition} && systemctl reload tasky"
        )
        status = self.machine.wait_for(self._complaint, "the status names the file and line")
        if self._visitor("describe", "counter") != "Counts on.":
            raise Broken("the former definition is not in force")
        whole = self._whole([*running, *self._submit(1)])
        self.machine.send({definition: DEFINITION.encode()})
        self.machine.run("systemctl reload tasky")
        self.machine.wait_for(lambda: not self._complaint(), "the status is clean")
        return f"status: `{status}`; the former one in force, {whole}"

    def upgrade(self) -> str:
        can = self.machine.run("tasky upgrade --help >/dev/null 2>&1 && echo yes", status=None)
        pid, ids = self.machine.main_pid, self._submit(_LONG)
        knocks = self._visitor.start("knock")
        self.way.upgrade(VERSION)
        asked = self._asked(knocks)
        version = self.machine.run("tasky version")
        if VERSION not in version:
            raise Broken(f"the version is {version}")
        if not can:
            ended = self._visitor("settle", *ids)
            codes = sorted({str(one["code"]) for one in ended})
            return f"this version cannot hand over: restarted, tasks ended with {', '.join(codes)}; {asked}"
        if set(states := self._visitor("states", *ids)) != {"Running"}:
            raise Broken(f"after it, the tasks are {states}; {asked}")
        if self.machine.main_pid != pid:
            raise Broken(f"another process: {self.machine.main_pid}, was {pid}; {asked}")
        self.machine.run(f"touch {OVER}")
        whole = self._whole(ids)
        self.machine.run(f"rm {OVER}")
        return f"the same process, {whole}; {asked}"

    def kill(self) -> str:
        pid, ids = self.machine.main_pid, self._submit(60)
        knocks = self._visitor.start("knock")
        self.machine.run(f"kill -KILL {pid}")
        self.machine.wait_for(lambda: self.machine.main_pid not in (0, pid), "it is started anew")
        self._answers()
        asked = self._asked(knocks, lost=1)
        ended = self._visitor("settle", *ids)
        if {(one["state"], one["code"]) for one in ended} != {("Failed", "lost")}:
            raise Broken(f"the tasks have ended with {ended}")
        self._only_the_server()
        whole = self._whole(self._submit(1))
        return f"started anew, {TASKS} tasks `lost`, none of their processes left; then {whole}; {asked}"

    def stick(self) -> str:
        """With a watchdog of 4 seconds: the drop-in is also what somebody edited."""
        self.machine.send({DROP_IN: b"[Service]\nWatchdogSec=4\n"})
        self.machine.run("systemctl daemon-reload && systemctl restart tasky")
        self._answers()
        pid = self.machine.main_pid
        sticker = self._visitor.start("stick", str(pid))
        self.machine.wait_for(lambda: self._is_ended_by_the_watchdog(pid), "the watchdog")
        if not self._visitor.ended(sticker):
            raise Broken("no thread was stopped")
        self.machine.wait_for(lambda: self.machine.main_pid not in (0, pid), "it is started anew")
        self._answers()
        said = self._examined("tasky doctor --json")["watchdog"]["message"]
        return f"ended by the watchdog and started anew; the doctor: `{said}`"

    def _is_ended_by_the_watchdog(self, pid: int) -> bool:
        """systemd says so when it has sent the signal."""
        said = f"Killing process {pid} .* SIGABRT"
        return bool(
            self.machine.run(f"journalctl -u tasky.service -o cat | grep '{said}'", status=None)
        )

    def restarts(self) -> str:
        knocks = self._visitor.start("knock")
        for _ in range(3):
            self.machine.run("systemctl restart tasky.service")
            self._answers()
        return self._asked(knocks)

    def activation(self) -> str:
        self.machine.run("systemctl stop tasky.service 2>/dev/null")
        self._expect("ActiveState", "inactive")
        self._answers()
        self._expect("ActiveState", "active")
        return "answered"

    def stop(self) -> str:
        ids = self._submit(60)
        begun = time.monotonic()
        self.machine.run("systemctl stop tasky.socket tasky.service")
        seconds = time.monotonic() - begun
        left = self.machine.processes()
        cgroup = self.machine.run("ls -d /sys/fs/cgroup/system.slice/tasky.service", status=None)
        if left or cgroup or self.machine.shown("Result") != "success":
            raise Broken(f"left: {left} {cgroup}, {self.machine.shown('Result')}")
        self.machine.run("systemctl start tasky.socket tasky.service")
        codes = {(one["state"], one["code"]) for one in self._visitor("settle", *ids)}
        if codes != {("Failed", "shutdown")}:
            raise Broken(f"the tasks have ended with {codes}")
        return f"in {seconds:.1f} s, no process and no cgroup left, tasks ended with `shutdown`"

    def remove(self) -> str:
        self.way.remove()
        if left := self.machine.processes():
            raise Broken(f"processes are left: {left}")
        there = self.machine.run(
            f"ls -d {DROP_IN} {WORKERS}/counter.yaml /var/lib/tasky /opt/tasky", status=None
        )
        if there.split() != [DROP_IN, f"{WORKERS}/counter.yaml", "/var/lib/tasky"]:
            raise Broken(f"there is: {there}")
        return "settings, state and user"

    def purge(self) -> str:
        self.way.purge()
        self.machine.run("systemctl daemon-reload; systemctl reset-failed 2>/dev/null || true")
        after = self.machine.files()
        if after != self._before:
            more, less = sorted(after - self._before), sorted(self._before - after)
            raise Broken(f"left: {more[:10]}; missing: {less[:10]}")
        if self.machine.shown("LoadState") != "not-found":
            raise Broken("systemd still has the unit")
        return f"{len(after)} files and users, as before"
