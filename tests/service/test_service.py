"""The verbs, called as HTTP calls them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasky.errors import (
    Conflict,
    IdempotencyConflict,
    InvalidParams,
    NotFound,
    QueueFull,
    ShuttingDown,
    UnknownTask,
    UnknownWorker,
    WorkerDisabled,
    WrongState,
)
from tasky.model.states import State
from tasky.model.task import Failure
from tasky.service import Options, Service
from tasky.store import Query
from tests.helpers import PATIENCE, wait_for
from tests.service.assembly import ECHO, HOLD, STUBBORN, Assembly

SECOND = 1_000_000_000
MISSING = "0" * 32
NOT_IDS = [
    "",
    "x",
    "../../etc/passwd",
    "F" * 32,
    "0" * 31,
    "0" * 33,
    "0" * 32 + "\n",
    "\ud800" * 32,
]


def ended(parts: Assembly, worker: str, params: dict[str, object] | None = None) -> str:
    submitted = parts.service.submit(worker, params or {}, wait=PATIENCE)
    assert submitted.ended is not None
    return submitted.task_id


class TestSubmit:
    def test_without_wait_the_task_is_stored_when_it_returns(self, parts: Assembly) -> None:
        submitted = parts.service.submit("hold", {})
        assert submitted.created
        assert submitted.ended is None
        assert parts.store.reader.state(submitted.task_id) is State.RUNNING

    def test_with_wait_the_end_comes_with_it(self, parts: Assembly) -> None:
        submitted = parts.service.submit("echo", {"text": "hi"}, wait=PATIENCE)
        assert submitted.ended is not None
        assert submitted.ended.state is State.COMPLETED
        output = json.loads(submitted.ended.outcome.output or "")
        assert output["params"] == {"text": "hi", "times": 1}
        assert output["id"] == submitted.task_id

    def test_a_wait_that_is_over_leaves_the_task_alone(self, parts: Assembly) -> None:
        submitted = parts.service.submit("hold", {}, wait=0.001)
        assert submitted.ended is None
        assert parts.service.task(submitted.task_id).state is State.RUNNING

    def test_the_options_are_stored(self, parts: Assembly) -> None:
        options = Options(
            timeout=90 * SECOND,
            priority=-3,
            labels=(("team", "ops"), ("ticket", "")),
            not_before=4_000_000_000 * SECOND,
        )
        task = parts.service.task(parts.service.submit("hold", {}, options).task_id)
        assert (task.timeout, task.priority) == (90 * SECOND, -3)
        assert task.labels == options.labels
        assert (task.not_before, task.state) == (options.not_before, State.QUEUED)

    def test_names_are_folded_and_unknown_ones_get_the_nearest(self, parts: Assembly) -> None:
        assert parts.service.worker("HOLD").definition.name == "hold"
        with pytest.raises(UnknownWorker, match="did you mean hold"):
            parts.service.submit("hlod", {})
        with pytest.raises(UnknownWorker, match=r"'zzzzzz'$"):
            parts.service.check_usable("zzzzzz")

    def test_parameters_that_do_not_fit_leave_no_task(self, parts: Assembly) -> None:
        with pytest.raises(InvalidParams) as caught:
            parts.service.submit("echo", {"text": 1, "tims": 2})
        pointers = {violation.pointer for violation in caught.value.violations}
        assert pointers == {"/text", "/tims"}
        assert parts.service.tasks(Query()) == ([], None)


class TestIdempotency:
    key = Options(idempotency_key="one")

    def test_the_first_task_answers_and_nothing_starts(self, parts: Assembly) -> None:
        first = parts.service.submit("echo", {"text": "a", "times": 2}, self.key)
        again = parts.service.submit("ECHO", {"times": 2, "text": "a"}, self.key)
        assert (first.created, again.created) == (True, False)
        assert again.task_id == first.task_id
        assert len(parts.service.tasks(Query())[0]) == 1

    @pytest.mark.parametrize(
        ("worker", "params"), [("echo", {"text": "b"}), ("hold", {}), ("echo", {"text": "a "})]
    )
    def test_another_body_or_worker_is_a_conflict(
        self, parts: Assembly, worker: str, params: dict[str, object]
    ) -> None:
        parts.service.submit("echo", {"text": "a"}, self.key)
        with pytest.raises(IdempotencyConflict):
            parts.service.submit(worker, params, self.key)

    def test_a_repeat_waits_for_the_first_task(self, parts: Assembly, tmp_path: Path) -> None:
        gate = tmp_path / "gate"
        parts.add("gated", f"while [ ! -e {gate} ]; do sleep 0.01; done")
        parts.reload()
        first = parts.service.submit("gated", {}, self.key)
        with ThreadPoolExecutor(1) as pool:
            repeat = pool.submit(parts.service.submit, "gated", {}, self.key, PATIENCE)
            gate.touch()
            second = repeat.result(PATIENCE)
        assert second.task_id == first.task_id
        # Either it was still live when the repeat came, or it has ended meanwhile.
        assert second.ended is None or second.ended.state is State.COMPLETED
        assert parts.await_state(first.task_id, "Completed")

    def test_many_repeats_at_once_start_one_task(self, parts: Assembly) -> None:
        with ThreadPoolExecutor(16) as pool:
            answers = list(
                pool.map(lambda _: parts.service.submit("hold", {}, self.key), range(64))
            )
        assert len({answer.task_id for answer in answers}) == 1
        assert sum(answer.created for answer in answers) == 1
        counts = parts.service.worker("hold").counts
        assert (counts.running, counts.queued) == (1, 0)

    def test_a_repeat_is_answered_whatever_has_become_of_the_worker(self, parts: Assembly) -> None:
        first = parts.service.submit("echo", {"text": "a"}, self.key, PATIENCE)
        for change in (
            lambda: parts.service.disable("echo"),
            lambda: parts.add("echo", ECHO, params={"other": {"type": "string"}}),
            lambda: (parts.workers / "echo.yaml").unlink(),
        ):
            change()
            parts.reload()
            again = parts.service.submit("Echo", {"text": "a"}, self.key)
            assert (again.task_id, again.created) == (first.task_id, False)
            with pytest.raises(IdempotencyConflict):
                parts.service.submit("echo", {"text": "b"}, self.key)
        with pytest.raises(UnknownWorker):
            parts.service.submit("echo", {"text": "a"}, Options(idempotency_key="new"))

    def test_the_key_lives_as_long_as_its_task(self, parts: Assembly) -> None:
        first = parts.service.submit("fail", {}, self.key, PATIENCE)
        parts.service.delete(first.task_id)
        again = parts.service.submit("fail", {}, self.key, PATIENCE)
        assert again.created
        assert again.task_id != first.task_id


class TestEnabling:
    def test_a_disabled_worker_takes_no_tasks_and_running_ones_go_on(self, parts: Assembly) -> None:
        task_id = parts.service.submit("hold", {}).task_id
        assert not parts.service.disable("Hold").enabled
        with pytest.raises(WorkerDisabled, match="hold is disabled"):
            parts.service.submit("hold", {})
        with pytest.raises(WorkerDisabled):
            parts.service.restart(task_id)
        assert parts.service.task(task_id).state is State.RUNNING
        assert parts.service.enable("hold").enabled
        assert parts.service.submit("hold", {}).created

    def test_it_survives_a_restart(self, parts: Assembly) -> None:
        parts.service.disable("hold")
        again = Service(parts.store, parts.supervisor, parts.catalogue)
        assert {view.definition.name: view.enabled for view in again.workers()} == {
            "echo": True,
            "fail": True,
            "hold": False,
        }

    def test_the_later_word_counts(self, parts: Assembly) -> None:
        """A client's word holds until the file says something new."""
        parts.service.disable("hold")
        parts.add("hold", HOLD, description="new, and enabled as before")
        parts.reload()
        assert not parts.service.worker("hold").enabled
        parts.add("hold", HOLD, enabled=False)
        parts.reload()
        assert not parts.service.worker("hold").enabled
        assert parts.service.enable("hold").enabled
        parts.reload()
        assert parts.service.worker("hold").enabled

    def test_unknown_workers(self, parts: Assembly) -> None:
        for verb in (parts.service.enable, parts.service.disable, parts.service.worker):
            with pytest.raises(UnknownWorker):
                verb("nobody")


