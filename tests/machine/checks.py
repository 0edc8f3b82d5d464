"""A life as the model has it, and the task as the server shows it."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.helpers import Server, all_pids
from tests.machine.life import ENDED, NOTHING, House, Life, Try


def check_document(life: Life, document: Any) -> None:
    """`document`: the answer of GET /tasks/{id}."""
    assert document["Status"] == life.state
    assert document["Worker"] == life.worker.name
    assert document["Priority"] == life.priority
    _check_attempts(life, document["Attempts"])
    if life.attempts:
        _check_what_it_said(life, document)
    assert life.ended or "Duration" not in document
    if life.ended:
        life.document = life.document or document
        assert document == life.document, "what has ended never changes"


def _check_attempts(life: Life, attempts: list[Any]) -> None:
    assert [shown["Number"] for shown in attempts] == list(range(1, len(life.attempts) + 1))
    for shown, attempt in zip(attempts, life.attempts, strict=True):
        assert ("Finished" in shown) == attempt.over, shown
        assert shown.get("Error", {}).get("code") == attempt.failure, shown


def _check_what_it_said(life: Life, document: Any) -> None:
    now = life.now
    error = document.get("Error")
    assert (error["code"] if error else None) == (now.failure if life.state == "Failed" else None)
    if error and now.failure == "worker":
        assert error["details"]["code"] == now.error
    if now.progress is not None and not now.killed_with_server:
        assert document["Progress"]["Percent"] == now.progress
    if life.ended:
        assert document.get("Output", NOTHING) in _outputs(life.state, now)


def _outputs(state: str, attempt: Try) -> list[Any]:
    """What may be its output."""
    if attempt.killed_with_server:
        return [NOTHING, attempt.result, "bye"]
    if attempt.perhaps is not NOTHING:
        return [attempt.result, attempt.perhaps]
    if state == "Completed" and attempt.result is NOTHING:
        return [{"string_output": attempt.text} if attempt.text else None]
    return [attempt.result]


def check_log(life: Life, server: Server) -> None:
    shown = log(server, life)
    assert [line["N"] for line in shown] == list(range(1, len(shown) + 1))
    said = [line for attempt in life.attempts for line in attempt.logged]
    assert [(line["Stream"], line["Text"]) for line in shown if line["Stream"] != "tasky"] == said


def log(server: Server, life: Life) -> list[Any]:
    path = f"/tasks/{life.task_id}/log"
    answer = server.request("GET", path, Accept="application/jsonl")
    assert answer.status == 200
    return [json.loads(line) for line in answer.body.splitlines()]


def check_processes(house: House) -> None:
    """Of each task those of its present attempt, if it has one, and no other."""
    found = processes()
    for life in house:
        attempts = found.get(life.task_id, [])
        if life.has_process:
            assert set(attempts) == {len(life.attempts)}, (life, life.state, attempts)
        else:
            assert not attempts, f"{life} is {life.state}, and has processes"


def processes() -> dict[str, list[int]]:
    """The attempts of all living processes (no zombies) of tasks, by task."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for pid in all_pids():
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        pairs = (entry.partition(b"=")[::2] for entry in environ.split(b"\0"))
        values = {name: value.decode() for name, value in pairs if name.startswith(b"TASKY_")}
        if b"TASKY_ATTEMPT" in values:
            found[values[b"TASKY_TASK_ID"]].append(int(values[b"TASKY_ATTEMPT"]))
    return found


def is_ended(document: Any) -> bool:
    return document["Status"] in ENDED
