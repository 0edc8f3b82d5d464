"""What docs/webhooks.md shows is so."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tasky.config import load_settings, load_workers, read_secret
from tasky.model.delivery import ATTEMPTS, signed_headers
from tasky.model.notify import MAX_HOOKS, End
from tasky.service import delivery, notifier
from tests.helpers import REPOSITORY

PAGE = (REPOSITORY / "docs/webhooks.md").read_text()
BODY = '{"type":"task.completed","data":{"Name":"Zoë"}}'.encode()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Made as the page says, in the folder where its examples are run."""
    monkeypatch.chdir(tmp_path)
    (line,) = blocks("sh")
    subprocess.run(["sh", "-c", line], check=True)
    (key,) = read_secret(tmp_path / "webhooks.secret")
    assert len(key) == 32
    return key


def signed(key: bytes, age: int = 0, keys: tuple[bytes, ...] = ()) -> dict[str, str]:
    return dict(signed_headers("msg_1_0", int(time.time()) - age, BODY, [*keys, key]))


def test_python(secret: bytes) -> None:
    names: dict[str, Any] = {"__name__": "receiver"}
    (code,) = blocks("python")
    exec(compile(code, "receiver.py", "exec"), names)
    verify = names["verify"]
    assert verify(signed(secret), BODY)
    assert verify(signed(secret, keys=(b"o" * 32,)), BODY)
    assert not verify(signed(b"o" * 32), BODY)
    assert not verify(signed(secret), BODY + b" ")
    assert not verify(signed(secret) | {"webhook-id": "msg_2_0"}, BODY)
    assert not verify(signed(secret, age=400), BODY)


def test_bash(secret: bytes, tmp_path: Path) -> None:
    (code,) = blocks("bash")
    program = tmp_path / "verify.sh"
    program.write_text(code)

    def verify(headers: dict[str, str], body: bytes) -> bool:
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        argv = ["bash", str(program), *(headers[name] for name in names)]
        return subprocess.run(argv, input=body, check=False).returncode == 0

    assert verify(signed(secret), BODY)
    assert verify(signed(secret, keys=(b"o" * 32,)), BODY)
    assert not verify(signed(b"o" * 32), BODY)
    assert not verify(signed(secret), BODY + b" ")
    assert not verify(signed(secret, age=400), BODY)


def test_the_definition_and_the_settings(tmp_path: Path) -> None:
    definition, *settings = blocks("yaml")
    (tmp_path / "report.yaml").write_text(definition)
    workers, problems = load_workers(tmp_path, kill_grace=1)
    assert problems == []
    assert [len(hook.on) for hook in workers["report"].notify] == [3, 2]
    for number, text in enumerate(settings):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        assert load_settings(file, {}).webhooks


def test_the_numbers() -> None:
    for said in (
        f"{ATTEMPTS} attempts", f"{delivery.TIMEOUT:g} s for all", f"up to {MAX_HOOKS} times",
        f"up to {delivery._MOST_READ >> 10} KiB are read",
    ):  # fmt: skip
        assert said in PAGE
    words = {2: "two", 4: "four"}
    assert f"At most {words[notifier.DELIVERIES]} deliveries" in PAGE
    assert f"{words[notifier.PER_ORIGIN]} to the same host and port" in PAGE
    assert f"{words[int(notifier._LAST)]} seconds" in PAGE
    for end in End:
        assert f"`task.{end}`" in PAGE
