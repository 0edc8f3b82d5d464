"""What an answer means, when the next attempt is, and the signature."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.model.delivery import (
    ATTEMPTS,
    Answer,
    judge,
    message_id,
    new_secret,
    read_keys,
    signed_headers,
)
from tasky.model.notify import Delivery

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
NOW = 1_800_000_000 * SECOND
MIDDLE = 0.5


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_delivered(status: int) -> None:
    verdict = judge(Answer(status), 1, NOW, MIDDLE)
    assert (verdict.delivery, verdict.status, verdict.next_at) == (
        Delivery.DELIVERED, status, None
    )  # fmt: skip


@pytest.mark.parametrize("status", [301, 302, 308, 400, 401, 404, 429, 500, 503, None])
def test_tried_again(status: int | None) -> None:
    verdict = judge(Answer(status, error=None if status else "no answer"), 1, NOW, MIDDLE)
    assert verdict.delivery is Delivery.PENDING
    assert verdict.next_at == NOW + 15 * SECOND
    assert verdict.error


def test_not_tried_again() -> None:
    for answer in (Answer(410), Answer(error="refused", hopeless=True)):
        verdict = judge(answer, 1, NOW, MIDDLE)
        assert (verdict.delivery, verdict.next_at) == (Delivery.FAILED, None)
    assert judge(Answer(500), ATTEMPTS, NOW, MIDDLE).delivery is Delivery.FAILED
    assert judge(Answer(500), ATTEMPTS - 1, NOW, MIDDLE).delivery is Delivery.PENDING


def test_eight_attempts_in_about_a_day() -> None:
    pauses = []
    for attempt in range(1, ATTEMPTS):
        next_at = judge(Answer(500), attempt, NOW, MIDDLE).next_at
        assert next_at is not None
        pauses.append(next_at - NOW)
    assert all(later == 4 * earlier for earlier, later in pairwise(pauses))
    assert 20 * HOUR < sum(pauses) < 26 * HOUR
    assert len(pauses) == 7


@given(st.floats(0, 1), st.integers(1, ATTEMPTS - 1))
def test_chance_moves_it_by_a_fifth_at_most(chance: float, attempt: int) -> None:
    usual = judge(Answer(500), attempt, NOW, MIDDLE).next_at
    moved = judge(Answer(500), attempt, NOW, chance).next_at
    assert usual is not None
    assert moved is not None
    assert abs(moved - usual) <= 0.2 * (usual - NOW) + 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        (" 3600 ", 3600),
        ("1", 15),  # no sooner than by itself
        ("0", 15),
        ("999999999", 24 * 3600),
        ("9999999999999999999999", 15),
        ("Fri, 15 Jan 2027 08:10:00 GMT", 600),
        ("Fri, 15 Jan 2021 08:10:00 GMT", 15),
        ("soon", 15),
        ("", 15),
        ("-5", 15),
        ("Fri, 99 Jan 2027 08:10:00 GMT", 15),
    ],
)
def test_retry_after(said: str, seconds: int) -> None:
    verdict = judge(Answer(503, retry_after=said), 1, NOW, MIDDLE)
    assert verdict.next_at == NOW + seconds * SECOND


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of its own test suites."""
    keys = read_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', keys
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_several_keys_make_several_signatures() -> None:
    lines = [new_secret(bytes([number]) * 32) for number in range(2)]
    keys = read_keys("\n\n".join(lines))
    assert keys == (bytes(32), b"\1" * 32)
    both = signed_headers("msg_a_0", 1, b"{}", keys)["webhook-signature"]
    alone = [signed_headers("msg_a_0", 1, b"{}", [key])["webhook-signature"] for key in keys]
    assert both.split(" ") == alone


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("hunter2", "not whsec_"),
        ("whsec_hunter2!", "not whsec_"),
        ("whsec_", "not 24 to 64 bytes"),
        (new_secret(b"x" * 23), "not 24 to 64 bytes"),
        (new_secret(b"x" * 65), "not 24 to 64 bytes"),
        (f"{new_secret(b'x' * 32)}\nwhsec_\ufffd", "not whsec_"),
    ],
)
def test_what_is_no_secret(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        read_keys(text)
    assert "hunter" not in str(caught.value)


def test_the_id_is_the_same_each_time_and_no_others() -> None:
    assert message_id("a" * 32, 0) == message_id("a" * 32, 0) != message_id("a" * 32, 1)
