"""tasky version"""

from __future__ import annotations

import click

from .. import __version__
from .invocation import Invocation, emit, json_option, pass_invocation
from .terminal import line


@click.command()
@json_option
@pass_invocation
def version(invocation: Invocation) -> None:
    """Print the version."""
    emit({"version": __version__}) if invocation.json else line(f"tasky {__version__}")
