"""The console examples of a page: what is typed, what it is said to answer, and whether an answer is like that.

Ids, times, sizes and the like are others each time. So of a document the members and the kinds of their values are
compared; of a stream, which events come, and their members; of other text, the words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helpers import REPOSITORY

TASK_ID = re.compile(r"\b01[0-9a-f]{30}\b")
_LISTED = re.compile(r'"TaskId": ?"(\w+)".*?"Status": ?"(\w+)"', re.DOTALL)
#: What a remark behind a command may say.
_TIMES = {"twice": 2, "three times": 3}
#: Something was left out there.
_CUT = re.compile(r"…|\.\.\.")
#: Members that depend on the moment: a task that has just begun has said nothing yet.
_MAY_LACK = {
    *("Progress", "Percent", "Message", "Duration", "Seconds", "Finished", "Next"),
    *(
        "Worker",
        "MeanSeconds",
        "LongestSeconds",
    ),  # of the overview of a server that has run nothing
}


@dataclass(frozen=True)
class Example:
    page: str
    line: int
    command: str
    output: str
    remark: str = ""

    def __str__(self) -> str:
        return f"{Path(self.page).name}:{self.line}"

    @property
    def wants_token(self) -> bool:
        return (
            re.search("token|authorization", self.command + self.remark, re.IGNORECASE) is not None
        )

    @property
    def ids(self) -> list[str]:
        """The tasks that it asks for."""
        return TASK_ID.findall(self.command)

    @property
    def status(self) -> str:
        """What it says of its task."""
        found = re.search(r'"Status": ?"(\w+)"', self.output)
        return found[1] if found else ""

    @property
    def listed(self) -> list[tuple[str, str]]:
        """The ends of the ids of the tasks in a list, and their states; the oldest one first."""
        if re.search(r"/tasks/(\?|'| |$)", self.command):
            found = _LISTED.findall(self.output)
        elif self.command.startswith("tasky ps"):
            found = re.findall(r"^([0-9a-f]{8}) +\S+ +(\w+)", self.output, re.MULTILINE)
        else:
            found = []
        return found[::-1]


def examples(page: str) -> Iterator[Example]:
    """Of all blocks of `console`, each with what follows it up to the next one."""
    text = (REPOSITORY / page).read_text()
    for block in re.finditer(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, block.start(1)) + 1
        for part in re.split(r"^(?=\$ )", block[1], flags=re.MULTILINE):
            command, _, output = part.removeprefix("$ ").partition("\n")
            if part.startswith("$ "):
                command, _, remark = re.sub(r"\s{2,}#", "\0", command).partition("\0")
                command = "\n".join([command] * _TIMES.get(remark.strip(), 1))
                yield Example(page, line, command, output.strip(), remark.strip())
            line += part.count("\n")


def check(documented: str, answer: str) -> None:
    """Raises AssertionError."""
    if not documented:
        return
    if documented.startswith("HTTP/"):
        _check_response(documented, answer)
    elif re.search(r"^(event|retry): ", documented, re.MULTILINE):
        check_events(documented, answer)
    elif (known := _json(documented)) is not None:
        _check_documents(known, _json(answer) or [])
    elif documented[0] in "{[":
        _check_members(documented, answer)
    else:
        assert _words(documented) <= _words(answer), answer


def _json(text: str) -> list[Any] | None:
    """One document, or one on each line."""
    if _CUT.search(re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        return None
    for parts in ([text], text.splitlines()):
        try:
            return [json.loads(part) for part in parts if part]
        except ValueError:
            continue
    return None


def _check_documents(known: list[Any], found: list[Any]) -> None:
    assert len(found) >= len(known), found
    for one, other in zip(known, found, strict=False):
        _check_value(one, other, "")


def _check_value(known: Any, found: Any, where: str) -> None:
    if isinstance(known, dict):
        assert isinstance(found, dict), where
        assert set(known) - set(found) <= _MAY_LACK, f"{where}: {sorted(set(known) - set(found))}"
        assert set(found) - set(known) <= _MAY_LACK, f"{where}: {sorted(set(found) - set(known))}"
        for name in known.keys() & found.keys():
            _check_value(known[name], found[name], f"{where}/{name}")
    elif isinstance(known, list):
        assert isinstance(found, list), where
        if known and found:
            _check_value(known[0], found[0], f"{where}/0")
    elif isinstance(known, (int, float)) and not isinstance(known, bool):
        assert isinstance(found, (int, float)), where
    else:
        assert type(known) is type(found), where
        if where.rpartition("/")[2] in ("Status", "status", "title", "code", "name", "Worker"):
            assert known == found, where


def _check_members(documented: str, answer: str) -> None:
    """Of a document that was shortened."""
    members = set(re.findall(r'"(\w+)": ?', documented))
    assert members - set(re.findall(r'"(\w+)": ?', answer)) <= _MAY_LACK, answer


def _check_response(documented: str, answer: str) -> None:
    head, _, body = answer.replace("\r\n", "\n").partition("\n\n")
    known, _, document = documented.partition("\n\n")
    assert head.partition("\n")[0] == known.partition("\n")[0]
    names = set(re.findall(r"^([\w-]+):", known, re.MULTILINE))
    assert names <= set(re.findall(r"^([\w-]+):", head, re.MULTILINE)), head
    check(document.strip(), body)


def check_events(documented: str, answer: str) -> None:
    """Each kind that is shown comes, with at least these members."""
    known, found = _events(documented), _events(answer)
    assert next(iter(known)) == next(iter(found))
    for kind, data in known.items():
        assert kind in found, f"no event {kind}:\n{answer}"
        assert data.keys() - found[kind].keys() <= _MAY_LACK | {"Output"}, kind


def _events(text: str) -> dict[str, dict[str, Any]]:
    """The members of the data of each kind, together."""
    found: dict[str, dict[str, Any]] = {}
    for block in text.split("\n\n"):
        fields = dict(re.findall(r"^(\w+): ?(.*)$", block, re.MULTILINE))
        if "retry" in fields:
            found["retry"] = {}
        if "event" in fields and "data" in fields:
            found.setdefault(fields["event"], {}).update(json.loads(fields["data"]))
    return found


def _words(text: str) -> set[str]:
    words = re.findall(r"\b[A-Za-z_]{2,}\b", text)
    return {word for word in words if not word.startswith("tsk_")}
