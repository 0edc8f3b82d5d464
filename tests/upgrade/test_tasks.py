"""Tasks that run while the server is upgraded: nothing of them is lost, and nothing begins anew. One server for all of
them, since it is the upgrade that takes time."""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import Server, wait_for
from tests.systemd.told import Told

from .conftest import Start
from .support import Gates, ask, await_outcome, lines, upgrade

#: What is said in two halves, on both streams, with the upgrade in between; the secret is cut in two. Then more than a
#: pipe holds, while nobody reads. Progress, a result and an artifact come before.
_SPEAKER = """
secret = json.loads(sys.stdin.readline())["params"]["key"]
open("kept.txt", "w").write("kept")
say(type="artifact", path="kept.txt")
say(type="progress", percent=40, message=f"with {secret}")
say(type="result", output={"half": 1})
sys.stdout.write("the key is " + secret[:6]); sys.stdout.flush()
sys.stderr.write("half a "); sys.stderr.flush()
wait("cut")
sys.stdout.write(secret[6:] + "\\n")
sys.stderr.write("line\\n")
for number in range(20000):
    print("line", number)
"""
#: Reads nothing before the upgrade: neither its task, which is more than a pipe holds, nor the cancel.
_READER = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
wait("read")
task = json.loads(sys.stdin.readline())
told = json.loads(sys.stdin.readline())
say(type="result", output=[len(task["params"]["text"]), told["type"]])
"""
#: Ends while nobody looks, and leaves a daemon behind.
_LEAVER = """
child = os.fork()
if child == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.pause()
os.waitpid(child, 0)
print("last words", file=sys.stderr, flush=True)
reached("leaver")
while not os.path.exists(f"{FOLDER}/end"):
    time.sleep(0.001)
