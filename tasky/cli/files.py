"""tasky files"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click

from . import completion
from .ids import resolve
from .invocation import Invocation, asks_server, emit
from .shapes import file_line
from .terminal import OutputError, line, put


@click.command()
@click.argument("task", shell_complete=completion.tasks)
@click.argument("path", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the file there instead of to standard output.")  # fmt: skip
@asks_server
def files(invocation: Invocation, task: str, path: str | None, output: Path | None) -> None:
    """List the files that a task left, or fetch the one at PATH."""
    if output is not None and path is None:
        raise click.UsageError("--output needs the PATH of a file")
    client = invocation.client()
    task_id = resolve(client, task)
    if path is None:
        for document in client.files(task_id):
            emit(document) if invocation.json else line(file_line(document))
    elif output is None:
        for piece in client.file(task_id, path):
            put(piece)
    else:
        _save(client.file(task_id, path), output)


def _save(pieces: Iterator[bytes], output: Path) -> None:
    """All of it, or nothing: `output` is replaced when the last byte has come."""
    part = output.with_name(f".{output.name}.part")
    first = next(pieces, b"")  # before a file is made: the server may refuse
    try:
        with part.open("wb") as file:
            file.write(first)
            file.writelines(pieces)
        part.replace(output)
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
