"""Tokens, addresses from the environment, and errors by their status. The server is a stand-in."""

from __future__ import annotations

import pytest

from tasky import client as tasky_client
from tasky.client import ApiError, BadToken, Client
from tests.client.stand_in import answer, playing

ID = "0199f0c5a1b27c3d8e4f5a6b7c8d9e0f"
STATUS = answer(f'{{"TaskId":"{ID}","Status":"Running"}}')


@pytest.mark.parametrize(
    ("given", "environ", "sent"),
    [
        ("tsk_mine", "tsk_other", b"Bearer tsk_mine"),
        (None, "tsk_other", b"Bearer tsk_other"),
        ("", "tsk_other", None),
        (None, "", None),
    ],
)
def test_which_token_is_sent(
    monkeypatch: pytest.MonkeyPatch, given: str | None, environ: str, sent: bytes | None
) -> None:
    monkeypatch.setenv("TASKY_TOKEN", environ)
    with playing(STATUS) as server:
        monkeypatch.setenv("TASKY_URL", server.url)
        with Client(token=given) as client:
            client.status(ID)
        (request,) = server.requests
    if sent is None:
        assert b"Authorization" not in request
    else:
        assert b"\r\nAuthorization: " + sent + b"\r\n" in request


@pytest.mark.parametrize("token", ["two words", "line\r\nX-Other: y", "\u2603"])
def test_what_cannot_be_a_token_is_not_told(token: str) -> None:
    with pytest.raises(BadToken) as caught:
        Client("http://127.0.0.1:1", token=token)
    assert token not in caught.value.message


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequest"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "NotFound"),
        (409, "Conflict"),
        (413, "TooLarge"),
        (421, "Misdirected"),
        (422, "Invalid"),
        (429, "TooMany"),
        (503, "Unavailable"),
        (418, "ApiError"),
        (500, "ApiError"),
    ],
)
def test_each_status_has_its_class(status: int, name: str) -> None:
    play = answer('{"detail":"so it is"}', f"{status} X\r\nRetry-After: 7")
    with playing(play) as server, Client(server.url) as client, pytest.raises(ApiError) as caught:
        client.status(ID)
    assert type(caught.value) is getattr(tasky_client, name)
    assert (caught.value.status, caught.value.retry_after) == (status, 7.0)
    assert caught.value.message == "so it is"
