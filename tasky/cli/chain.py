"""tasky chain"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from . import values
from .ending import Waiting
from .invocation import Invocation, asks_server
from .submission import Submission, submission_options


@click.command(cls=Waiting)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("params", nargs=-1, metavar="[KEY=TEXT | KEY:=JSON]...")
@submission_options
@asks_server
def chain(invocation: Invocation, file: Path, params: Sequence[str], **given: Any) -> int:
    """Run the chain in FILE, YAML or JSON: its keys are chain, finally, output and params.

    KEY=TEXT and KEY:=JSON are values for its expressions, beside those under params. Prints the task's id; with --wait
    or --follow its result.
    """
    from ..config import read_document  # here, because no other command of a client needs it

    options = Submission.of(given)
    body = dict(read_document(file))
    if params:
        more = values.parameters(values.pairs(params), {})
        body["params"] = {**body.get("params", {}), **more}
    client = invocation.client()
    return options.report(client, invocation, client.submit_chain(body, **options.of_task))