class TestRestart:
    def test_it_has_the_parameters_and_options_of_the_first(self, parts: Assembly) -> None:
        options = Options(priority=4, labels=(("a", "b"),), timeout=50 * SECOND)
        first = parts.service.submit("echo", {"text": "x"}, options, PATIENCE)
        new = parts.service.restart(first.task_id)
        task = parts.await_state(new.task_id, "Completed")
        assert task.restart_of == first.task_id
        assert task.params == {"text": "x", "times": 1}
        assert (task.priority, task.labels, task.timeout) == (4, (("a", "b"),), 50 * SECOND)

    def test_under_a_definition_that_it_no_longer_fits(self, parts: Assembly) -> None:
        task_id = ended(parts, "echo", {"text": "x"})
        parts.add("echo", ECHO, params={"number": {"type": "integer"}})
        parts.reload()
        with pytest.raises(InvalidParams):
            parts.service.restart(task_id)

    def test_what_was_secret_is_not_quoted(self, parts: Assembly) -> None:
        parts.add("quiet", "true", params={"word": {"type": "string", "secret": True}})
        parts.reload()
        task_id = ended(parts, "quiet", {"word": "hunter22"})
        parts.add("quiet", "true", params={"word": {"type": "string", "pattern": "^[a-z]*$"}})
        parts.reload()
        with pytest.raises(InvalidParams) as caught:
            parts.service.restart(task_id)
        assert "hunter22" not in caught.value.message
        assert "hunter22" not in str(caught.value.violations)

    def test_of_a_worker_that_was_removed(self, parts: Assembly) -> None:
        task_id = ended(parts, "fail")
        (parts.workers / "fail.yaml").unlink()
        parts.reload()
        with pytest.raises(Conflict, match="no longer there"):
            parts.service.restart(task_id)
        assert parts.service.task(task_id).worker == "fail"

    def test_with_a_key_it_starts_one_task(self, parts: Assembly) -> None:
        task_id = ended(parts, "fail")
        first = parts.service.restart(task_id, "key")
        assert parts.service.restart(task_id, "key").task_id == first.task_id
        with pytest.raises(IdempotencyConflict):
            parts.service.restart(first.task_id, "key")
        parts.await_state(first.task_id, "Failed")


