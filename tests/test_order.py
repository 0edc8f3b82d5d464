"""The look after every test sees each kind of thing that a test may leave behind, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from tests import remains
from tests.helpers import REPOSITORY

#: What was left by a test is ended after the look at it.
CONFTEST: Final = """
import pytest
from tests import order
from tests.helpers import serving, wait_for, write_definition

ENDS = []

def pytest_runtest_setup(item):
    order.PATIENCE = 30 if "clean" in item.nodeid else 0.1

@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown():
    try:
        return (yield)
    finally:
        while ENDS:
            ENDS.pop()()

@pytest.fixture
def afterwards():
    return ENDS.append

@pytest.fixture(scope="session")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    write_definition(folder / "workers.d", "sleep", command=["sleep", "600"], protocol="text")
    with serving(folder / "workers.d", folder / "state") as server:
        server.submit("sleep")  # for all tests
        wait_for(server.task_processes)
        yield server
"""

#: Test by test: its name says what is found.
LEAKS: Final = """
import contextlib, os, signal, sqlite3, subprocess, tempfile, threading, time
import pytest
from tests import helpers, remains
from tasky.supervisor.containment import home

def killed(pid):
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)

def test_child_processes__sleep_600(afterwards):
    process = subprocess.Popen(["sleep", "600"])
    afterwards(process.wait)
    afterwards(process.kill)

def test_child_processes__a_zombie(afterwards):
    process = subprocess.Popen(["true"])
    helpers.wait_for(lambda: "zombie" in remains.process_name(process.pid))
    afterwards(process.wait)

