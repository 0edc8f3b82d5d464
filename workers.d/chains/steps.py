#!/usr/bin/env -S python3 -IS
"""The work of the steps: each function is that of the worker of its name (`command: [./steps.py, pack]`).

Speaks the protocol of docs/protocol.md by itself: it needs nothing but Python.
"""

import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tarfile
import time
import zipapp
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

CHUNK = 1 << 20
#: Of an archive: when it was packed. So their names sort by time.
STAMP = "%Y%m%dT%H%M%S.%fZ"
STAMPED = r"-\d{8}T\d{6}\.\d{6}Z\.tar\.gz"


class Failure(Exception):
    """What the task is to say of its failure."""


def say(**message: object) -> None:
    print(json.dumps(message), flush=True)


# ---------------------------------------------------------------------- archive


def pack(folder: str, into: str) -> dict[str, object]:
    """A tar.gz of `folder` in the folder `into`, under a name with the time."""
    source, store = Path(folder).resolve(strict=True), Path(into).resolve(strict=True)
    if store.is_relative_to(source):
        raise Failure(f"{store} is in {source}: the archive would have itself in it")
    name = source.name or "root"
    path = store / f"{name}-{datetime.now(UTC).strftime(STAMP)}.tar.gz"
    with beside(path) as temporary, tarfile.open(temporary, "w:gz") as archive:
        archive.add(source, arcname=name)
    return {"path": str(path), "name": name, "bytes": path.stat().st_size}


def checksum(path: str) -> dict[str, str]:
    """Beside the file, one that `sha256sum --check` reads."""
    found = sha256(Path(path))
    with beside(Path(f"{path}.sha256")) as temporary:
        temporary.write_text(f"{found}  {Path(path).name}\n")
    return {"sha256": found}


def copy(path: str, sha256: str, into: str) -> dict[str, str]:
    """The file and its checksum into another folder: what is there is what was read."""
    source, target = Path(path), Path(into).resolve(strict=True) / Path(path).name
    with beside(target) as temporary:
        found = hashlib.sha256()
        with source.open("rb") as src, temporary.open("wb") as dst:
            while chunk := src.read(CHUNK):
                found.update(chunk)
                dst.write(chunk)
        if found.hexdigest() != sha256:
            raise Failure(f"{path} is not what it was: its checksum is {found.hexdigest()}")
    with beside(Path(f"{target}.sha256")) as temporary:
        temporary.write_text(f"{sha256}  {target.name}\n")
    return {"path": str(target)}


def prune(folder: str, name: str, keep: int) -> dict[str, object]:
    """Removes all archives of this name but for the newest."""
    pattern = re.compile(re.escape(name) + STAMPED)
    found = sorted(entry.name for entry in os.scandir(folder) if pattern.fullmatch(entry.name))
    gone = found[: max(0, len(found) - keep)]
    for archive in gone:
        (Path(folder) / archive).unlink(missing_ok=True)
        (Path(folder) / f"{archive}.sha256").unlink(missing_ok=True)
    return {"folder": folder, "kept": len(found) - len(gone), "removed": gone}


# ---------------------------------------------------------------------- release


def build(folder: str, version: str, into: str) -> dict[str, str]:
    """A Python program of the folder, which has a __main__.py, as one file."""
    name = Path(folder).resolve(strict=True).name
    path = Path(into).resolve(strict=True) / f"{name}-{version}.pyz"
    with beside(path) as temporary:
        zipapp.create_archive(folder, temporary, "/usr/bin/env python3")
    return {"path": str(path), "sha256": sha256(path)}


def test(path: str, tests: str) -> dict[str, object]:
    """Runs the unit tests of the folder `tests` on what was built. Tests that fail do not fail the task."""
    done = subprocess.run(
        [sys.executable, "-SB", "-m", "unittest", "discover", "-s", tests],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": path},
        check=False,
    )
    sys.stderr.write(done.stderr)
    ran = re.search(r"^Ran (\d+) test", done.stderr, re.MULTILINE)
    if ran is None:
        raise Failure(f"the tests in {tests} did not run: the log says why")
    return {"ran": int(ran[1]), "passed": done.returncode == 0 and ran[1] != "0"}


def deploy(path: str, into: str) -> dict[str, object]:
    """Makes the link `current` lead to it, at once; says where it led before."""
    link = Path(into).resolve(strict=True) / "current"
    before = os.readlink(link) if link.is_symlink() else None
    with beside(link) as temporary:
        temporary.symlink_to(path)
    return {"link": str(link), "before": before}


# ---------------------------------------------------------------------- hosts


def probe(host: str, timeout: float) -> dict[str, object]:
    """How long it takes to get a connection to `host`, which is NAME:PORT."""
    name, _, port = host.rpartition(":")
    began = time.monotonic()
    try:
        socket.create_connection((name.strip("[]"), int(port)), timeout).close()
    except OSError as error:
        raise Failure(f"{host}: {error.strerror or error}") from None
    return {"host": host, "milliseconds": round((time.monotonic() - began) * 1000, 1)}


# ---------------------------------------------------------------------- all of them


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A name beside it, for what takes its place when it is whole: there is never half of it."""
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


STEPS: dict[str, Callable[..., object]] = {
    step.__name__: step for step in (pack, checksum, copy, prune, build, test, deploy, probe)
}


def main() -> None:
    # On cancel an exception, so that what is half done is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    params = json.loads(sys.stdin.buffer.readline())["params"]
    try:
        output = STEPS[sys.argv[1]](**params)
    except (Failure, ValueError) as failure:
        say(type="error", message=str(failure))
        sys.exit(1)
    except OSError as error:
        say(type="error", message=f"{error.strerror or error}: {error.filename}")
        sys.exit(1)
    say(type="result", output=output)


if __name__ == "__main__":
    main()