class TestLiveTasks:
    def test_pause_resume_cancel(self, parts: Assembly) -> None:
        task_id = parts.service.submit("hold", {}).task_id
        assert parts.service.pause(task_id) is State.PAUSED
        assert parts.service.pause(task_id) is State.PAUSED
        assert parts.service.resume(task_id) is State.RUNNING
        assert parts.service.cancel(task_id) is State.CANCELING
        parts.await_state(task_id, "Canceled")
        for verb in (parts.service.cancel, parts.service.pause, parts.service.resume):
            with pytest.raises(WrongState) as caught:
                verb(task_id)
            assert caught.value.state == "Canceled"

    def test_the_grace_can_be_shortened(self, parts: Assembly) -> None:
        parts.add("stubborn", STUBBORN, kill_grace="1h")
        parts.reload()
        task_id = parts.service.submit("stubborn", {}).task_id
        parts.await_log(task_id, "ready")
        assert parts.service.cancel(task_id) is State.CANCELING
        assert parts.service.cancel(task_id, grace=0) is State.CANCELING
        task = parts.await_state(task_id, "Canceled")
        assert task.attempts[-1].signal == "SIGKILL"

    def test_a_queued_task_can_only_be_canceled(self, parts: Assembly) -> None:
        later = Options(not_before=4_000_000_000 * SECOND)
        task_id = parts.service.submit("hold", {}, later).task_id
        with pytest.raises(WrongState, match="Queued cannot be paused"):
            parts.service.pause(task_id)
        assert parts.service.cancel(task_id) is State.CANCELED
        with pytest.raises(WrongState, match="Canceled cannot be canceled"):
            parts.service.cancel(task_id)

    def test_what_is_no_task(self, parts: Assembly) -> None:
        service = parts.service
        verbs: list[Callable[[str], object]] = [service.cancel, service.pause, service.resume]
        verbs += [service.restart, service.task, service.log, service.delete]
        verbs.append(lambda task_id: service.artifact(task_id, "a"))
        for task_id in [*NOT_IDS, MISSING]:
            for verb in verbs:
                with pytest.raises(UnknownTask):
                    verb(task_id)

    def test_progress_is_the_latest_while_it_runs(self, parts: Assembly) -> None:
        message = '{"type":"progress","percent":42.5,"message":"half"}'
        parts.add("working", f"echo '{message}'; exec sleep 600")
        parts.reload()
        task_id = parts.service.submit("working", {}).task_id
        progress = wait_for(lambda: parts.service.task(task_id).progress, "progress")
        assert progress is not None
        assert (progress.percent, progress.message) == (42.5, "half")
        (listed,) = parts.service.tasks(Query())[0]
        assert listed.progress == progress


