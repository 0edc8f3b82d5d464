"""The definition of a worker, and how it is made from the document that a file holds. Pure.

What only the machine can tell (is the command there, may it be run, does the user exist) is asked by tasky.config.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from . import sections
from .arguments import placeholders
from .chain import AD_HOC
from .chain.fitting import check_given
from .chain.parsing import KEYS as CHAIN_KEYS
from .chain.parsing import parse_plan
from .chain.plan import Plan
from .fields import (
    Mistake,
    Section,
    Wrong,
    duration,
    flag,
    integer,
    list_of,
    mapping,
    mapping_of,
    one_of,
    quoted,
    text,
    wrong,
)
from .limits import Limits
from .notify import Hook, hooks
from .params import Parameters, check_args, schema_problems
from .retry import Retry
from .reuse import Reuse
from .schedule import Schedule, parse_schedule

#: The grace where nothing else is said, in ns.
KILL_GRACE: Final = 10 * 1_000_000_000
#: The most that max_tasks takes.
MAX_TASKS: Final = 100_000
#: The most that warm takes: each is a process.
MAX_WARM: Final = 1000

KEYS: Final = (
    "name",
    "description",
    "usage",
    "command",
    "protocol",
    "args",
    "input",
    "warm",
    "reuse",
    "params",
    "enabled",
    "max_tasks",
    "timeout",
    "kill_grace",
    "env",
    "pass_env",
    "user",
    "group",
    "umask",
    "nice",
    "no_new_privs",
    "cwd",
    "limits",
    "retry",
    "notify",
    "schedule",
    *CHAIN_KEYS,
)
#: What is said of a process, and so of no chain.
_OF_A_PROCESS: Final = (
    "command", "protocol", "args", "input", "kill_grace", "env", "pass_env", "user", "group", "umask", "nice",
    "no_new_privs", "cwd", "limits", "warm", "reuse",
)  # fmt: skip

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_NAME_RULE: Final = "a-z, 0-9, _ and -, at most 64, the first one a letter or a digit"


class Protocol(StrEnum):
    """How a worker talks to the server."""

    JSONL = "jsonl"  #: JSON lines on its stdin and stdout
    TEXT = "text"  #: any ordinary program: nothing on stdin, parameters in its arguments, output kept as text


class Input(StrEnum):
    """What becomes of a worker's stdin after the task line."""

    CLOSED = "closed"
    OPEN = "open"  #: kept open for `cancel` and for messages


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerDefinition:
    """A worker as its file defines it. Durations are nanoseconds; `command[0]` is an absolute path once loaded, and a
    `chain` has none; `max_tasks` 0 means no limit of its own, `cwd` None a fresh folder of the task's own; `user`,
    `group` and `umask` None those of the server, to whose niceness `nice` is added; `warm` is how many processes wait
    for a task."""

    name: str
    command: tuple[str, ...]
    description: str = ""
    usage: str = ""
    protocol: Protocol = Protocol.JSONL
    args: tuple[str, ...] = ()
    input: Input = Input.CLOSED
    warm: int = 0
    reuse: Reuse | None = None
    parameters: Parameters = field(default_factory=lambda: Parameters({}))
    enabled: bool = True
    max_tasks: int = 0
    timeout: int | None = None
    kill_grace: int = KILL_GRACE
    env: Mapping[str, str] = field(default_factory=dict)
    pass_env: tuple[str, ...] = ()
    user: str | None = None
    group: str | None = None
    umask: int | None = None
    nice: int = 0
    no_new_privs: bool = False
    cwd: str | None = None
    limits: Limits = field(default_factory=Limits)
    retry: Retry = field(default_factory=Retry)
    notify: tuple[Hook, ...] = ()
    chain: Plan | None = None
    schedule: Schedule | None = None

    @property
    def waits(self) -> bool:
        """Whether its processes may be started before their task is known."""
        return self.warm > 0 or self.reuse is not None