sys.exit(7)
"""
_STUBBORN = """
signal.signal(signal.SIGTERM, lambda *_: print("SIGTERM", flush=True))
wait("stubborn")
"""
_AGAIN = """
print("attempt", os.environ["TASKY_ATTEMPT"], flush=True)
wait("fail")
sys.exit(os.environ["TASKY_ATTEMPT"] == "1")
"""
_SOON = 'sys.exit(os.environ["TASKY_ATTEMPT"] == "1")'
#: More than the time-out of the paused one.
_LONGER = 'wait("longer")\ntime.sleep(1.2)'


def _define(workers: Path, gates: Gates) -> None:
    text: dict[str, Any] = {"protocol": "text"}
    gates.worker(workers, "speaker", _SPEAKER, params={"key": {"type": "string", "secret": True}})
    gates.worker(workers, "plain", 'print("before")\nwait("plain")', **text)
    gates.worker(
        workers, "reader", _READER, input="open", kill_grace="20s",
        params={"text": {"type": "string"}},
    )  # fmt: skip
    gates.worker(workers, "leaver", _LEAVER)
    gates.worker(workers, "paused", 'wait("paused")', timeout="1s")
    gates.worker(workers, "longer", _LONGER)
    gates.worker(workers, "endless", 'wait("endless")', timeout="8s")
    gates.worker(workers, "stubborn", _STUBBORN, kill_grace="5s", **text)
    gates.worker(workers, "again", _AGAIN, retry={"attempts": 2}, **text)
    gates.worker(workers, "soon", _SOON, retry={"attempts": 2, "delay": "5s"})
    gates.worker(workers, "one", 'wait("one")', max_tasks=1)


@dataclass
class _Tasks:
    server: Server
    ids: dict[str, str] = field(default_factory=dict)

    def submit(self, worker: str, params: Any = None, query: str = "", name: str = "") -> None:
        self.ids[name or worker] = self.server.submit(worker, params, query)

    def ends(self, name: str) -> str:
        return self.server.await_status(self.ids[name], "Completed", "Failed", "Canceled")

    def do(self, name: str, what: str) -> None:
        answer = self.server.request("POST", f"/tasks/{self.ids[name]}/{what}")
        assert answer.status in (200, 202), answer

    def get(self, name: str, what: str = "") -> Any:
        return self.server.get(f"/tasks/{self.ids[name]}{what}")

    def status(self, name: str) -> str:
        return self.server.status(self.ids[name])

    def lines(self, name: str) -> list[str]:
        return lines(self.server, self.ids[name])


@pytest.mark.case("D17")
def test_nothing_is_lost(workers: Path, gates: Gates, start: Start, mode: str) -> None:
    _define(workers, gates)
    server = start(TASKY_CONTAINMENT=mode)
    pid = server.process.pid
    tasks = _Tasks(server)
    tasks.submit("speaker", {"key": "open sesame"})
    tasks.submit("reader", {"text": "x" * 300_000})
    for name in ("plain", "leaver", "paused", "longer", "endless", "stubborn", "again", "one"):
        tasks.submit(name)
    tasks.submit("one", name="second")
    tasks.submit("one", query="?priority=5", name="first")
    tasks.submit("one", query="?at=2100-01-01T00:00:00Z", name="delayed")
    tasks.submit("soon")
    for gate in ("cut", "read", "plain", "leaver", "paused", "longer", "endless"):
        gates.await_reached(gate)
    for gate in ("stubborn", "fail", "one"):
        gates.await_reached(gate)
    wait_for(lambda: tasks.get("speaker").get("Progress"), "its progress")
    wait_for(lambda: tasks.get("soon")["Attempts"][0].get("Finished"), "its first attempt")
    tasks.do("paused", "pause")
    tasks.do("stubborn", "cancel")
    gates.worker(workers, "again", _AGAIN, protocol="text")  # without its retry

    ask(server)
    gates.open("end")  # at any moment of the upgrade
    outcome = await_outcome(server)
    assert outcome.reason is None
    assert server.process.pid == pid

    assert tasks.get("speaker")["Progress"] == {"Percent": 40, "Message": "with ******"}
    assert tasks.ends("leaver") == "Failed"
    error = tasks.get("leaver", "/result")["Error"]
    assert "7" in error["message"]
    assert "last words" in str(error)
    assert {tasks.status(name) for name in ("second", "first", "delayed")} == {"Queued"}
    tasks.do("reader", "cancel")
    gates.open("cut")
    assert upgrade(server).number == 2  # in the middle of what the speaker writes
    for gate in ("read", "plain", "paused", "longer", "fail", "one"):
        gates.open(gate)

    assert tasks.ends("speaker") == "Completed"
    said = [line for line in tasks.lines("speaker") if line != "half a line"]
    assert len(said) == len(tasks.lines("speaker")) - 1
    assert said == ["the key is ******", *(f"line {number}" for number in range(20000))]
    assert tasks.get("speaker", "/result")["Output"] == {"half": 1}
    kept = server.request("GET", f"/tasks/{tasks.ids['speaker']}/files/kept.txt")
    assert kept.body == b"kept"
    assert [one["Number"] for one in tasks.get("speaker")["Attempts"]] == [1]
    assert tasks.ends("plain") == "Completed"
    assert tasks.get("plain", "/result")["Output"] == {"string_output": "before"}
    tasks.ends("reader")
    assert tasks.get("reader", "/result")["Output"] == [300_000, "cancel"]
    tasks.ends("longer")  # more time has passed than the paused one has
    assert tasks.status("paused") == "Paused"
    tasks.do("paused", "resume")
    assert tasks.ends("paused") == "Completed"
    assert tasks.ends("again") == "Completed"
    assert {"attempt 1", "attempt 2"} <= set(tasks.lines("again"))
    assert tasks.ends("soon") == "Completed"
    assert tasks.ends("second") == tasks.ends("first") == "Completed"
    assert tasks.get("first")["Started"] < tasks.get("second")["Started"]
    assert tasks.status("delayed") == "Queued"
    assert tasks.ends("endless") == "Failed"
    assert tasks.get("endless", "/result")["Error"]["code"] == "timeout"
    assert tasks.ends("stubborn") == "Canceled"
    assert tasks.lines("stubborn").count("SIGTERM") == 1
    assert tasks.get("stubborn")["Attempts"][0]["Signal"] == "SIGKILL"
    assert server.task_processes() == []  # nor the daemon of the leaver
    assert "open sesame" not in server.logged
    assert "unexpected" not in server.logged
    assert server.stop() == 0


@pytest.mark.case("D17")
def test_the_process_stays_as_it_was(workers: Path, gates: Gates, start: Start, told: Told) -> None:
    """No descriptor is left over; workers that are started later inherit nothing; signals work on, and the level of the
    log stays. The service manager is told, and has patience meanwhile. A setting that has changed is in force."""
    gates.worker(
        workers,
        "look",
        """
        import resource
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        print(len(os.listdir("/proc/self/fd")), limit, "TASKY_HANDOVER" in os.environ)
        """,
        protocol="text",
    )
    gates.worker(workers, "long", 'wait("on")')
    settings = workers.parent / "tasky.yaml"
    settings.write_text("max_queued: 10\n")
    notify = {"NOTIFY_SOCKET": told.address, "WATCHDOG_USEC": "60000000"}
    server = start("--config", str(settings), **notify)
    before = server.run("look")["Output"]
    task = server.submit("long")
    gates.await_reached("on")
    server.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: "the level of the log is debug" in server.logged)
    upgrade(server)
    count = _descriptors(server.process.pid)
    settings.write_text("max_queued: 11\n")
    upgrade(server)
    wait_for(lambda: _descriptors(server.process.pid) <= count, "no descriptor is left over")
    assert server.run("look")["Output"] == before
    assert server.get("/log-level")["level"] == "debug"
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "workers loaded again" in server.logged)
    gates.open("on")
    server.await_status(task, "Completed")
    assert server.stop() == 0
    upgraded = ["RELOADING", "WATCHDOG_USEC", "READY", "WATCHDOG_USEC"]
    assert told.told() == ["READY", *upgraded, *upgraded, "RELOADING", "READY", "STOPPING"]


def _descriptors(pid: int) -> int:
    """Without those of the database, of which each thread that reads may have some."""
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            count += "tasky.db" not in str(link.readlink())
    return count


#: One task after another, for each line; the first says which of its processes it is.
_SERVER = """
for line in sys.stdin:
    task = json.loads(line)
    wait(task["params"]["gate"])
    say(type="result", id=task["id"], output=[os.getpid(), task["params"]["gate"]])
