"""What can be done to the stored tasks: each function makes an operation for `Writer.post` or `Writer.call`.

Every operation looks first and changes after, or looks by what it changes, so that one that is refused leaves nothing
to undo. A statement less for each task counts: each gives the interpreter's lock away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from sqlite3 import Connection
from typing import Final

from ..errors import IllegalTransition, UnknownTask, WrongState
from ..model.states import TERMINAL, TRANSITIONS, Event, State, advance
from ..model.task import Action, Attempt, NewTask, Outcome, Progress
from . import chains, notifications, rows, schedules
from .queries import QUERIES
from .writer import Operation

_STATE: Final = QUERIES["state"]
_START: Final = QUERIES["start"]
_INSERT: Final = QUERIES["insert_task"]
_FINISH: Final = QUERIES["finish"]
_SAVE_ATTEMPT: Final = QUERIES["save_attempt"]
_NOTIFY: Final = QUERIES["notify"]

MOST_ACTIONS: Final = 200

#: From where a task can end in each state: two for each, as the query `finish` has it.
_BEFORE: Final = {
    end: sorted({state.value for (state, _), after in TRANSITIONS.items() if after is end})
    for end in sorted(TERMINAL)
}
_NOWHERE: Final = ["", ""]


def insert(
    new: NewTask, started: int | None, may_come: Callable[[], None] = lambda: None
) -> Operation[str]:
    """A new task, Queued, or Running where its first attempt starts at once. Gives the id: where the idempotency
    key is known, with the same digest, that of the first task (and nothing is inserted). `may_come` raises why no new
    task can be taken now."""
    state = State.QUEUED if started is None else advance(State.QUEUED, Event.START)
    row = rows.new_task(new, started, state)
    key = new.idempotency
    told = notifications.rows(new.id, new.notify)

    def operation(connection: Connection) -> str:
        if key is not None:
            known = connection.execute(QUERIES["task_by_key"], (rows.storable(key.key),)).fetchone()
            if known is not None:
                return rows.first(known, key)
        may_come()
        connection.execute(_INSERT, row)
        if new.by is not None:
            connection.execute(QUERIES["insert_origin"], (new.id, rows.storable(new.by)))
        for name, value in new.labels:
            label = (rows.storable(name), rows.storable(value), new.id)
            connection.execute(QUERIES["insert_label"], label)
        if told:
            connection.executemany(QUERIES["insert_notification"], told)
        chains.insert(connection, new)
        schedules.insert(connection, new)
        return new.id

    return operation


def start(task_id: str, number: int, started: int) -> Operation[None]:
    """A queued task's attempt begins."""

    row = (advance(State.QUEUED, Event.START).value, number, started, started, task_id)

    def operation(connection: Connection) -> None:
        if not connection.execute(_START, row).rowcount:
            advance(_state(connection, task_id), Event.START)  # raises why

    return operation


def change(task_id: str, event: Event) -> Operation[State]:
    """Pause, resume or cancel of a task that has a process; gives the new state."""

    def operation(connection: Connection) -> State:
        before = _state(connection, task_id)
        after = advance(before, event)
        if after in TERMINAL or event in (Event.START, Event.RETRY):
            raise IllegalTransition(f"to {event} a task that is {before} takes more than its state")
        if after is not before:
            connection.execute(QUERIES["set_state"], (after.value, task_id))
        return after

    return operation


def finish(task_id: str, outcome: Outcome, attempt: Attempt | None) -> Operation[bool]:
    """The end of a task, and of the attempt that ran (None: it never started). Gives whether anybody is to be told of
    it, from this commit on."""
    row = (*rows.outcome(task_id, outcome), *_BEFORE.get(outcome.state, _NOWHERE))
    ended = None if attempt is None else rows.attempt(task_id, attempt)
    end = outcome.state.lower()
    told = (end, outcome.finished, task_id, end)

    def operation(connection: Connection) -> bool:
        if not connection.execute(_FINISH, row).rowcount:
            state = _state(connection, task_id)
            raise IllegalTransition(f"a task that is {state} cannot become {outcome.state}")
        if ended is not None:
            connection.execute(_SAVE_ATTEMPT, ended)
        return connection.execute(_NOTIFY, told).rowcount > 0

    return operation