def ad_hoc() -> WorkerDefinition:
    """Of the chains that clients send: each of them brings a plan of its own."""
    return WorkerDefinition(name=AD_HOC, command=(), chain=Plan(steps={}))


@dataclass(frozen=True, slots=True)
class Draft:
    """What a document says. With mistakes the definition must not be used: it has defaults in their places, so that
    what is right in it can still be checked against the machine."""

    definition: WorkerDefinition
    mistakes: Sequence[Mistake]


def parse_worker(document: Mapping[str, Any], *, stem: str, kill_grace: int = KILL_GRACE) -> Draft:
    """The definition in a document, with every mistake at once. `stem` is the file's name without its suffix, the
    worker's name if the document gives none; `kill_grace` (ns) the default of that key."""
    keys = Section(document, KEYS)
    protocol = keys.get("protocol", one_of(Protocol), Protocol.JSONL)
    schemas = keys.get("params", _schemas, {})
    args = keys.get("args", list_of(_argument, '["--to", "{destination}"]'), ())
    definition = WorkerDefinition(
        name=keys.get("name", _name, "") if "name" in keys else _name_of_file(stem, keys),
        command=keys.get("command", _command, ()),
        description=keys.get("description", text, "").strip(),
        usage=keys.get("usage", text, ""),
        protocol=protocol,
        args=args,
        input=keys.get("input", one_of(Input), Input.CLOSED),
        warm=keys.get("warm", integer(0, MAX_WARM), 0),
        reuse=sections.reuse(keys),
        parameters=_parameters(schemas, args, protocol, keys),
        enabled=keys.get("enabled", flag, True),
        max_tasks=keys.get("max_tasks", integer(0, MAX_TASKS), 0),
        timeout=keys.get("timeout", duration(low=1), None),
        kill_grace=keys.get("kill_grace", duration(), kill_grace),
        env=MappingProxyType(keys.get("env", mapping_of(text, sections.check_variable), {})),
        pass_env=keys.get("pass_env", sections.pass_env, ()),
        user=keys.get("user", sections.filled, None),
        group=keys.get("group", sections.filled, None),
        umask=keys.get("umask", sections.umask, None),
        nice=keys.get("nice", sections.nice, 0),
        no_new_privs=keys.get("no_new_privs", flag, False),
        cwd=keys.get("cwd", sections.absolute, None),
        limits=sections.limits(keys),
        retry=sections.retry(keys),
        notify=keys.get("notify", hooks, ()),
        chain=parse_plan(keys, schemas) if "chain" in keys else None,
        schedule=parse_schedule(keys),
    )
    _check_together(keys, definition)
    return Draft(definition, tuple(keys.mistakes))


def _check_together(keys: Section, definition: WorkerDefinition) -> None:
    """What the keys say of each other."""
    if definition.name == AD_HOC:
        keys.reject("name", f"{AD_HOC} is kept for the chains that clients send: choose another")
    _check_schedule(keys, definition)
    if "chain" in keys:
        for key in _OF_A_PROCESS:
            if key in keys:
                keys.reject(key, "is for a program, and a chain has none of its own", at_key=True)
        return
    for key in CHAIN_KEYS[1:]:
        if key in keys:
            keys.reject(key, "is for a chain: it goes with chain", at_key=True)
    if "command" not in keys:
        keys.reject("command", "is missing: the program to run, such as command: [./copyfile.py]")
    for index, element in enumerate(definition.command):
        if element[:1] + element[-1:] == "{}" and element[1:-1] in definition.parameters.names:
            message = f"{element} is filled in by args (with protocol: text), not in command"
            keys.add(("command", index), [Mistake((), message)])
    if definition.input is Input.OPEN and definition.protocol is Protocol.TEXT:
        keys.reject("input", "only a jsonl worker has input: with protocol text, stdin is empty")
    for index, name in enumerate(definition.pass_env):
        if name in definition.env:
            keys.add(("pass_env", index), [Mistake((), f"{name} is set by env: name it once")])
    _check_waiting(keys, definition)


