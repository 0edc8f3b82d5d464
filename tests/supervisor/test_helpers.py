"""The helpers for workers, in three languages: one process serves one task after another, and none feels the others."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasky.model.params import Parameters
from tasky.model.reuse import Reuse
from tasky.model.states import State
from tasky.model.task import FailureCode
from tasky.model.worker import WorkerDefinition
from tests.helpers import REPOSITORY
from tests.supervisor.house import SECOND, House, canceled, speaker
from tests.supervisor.waiting import lines

HELPERS = REPOSITORY / "workers.d" / "helpers"
PARAMETERS = Parameters({"what": {"type": "string"}})

PYTHON = """
import os, sys, time
sys.path.insert(0, {folder!r})
from worker import Failed, run

def main(task):
    what = task.params["what"]
    if what == "fail":
        raise Failed("as told")
    if what == "break":
        raise KeyError(what)
    if what == "hang":
        task.progress(message=str(os.getpid()))
        time.sleep(1000)
    if what == "exit":
        sys.exit(3)
    if what == "nothing":
        return None
    print("said", end="")
    task.log("logged")
    open("made", "w").close()
    task.artifact("made")
    return [os.getpid(), os.environ["TASKY_TASK_ID"], os.environ["TASKY_ATTEMPT"], os.getcwd(),
            os.environ["TASKY_WORKDIR"]]

run(main)
"""

NODE = """
import fs from 'node:fs';
import { run, Failed } from './worker.mjs';

run(async (task) => {
  const { what } = task.params;
  if (what === 'fail') throw new Failed('as told');
  if (what === 'break') throw new TypeError(what);
  if (what === 'hang') {
    task.progress(undefined, String(process.pid));
    await new Promise((done) => setTimeout(done, 1e6));
  }
  if (what === 'exit') process.exit(3);
  if (what === 'nothing') return undefined;
  console.log('said');
  task.log('logged');
  fs.writeFileSync('made', '');
  task.artifact('made');
  const { TASKY_TASK_ID, TASKY_ATTEMPT, TASKY_WORKDIR } = process.env;
  return [process.pid, TASKY_TASK_ID, TASKY_ATTEMPT, process.cwd(), TASKY_WORKDIR];
});
"""

BASH = """
. "${BASH_SOURCE%/*}/worker.sh"
act() {
    param what || fail "no parameter" || return
    local what=$REPLY
    case $what in
        fail) fail "as told" || return ;;
        break) return 7 ;;
        hang) progress 1 "$$"; while :; do read -rt 1000 <> <(:); done ;;
        exit) exit 3 ;;
        nothing) return 0 ;;
    esac
    echo said
    log logged
    : >made
    artifact made
    result "[$$,\\"$TASKY_TASK_ID\\",\\"$TASKY_ATTEMPT\\",\\"$PWD\\",\\"$TASKY_WORKDIR\\"]"
}
serve act
"""


@pytest.fixture(params=["python", "node", "bash"])
def helped(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., WorkerDefinition]:
    """A definition of a worker that uses the helper of this language."""
    program = shutil.which(request.param) or sys.executable
    if request.param == "node" and shutil.which("node") is None:
        pytest.skip("node is not installed")
    for file in (REPOSITORY / "tasky" / "worker.py", *HELPERS.iterdir()):
        shutil.copy(file, tmp_path)
    script = (
        tmp_path
        / {"python": "program.py", "node": "program.mjs", "bash": "program.sh"}[request.param]
    )
    text = {
        "python": PYTHON.replace("{folder!r}", repr(str(tmp_path))),
        "node": NODE,
        "bash": BASH,
    }[request.param]
    script.write_text(text)

    def define(**keys: Any) -> WorkerDefinition:
        return speaker("helped", program, str(script), parameters=PARAMETERS, **keys)

    return define


def run(house: House, what: str = "tell") -> Any:
    return house.run("helped", {"what": what})


def test_one_process_serves_many(
    houses: Callable[..., House], helped: Callable[..., WorkerDefinition]
) -> None:
    house = houses(helped(reuse=Reuse()))
    first, second = run(house), run(house)
    told = [json.loads(task.output) for task in (first, second)]
    assert told[0][0] == told[1][0], "the same process"
    for task, (_, task_id, attempt, cwd, workdir) in zip((first, second), told, strict=True):
        assert (task_id, attempt, cwd) == (task.id, "1", workdir)
        assert Path(workdir).name == task.id
        assert [artifact.name for artifact in task.artifacts] == ["made"]
        assert [line for line in lines(house, task) if "said" in line] == ["said"]
    assert run(house, "nothing").output == "null"
    failed, broken = run(house, "fail"), run(house, "break")
    assert (failed.failure.code, failed.failure.message) == (FailureCode.WORKER, "as told")
    assert broken.failure.code is FailureCode.WORKER
    assert any(word in broken.failure.message for word in ("break", "status 7"))
    assert house.supervisor.waiting() == {"helped": 1}
    assert json.loads(run(house).output)[0] == told[0][0], "what failed has not ended it"


def test_it_ends_when_it_must(
    houses: Callable[..., House], helped: Callable[..., WorkerDefinition]
) -> None:
    house = houses(helped(reuse=Reuse(), kill_grace=3600 * SECOND))
    first = json.loads(run(house).output)[0]
    failed = run(house, "exit")
    assert (failed.failure.code, failed.failure.exit_code) == (FailureCode.EXIT, 3)
    hanging = house.submit("helped", {"what": "hang"})
    assert house.pid(hanging) != first
    assert canceled(house, hanging).state is State.CANCELED
    assert json.loads(run(house).output)[0] != first


@pytest.mark.parametrize("warm", [0, 1])
def test_one_task_each(
    houses: Callable[..., House], helped: Callable[..., WorkerDefinition], warm: int
) -> None:
    house = houses(helped(warm=warm))
    tasks = [run(house), run(house)]
    told = [json.loads(task.output) for task in tasks]
    assert told[0][0] != told[1][0]
    assert [(each[1], each[2], each[3]) for each in told] == [
        (task.id, "1", each[4]) for task, each in zip(tasks, told, strict=True)
    ]
    assert [task.attempts[0].exit_code for task in tasks] == [0, 0]
    failed = run(house, "fail").failure
    assert (failed.code, failed.message, failed.exit_code) == (FailureCode.WORKER, "as told", 1)


def test_the_functions_for_json_are_those_of_backup() -> None:
    """Both are to be copied by themselves, so each has them."""
    backup = (REPOSITORY / "workers.d" / "backup.sh").read_text()
    functions = backup[backup.index("# quote TEXT") : backup.index("fail() {")]
    assert functions in (HELPERS / "worker.sh").read_text()
