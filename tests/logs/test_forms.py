"""One event is one line, whatever strangers have put into it."""

from __future__ import annotations

import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.logs import about, in_request, out_of_request, shown
from tasky.logs.fields import fields_of
from tasky.logs.forms import as_json, prefixed, text
from tests.logs.records import record, with_traceback

_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (ERROR  |WARNING|INFO   ) (.*)\n")
#: What a terminal, journalctl or a program that reads lines could be misled by.
_EVIL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
#: All the fields of a line, as docs/logging.md says that they are found.
_FIELDS = re.compile(r'( [a-z_]+=("(\\.|[^"\\])*"|[^" ]+))*\n')
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=40)


def said(made: logging.LogRecord) -> str:
    found = _LINE.fullmatch(text(made).decode())
    assert found is not None, text(made)
    return found[2]


def test_the_message_comes_first_and_the_fields_in_their_order() -> None:
    made = record("it ends", host="h", request="r", client="ann", worker="w", task="t")
    assert said(made) == "it ends task=t worker=w client=ann request=r host=h"


def test_what_is_not_known_is_left_out() -> None:
    assert about(task=None, worker="w", status=200)["fields"] == {"worker": "w", "status": 200}
    assert said(record("alone")) == "alone"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("a\r\n2026-11-25T00:00:00.000Z INFO    forged", r"a\x0d\x0a2026-11-25T00:00:00.000Z INFO    forged"),
        ("\x1b[2Jgone\x9b", r"\x1b[2Jgone\x9b"),
        ("a\u2028b\u202ec", r"a\u2028b\u202ec"),
        ("GET '/x task=forged'", "\"GET '/x task=forged'\""),
        ("task=forged", '"task=forged"'),
        ('say "task=x" task=y', r'"say \"task=x\" task=y"'),
        ("Ελλάδα 1=2", "Ελλάδα 1=2"),
    ],
)  # fmt: skip
def test_what_strangers_write(message: str, shown: str) -> None:
    assert said(record(message)) == shown


def test_a_value_that_is_not_plain_is_quoted() -> None:
    assert (
        said(record("m", task='a" worker=b\n', client="")) == r'm task="a\" worker=b\n" client=""'
    )


@given(message=ANYTHING, task=ANYTHING, error=ANYTHING)
def test_no_text_forges_a_line_or_a_field(message: str, task: str, error: str) -> None:
    first, *rest = (
        text(record(message, task=task, worker="mine")).decode().splitlines(keepends=True)
    )
    assert not rest
    assert not _EVIL.search(first[:-1])
    found = _FIELDS.search(first)
    assert found is not None
    assert found[0] == f" task={shown(task)} worker=mine\n"
    lines = text(with_traceback(message, error)).decode().split("\n")
    assert [line for line in lines if not line.startswith("    | ")] == [lines[0], ""]
    document = json.loads(as_json(record(message, task=task)))
    assert (document["message"], document["task"]) == (message, task)
    assert as_json(with_traceback(message, error)).isascii()
    assert as_json(with_traceback(message, error)).count(b"\n") == 1
    for line in prefixed(with_traceback(message, error)).decode().splitlines():
        assert line.startswith("<3>")
        assert not _EVIL.search(line)


def test_an_audit_line_says_its_fields_once() -> None:
    made = record("audit: action=cancel task=t", said=True, action="cancel", task="t", request="r")
    assert said(made) == "audit: action=cancel task=t request=r"
    document = json.loads(as_json(made))
    assert (document["action"], document["task"], document["request"]) == ("cancel", "t", "r")


def test_fields_of_a_request_are_those_of_its_thread() -> None:
    in_request(request="r", client="192.0.2.1")
    in_request(client="ann")
    try:
        assert fields_of(record("m", task="t")) == {"task": "t", "client": "ann", "request": "r"}
    finally:
        out_of_request()
    assert fields_of(record("m")) == {}


def test_json_keeps_what_is_its_own() -> None:
    document = json.loads(as_json(record("m", time="never", logger="x")))
    assert (document["message"], document["logger"]) == ("m", "tasky.test")
    assert document["time"].endswith("Z")


@pytest.mark.parametrize(
    ("level", "number"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3), (logging.CRITICAL, 2)],
)  # fmt: skip
def test_priorities(level: int, number: int) -> None:
    assert prefixed(record("m", level, task="t")) == f"<{number}>m task=t\n".encode()
