from __future__ import annotations

import json
import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasky.model.states import TERMINAL, State
from tasky.model.task import (
    Artifact,
    Attempt,
    Failure,
    FailureCode,
    Idempotency,
    NewTask,
    Outcome,
    Progress,
    Task,
)
from tasky.store import Query, tasks
from tests.store.parts import IDS, Database

text = st.text(st.characters(codec=None), max_size=20)  # also halves of surrogate pairs, and NUL
plain = st.text(string.printable, max_size=20)
times = st.integers(0, (1 << 63) - 1)
maybe_time = st.none() | times
value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
failures = st.builds(
    Failure,
    code=st.sampled_from(FailureCode),
    message=text,
    exit_code=st.none() | st.integers(0, 255),
    signal=st.none() | st.just("SIGSEGV"),
    details=value,
)
news = st.builds(
    NewTask,
    id=st.builds(IDS.new),
    worker=plain,
    params=st.dictionaries(text, value, max_size=4),
    created=times,
    priority=st.integers(-10, 10),
    labels=st.lists(st.tuples(text, text), max_size=3).map(tuple),
    not_before=maybe_time,
    timeout=maybe_time,
    idempotency=st.none(),
    restart_of=st.none() | st.builds(IDS.new),
    secrets=st.lists(text, max_size=3).map(tuple),
)
artifacts = st.builds(Artifact, path=text, name=text, media_type=text, size=times)
progress = st.builds(Progress, percent=st.none() | st.floats(0, 100), message=st.none() | text)
outcomes = st.builds(
    Outcome,
    state=st.sampled_from(sorted(TERMINAL - {State.CANCELED})),
    finished=times,
    duration=maybe_time,
    output=st.none() | value.map(lambda output: json.dumps(output, ensure_ascii=False)),
    failure=st.none() | failures,
    progress=st.none() | progress,
    artifacts=st.lists(artifacts, max_size=3).map(tuple),
)
attempts = st.builds(
    Attempt,
    number=st.just(1),
    started=times,
    finished=maybe_time,
    exit_code=st.none() | st.integers(0, 255),
    signal=st.none() | st.just("SIGKILL"),
    failure=st.none() | failures,
)
_SOME = settings(max_examples=30, deadline=None)


def read_back(shared: Database, new: NewTask, started: int | None) -> Task:
    shared.writer.call(tasks.insert(new, started))
    task = shared.reader.get(new.id)
    assert task is not None
    return task


@given(news, maybe_time)
@_SOME
def test_a_new_task(shared: Database, new: NewTask, started: int | None) -> None:
    task = read_back(shared, new, started)
    for field in ("id", "worker", "params", "created", "priority", "labels", "not_before",
                  "timeout", "restart_of", "secrets"):  # fmt: skip
        assert getattr(task, field) == getattr(new, field), field
    assert task.state is (State.QUEUED if started is None else State.RUNNING)
    assert task.started == (None if started is None else max(started, new.created))


@given(news, outcomes, attempts)
@_SOME
def test_an_end(shared: Database, new: NewTask, end: Outcome, attempt: Attempt) -> None:
    read_back(shared, new, 1)
    shared.writer.call(tasks.finish(new.id, end, attempt))
    task = shared.reader.get(new.id)
    assert task is not None
    for field in ("state", "duration", "failure", "progress", "artifacts"):
        assert getattr(task, field) == getattr(end, field), field
    assert _parsed(task.output) == _parsed(end.output)
    # The clock may have been set back meanwhile.
    assert task.started == max(1, new.created)
    assert task.finished == max(end.finished, task.started)
    ended = None if attempt.finished is None else max(attempt.finished, attempt.started)
    assert task.attempts == (replace(attempt, finished=ended),)


def _parsed(output: str | None) -> Any:
    return None if output is None else json.loads(output)


@given(text.filter(bool))
@_SOME
def test_any_key_and_label_is_found_again(shared: Database, odd: str) -> None:
    key = Idempotency(key=odd + IDS.new(), digest="d")
    new = NewTask(
        id=IDS.new(), worker="w", params={}, created=1, labels=((odd, odd),), idempotency=key
    )
    again = NewTask(id=IDS.new(), worker="w", params={}, created=1, idempotency=key)
    assert shared.writer.call(tasks.insert(new, None)) == new.id
    assert shared.writer.call(tasks.insert(again, None)) == new.id
    found, _ = shared.reader.page(Query(labels=((odd, odd),), limit=1))
    assert [task.id for task in found] == [new.id]


@pytest.mark.parametrize("odd", ["\ud800", "\0", "\udcff'--", "ä"])
def test_any_filter_and_cursor_is_answered(shared: Database, odd: str) -> None:
    for query in (Query(worker=odd), Query(after=odd), Query(labels=((odd, odd),), after=odd)):
        shared.reader.page(query)
    new = NewTask(id=IDS.new(), worker=odd, params={}, created=1)
    shared.writer.call(tasks.insert(new, None))
    found, _ = shared.reader.page(Query(worker=odd))
    assert [task.id for task in found] == [new.id]
