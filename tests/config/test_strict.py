"""The strict loader: what it gives, what it refuses, and that it never fails in another way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tasky.config.strict import MAX_PROBLEMS, MAX_VALUES, parse
from tasky.errors import ConfigError
from tasky.model.fields import Mistake

FILE = Path("x.yaml")
#: libyaml's parser, and the one that serves where PyYAML comes without it.
LOADERS = pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader])


def refusals(text: str, loader: Any = yaml.CSafeLoader) -> list[tuple[int, str]]:
    try:
        problems = parse(text, FILE, loader).problems()
    except ConfigError as error:
        problems = list(error.problems)
    return [(problem.line, problem.key) for problem in problems]


@LOADERS
def test_plain_data(loader: Any) -> None:
    text = """
    text: plain words
    quoted: "12:30"
    block: |
      one
      two
    number: 10
    fraction: -1.5
    yes: true
    1: false
    nothing: null
    list: [a, {b: c}]
    equals: =
    arrow: <<
    """
    document = parse(text, FILE, loader)
    assert document.problems() == []
    assert document.data == {
        "text": "plain words",
        "quoted": "12:30",
        "block": "one\ntwo\n",
        "number": 10,
        "fraction": -1.5,
        "yes": True,
        "1": False,
        "nothing": None,
        "list": ["a", {"b": "c"}],
        "equals": "=",
        "arrow": "<<",
    }


@pytest.mark.case("C5")
@LOADERS
@pytest.mark.parametrize(
    "word",
    ["yes", "No", "ON", "off", "True", "FALSE", "Null", "~", "12:30", "1:30:00", "010", "0b11",
     "0x1f", "1_000", "+5", "1_0.5", ".5", "1.", "1:30.5", ".inf", "-.INF", ".nan", "1e3", "1.5e3",
     "2024-01-01", "2024-13-45", "2024-01-01 10:00:00"],
)  # fmt: skip
def test_surprise(word: str, loader: Any) -> None:
    assert refusals(f"a: [{word}, {word}]", loader) == [(1, "a[0]"), (1, "a[1]")]
    assert parse(f'a: "{word}"\n{word}: b', FILE, loader).data == {"a": word, word: "b"}


@pytest.mark.case("C5")
@LOADERS
@pytest.mark.parametrize("word", ["9" * 5000, "0x" + "f" * 5000, "1:" * 5000 + "1", "1e999"])
def test_a_number_beyond_all_reason(word: str, loader: Any) -> None:
    text = f"a: {word}"
    assert refusals(text, loader) in ([(1, "a")], [])
    assert len("".join(map(str, parse(text, FILE, loader).problems()))) < 500


@pytest.mark.case("C2", "C3", "C4")
@LOADERS
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x b", [(1, "a")]),
        ("a: *x", [(1, "a")]),
        ("a: &x [*x]", [(1, "a"), (1, "a[0]")]),
        ("&x a: b", [(1, "")]),
        ("a: !!str b", [(1, "a")]),
        ("a: ! b", [(1, "a")]),
        ("!x\na: b", [(1, "")]),
        ("a:\n  b: 1\n  b: 2\n  b: 3", [(3, "a.b"), (4, "a.b")]),
        ("<<: {a: &b c}", [(1, '"<<"')]),
        ("a: b\n---\nc: d", [(2, "")]),
        ("a: b\n...\nc: d", [(3, "")]),
        ("", [(0, "")]),
        ("just words", [(1, "")]),
        ("a: {b", [(1, "")]),
        ("a: no\nb: [", [(1, "a"), (2, "")]),
    ],
)
def test_refusal(text: str, expected: list[tuple[int, str]], loader: Any) -> None:
    assert refusals(text, loader) == expected


@LOADERS
def test_half_a_surrogate_pair(loader: Any) -> None:
    assert refusals('a: "\\ud800"', loader)


@pytest.mark.case("C2")
@LOADERS
def test_a_tag_runs_nothing(tmp_path: Path, loader: Any) -> None:
    trace = tmp_path / "trace"
    for call in (f"os.system ['touch {trace}']", f"subprocess.check_call [[touch, '{trace}']]"):
        assert refusals(f"a: !!python/object/apply:{call}", loader) == [(1, "a")]
    assert not trace.exists()


@pytest.mark.case("C3")
def test_an_alias_bomb_is_not_unfolded() -> None:
    lines = ['a0: &a0 ["lol"]']
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert len(refusals("\n".join(lines))) == MAX_PROBLEMS


@pytest.mark.case("C3")
def test_merge_bomb() -> None:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    assert (2, 'a1."<<"') in refusals("\n".join(lines))


@pytest.mark.case("C6")
@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_depth(opening: str) -> None:
    assert refusals(opening * 100_000) != []


@pytest.mark.case("C3")
def test_too_many_values() -> None:
    assert refusals(f"a:\n  [{'1,' * MAX_VALUES}]") == [(2, f"a[{MAX_VALUES - 2}]")]


def test_a_mistake_is_at_its_value_and_a_missing_key_at_its_parent() -> None:
    document = parse("a:\n  b:\n    [1,\n     x]\n  c:\n    d: 1\n", FILE)
    mistakes = [
        Mistake(("a", "b", 1), "1"),
        Mistake(("a", "b"), "2", at_key=True),
        Mistake(("a", "c"), "3"),
        Mistake(("a", "c", "e", "f"), "4"),
        Mistake((), "5"),
    ]
    places = [document.problem(mistake) for mistake in mistakes]
    assert [(place.line, place.column, place.key) for place in places] == [
        (4, 6, "a.b[1]"),
        (2, 3, "a.b"),
        (5, 3, "a.c"),
        (5, 3, "a.c.e.f"),
        (1, 1, ""),
    ]


def test_nothing_more_is_said_of_a_value_that_was_refused() -> None:
    document = parse("a: no\nb: &x 1", FILE)
    problems = document.problems([Mistake(("a",), "wrong"), Mistake(("b",), "wrong, too")])
    assert [(problem.key, problem.message[:8]) for problem in problems] == [
        ("a", "YAML rea"),
        ("b", "anchors "),
        ("b", "wrong, t"),
    ]


# ---------------------------------------------------------------------- hypothesis

words = st.text(st.characters(exclude_characters="\x85\u2028\u2029", codec="utf-8"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)
yaml_scraps = st.lists(
    st.sampled_from(
        ["a", "b: ", ": ", "- ", "? ", "[", "]", "{", "}", ", ", "&a ", "*a", "!!int ", "<<: ", "|", ">",
         "'", '"', "\n", "\n  ", "\t", "#", "%", "@", "---\n", "...\n", "1:30", "~", "no", "\\", "%YAML 1.1\n"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@pytest.mark.case("C1", "C6")
@given(st.text() | yaml_scraps)
@example("a: !<tag:yaml.org,2002:int> 1")
@example("%TAG ! tag:x,2000:\n---\na: !y b")
@example("a: 0x")
@example("a: 0b_")
@example('a: "\\U00110000"')
def test_any_text_is_data_or_a_config_error(text: str) -> None:
    for loader in (yaml.CSafeLoader, yaml.SafeLoader):
        try:
            document = parse(text, FILE, loader)
        except ConfigError:
            continue
        json.dumps(document.data, allow_nan=False)
        for problem in document.problems():
            assert problem.line > 0


@given(st.dictionaries(words, json_values, max_size=5))
def test_json_is_what_it_says(value: dict[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False)
    try:
        document = parse(text, FILE)
    except ConfigError:
        # YAML has no place for some characters, and simple keys are short.
        assert not text.isprintable() or len(text) > 1000
    else:
        assert document.problems() == []
        assert document.data == value
