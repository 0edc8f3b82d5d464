"""Notifications from a real store to a real receiver."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasky.errors import StoreFull, TaskyError
from tasky.model import delivery
from tasky.model.notify import AllowedHosts, Delivery, End, Hook, Notification
from tasky.model.states import State
from tasky.service import notifier as module
from tasky.service.notifier import DELIVERIES, PER_ORIGIN, Notifier
from tasky.store import Store, tasks
from tasky.web.documents import notification_bytes
from tests.helpers import PATIENCE, wait_for
from tests.receiver import KEY, SECRET, Receiver, first, receiving, status
from tests.store.parts import put

LOOPBACK = AllowedHosts(["127.0.0.1"])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "state", max_log=1 << 20)
    yield store
    store.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "webhooks.secret"
    file.write_text(SECRET)
    file.chmod(0o600)
    return file


@pytest.fixture
def make(store: Store, secret: Path) -> Iterator[Callable[..., Notifier]]:
    """Makes a notifier; a started one is closed at the end."""
    made: list[Notifier] = []

    def make(
        allowed: AllowedHosts = LOOPBACK, file: Path = secret, *, makes_secret: bool = False
    ) -> Notifier:
        made.append(Notifier(store, notification_bytes, allowed, file, makes_secret=makes_secret))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def running(make: Callable[..., Notifier]) -> Notifier:
    notifier = make()
    notifier.start()
    return notifier


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once."""
    monkeypatch.setattr(delivery, "_FIRST_PAUSE", 1000)


def end(notifier: Notifier, store: Store, *hooks: Hook, state: State = State.COMPLETED) -> str:
    """A task has ended, and the notifier hears of it."""
    task_id = put(store.writer, state, notify=hooks)
    notifier.owed(task_id)
    return task_id


def settled(store: Store, task_id: str) -> Notification:
    """The first of the task's notifications, once it is not pending any more."""

    def looked_at() -> Notification | None:
        task = store.reader.get(task_id)
        assert task is not None
        (one, *_) = task.notifications
        return one if one.delivery is not Delivery.PENDING else None

    found = wait_for(looked_at, "the notification is settled")
    assert found is not None
    return found


def tried(store: Store, task_id: str) -> Notification:
    """... once it was tried."""

    def looked_at() -> Notification | None:
        task = store.reader.get(task_id)
        assert task is not None
        (one, *_) = task.notifications
        return one if one.attempts else None

    found = wait_for(looked_at, "the notification was tried")
    assert found is not None
    return found


# ---------------------------------------------------------------------- delivered


def test_delivered_and_signed(running: Notifier, store: Store, receiver: Receiver) -> None:
    task_id = end(running, store, Hook(f"{receiver.url}/x"))
    got = receiver.next()
    assert got.id == f"msg_{task_id}_0"
    assert got.is_signed_with(KEY)
    assert got.json["type"] == "task.completed"
    assert got.json["timestamp"] == got.json["data"]["Finished"]
    assert got.json["data"]["TaskId"] == task_id
    assert settled(store, task_id) == Notification(
        url=f"{receiver.url}/x",
        end=End.COMPLETED,
        delivery=Delivery.DELIVERED,
        attempts=1,
        last_status=204,
    )


def test_what_was_due_before_the_start_is_sent(
    make: Callable[..., Notifier], store: Store, receiver: Receiver
) -> None:
    task_id = put(store.writer, State.FAILED, notify=(Hook(receiver.url),))
    make().start()
    assert receiver.next().json["type"] == "task.failed"
    assert settled(store, task_id).delivery is Delivery.DELIVERED


def test_a_hook_of_a_definition_may_be_inside_and_have_its_own_secret(
    make: Callable[..., Notifier], store: Store, receiver: Receiver, tmp_path: Path
) -> None:
    own = tmp_path / "own.secret"
    own.write_text(delivery.new_secret(b"o" * 32))
    own.chmod(0o600)
    notifier = make(AllowedHosts())
    notifier.start()
    end(notifier, store, Hook(receiver.url, secret_file=str(own), trusted=True))
    assert receiver.next().is_signed_with(b"o" * 32)


