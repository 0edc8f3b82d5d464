"""The decoder: what is said does not depend on how it arrives, and no more is held than a line."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.model.messages import (
    CANCEL,
    ArtifactMessage,
    Cut,
    ErrorMessage,
    Item,
    LineDecoder,
    LogMessage,
    Note,
    ProgressMessage,
    ResultMessage,
    Text,
    encode_task,
)
from tasky.model.task import Progress

MAX_LINE = 1 << 20


def joined(items: Iterable[Item]) -> list[Item]:
    """Neighbouring text as one: how it is divided depends on the pieces that came."""
    result: list[Item] = []
    for item in items:
        if isinstance(item, Text) and result and isinstance(result[-1], Text):
            result[-1] = Text(result[-1].data + item.data)
        else:
            result.append(item)
    return result


def decode(*pieces: bytes, max_line: int = MAX_LINE, jsonl: bool = True) -> list[Item]:
    decoder = LineDecoder(max_line, jsonl)
    items = [item for piece in pieces for item in decoder.feed(piece)]
    return joined(items + decoder.close())


def text_of(items: Iterable[Item]) -> bytes:
    return b"".join(item.data for item in items if isinstance(item, Text))


def said(message: Any) -> list[Item]:
    """What one message comes to."""
    return decode(json.dumps(message).encode() + b"\n")


# ---------------------------------------------------------------------- splitting

MESSAGES: Sequence[bytes] = [
    b'{"type":"progress","percent":42.5,"message":"half"}',
    b'{"type":"log","level":"debug","message":"x","n":1}',
    b'{"type":"result","output":{"a":[1]}}',
    b' \t{"type":"error","message":"no"}\r',
    b'{"type":"artifact","path":"a.csv"}',
    b'{"type":"other"}',
    b'{"type":"progress","percent":"x"}',
    b'{"type":"progress","percent":1e999}',
    b'{"type":"result","output":"\\ud800"}',
    b'{"type":"result","output":1,"output":2}',
    b'{"broken',
    b"{}",
    b"plain",
    b"",
    b"\xff\x00{",
    "äöü€😀".encode(),
    b"\xef\xbb\xbf",
    b"x" * 50,
]
STREAMS = st.lists(st.sampled_from(MESSAGES) | st.binary(max_size=40), max_size=12).flatmap(
    lambda lines: st.sampled_from([b"", b"\n", b"\r\n"]).map(lambda end: b"\n".join(lines) + end)
)


@pytest.mark.case("L1", "L19")
@given(
    STREAMS | st.binary(max_size=300),
    st.lists(st.integers(0, 400), max_size=20),
    st.integers(1, 60),
    st.booleans(),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_any_split_says_the_same(
    stream: bytes, cuts: list[int], max_line: int, jsonl: bool, start: bytes
) -> None:
    data = start + stream
    ends = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in itertools.pairwise(ends)]
    whole = decode(data, max_line=max_line, jsonl=jsonl)
    assert decode(*pieces, max_line=max_line, jsonl=jsonl) == whole
    assert decode(*(bytes([byte]) for byte in data), max_line=max_line, jsonl=jsonl) == whole


@pytest.mark.case("L16")
@given(STREAMS, st.booleans())
def test_without_messages_text_is_kept_to_the_byte(stream: bytes, jsonl: bool) -> None:
    items = decode(stream, jsonl=jsonl)
    if all(isinstance(item, Text) for item in items):
        assert text_of(items) == stream
    else:
        assert jsonl


@given(st.lists(st.binary(max_size=40), max_size=10), st.integers(1, 30), st.booleans())
def test_a_cut_adds_line_ends_and_nothing_else(
    pieces: list[bytes], max_line: int, jsonl: bool
) -> None:
    data = b"".join(pieces)
    items = decode(*pieces, max_line=max_line, jsonl=jsonl)
    assert text_of(items).replace(b"\n", b"") == data.replace(b"\n", b"")
    assert all(len(line) <= max_line for line in text_of(items).split(b"\n"))
    notes = sum(isinstance(item, Note) for item in items)
    assert notes == sum(len(line) > max_line for line in data.split(b"\n"))


@pytest.mark.case("L20")
@given(st.lists(st.binary(max_size=100), max_size=20), st.integers(1, 64), st.booleans())
def test_no_more_is_held_than_a_line(pieces: list[bytes], max_line: int, jsonl: bool) -> None:
    decoder = LineDecoder(max_line, jsonl)
    for piece in pieces:
        decoder.feed(piece)
        assert len(decoder._held) <= max_line


def test_text_comes_in_one_piece_however_many_lines_it_has() -> None:
    data = b"{ not a message\n" * 1000
    assert LineDecoder(MAX_LINE, True).feed(data) == [Text(data)]
    mixed = data + MESSAGES[4] + b"\n" + data
    assert LineDecoder(MAX_LINE, True).feed(mixed) == [
        Text(data),
        ArtifactMessage("a.csv"),
        Text(data),
    ]


# ---------------------------------------------------------------------- long lines


def test_a_line_may_be_as_long_as_the_limit() -> None:
    line = b"x" * 64
    for end in (b"\n", b""):
        assert decode(line + end, max_line=64) == [Text(line + end)]
        assert decode(line, end, max_line=64) == [Text(line + end)]


@pytest.mark.case("L3")
def test_a_longer_line_is_cut_with_one_note() -> None:
    items = decode(b"a\n" + b"x" * 150 + b"\nb\n", max_line=64)
    assert items == [
        Text(b"a\n"),
        Note("a line of more than 64B was cut"),
        Text(b"x" * 64 + b"\n" + b"x" * 64 + b"\n" + b"x" * 22 + b"\nb\n"),
    ]


@pytest.mark.case("L3")
def test_a_message_that_is_too_long_is_text_also_its_rest() -> None:
    message = b'{"type":"result","output":1}'
    padding = b" " * (64 - len(message))
    items = decode(message + padding + message + b"\n" + message + b"\n", max_line=64)
    assert items[0] == Cut("a line of more than 64B was cut")
    assert items[1:] == [Text(message + padding + b"\n" + message + b"\n"), ResultMessage(1)]


def test_a_cut_does_not_tear_a_character() -> None:
    line = "x" + "€" * 40
    data = text_of(decode(line.encode(), max_line=32))
    assert data.decode() == "\n".join(("x" + "€" * 10, "€" * 10, "€" * 10, "€" * 10))


@pytest.mark.case("L3", "L20")
@pytest.mark.parametrize("jsonl", [True, False])
@pytest.mark.parametrize("byte", [b"x", b"{", b"\x80", b"\0"])
def test_a_line_of_100_mb_needs_little_memory(byte: bytes, jsonl: bool) -> None:
    piece, count = byte * 65536, 100 * 16
    decoder, size = LineDecoder(MAX_LINE, jsonl), 0
    tracemalloc.start()
    try:
        notes = 0
        for _ in range(count):
            for item in decoder.feed(piece):
                size += len(item.data) - 1 if isinstance(item, Text) else 0
                notes += isinstance(item, Note)
        size += len(text_of(decoder.close()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size == len(piece) * count
    assert notes == 1
    assert peak < 8 * MAX_LINE


# ---------------------------------------------------------------------- which lines are messages


@pytest.mark.case("L4", "L5", "L6", "L10", "L22", "L23")
@pytest.mark.parametrize(
    "line",
    [
        "plain text",
        "",
        "[1,2]",
        '"text"',
        "{}",
        '{"a":1}',
        '{"type":5}',
        '{"type":null}',
        '{"type":["result"],"output":1}',
        '{"type":"unknown","output":1}',
        '{"type":"Result","output":1}',
        '{"type":"task"}',
        '{"type":"result","output":1',
        '{"type":"result","output":1} x',
        '{"type":"result","output":1}{"type":"result","output":2}',
        'x {"type":"result","output":1}',
        '\ufeff{"type":"result","output":1}',
        '{"type":"result","output":NaN}',
        '{"type":"result","output":-Infinity}',
        '{"type":"result","output":1e999}',
        '{"type":"result","output":' + "9" * 5000 + "}",
        '{"type":"result","output":1,"output":1}',
        '{"type":"result","output":{"a":1,"a":2}}',
        '{"type":"result","output":' + "[" * 100 + "]" * 100 + "}",
        '{"type":"result","output":' + "[" * 50_000 + "]" * 50_000 + "}",
        "{'type':'result','output':1}",
    ],
)
def test_any_other_line_is_text(line: str) -> None:
    data = b"first\n" + line.encode() + b"\n"
    assert decode(data) == [Text(data)]
    assert decode(b"first\n" + line.encode()) == [Text(data[:-1])]


@pytest.mark.case("L2", "L16")
def test_invalid_utf8_is_text() -> None:
    data = b'{"type":"result","output":"\xff"}\n\x00\xfe\n'
    assert decode(data) == [Text(data)]


def test_stderr_has_no_messages() -> None:
    data = b'{"type":"result","output":1}\n'
    assert decode(data, jsonl=False) == [Text(data)]


@pytest.mark.case("L18")
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b" \t\n", b""])
@pytest.mark.parametrize("start", [b"", b"  ", b"\t", b"\xef\xbb\xbf"])
def test_what_may_stand_around_a_message(start: bytes, end: bytes) -> None:
    assert decode(start + b'{"type":"result","output":1}' + end) == [ResultMessage(1)]


@pytest.mark.case("L18")
def test_a_byte_order_mark_is_one_at_the_start_only() -> None:
    line = b'\xef\xbb\xbf{"type":"result","output":1}\n'
    assert decode(line, line) == [ResultMessage(1), Text(line)]
    assert decode(b"\xef\xbb\xbfhello\n") == [Text(b"\xef\xbb\xbfhello\n")]


@pytest.mark.case("L17")
def test_text_between_messages_is_kept_in_its_place() -> None:
    result = b'{"type":"result","output":%d}\n'
    assert decode(b"a\n\nb\n", result % 1, result % 2, b"c {\n{\n", result % 3, b"d") == [
        Text(b"a\n\nb\n"),
        ResultMessage(1),
        ResultMessage(2),
        Text(b"c {\n{\n"),
        ResultMessage(3),
        Text(b"d"),
    ]


@pytest.mark.case("L4")
def test_nesting_of_a_hundred_is_a_message() -> None:
    output = "[" * 99 + "]" * 99
    items = decode(f'{{"type":"result","output":{output}}}\n'.encode())
    assert items == [ResultMessage(json.loads(output))]


@pytest.mark.case("L7")
def test_half_a_surrogate_pair_does_no_harm_later() -> None:
    (item,) = decode(rb'{"type":"log","message":"\ud800","\udfff":["\uDBFF"]}')
    assert item == LogMessage("info", "\ufffd", {"\ufffd": ["\ufffd"]})


# ---------------------------------------------------------------------- what messages say


@pytest.mark.parametrize(
    ("message", "progress"),
    [
        ({"percent": 0}, Progress(percent=0)),
        ({"percent": 42.5, "message": "x"}, Progress(percent=42.5, message="x")),
        ({"percent": 100}, Progress(percent=100)),
        ({"percent": 1, "message": None}, Progress(percent=1)),
        ({"message": "working"}, Progress(message="working")),
        ({"message": "", "more": [1]}, Progress(message="")),
    ],
)
def test_progress(message: dict[str, Any], progress: Progress) -> None:
    assert said({"type": "progress", **message}) == [ProgressMessage(progress)]


@pytest.mark.case("L21")
@pytest.mark.parametrize(
    ("percent", "nearest"), [(150, 100), (100.001, 100), (-1, 0), (-0.5, 0), (10**400, 100)]
)
def test_progress_is_clamped_with_a_note(percent: float, nearest: int) -> None:
    note, progress = said({"type": "progress", "percent": percent, "message": "x"})
    assert isinstance(note, Note)
    assert f"taken as {nearest}" in note.text
    assert progress == ProgressMessage(Progress(percent=nearest, message="x"))


def test_a_long_progress_message_is_shortened() -> None:
    (item,) = said({"type": "progress", "message": "ä" * 5000})
    assert item == ProgressMessage(Progress(message="ä" * 999 + "…"))


@pytest.mark.case("L21")
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"type": "progress"}, "neither percent nor message"),
        ({"type": "progress", "percent": "abc"}, 'percent is "abc", not a number'),
        ({"type": "progress", "percent": None, "message": "x"}, "percent is null"),
        ({"type": "progress", "percent": True}, "percent is true"),
        ({"type": "progress", "percent": [1]}, "percent is [1]"),
        ({"type": "progress", "percent": 1, "message": 2}, "message is 2, not a string"),
        ({"type": "progress", "percent": "x" * 10_000}, "xxx..."),
        ({"type": "result"}, "no output"),
        ({"type": "result", "ouput": 1}, "no output"),
        ({"type": "artifact"}, "path is null"),
        ({"type": "artifact", "path": ""}, 'path is ""'),
        ({"type": "artifact", "path": 5}, "path is 5"),
        ({"type": "artifact", "path": "a\0b"}, r'path is "a\u0000b"'),
        ({"type": "artifact", "path": "a\nb"}, r'path is "a\nb"'),
        ({"type": "artifact", "path": "a", "name": "b\0"}, r'name is "b\u0000"'),
        ({"type": "artifact", "path": "a", "name": {}}, "name is {}"),
    ],
)
def test_a_message_with_wrong_members_is_void_with_a_note(
    message: dict[str, Any], reason: str
) -> None:
    (note,) = said(message)
    assert isinstance(note, Note)
    article = "an" if message["type"] == "artifact" else "a"
    assert note.text.startswith(f"{article} {message['type']} message was ignored: ")
    assert reason in note.text
    assert len(note.text) < 200
    assert "\n" not in note.text


@pytest.mark.parametrize(
    "output", [None, 0, False, "", "text", [1, {"a": None}], {"n": 10**30}, 0.1]
)
def test_result(output: Any) -> None:
    assert said({"type": "result", "output": output}) == [ResultMessage(output)]


@pytest.mark.parametrize(
    ("message", "item"),
    [
        ({"message": "no space"}, ErrorMessage("no space")),
        ({"message": "x", "code": "E1", "details": [1]}, ErrorMessage("x", "E1", [1])),
        ({"message": "x", "code": 28}, ErrorMessage("x", "28")),
        ({}, ErrorMessage("the worker reported an error")),
        ({"message": None, "code": None}, ErrorMessage("the worker reported an error")),
        ({"message": {"a": 1}}, ErrorMessage('{"a": 1}')),
    ],
)
def test_an_error_is_never_void(message: dict[str, Any], item: ErrorMessage) -> None:
    assert said({"type": "error", **message}) == [item]


@pytest.mark.parametrize(
    ("message", "item"),
    [
        ({"level": "warning", "message": "x"}, LogMessage("warning", "x", {})),
        ({"message": "x", "a": 1, "b": None}, LogMessage("info", "x", {"a": 1, "b": None})),
        ({"level": 30, "message": ["x", "ä"]}, LogMessage("30", '["x", "ä"]', {})),
        ({"event": "start"}, LogMessage("info", "", {"event": "start"})),
    ],
)
def test_log(message: dict[str, Any], item: LogMessage) -> None:
    assert said({"type": "log", **message}) == [item]


@pytest.mark.parametrize(
    ("message", "item"),
    [
        ({"path": "out.csv"}, ArtifactMessage("out.csv")),
        (
            {"path": "a/b.csv", "name": "Tabelle ä", "media_type": "text/csv"},
            ArtifactMessage("a/b.csv", "Tabelle ä", "text/csv"),
        ),
        (
            {"path": "x", "name": None, "media_type": "text/csv; charset=utf-8"},
            ArtifactMessage("x", None, "text/csv; charset=utf-8"),
        ),
        ({"path": "../x"}, ArtifactMessage("../x")),  # refused where the work folder is known
    ],
)
def test_artifact(message: dict[str, Any], item: ArtifactMessage) -> None:
    assert said({"type": "artifact", **message}) == [item]


@pytest.mark.parametrize("media_type", ["csv", "", "a/b\r\nX-Evil: 1", "a/b; \0", "ä/b", 5, "/"])
def test_a_bad_media_type_is_left_out_with_a_note(media_type: Any) -> None:
    note, item = said({"type": "artifact", "path": "x", "media_type": media_type})
    assert isinstance(note, Note)
    assert "not a media type" in note.text
    assert item == ArtifactMessage("x")


MEMBERS = ["percent", "message", "level", "output", "code", "details", "path", "name", "media_type"]


@pytest.mark.case("L21")
@given(
    st.sampled_from(["progress", "log", "result", "error", "artifact"]),
    st.dictionaries(
        st.sampled_from(MEMBERS),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()),
    ),
)
def test_no_message_breaks_the_decoder(kind: str, members: dict[str, Any]) -> None:
    items = said({**members, "type": kind})
    assert items
    for item in items:
        if isinstance(item, ProgressMessage) and item.progress.percent is not None:
            assert 0 <= item.progress.percent <= 100


# ---------------------------------------------------------------------- to the worker


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text())), st.text())
def test_a_task_is_one_line(params: dict[str, Any], workdir: str) -> None:
    line = encode_task("0" * 32, "sleeper", params, 2, workdir)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "type": "task",
        "id": "0" * 32,
        "worker": "sleeper",
        "params": params,
        "attempt": 2,
        "workdir": workdir,
    }


def test_cancel_is_one_line() -> None:
    assert json.loads(CANCEL) == {"type": "cancel"}
    assert CANCEL.endswith(b"\n")