def test_processes_of_tasks__sleep_601(tmp_path, afterwards):
    marked = {"TASKY_WORKDIR": f"{tmp_path}/state/work/1"}
    with subprocess.Popen(["setsid", "sh", "-c", "sleep 601 & echo $!"], env=os.environ | marked,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as shell:
        pid = int(shell.stdout.readline())
        afterwards(lambda: killed(pid))
        shell.stdout.close()

def test_processes_of_tasks__sleep_600(server, afterwards):
    task = server.submit("sleep")
    afterwards(lambda: server.await_status(task, "Canceled"))
    afterwards(lambda: server.request("POST", f"/tasks/{task}/cancel"))
    helpers.wait_for(lambda: len([pid for pid in server.task_processes()
                                  if "/sleep" in remains.process_name(pid)]) == 2)

def test_threads__the_lazy_one(afterwards):
    event = threading.Event()
    thread = threading.Thread(target=event.wait, name="the lazy one")
    thread.start()
    afterwards(thread.join)
    afterwards(event.set)

def test_descriptors__dev_null(afterwards):
    number = os.open("/dev/null", os.O_RDONLY)
    afterwards(lambda: os.close(number))

def test_descriptors__log_in_its_folder(tmp_path, afterwards):
    number = os.open(tmp_path / "log in its folder", os.O_CREAT | os.O_RDONLY)
    afterwards(lambda: os.close(number))

def test_temporary_files__oblivion(afterwards):
    folder = tempfile.mkdtemp(prefix="oblivion")
    afterwards(lambda: os.rmdir(folder))

def test_a_broken_database__not_a_database(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/tasky.db").write_bytes(bytes(range(256)) * 16)

def test_a_broken_database__Tree_1(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "tasky.db")) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES (zeroblob(20000))")
        connection.commit()
    with open(tmp_path / "tasky.db", "r+b") as file:
        file.seek(4096 + 100)
        file.write(b"x" * 4000)

CGROUPS = pytest.mark.skipif(remains.cgroup_home() is None, reason="this machine has no cgroup v2")

def folder_of(state):
    return f"{remains.cgroup_home()}/{home.instance(state)}"

@CGROUPS
def test_cgroups__tasky(tmp_path, afterwards):
    helpers.STATES.append(tmp_path)
    os.mkdir(folder_of(tmp_path))
    afterwards(lambda: os.rmdir(folder_of(tmp_path)))

@CGROUPS
def test_cgroups__forgotten_leaf(server, afterwards):
    os.makedirs(leaf := f"{folder_of(server.state)}/forgotten leaf")
    afterwards(lambda: os.rmdir(leaf))
"""

#: The rest of what there may be while tests run is nobody's fault.
CLEAN: Final = """
import os, sqlite3, subprocess, threading
import pytest
from contextlib import closing

@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    number = os.open("/dev/zero", os.O_RDONLY)
    process = subprocess.Popen(["sleep", "600"])
    event = threading.Event()
    thread = threading.Thread(target=event.wait)
    thread.start()
    folder = tmp_path_factory.mktemp("files")
    opened = []
    yield lambda: opened.append((folder / "opened by it").open("w"))
    for file in opened:
        file.close()
    event.set()
    thread.join()
    process.kill()
    process.wait()
    os.close(number)

def test_what_is_shared_stays(shared):
    pass

def test_what_is_shared_opens_files_when_it_likes(shared):
    shared()

def test_a_thread_and_a_descriptor_that_take_their_time():
    read, write = os.pipe()
    def end():
        os.read(read, 1)
        os.close(read)
    threading.Thread(target=end).start()
    threading.Timer(0.1, os.close, [write]).start()

def test_a_task_that_ends_in_time(server):
    task = server.submit("sleep")
    server.request("POST", f"/tasks/{task}/cancel")

def test_a_sound_database_and_one_that_is_used(server, tmp_path):
    with closing(sqlite3.connect(tmp_path / "tasky.db")) as connection:
        connection.execute("CREATE TABLE t (a)")

@pytest.mark.damages_store
def test_damage_on_purpose(tmp_path):
    (tmp_path / "tasky.db").write_bytes(bytes(range(256)) * 16)
"""

#: Left by what is shared.
SHARED: Final = """
import os
import pytest

@pytest.fixture(scope="module")
def careless():
    os.open("/dev/full", os.O_RDONLY)

def test_it(careless):
    pass
"""


@dataclass(frozen=True)
class Run:
    """What pytest said of the tests above: the outcome by a test's name, and all of it."""

    outcomes: dict[str, str]
    said: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("run")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    damages_store\n")
    for name, text in {"leaks": LEAKS, "clean": CLEAN, "shared": SHARED}.items():
        (folder / f"test_{name}.py").write_text(text)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-rA", "--tb=short", "-p", "no:cacheprovider"),
            *("-p", "tests.order", "-p", "no:randomly", "--basetemp", folder / "base", folder),
            *("-p", "no:schemathesis"),  # it takes exceptions of a group for its own
        ],
        cwd=REPOSITORY,  # so that `tests` is found
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(r"^(PASSED|SKIPPED|FAILED|ERROR) \S*::(\w+)", done.stdout, re.MULTILINE)
    yield Run({name: outcome for outcome, name in found}, done.stdout)
    shutil.rmtree(folder / "base")  # with the broken databases


def test_each_leak_is_found_and_named(run: Run) -> None:
    leaks = re.findall(r"^def test_(\w+?)__(\w+)", LEAKS, re.MULTILINE)
    if remains.cgroup_home() is None:
        leaks = [leak for leak in leaks if leak[0] != "cgroups"]
    for kind, what in leaks:
        assert run.outcomes.get(f"test_{kind}__{what}") == "ERROR", run.said
        part = run.said.split(f"at teardown of test_{kind}__{what} ")[1].split("\n___")[0]
        assert re.search(f"left behind: {kind}.*{what}".replace("_", "."), part), part


def test_what_is_shared_or_on_its_way_out_is_no_leak(run: Run) -> None:
    names = re.findall(r"^def (test_\w+)", CLEAN, re.MULTILINE)
    assert {name: run.outcomes.get(name) for name in names} == dict.fromkeys(names, "PASSED"), (
        run.said
    )


def test_a_module_that_leaves_something(run: Run) -> None:
    """Told when the module ends, and again at the end of the run."""
    part = run.said.split("at teardown of test_it ")[1]
    assert len(re.findall("left behind: descriptors: .*/dev/full", part)) == 2, run.said


@pytest.mark.parametrize("what", ["test", "module", "run"])
def test_it_is_in_force(request: pytest.FixtureRequest, what: str) -> None:
    assert f"_order_after_the_{what}" in request.fixturenames
