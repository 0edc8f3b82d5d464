"""The command line as a whole: its commands, and the boundary where errors become messages and exit statuses."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any, Final

import click

from .. import __version__
from ..client import ApiError, ClientError
from ..errors import TaskyError
from .actions import cancel, delete, pause, restart, resume
from .advice import advice
from .chain import chain
from .check import check
from .db import db
from .doctor import doctor
from .events import events
from .exits import MEANINGS, Exit, of_error
from .files import files
from .invocation import Invocation, json_option, server_options
from .log import log
from .login import login, logout, whoami
from .ps import ps
from .result import result
from .run import run
from .serve import serve
from .shells import install
from .show import show
from .terminal import complain, give_up_output, say
from .token import token
from .top import top
from .upgrade import upgrade
from .version import version
from .workers import disable, enable, workers

_COMMANDS: Final = (
    *(serve, upgrade, check, doctor),
    *(workers, enable, disable),
    *(run, chain, ps, top, show, log, events, result, files),
    *(cancel, pause, resume, restart, delete),
    *(login, logout, whoami),
    *(token, db, version),
)
_EXITS: Final = "\n".join(f"  {int(code):>3}  {meaning}" for code, meaning in MEANINGS.items())
_EPILOG: Final = f"""\
A TASK is the id of a task, or the last digits of it, at least 4.

\b
Exit status:
{_EXITS}
"""


class _Tasky(click.Group):
    """Lists its commands in the order in which they are met."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            give_up_output()
            return Exit.PIPE
        except KeyboardInterrupt:
            return Exit.INTERRUPTED
        except ClientError as error:
            invocation = ctx.find_object(Invocation)
            target = invocation.target if invocation is not None else None
            _tell(error, advice(error, target) if target is not None else "")
            return of_error(error)


@click.group(
    cls=_Tasky,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="tasky", message="%(prog)s %(version)s")
@json_option
def tasky() -> None:
    """Turns any executable into an API: run it, watch it, pause it, cancel it, fetch its result."""
    click.get_current_context().ensure_object(
        Invocation
    )  # one for all, also for what an error is told with


server_options(tasky)
install()
for command in _COMMANDS:
    tasky.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command, and gives its exit status (see `exits`)."""
    try:
        return int(tasky.main(arguments, prog_name="tasky", standalone_mode=False) or Exit.OK)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return Exit.INTERRUPTED
    except TaskyError as error:
        _tell(error)
        return of_error(error)
    except Exception:  # noqa: BLE001 - the boundary: whatever is not expected is a bug
        traceback.print_exc()
        say(f"tasky: this is a bug in tasky {__version__}: please report it with the lines above")
        return Exit.BUG


def _tell(error: TaskyError, remark: str = "") -> None:
    """Several things that are wrong are told one a line, each with its place."""
    violations = error.errors if isinstance(error, ApiError) else ()
    if len(violations) < 2:
        complain("\n".join(filter(None, (error.message, remark))))
        return
    lines = (f"{one.pointer or one.parameter or ''}: {one.detail}" for one in violations)
    complain("\n".join([f"{len(violations)} mistakes:", *lines]))