@pytest.mark.usefixtures("soon")
def test_500_and_then_200(running: Notifier, store: Store, receiver: Receiver) -> None:
    receiver.answer = first(status(500), status(503, Retry_After="0"), status(200))
    task_id = end(running, store, Hook(receiver.url))
    got = [receiver.next() for _ in range(3)]
    assert len({one.id for one in got}) == 1
    assert len({one.body for one in got}) == 1
    assert all(one.is_signed_with(KEY) for one in got)
    done = settled(store, task_id)
    assert (done.delivery, done.attempts, done.last_error) == (Delivery.DELIVERED, 3, None)


def test_the_pause_is_stored(running: Notifier, store: Store, receiver: Receiver) -> None:
    receiver.answer = status(503, Retry_After="86000")
    task_id = end(running, store, Hook(receiver.url))
    one = tried(store, task_id)
    assert (one.delivery, one.last_status) == (Delivery.PENDING, 503)
    assert one.next_at is not None
    assert store.reader.next_notification(one.next_at - 1) == one.next_at
    assert receiver.count == 1


@pytest.mark.usefixtures("soon")
def test_given_up_after_eight(running: Notifier, store: Store, receiver: Receiver) -> None:
    receiver.answer = status(302, Location="/elsewhere")
    task_id = end(running, store, Hook(receiver.url))
    done = settled(store, task_id)
    assert (done.delivery, done.attempts, receiver.count) == (Delivery.FAILED, 8, 8)
    assert "redirects are not followed" in (done.last_error or "")


def test_given_up_at_once(running: Notifier, store: Store, receiver: Receiver) -> None:
    receiver.answer = status(410)
    done = settled(store, end(running, store, Hook(receiver.url)))
    assert (done.delivery, done.attempts, done.last_status) == (Delivery.FAILED, 1, 410)


def test_a_deleted_task_is_not_told_of(
    make: Callable[..., Notifier], store: Store, receiver: Receiver
) -> None:
    put(store.writer, notify=(Hook(receiver.url),), finished=100)
    task_id = put(store.writer, notify=(Hook(receiver.url),))
    store.writer.call(tasks.prune(1000, 750, 100))
    store.delete(task_id)
    kept = put(store.writer, notify=(Hook(receiver.url),))
    make().start()
    assert receiver.next().json["data"]["TaskId"] == kept
    settled(store, kept)
    assert receiver.count == 1