def _check_waiting(keys: Section, definition: WorkerDefinition) -> None:
    """A process that waits learns on stdin what its task is: there is no other way by then."""
    if definition.protocol is Protocol.TEXT:
        for key in ("warm", "reuse"):
            if key in keys:
                message = "only a jsonl worker can wait for its task: with protocol text, it is in the arguments"
                keys.reject(key, message, at_key=True)
    if definition.reuse is not None and definition.input is Input.OPEN:
        message = "cannot be open with reuse: what comes on stdin after a task is the next one"
        keys.reject("input", message)
    if 0 < definition.max_tasks < definition.warm:
        message = f"must not be above max_tasks, which is {definition.max_tasks}"
        keys.reject("warm", message)


def _check_schedule(keys: Section, definition: WorkerDefinition) -> None:
    if definition.schedule is None or keys.has_mistake("params"):
        return
    given = definition.schedule.params
    place = ("schedule", "params") if given else ("schedule",)
    takes = definition.parameters

    def misfits(name: str, value: Any) -> list[str]:
        return [violation.detail for violation in takes.misfits(name, value)]

    keys.add(place, check_given(given, takes, "the worker", misfits))


# ---------------------------------------------------------------------- parameters and arguments


def _schemas(value: Any) -> Mapping[str, Any]:
    schemas = mapping(value)
    found = [Mistake(path, message) for path, message in schema_problems(schemas)]
    if found:
        raise Wrong(*found)
    return schemas


def _parameters(
    schemas: Mapping[str, Any], args: Sequence[str], protocol: Protocol, keys: Section
) -> Parameters:
    """The parameters; mistakes in how args use them go to `keys`."""
    if keys.has_mistake("protocol"):
        return Parameters({})
    if protocol is Protocol.JSONL:
        if "args" in keys:
            keys.reject(
                "args",
                "is for protocol: text. A jsonl worker gets its parameters as JSON on stdin;"
                " arguments that never change belong in command",
                at_key=True,
            )
        return Parameters(schemas)
    if keys.has_mistake("params") or keys.has_mistake("args"):
        return Parameters({})
    parameters = Parameters(schemas)
    found = [
        Mistake(("args", index), problem)
        for index, element in enumerate(args)
        for problem in check_args([element], parameters)
    ]
    if not found:
        found = [
            Mistake(("params", name), _UNUSED.format(name=name), at_key=True)
            for name in sorted(schemas.keys() - placeholders(args))
        ]
    keys.add((), found)
    return Parameters({}) if found else Parameters(schemas, args)


_UNUSED: Final = (
    "goes nowhere: a text worker gets its parameters in its arguments only."
    ' Put "{{{name}}}" in args, or remove the parameter'
)


# ---------------------------------------------------------------------- values


def _name(value: Any) -> str:
    name = text(value)
    if not _NAME.fullmatch(name):
        raise wrong(f"{quoted(name)} is not a name for a worker: {_NAME_RULE}")
    return name.lower()


def _name_of_file(stem: str, keys: Section) -> str:
    try:
        return _name(stem)
    except Wrong:
        keys.reject("name", f"is missing, and the file's own is not a name: {_NAME_RULE}")
        return ""


def _command(value: Any) -> tuple[str, ...]:
    example = f"[{value}]" if isinstance(value, str) else "[./copyfile.py]"
    argv = list_of(text, example)(value)
    if not argv or not argv[0]:
        raise wrong(f"must begin with the program to run, as in {example}")
    program = argv[0]
    if "/" in program and not program.startswith(("/", "./", "../")):
        home = " (~ is not expanded)" if program.startswith("~") else ""
        raise wrong(
            f"{quoted(program)}{home} is neither an absolute path nor a name to look up in PATH;"
            f" relative to this file it is {quoted(f'./{program}')}",
            0,
        )
    return argv


def _argument(value: Any) -> str:
    if isinstance(value, Mapping) and list(value.values()) == [None]:  # {destination} is YAML
        raise wrong(f'a placeholder is written in quotes: "{{{next(iter(value))}}}"')
    return text(value)
