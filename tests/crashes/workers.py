"""Workers of every kind, each with a witness: it says when it starts, and that no other tree of its task is alive.

They are shell scripts, which start in a millisecond.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any, Final

from tests.helpers import write_definition

#: Held by each process of the tree until it ends, for it is inherited. A second tree finds it taken.
_WITNESS: Final = """\
exec 9>>"$WITNESS/locks/$TASKY_TASK_ID"
flock -n 9 || echo "two trees at once: $TASKY_TASK_ID attempt $TASKY_ATTEMPT" >>"$WITNESS/violations"
echo "$TASKY_TASK_ID $TASKY_ATTEMPT $$" >>"$WITNESS/starts"
"""

MOST_ATTEMPTS: Final = 100
#: Of a worker that runs again when the server died under it. It may be unlucky often.
_AGAIN: Final = {"attempts": MOST_ATTEMPTS, "delay": "20ms", "on": ["exit", "lost"]}

_DAEMON: Final = """
trap '' TERM
(setsid sh -c '(setsid sleep 600 &)' >/dev/null 2>&1 &)
echo away
"""

#: What it leaves behind would still hold its lock when the next attempt begins.
_STAYER: Final = f"{_DAEMON}\nsleep 0.0$(($$ % 10))"

_STUBBORN: Final = """
trap '' TERM
sleep 600
"""

_FLAKY: Final = """
sleep 0.02
[ "$TASKY_ATTEMPT" -gt 1 ]
"""

_SENDER: Final = """
for percent in 10 50 90; do
    echo '{"type":"progress","percent":'$percent'}'
    echo "at $percent" >&2
    sleep 0.3
done
echo '{"type":"result","output":"'$TASKY_TASK_ID'"}'
"""

_ARTIST: Final = """
mkdir -p deep
echo $TASKY_TASK_ID >one.txt
echo $TASKY_TASK_ID >deep/two.txt
echo '{"type":"artifact","path":"one.txt"}'
echo '{"type":"artifact","path":"deep/two.txt"}'
echo 'drawn' >&2
echo '{"type":"result","output":"'$TASKY_TASK_ID'"}'
"""

#: What was sent with it comes back, from its second attempt.
_READER: Final = """
[ "$TASKY_ATTEMPT" -gt 1 ] || exit 1
echo '{"type":"result","output":"'$(cat upload-1)'"}'
"""

_TEXT: Final[dict[str, Any]] = {"protocol": "text"}
_RESULT: Final[dict[str, Any]] = {"protocol": "jsonl"}

#: What each does, and its definition.
KINDS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "quick": ("echo hello", _TEXT),
    "long": ("sleep 0.4", _TEXT),
    "daemon": (_DAEMON, _TEXT),
    "stubborn": (_STUBBORN, _TEXT | {"timeout": "500ms", "kill_grace": "50ms"}),
    "flaky": (_FLAKY, _TEXT | {"retry": _AGAIN}),
    "sender": (_SENDER, _RESULT),
    "stayer": (_STAYER, _TEXT | {"retry": _AGAIN}),
    "artist": (_ARTIST, _RESULT),
    "reader": (
        _READER,
        _RESULT | {"retry": _AGAIN, "params": {"file": {"type": "string", "format": "file"}}},
    ),
}
#: A chain, whose steps are done by a worker of their own.
CHAINED: Final = "chained"
LINK: Final = "link"
_STEP: Final = {"worker": LINK, "retry": {"attempts": MOST_ATTEMPTS, "on": ["lost"]}}
#: Its steps, with how many tasks of each complete.
STEPS: Final = {"a": 1, "b": 3, "c": 1, "z": 1}
_CHAIN: Final[dict[str, Any]] = {
    "chain": {
        "a": _STEP,
        "b": {**_STEP, "for_each": [1, 2, 3], "max_parallel": 2},
        "c": {**_STEP, "needs": ["a"]},
    },
    "finally": {"z": _STEP},
}
#: It runs by itself, and every time that is due counts.
TICKER: Final = "ticker"
_TICKER: Final[dict[str, Any]] = _TEXT | {
    "schedule": {"every": "1s", "overlap": "queue", "catch_up": "all"}
}
#: Those that run again when the server died under them.
RETRIED: Final = frozenset({"flaky", "stayer", "reader", CHAINED})
#: It is sent a file with the key of its submission.
READER: Final = "reader"
#: Those that say their task's id as the result.
SIGNED: Final = frozenset({"sender", "artist"})
#: For a test that needs one which lives as long as nobody ends it.
ORPHAN: Final = "orphan"
#: Never run: only enabled and disabled.
SWITCH: Final = "switch"


def write_workers(folder: Path, witness: Path) -> None:
    """A workers.d in `folder`; what the workers witness goes into `witness`."""
    folder.mkdir()
    (witness / "locks").mkdir(parents=True)
    orphan = (_STUBBORN, _TEXT | {"kill_grace": "50ms"})
    link = ("echo linked", _TEXT)
    ticker = ("echo tick", _TICKER)
    for name, (script, definition) in {**KINDS, ORPHAN: orphan, LINK: link, TICKER: ticker}.items():
        _write(folder, name, _WITNESS + script)
        write_definition(
            folder, name, command=[f"./{name}.sh"], env={"WITNESS": str(witness)}, **definition
        )
    write_definition(folder, CHAINED, **_CHAIN)
    write_definition(folder, SWITCH, command=["/bin/true"], protocol="text")


def _write(folder: Path, name: str, script: str) -> None:
    program = folder / f"{name}.sh"
    program.write_text(f"#!/bin/sh\n{textwrap.dedent(script)}")
    program.chmod(0o755)
