"""Tasks that another server of the same process goes on with: what is said of each, as JSON, and how it is taken over.

The processes stay our children and their pipes stay open, so nothing is lost between the two: what a worker writes, and
how it ends, waits in the kernel. All times are by the monotonic clock, which is the same for both.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from typing import Any, Final, cast

from ..errors import TaskyError
from ..model.limits import Limits
from ..model.masking import Masker
from ..model.retry import Retry
from ..model.states import TERMINAL, Event, State
from ..model.task import FailureCode
from ..model.worker import Protocol, WorkerDefinition
from ..store import Store, tasks
from . import inherit
from .chains import Conduct
from .containment import Containment
from .launch import Launch
from .live import Live
from .output import Output
from .queue import Entry
from .register import Register
from .spawner import Spawned
from .starts import Starts
from .stdin import Stdin

log = logging.getLogger(__name__)

#: How a state that is in force, and not stored yet, came about.
_EVENTS: Final = {
    State.RUNNING: Event.RESUME,
    State.PAUSED: Event.PAUSE,
    State.CANCELING: Event.CANCEL,
}


def rest(lives: Iterable[Live]) -> list[Live]:
    """Has those rest that can, and gives the others. In the loop's thread, again and again: what is on its way to a
    process, or to its end, gets there."""
    on_their_way = []
    for live in lives:
        process = live.process
        if process is None:
            live.hurry()
        elif live.outcome is None and live.state is not State.QUEUED:
            process.rest()
        if process is None or not process.rests:
            on_their_way.append(live)
    return on_their_way


def work(lives: Iterable[Live]) -> None:
    """After `rest`. In the loop's thread."""
    for live in lives:
        if live.process is not None:
            live.process.work()


# ---------------------------------------------------------------------- what is said


def handed(register: Register, containment: Containment) -> dict[str, Any]:
    """Everything that runs, and what the store does not know of what waits. In the loop's thread, or after it."""
    return {
        # A chain has no process: it goes on from what is stored.
        "tasks": [_task(live) for live in register.lives() if not live.is_chain],
        "queue": {entry.task_id: _clocks(entry) for entry in register.waiting()},
        "containment": containment.handed(),
        "soft_limit": inherit.soft_limit(),
    }


def _task(live: Live) -> dict[str, Any]:
    process, definition = live.process, live.definition
    assert not isinstance(process, Conduct), "chains are not handed over"
    known = live.handed()
    if process is not None and definition is not None:  # else, in a rehearsal, it is on its way
        known["process"] = process.handed()
        known["definition"] = {
            "protocol": definition.protocol.value,
            "kill_grace": definition.kill_grace,
            "limits": asdict(definition.limits),
            "retry": asdict(definition.retry) | {"on": sorted(definition.retry.on)},
        }
    return known


def _clocks(entry: Entry) -> dict[str, int | None]:
    return {"since": entry.since, "resumes": entry.resumes, "began": entry.began}


# ---------------------------------------------------------------------- how it is taken over


def check(document: Mapping[str, Any]) -> None:
    """Whether all of it is understood: raises what is wrong with it. Changes nothing."""
    for each in document["tasks"]:
        if "process" in each:
            live, launch = _read(each)
            nothing = cast(Any, None)
            Output(
                live.task_id,
                jsonl=launch.definition.protocol is Protocol.JSONL,
                masker=launch.masker,
                max_line=1,
                limit=None,
                scribe=nothing,
                caught_up=nothing,
                progressed=nothing,
            ).go_on(each["process"]["output"])
    for task_id in document["queue"]:
        with_clocks(Entry(task_id=task_id, worker=""), document)
    _ = document["containment"]["kind"], document["soft_limit"]


def adopt(
    document: Mapping[str, Any], store: Store, containment: Containment, starts: Starts
) -> frozenset[str]:
    """Goes on with what was `handed`; gives the ids of the tasks. Before the loop runs, and before anybody looks at
    the children that we have: the workers are among them."""
    inherit.go_on(document["soft_limit"])
    states = {task.id: task.state for task in store.reader.active()}
    for each in document["tasks"]:
        live, launch = _read(each)
        process = each["process"]
        tree = containment.adopted(*process["tree"])
        tree.lead(process["pid"])
        if process["tree"][0] != live.task_id:  # it has waited for the task
            tree.serve(live.task_id)
        stdin = process["stdin"]
        ours = stdin and Stdin(stdin["fd"], stdin["unsent"].encode("latin-1"), stdin["keep_open"])
        spawned = Spawned(
            process["pid"], tree, process["pidfd"], ours, process["stdout"], process["stderr"]
        )
        starts.adopt(live, spawned, launch, process)
        _store_state(store, live, states.get(live.task_id))
    containment.recall(document["containment"])
    return frozenset(each["task"] for each in document["tasks"])


def with_clocks(entry: Entry, document: Mapping[str, Any]) -> Entry:
    """The entry of a task that has waited in the queue of another server, which knew since when."""
    clocks = document["queue"].get(entry.task_id)
    if clocks is None:
        return entry
    waits_for_clock = entry.not_before is not None
    return replace(
        entry,
        since=clocks["since"],
        began=clocks["began"],
        resumes=None if waits_for_clock else clocks["resumes"],
    )


def _read(each: Mapping[str, Any]) -> tuple[Live, Launch]:
    """What is asked of the definition of a task that runs is as it was when it was started: the file may be another by
    now."""
    known, process = each["definition"], each["process"]
    limits = {field.name: known["limits"].get(field.name) for field in fields(Limits)}
    retry = known["retry"]
    definition = WorkerDefinition(
        name=each["worker"],
        command=(),
        protocol=Protocol(known["protocol"]),
        kill_grace=known["kill_grace"],
        limits=Limits(**limits),
        retry=Retry(
            attempts=retry["attempts"],
            delay=retry["delay"],
            backoff=retry["backoff"],
            jitter=retry["jitter"],
            on=frozenset(map(FailureCode, retry["on"])),
        ),
    )
    live = Live.adopted(each, definition)
    launch = Launch(
        task_id=live.task_id,
        definition=definition,
        params={},
        attempt=live.attempt,
        workdir="",
        masker=None if process["secrets"] is None else Masker(process["secrets"]),
    )
    return live, launch


def _store_state(store: Store, live: Live, stored: State | None) -> None:
    """A full disk may have kept its latest state from being stored."""
    if stored is None or stored in TERMINAL or stored is live.state:
        return

    def done(_: object, error: TaskyError | None) -> None:
        if error is not None:
            log.error("that it is %s cannot be stored: %s", live.state, error, extra=live.about)

    store.writer.post(tasks.change(live.task_id, _EVENTS[live.state]), done=done)