class TestEnd:
    def test_delete(self, parts: Assembly) -> None:
        task_id = ended(parts, "fail")
        assert parts.service.task(task_id).failure == Failure(
            code="exit",  # type: ignore[arg-type]  # a StrEnum equals its text
            message="exit status 3: no space left",
            exit_code=3,
        )
        parts.service.delete(task_id)
        with pytest.raises(UnknownTask):
            parts.service.task(task_id)
        running = parts.service.submit("hold", {}).task_id
        with pytest.raises(WrongState, match="Running"):
            parts.service.delete(running)

    def test_artifacts_are_only_those_of_the_row(self, parts: Assembly) -> None:
        message = '{"type":"artifact","path":"sub/out.csv"}'
        parts.add("leaves", f"mkdir sub; echo 1,2 > sub/out.csv; echo '{message}'")
        parts.reload()
        task_id = ended(parts, "leaves")
        artifact, file = parts.service.artifact(task_id, "sub/out.csv")
        with file:
            assert file.read() == b"1,2\n"
        assert (artifact.name, artifact.media_type, artifact.size) == ("out.csv", "text/csv", 4)
        folder = parts.store.folders.files(task_id)
        (folder / "other").write_text("not announced")
        for path in (
            "other",
            "sub",
            "./sub/out.csv",
            "../log",
            "/etc/passwd",
            "sub/../sub/out.csv",
            "",
        ):
            with pytest.raises(NotFound):
                parts.service.artifact(task_id, path)
        (folder / "sub/out.csv").unlink()
        with pytest.raises(NotFound):
            parts.service.artifact(task_id, "sub/out.csv")
        (folder / "sub/out.csv").symlink_to("/etc/passwd")
        with pytest.raises(NotFound):
            parts.service.artifact(task_id, "sub/out.csv")


class TestLimits:
    def test_a_full_queue(self, tmp_path: Path) -> None:
        parts = Assembly(tmp_path)
        parts.add("hold", HOLD)
        parts.start(max_tasks=1, max_queued=1)
        try:
            parts.service.submit("hold", {})
            parts.service.submit("hold", {})
            with pytest.raises(QueueFull):
                parts.service.submit("hold", {})
            counts = parts.service.worker("hold").counts
            assert (counts.running, counts.queued) == (1, 1)
        finally:
            parts.stop()

    def test_a_repeat_needs_no_room_in_the_queue(self, tmp_path: Path) -> None:
        parts = Assembly(tmp_path)
        parts.add("hold", HOLD)
        parts.start(max_tasks=1, max_queued=1)
        first, second = Options(idempotency_key="1"), Options(idempotency_key="2")
        try:
            running = parts.service.submit("hold", {}, first).task_id
            waiting = parts.service.submit("hold", {}, second).task_id
            with pytest.raises(QueueFull):
                parts.service.submit("hold", {}, Options(idempotency_key="3"))
            assert parts.service.submit("hold", {}, first).task_id == running
            parts.supervisor.drain()
            assert parts.service.submit("hold", {}, second).task_id == waiting
        finally:
            parts.stop()

    def test_a_server_that_shuts_down(self, tmp_path: Path) -> None:
        parts = Assembly(tmp_path)
        parts.add("hold", HOLD)
        parts.start()
        later = Options(not_before=4_000_000_000 * SECOND)
        task_id = parts.service.submit("hold", {}, later).task_id
        parts.supervisor.drain()
        assert parts.supervisor.join(PATIENCE)
        try:
            with pytest.raises(ShuttingDown):
                parts.service.submit("hold", {})
            with pytest.raises(ShuttingDown):
                parts.service.cancel(task_id)
            assert parts.service.task(task_id).state is State.QUEUED
        finally:
            parts.stop()

    def test_who_waits_for_a_queued_task_is_told_when_the_server_stops(
        self, tmp_path: Path
    ) -> None:
        parts = Assembly(tmp_path)
        parts.add("hold", HOLD)
        parts.start()
        later = Options(not_before=4_000_000_000 * SECOND)
        try:
            with ThreadPoolExecutor(1) as pool:
                waits = pool.submit(parts.service.submit, "hold", {}, later, 3600.0)
                wait_for(lambda: parts.service.worker("hold").counts.queued, "it is queued")
                parts.supervisor.drain()
                submitted = waits.result(PATIENCE)
            assert submitted.ended is None
            assert parts.service.task(submitted.task_id).state is State.QUEUED
        finally:
            parts.stop()

    def test_sixty_four_threads_on_everything(self, parts: Assembly) -> None:
        """Each answers with a state or with one of the errors above; the tasks' ends agree with what was said."""
        refused: list[str] = []
        gate = threading.Barrier(64)

        def work(number: int) -> str:
            gate.wait(PATIENCE)
            service = parts.service
            task_id = service.submit("hold" if number % 2 else "echo", {} if number % 2 else
                                     {"text": str(number)}).task_id  # fmt: skip
            for verb in (service.pause, service.resume, service.cancel):
                try:
                    verb(task_id)
                except WrongState as error:
                    refused.append(error.state)
            service.workers()
            service.tasks(Query(limit=5))
            service.disable("fail")
            service.enable("fail")
            return task_id

        with ThreadPoolExecutor(64) as pool:
            ids = list(pool.map(work, range(64)))
        ends = {parts.await_state(task_id, "Completed", "Canceled").state for task_id in ids}
        assert State.CANCELED in ends
        assert set(refused) <= {"Completed", "Queued", "Canceling", "Running"}
        assert parts.service.worker("fail").enabled
