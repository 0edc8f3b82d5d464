"""What is to be started: the argv, the environment and the task line of an attempt."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..config import tools
from ..model.messages import encode_task
from ..model.params import Masker, expand
from ..model.worker import Input, Protocol, WorkerDefinition
from . import preflight
from .chain import chain, set_apart
from .identity import Identity, identity


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """What to start. `workdir` is the task's own folder, which is there; `masker` hides the secrets in what it says."""

    task_id: str
    definition: WorkerDefinition
    params: Mapping[str, Any]
    attempt: int
    workdir: str
    masker: Masker | None

    @property
    def cwd(self) -> str:
        return self.definition.cwd or self.workdir

    @property
    def keeps_stdin_open(self) -> bool:
        return self.definition.input is Input.OPEN

    def task_line(self) -> bytes:
        """What the worker reads on its stdin; an ordinary program reads nothing."""
        if self.definition.protocol is Protocol.TEXT:
            return b""
        return encode_task(
            self.task_id, self.definition.name, self.params, self.attempt, self.workdir
        )

    def command(
        self, entry: str | None, controllers: Collection[str]
    ) -> tuple[list[str], Mapping[str, str]]:
        """What to execute, and the environment: never a shell. `entry` is the file that takes it into its cgroup first,
        `controllers` what that limits. Raises what starting it would: SpawnError, OSError."""
        definition = self.definition
        argv = [*definition.command, *expand(definition.args, self.params, definition.parameters)]
        who = identity(definition)
        self.give_folder(who)
        before = chain(definition, who, entry=entry, controllers=controllers)
        setting, environment = set_apart(self.environment(), who)
        if (before or setting) and "/" in argv[0]:
            preflight.check(argv[0], self.cwd, who)
        return [*before, *setting, *argv], environment

    def give_folder(self, who: Identity | None) -> None:
        """To the user that it runs as."""
        if who is not None and who.is_other_user:
            os.chown(self.workdir, who.uid, who.gid)

    def environment(self) -> dict[str, str]:
        """PATH, what the definition names, TASKY_*: nothing else of the server's environment."""
        definition = self.definition
        passed = {name: os.environ[name] for name in definition.pass_env if name in os.environ}
        return {
            "PATH": os.environ.get("PATH", tools.PATH),
            **passed,
            **definition.env,
            "TASKY_WORKER": definition.name,
            **self.about_task(),
        }

    def about_task(self) -> dict[str, str]:
        return {
            "TASKY_TASK_ID": self.task_id,
            "TASKY_ATTEMPT": str(self.attempt),
            "TASKY_WORKDIR": self.workdir,
            "TASKY_PROTOCOL": "1",
        }


class Opening(Launch):
    """A process whose task is not known yet: it has an id, and a folder, of its own."""

    @property
    def keeps_stdin_open(self) -> bool:
        return True

    def task_line(self) -> bytes:
        return b""

    def about_task(self) -> dict[str, str]:
        version = 1 if self.definition.reuse is None else 2
        return {"TASKY_PROCESS": self.workdir, "TASKY_PROTOCOL": str(version)}
