"""Completion scripts for the shells: click's, that add no space behind `name=`."""

from __future__ import annotations

from typing import ClassVar, Final

from click.shell_completion import BashComplete, ZshComplete, add_completion_class

# If a later click writes these lines in another way, a space is added, and that is all.
_BASH: Final = "            COMPREPLY+=($value)\n"
_ZSH: Final = '            if [[ "$descr" == "_" ]]; then\n'


class _Bash(BashComplete):
    source_template: ClassVar[str] = BashComplete.source_template.replace(
        _BASH, f"{_BASH}            [[ $value == *= ]] && compopt -o nospace\n"
    )


class _Zsh(ZshComplete):
    source_template: ClassVar[str] = ZshComplete.source_template.replace(
        _ZSH,
        '            if [[ "$key" == *= ]]; then\n'
        "                compadd -U -V unsorted -S '' -- \"$key\"\n"
        '            elif [[ "$descr" == "_" ]]; then\n',
    )


def install() -> None:
    add_completion_class(_Bash)
    add_completion_class(_Zsh)