# ---------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/", "http://[::1]:9/", "http://169.254.169.254/latest/", "http://10.0.0.1/", "http://localhost/"],
)  # fmt: skip
def test_a_name_of_many_is_not_enough_for_an_address_inside(
    make: Callable[..., Notifier], store: Store, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Whatever allows the host but names it itself."""
    monkeypatch.setattr(AllowedHosts, "allows", lambda *_: True)
    notifier = make(AllowedHosts(["*.example.org"]))
    notifier.start()
    done = settled(store, end(notifier, store, Hook(url)))
    assert (done.delivery, done.attempts, done.last_status) == (Delivery.FAILED, 1, None)
    assert "refused: the host's address" in (done.last_error or "")


def test_a_host_that_is_not_allowed_any_more(
    make: Callable[..., Notifier], store: Store, receiver: Receiver
) -> None:
    notifier = make(AllowedHosts())
    notifier.start()
    done = settled(store, end(notifier, store, Hook(receiver.url)))
    assert done.last_error == "refused: the host is not allowed any more"
    assert receiver.count == 0


def test_even_a_definition_does_not_reach_the_clouds_credentials(
    make: Callable[..., Notifier], store: Store
) -> None:
    notifier = make(AllowedHosts())
    notifier.start()
    hook = Hook("http://169.254.169.254/latest/meta-data/", trusted=True)
    assert settled(store, end(notifier, store, hook)).delivery is Delivery.FAILED


# ---------------------------------------------------------------------- secrets


def test_the_secret_is_made_when_it_is_missing(
    make: Callable[..., Notifier], store: Store, receiver: Receiver, tmp_path: Path
) -> None:
    file = tmp_path / "new.secret"
    notifier = make(file=file, makes_secret=True)
    notifier.prepare()
    (key,) = delivery.read_keys(file.read_text())
    notifier.start()
    end(notifier, store, Hook(receiver.url))
    assert receiver.next().is_signed_with(key)


def test_no_start_without_the_secret_that_is_named(
    make: Callable[..., Notifier], tmp_path: Path
) -> None:
    with pytest.raises(TaskyError, match=r"^webhooks\.secret_file: .*no such file"):
        make(file=tmp_path / "missing").prepare()


def test_nothing_is_sent_without_a_signature(
    running: Notifier, store: Store, receiver: Receiver, secret: Path
) -> None:
    secret.chmod(0o644)
    task_id = end(running, store, Hook(receiver.url))
    one = tried(store, task_id)
    assert one.delivery is Delivery.PENDING
    assert one.last_error == "it cannot be signed: the server's log says why"
    assert receiver.count == 0


# ---------------------------------------------------------------------- many, slow, full


def test_a_thousand_ends_do_not_make_a_thousand_threads(
    make: Callable[..., Notifier], store: Store, receiver: Receiver
) -> None:
    most = []

    def answer(handler: Any, number: int) -> None:
        names = [thread.name for thread in threading.enumerate()]
        most.append(names.count("notification"))
        status(204)(handler, number)

    receiver.answer = answer
    notifier = make()
    notifier.start()
    for _ in range(1000):
        end(notifier, store, Hook(receiver.url))
    got = {receiver.next().id for _ in range(1000)}
    assert len(got) == 1000
    wait_for(lambda: not store.reader.due_notifications(2**62, 1), "all are stored as delivered")
    assert receiver.count == 1000
    assert max(most) <= PER_ORIGIN


def test_a_receiver_that_hangs_does_not_hold_up_the_others(
    running: Notifier, store: Store, receiver: Receiver
) -> None:
    with receiving() as hanging:
        hanging.answer = lambda *_: hanging.over.wait(PATIENCE) and None
        for _ in range(10):
            end(running, store, Hook(hanging.url))
        for _ in range(PER_ORIGIN):
            hanging.next()
        ids = [end(running, store, Hook(receiver.url)) for _ in range(20)]
        for task_id in ids:
            assert settled(store, task_id).delivery is Delivery.DELIVERED
        assert hanging.count == PER_ORIGIN < DELIVERIES


def test_the_end_of_the_server_does_not_wait_for_a_receiver(
    make: Callable[..., Notifier], store: Store
) -> None:
    with receiving() as hanging:
        hanging.answer = lambda *_: hanging.over.wait(PATIENCE) and None
        notifier = make()
        notifier.start()
        task_id = end(notifier, store, Hook(hanging.url))
        hanging.next()
        notifier.close(0)
        assert hanging.over.is_set() is False
    task = store.reader.get(task_id)
    assert task is not None
    (one,) = task.notifications
    assert (one.delivery, one.attempts) == (Delivery.PENDING, 0)


def test_a_full_disk_does_not_make_it_send_again(
    running: Notifier, store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STORE_AGAIN", 0.001)
    call, refused = store.writer.call, []

    def full(operation: Any, **options: Any) -> Any:
        if threading.current_thread().name == "notification" and len(refused) < 5:
            refused.append(operation)
            raise StoreFull
        return call(operation, **options)

    monkeypatch.setattr(store.writer, "call", full)
    task_id = end(running, store, Hook(receiver.url))
    assert settled(store, task_id).attempts == 1
    assert len(refused) == 5
    assert receiver.count == 1


@pytest.mark.usefixtures("soon")
def test_a_mistake_of_ours_is_an_attempt(store: Store, secret: Path, receiver: Receiver) -> None:
    def render(_: object) -> bytes:
        raise RuntimeError("a mistake")

    notifier = Notifier(store, render, LOOPBACK, secret)
    notifier.start()
    try:
        done = settled(store, end(notifier, store, Hook(receiver.url)))
    finally:
        notifier.close()
    assert (done.delivery, done.attempts) == (Delivery.FAILED, 8)
    assert done.last_error == "the server made a mistake"


def test_many_ends_cost_a_look_now_and_then(
    running: Notifier, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    due = store.reader.due_notifications
    monkeypatch.setattr(
        store.reader, "due_notifications", lambda *given: looks.append(1) or due(*given)
    )
    for _ in range(1000):
        running.owed("0" * 32)
    wait_for(lambda: looks, "it looks")
    assert len(looks) < 500