def requeue(
    task_id: str,
    attempt: Attempt,
    not_before: int | None = None,
    progress: Progress | None = None,
) -> Operation[None]:
    """An attempt ended badly and another follows, no sooner than `not_before`. `progress` is shown until it begins."""
    ended = rows.attempt(task_id, attempt)
    latest = rows.progress_text(progress)

    def operation(connection: Connection) -> None:
        state = advance(_state(connection, task_id), Event.RETRY)
        connection.execute(QUERIES["requeue"], (state.value, not_before, latest, task_id))
        connection.execute(_SAVE_ATTEMPT, ended)

    return operation


def take_back(task_id: str) -> Operation[None]:
    """The attempt that was to begin did not, and does not count: the task waits as before."""

    def operation(connection: Connection) -> None:
        state = advance(_state(connection, task_id), Event.RETRY)
        connection.execute(QUERIES["take_back"], (state.value, task_id))

    return operation


def save_progress(pairs: Iterable[tuple[str, Progress]]) -> Operation[None]:
    """The latest progress of several tasks; those that have ended, or are gone, are left alone."""
    batch = [rows.progress(task_id, progress) for task_id, progress in pairs]

    def operation(connection: Connection) -> None:
        connection.executemany(QUERIES["save_progress"], batch)

    return operation


def delete(task_id: str) -> Operation[list[str]]:
    """Forget a finished task, and the tasks of it, if it is a chain. Gives the ids of all that are gone."""

    def operation(connection: Connection) -> list[str]:
        state = _state(connection, task_id)
        if state not in TERMINAL:
            raise WrongState(
                f"the task is {state}: only a finished task can be deleted", state.value
            )
        if (chain := chains.used_by(connection, task_id)) is not None:
            raise WrongState(f"the task is a part of {chain}, which has not ended", state.value)
        gone = chains.with_own(connection, task_id)
        connection.executemany(QUERIES["delete"], [(id_,) for id_ in gone])
        return gone

    return operation


def prune(now: int, age: int, count: int, limit: int = 256) -> Operation[list[str]]:
    """Forget the tasks that are `doomed`; gives their ids. As many as `limit` means that there may be more."""

    def operation(connection: Connection) -> list[str]:
        ids = doomed(connection, now, age, count, limit)
        connection.executemany(QUERIES["delete"], [(id_,) for id_ in ids])
        return ids

    return operation


def doomed(connection: Connection, now: int, age: int, count: int, limit: int | None) -> list[str]:
    """Finished tasks that ended more than `age` before `now`, and the oldest of those beyond `count`: at most `limit`
    of them, None for all.

    An end that is still to come was stored before the clock was set back: it is older than those of today."""
    (total,) = connection.execute(QUERIES["finished_total"]).fetchone()
    most = total if limit is None else limit
    beyond = max(0, min(most, total - count))
    gone = connection.execute(QUERIES["ends_ahead"], (now, beyond)).fetchall() if beyond else []
    beyond -= len(gone)
    oldest = connection.execute(QUERIES["oldest_ends"], (most - len(gone),)).fetchall()
    gone += [
        (id_, finished)
        for place, (id_, finished) in enumerate(oldest)
        if finished < now - age or place < beyond
    ]
    return list(dict.fromkeys(id_ for id_, _ in gone))


def record(task_id: str, action: Action) -> Operation[None]:
    """Somebody's action on a task; of one that had very many, no more are kept."""
    row = (action.time, rows.storable(action.by), action.action, task_id, MOST_ACTIONS)

    def operation(connection: Connection) -> None:
        connection.execute(QUERIES["record_action"], row)

    return operation


def set_enabled(worker: str, enabled: bool, definition_enabled: bool) -> Operation[None]:
    """A client's word on whether a worker takes tasks, and what the worker's file said then."""

    def operation(connection: Connection) -> None:
        row = (rows.storable(worker), int(enabled), int(definition_enabled))
        connection.execute(QUERIES["set_enabled"], row)

    return operation


def _state(connection: Connection, task_id: str) -> State:
    row = connection.execute(_STATE, (task_id,)).fetchone()
    if row is None:
        raise UnknownTask(f"there is no task {task_id}")
    return State(row[0])