"""
_LINK = """
task = json.loads(sys.stdin.readline())
wait(task["params"]["gate"])
say(type="result", output=task["params"]["give"])
"""


@pytest.mark.case("D17")
def test_processes_that_serve_several_tasks(
    workers: Path, gates: Gates, start: Start, mode: str
) -> None:
    """Those that wait are ended, one that has a task is let finish it: and none is left."""
    params = {"gate": {"type": "string"}}
    gates.worker(workers, "serves", _SERVER, params=params, reuse={"tasks": 9}, warm=2)
    gates.worker(workers, "warm", _LINK, params={**params, "give": {"default": 1}}, warm=1)
    server = start(TASKY_CONTAINMENT=mode)
    gates.open("at once")
    first = server.run("serves", {"gate": "at once"})["Output"]
    busy = [server.submit("serves", {"gate": "one"}), server.submit("warm", {"gate": "two"})]
    gates.await_reached("one")
    gates.await_reached("two")
    upgrade(server)
    again = server.run("serves", {"gate": "at once"})["Output"]
    assert again != first
    gates.open("one")
    gates.open("two")
    for task in busy:
        assert server.await_status(task, "Completed", "Failed") == "Completed"
    assert server.get(f"/tasks/{busy[0]}/result")["Output"][1] == "one"
    assert server.stop() == 0
    assert "unexpected" not in server.logged


@pytest.mark.case("D17")
def test_a_chain(workers: Path, gates: Gates, start: Start, mode: str) -> None:
    gates.worker(
        workers, "link", _LINK, params={"gate": {"type": "string"}, "give": {"default": None}}
    )
    server = start(TASKY_CONTAINMENT=mode)

    def link(gate: str, give: Any) -> dict[str, Any]:
        return {"worker": "link", "params": {"gate": gate, "give": give}}

    steps = {
        "a": link("first", 1),
        "b": {**link("second", {"$": "[steps.a.output, item]"}), "for_each": [1, 2, 3]},
        "c": link("third", {"$": "steps.b.output"}),
    }
    body = {"chain": steps, "finally": {"z": link("third", 0)}}
    task = server.request("POST", "/chains", body).json["TaskId"]
    gates.await_reached("first")
    upgrade(server)
    gates.open("first")
    gates.await_reached("second")
    ask(server)
    gates.open("second")  # at any moment of the upgrade
    assert await_outcome(server, 2).reason is None
    gates.open("third")
    server.await_status(task, "Completed")
    assert server.get(f"/tasks/{task}")["Output"] == [[1, 1], [1, 2], [1, 3]]
    made = [len(step["Tasks"]) for step in server.get(f"/tasks/{task}")["Steps"]]
    assert made == [1, 3, 1, 1]
    assert server.stop() == 0
    assert "unexpected" not in server.logged
