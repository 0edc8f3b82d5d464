"""Schemathesis asks a real server all that its description says, and much that it does not: all checks, in all phases,
the stateful one too. `scripts/test --all` asks more, and as much where there is no authentication; else what comes of
generated values is asked with it only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import REPOSITORY, Server, serving, write_worker

#: For each operation and phase.
FEW, MANY = 3, 100
#: The token by which it is known: see the hooks.
OURS = "ours"
HERE = Path(__file__).parent
#: A worker of each kind: what they do with their parameters is nothing, at once.
TEXT = {"type": "string"}
TYPED = {
    "source": TEXT | {"minLength": 1, "maxLength": 20, "examples": ["/etc/hosts"]},
    "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 1},
    "mode": {"enum": ["fast", "slow"], "default": "fast"},
    "tags": {"type": "array", "items": TEXT | {"maxLength": 5}, "maxItems": 3, "default": []},
    "inner": {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/number"}},
        "required": ["a"],
        "additionalProperties": False,
        "$defs": {"number": {"type": "number"}},
        "default": {"a": 1},
    },
    "password": TEXT | {"secret": True, "default": ""},
}
ARGUMENTS = {
    "word": TEXT,
    "number": {"type": "integer", "default": 1},
    "files": {"type": "array", "items": TEXT, "default": []},
    "dashed": TEXT | {"leading_dash": True, "default": ""},
}
LEAVES = """
import json
open("out.txt", "w").write("text")
print(json.dumps({"type": "artifact", "path": "out.txt", "media_type": "text/plain"}))
print(json.dumps({"type": "progress", "percent": 50}))
print(json.dumps({"type": "log", "level": "info", "message": "all well", "n": 1}))
print(json.dumps({"type": "result", "output": {"a": [1]}}))
"""


@pytest.fixture
def workers(tmp_path: Path) -> Path:
    folder = tmp_path / "workers.d"
    args = ["{word}", "{number}", "{files}", "{dashed}"]
    write_worker(folder, "typed", "", description="Takes much.", usage="As you like.", params=TYPED)
    write_worker(folder, "plain", "print(1)", protocol="text", args=args, params=ARGUMENTS)
    write_worker(folder, "leaves", LEAVES)
    write_worker(folder, "fails", "raise SystemExit(3)")
    table = {"type": "string", "format": "file"}
    write_worker(
        folder, "reads", "", params={"table": table, "n": {"type": "integer", "default": 2}}
    )
    return folder


@pytest.fixture(params=["open", "tokens"])
def asked(
    request: pytest.FixtureRequest, workers: Path, tmp_path: Path
) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server without and with authentication, and the headers of who may do everything."""
    state = tmp_path / "state"
    if request.param == "open":
        with serving(workers, state) as server:
            yield server, {}
        return
    with serving(workers, state, TASKY_AUTH="true", TASKY_PROXY_TRUSTED="127.0.0.1") as server:
        command = ["token", "create", "--name", OURS, "--scope", "admin"]
        made = subprocess.run(
            [sys.executable, "-m", "tasky", *command],
            env=os.environ | {"TASKY_STATE_DIR": str(state)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        yield server, {"Authorization": f"Bearer {made.stdout.strip()}"}


@pytest.mark.long
def test_the_server_is_as_it_is_described(
    asked: tuple[Server, dict[str, str]], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server, given = asked
    headers = [text for name, value in given.items() for text in ("--header", f"{name}: {value}")]
    examples, seed = FEW, ["--seed", "4"]  # the same each time, unless there is time for chance
    if request.config.getoption("--all"):
        examples, seed = MANY, []
    elif not given:
        seed += ["--phases", "examples,stateful"]
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(HERE / "schemathesis.toml"), "run", *headers),
            *("--checks", "all", "--max-examples", str(examples), *seed, "--request-timeout", "30"),
            *("--generation-database", "none", "--no-color"),
            f"{server.url}/tasky/v1/openapi.json",
        ],
        cwd=tmp_path,
        env=os.environ
        | {
            "SCHEMATHESIS_HOOKS": "tests.end_to_end.schemathesis_hooks",
            "PYTHONPATH": str(REPOSITORY),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(ran.stdout)
    assert ran.returncode == 0
    assert "Stateful" in ran.stdout
    assert server.request("GET", "/whoami", **given).status == 200, "it still knows us"
    assert "Traceback" not in server.logged
