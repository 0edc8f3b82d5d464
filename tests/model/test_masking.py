"""A secret is nowhere to be seen, in whatever form a worker repeats it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.model.masking import MASK, Masker

SECRET = 'hun"ter\\2 ä€'


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"user:{SECRET}@host",
        json.dumps({"password": SECRET}),
        json.dumps([SECRET], ensure_ascii=False),
        f"{SECRET}{SECRET}\n",
    ],
)
def test_every_form_of_a_secret(text: str) -> None:
    masker = Masker([SECRET])
    for masked in (masker.text(text), masker.data(text.encode()).decode()):
        assert MASK in masked
        assert "ter" not in masked


def test_other_text_is_left_as_it_is() -> None:
    masker = Masker([SECRET])
    assert masker.text("hunter") == "hunter"
    data = bytes(range(256))
    assert masker.data(data) == data


def test_of_two_secrets_that_begin_alike_nothing_is_left_over() -> None:
    for secrets in (["hunter", "hunter2hunter3"], ["hunter2hunter3", "hunter"]):
        assert Masker(secrets).text("hunter2hunter3 hunter4") == "****** ******4"


def test_json_stays_json() -> None:
    masker = Masker([SECRET])
    line = json.dumps({"message": f"<{SECRET}>", SECRET: 1}).encode()
    assert json.loads(masker.data(line)) == {"message": "<******>", MASK: 1}


def test_a_secret_of_several_lines_is_masked_line_by_line() -> None:
    key = "-----BEGIN KEY-----\n  abcdefgh\r\nijkl\nxy\n-----END KEY-----\n"
    masker = Masker([key])
    for line in ("abcdefgh", "ijkl", "-----END KEY-----", key, json.dumps(key)[1:-1], key.strip()):
        assert masker.text(f"<{line}>") == "<******>"
        assert masker.data(f"{line}\n".encode()).startswith(b"******")
    assert masker.text("xy") == "xy", "too short"


@pytest.mark.parametrize("secret", ["a", "abc", "42", 42, 7])
def test_a_short_secret_is_masked_where_it_is_all_there_is(secret: Any) -> None:
    masker = Masker([secret])
    assert masker.text(str(secret)) == MASK
    assert masker.value([secret, str(secret), f"{secret}x"]) == [MASK, MASK, f"{secret}x"]
    data = f"abc 42 7 {secret}".encode()
    assert masker.data(data) == data


@pytest.mark.parametrize("secret", ["", True, False, None, [], {}])
def test_what_tells_nothing_is_not_masked(secret: Any) -> None:
    masker = Masker([secret])
    assert not masker
    value = {"a": secret, "b": [True, None, ""]}
    assert masker.value(value) == value


@pytest.mark.parametrize(
    ("secret", "value", "masked"),
    [
        (1234, {"n": 1234, "m": 12345, "s": "1234", "t": "no. 12345"},
         {"n": MASK, "m": 12345, "s": MASK, "t": "no. ******5"}),
        (12.5, [12.5, 12, "12.5"], [MASK, 12, MASK]),
        (12345.0, [12345.0, 12345, "12345"], [MASK, MASK, MASK]),
        (["tok-1", "tok-2"], ["tok-1", ["tok-1", "tok-2"], "x tok-2"], [MASK, MASK, "x ******"]),
        ([1, 2], [1, [1, 2], [2, 1], "[1,2]", "[1, 2]"], [1, MASK, [2, 1], MASK, MASK]),
        ({"k": {"n": 98765}}, [{"n": 98765}, {"k": {"n": 98765}}, "98765"],
         [{"n": MASK}, MASK, MASK]),
    ],
)  # fmt: skip
def test_secrets_that_are_no_strings(secret: Any, value: Any, masked: Any) -> None:
    assert Masker([secret]).value(value) == masked


def test_the_json_of_a_secret_list_is_masked_in_data() -> None:
    masker = Masker([["ab", "cdä"]])
    for text in (
        '["ab","cdä"]',
        '["ab", "cdä"]',
        r'["ab", "cd\u00e4"]',
        r'{"x":["ab","cd\u00e4"]}',
    ):
        assert b"ab" not in masker.data(text.encode())


def test_keys_are_masked() -> None:
    assert Masker(["hunter2"]).value({"hunter2": {"x-hunter2": [1]}}) == {MASK: {"x-******": [1]}}


def test_nothing_is_changed_in_place() -> None:
    value = {"a": ["hunter2", {"b": "hunter2"}]}
    Masker(["hunter2"]).value(value)
    assert value == {"a": ["hunter2", {"b": "hunter2"}]}


TEXT = st.text(alphabet='ab1"\\ä€ /\t', max_size=30)


@given(TEXT.filter(lambda text: len(text) >= 4), TEXT, TEXT)
def test_no_secret_is_left(secret: str, before: str, after: str) -> None:
    masker = Masker([secret])
    text = before + secret + after
    for shown in (
        masker.text(text),
        masker.data(text.encode()).decode(),
        masker.value([{text: text}])[0].popitem()[1],
    ):
        assert secret not in shown
    for ascii_only in (True, False):
        inside = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        shown = masker.data(json.dumps([text], ensure_ascii=ascii_only).encode()).decode()
        assert inside not in shown
        if (
            "\\" not in secret
        ):  # of one with a backslash, half an escape may be left: then it is JSON no more
            assert secret not in json.loads(shown)[0]


@given(st.binary(), st.text(min_size=1))
def test_any_bytes_can_be_masked(data: bytes, secret: str) -> None:
    Masker([secret]).data(data)
