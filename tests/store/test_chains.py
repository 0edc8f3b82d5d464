"""What is stored of chains: which tasks belong together, and which stay for each other's sake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasky.errors import StoreError, WrongState
from tasky.model.chain.records import Key, StepState, StepView
from tasky.model.states import State
from tasky.model.task import Failure, NewChain, Part
from tasky.store import Store, chains, tasks
from tests.helpers import wait_for
from tests.store.parts import ATTEMPT, Database, outcome, put

PLAN: dict[str, Any] = {"chain": {"a": {"worker": "sleeper"}, "b": {"worker": "sleeper"}}}


def put_chain(
    shared: Database, state: State = State.RUNNING, resumes: str | None = None, **fields: Any
) -> str:
    return put(shared.writer, state, chain=NewChain(PLAN, resumes), **fields)


def put_part(
    shared: Database,
    parent: str,
    step: str = "a",
    item: int = 0,
    attempt: int = 1,
    *,
    run: int = 1,
    state: State = State.COMPLETED,
    **fields: Any,
) -> str:
    return put(shared.writer, state, part=Part(parent, run, step, item, attempt), **fields)


def end(shared: Database, task_id: str, state: State = State.COMPLETED) -> None:
    shared.writer.call(tasks.finish(task_id, outcome(state), ATTEMPT))


def there(shared: Database, *ids: str) -> list[bool]:
    return [shared.reader.state(task_id) is not None for task_id in ids]


class TestStored:
    def test_a_chain_and_its_parts(self, shared: Database) -> None:
        chain = put_chain(shared)
        first = put_part(shared, chain, "a")
        failed = put_part(shared, chain, "b", 1, state=State.FAILED)
        again = put_part(shared, chain, "b", 1, 2, state=State.RUNNING)
        put_part(shared, chain, "a", run=2)
        records, steps = shared.reader.course(chain, 1)
        assert [(each.key, each.task_id, each.state) for each in records] == [
            (Key("a", 0, 1), first, State.COMPLETED),
            (Key("b", 1, 1), failed, State.FAILED),
            (Key("b", 1, 2), again, State.RUNNING),
        ]
        assert [None if each.end is None else each.end.state for each in records] == [
            State.COMPLETED,
            State.FAILED,
            None,
        ]
        assert steps == {}
        task = shared.reader.get(again)
        assert task is not None
        assert task.part == Part(chain, 1, "b", 1, 2)
        assert shared.reader.chain(chain) == NewChain(PLAN)
        assert shared.reader.chain(first) is None

    @pytest.mark.case("K6")
    def test_no_two_tasks_for_the_same_place(self, shared: Database) -> None:
        """Whatever goes wrong in the conductor: the second one is not stored at all."""
        chain = put_chain(shared)
        first = put_part(shared, chain, "a")
        with pytest.raises(StoreError, match="UNIQUE"):
            put_part(shared, chain, "a", state=State.QUEUED)
        records, _ = shared.reader.course(chain, 1)
        assert [each.task_id for each in records] == [first]

    def test_the_chains_that_go_on_after_a_restart(self, shared: Database) -> None:
        """They are none of the tasks whose processes are lost."""
        chain = put_chain(shared)
        part = put_part(shared, chain, state=State.RUNNING)
        over = put_chain(shared, State.COMPLETED)
        chain_ids = {task.id for task in shared.reader.active_chains()}
        other_ids = {task.id for task in shared.reader.active()}
        assert chain in chain_ids - other_ids
        assert part in other_ids - chain_ids
        assert over not in chain_ids | other_ids

    def test_steps_are_replaced(self, shared: Database) -> None:
        chain = put_chain(shared)
        failure = Failure(code="step", message="it failed", details={"step": "a"})
        step = StepView(name="a", worker="sleeper", state=StepState.RUNNING, total=3, ended=1)
        last = StepView(
            name="a", worker="sleeper", state=StepState.FAILED, total=3, ended=3, failed=1,
            failure=failure,
        )  # fmt: skip
        shared.writer.call(chains.save_steps(chain, 1, [step]))
        shared.writer.call(chains.save_steps(chain, 1, [last]))
        _, stored = shared.reader.course(chain, 1)
        assert stored == {
            "a": {
                "state": StepState.FAILED, "total": 3, "ended": 3, "failed": 1, "failure": failure,
            }
        }  # fmt: skip

    def test_steps_of_a_chain_that_is_gone_are_not_stored(self, shared: Database) -> None:
        """Its end and its deletion may overtake what the conductor says last."""
        step = StepView(name="a", worker="sleeper", state=StepState.RUNNING)
        shared.writer.call(chains.save_steps("0" * 32, 1, [step]))
        assert shared.reader.course("0" * 32, 1) == ([], {})

    def test_the_first_reason_to_halt_counts(self, shared: Database) -> None:
        chain = put_chain(shared)
        for reason in ("timeout", "cancel"):
            shared.writer.call(chains.halt(chain, reason))
        assert shared.reader.chain(chain) == NewChain(PLAN, halted="timeout")

    def test_a_task_that_waited_becomes_a_chain(self, shared: Database) -> None:
        task_id = put(shared.writer, State.QUEUED)
        shared.writer.call(chains.add(task_id, NewChain(PLAN)))
        assert shared.reader.chain(task_id) == NewChain(PLAN)


class TestTakeOver:
    @pytest.mark.case("K11")
    def test_what_has_completed(self, shared: Database) -> None:
        chain = put_chain(shared)
        done = put_part(shared, chain, "a")
        put_part(shared, chain, "b", 0, state=State.FAILED)
        second = put_part(shared, chain, "b", 0, 2)
        put_part(shared, chain, "b", 1, state=State.CANCELED)
        end(shared, chain, State.FAILED)
        resumed = put_chain(shared, resumes=chain)
        records, _ = shared.reader.course(resumed, 1)
        assert [(each.key, each.task_id) for each in records] == [
            (Key("a", 0, 1), done),
            (Key("b", 0, 1), second),
        ]
        task = shared.reader.get(done)
        assert task is not None
        assert task.part == Part(chain, 1, "a", 0, 1)  # it stays where it was made

    def test_of_the_last_attempt(self, shared: Database) -> None:
        chain = put_chain(shared)
        put_part(shared, chain, "a")
        last = put_part(shared, chain, "a", run=2)
        end(shared, chain, State.FAILED)
        records, _ = shared.reader.course(put_chain(shared, resumes=chain), 1)
        assert [each.task_id for each in records] == [last]

    def test_once_more(self, shared: Database) -> None:
        """What was taken over is taken over again."""
        first = put_chain(shared)
        done = put_part(shared, first, "a")
        end(shared, first, State.FAILED)
        second = put_chain(shared, resumes=first)
        more = put_part(shared, second, "b")
        end(shared, second, State.FAILED)
        records, _ = shared.reader.course(put_chain(shared, resumes=second), 1)
        assert [each.task_id for each in records] == [done, more]

    def test_of_one_that_is_gone(self, shared: Database) -> None:
        chain = put_chain(shared, State.FAILED)
        shared.writer.call(tasks.delete(chain))
        resumed = put_chain(shared, resumes=chain)
        assert shared.reader.course(resumed, 1) == ([], {})


class TestDelete:
    def test_a_chain_goes_with_all_its_tasks(self, shared: Database) -> None:
        chain, other = put_chain(shared), put_chain(shared)
        parts = [put_part(shared, chain, "a", item) for item in range(3)]
        inner = put_part(shared, chain, "b", chain=NewChain(PLAN), state=State.RUNNING)
        parts += [put_part(shared, inner, "a", state=State.FAILED), inner]
        alien = put_part(shared, other)
        for each in (inner, chain, other):
            end(shared, each)
        gone = shared.writer.call(tasks.delete(chain))
        assert set(gone) == {chain, *parts}
        assert there(shared, *gone) == [False] * len(gone)
        assert there(shared, other, alien) == [True, True]

    @pytest.mark.case("K7")
    def test_a_part_of_one_that_lives_is_refused(self, shared: Database) -> None:
        chain = put_chain(shared)
        part = put_part(shared, chain)
        with pytest.raises(WrongState, match=f"a part of {chain}, which has not ended"):
            shared.writer.call(tasks.delete(part))
        end(shared, chain)
        assert shared.writer.call(tasks.delete(part)) == [part]
        assert shared.reader.course(chain, 1) == ([], {})

    def test_what_another_one_has_taken_over_stays_until_that_has_ended(
        self, shared: Database
    ) -> None:
        chain = put_chain(shared)
        done, failed = (
            put_part(shared, chain, "a"),
            put_part(shared, chain, "b", state=State.FAILED),
        )
        end(shared, chain, State.FAILED)
        resumed = put_chain(shared, resumes=chain)
        assert set(shared.writer.call(tasks.delete(chain))) == {chain, failed}
        records, _ = shared.reader.course(resumed, 1)
        assert [each.task_id for each in records] == [done]
        end(shared, resumed)
        assert shared.writer.call(tasks.delete(done)) == [done]


def test_used_by(shared: Database) -> None:
    chain = put_chain(shared)
    part = put_part(shared, chain)

    def used_by(task_id: str) -> str | None:
        return shared.writer.call(lambda connection: chains.used_by(connection, task_id))

    assert used_by(part) == chain
    assert used_by(chain) is None
    end(shared, chain, State.FAILED)
    assert used_by(part) is None
    assert used_by(put(shared.writer)) is None


class TestRetention:
    """`count` 0: everything that has ended is to go."""

    @staticmethod
    def prune(store: Store, now: int) -> set[str]:
        return set(store.writer.call(tasks.prune(now, 10**18, 0)))

    @pytest.mark.case("K7")
    @pytest.mark.parametrize("now", [400, 200], ids=["", "the clock was set back"])
    def test_it_spares_what_a_live_chain_may_ask_for(self, store: Store, now: int) -> None:
        shared = Database(store.writer, store.reader)
        chain = put_chain(shared)
        part = put_part(shared, chain)
        other = put(store.writer)
        assert self.prune(store, now) == {other}
        assert there(shared, chain, part) == [True, True]
        end(shared, chain)
        assert self.prune(store, now) == {chain, part}

    @pytest.mark.case("K7", "K11")
    def test_and_what_another_one_has_taken_over(self, store: Store) -> None:
        shared = Database(store.writer, store.reader)
        chain = put_chain(shared)
        done = put_part(shared, chain)
        end(shared, chain, State.FAILED)
        resumed = put_chain(shared, resumes=chain)
        assert self.prune(store, 400) == {chain}
        assert [each.task_id for each in store.reader.course(resumed, 1)[0]] == [done]

    def test_those_that_are_spared_leave_room_for_none(self, store: Store) -> None:
        """More of them than are looked at in one turn do not keep the others from going."""
        shared = Database(store.writer, store.reader)
        chain = put_chain(shared)
        kept = [put_part(shared, chain, "a", item, finished=250) for item in range(5)]
        late = [put(store.writer, finished=350) for _ in range(3)]
        gone = store.writer.call(tasks.prune(400, 10**18, 0, 4))
        assert sorted(gone) == sorted(late)
        assert there(shared, *kept) == [True] * 5


def test_the_files_of_a_chain_go_with_those_of_its_tasks(store: Store) -> None:
    shared = Database(store.writer, store.reader)
    chain = put_chain(shared)
    part = put_part(shared, chain)
    end(shared, chain)
    folders = [Path(store.folders.create(each)) for each in (chain, part)]
    store.delete(chain)
    wait_for(lambda: not any(folder.exists() for folder in folders), "both are gone")
