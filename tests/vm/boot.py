"""Boots a virtual machine that has nothing but a kernel with cgroup v2, this Python and this project, and runs tests in
it: what needs memory, pids and cpu controllers for real, wherever the machine at hand has given them to cgroup v1.

    python -m tests.vm.boot KERNEL [ARGUMENT OF PYTEST]...

KERNEL is the vmlinuz of a distribution (Debian: of the package linux-image-cloud-amd64, or the one that it depends on,
which need not be installed but can be unpacked: `apt-get download`, `dpkg -x`). Needs qemu-system-x86_64, whose
emulation takes some minutes; ACCEL=kvm in the environment is faster where it works.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

from tests.vm.archive import Archive

REPOSITORY: Final = Path(__file__).resolve().parents[2]
INIT: Final = Path(__file__).with_name("init.py")
#: What is run there without arguments.
TESTS: Final = ("tests/vm/controllers.py", "tests/supervisor/test_limits.py")
MEMORY: Final = "3G"

PROGRAMS: Final = (
    *(
        "sh",
        "bash",
        "cat",
        "cut",
        "date",
        "dd",
        "echo",
        "env",
        "false",
        "grep",
        "head",
        "id",
        "kill",
    ),
    *("ls", "mkdir", "nice", "printf", "prlimit", "rm", "sed", "seq", "setpriv", "setsid", "sleep"),
    *("stat", "tail", "touch", "tr", "true", "tty", "wc", "yes"),
)
_LEFT_OUT: Final = frozenset(
    {".git", ".hypothesis", ".pytest_cache", ".mypy_cache", ".ruff_cache", "mypy", "mypyc", "ruff"}
    | {"test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "pip"}
)
_ENDED: Final = re.compile(rb"the tests ended with the status (\d+)")


def main(kernel: str, *arguments: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder, "initramfs")
        with gzip.open(image, "wb", compresslevel=1) as file:
            names_tests = any((REPOSITORY / one.partition("::")[0]).exists() for one in arguments)
            tests = () if names_tests else TESTS
            write_image(cast("BinaryIO", file), [*arguments, *tests])
        return boot(kernel, image)


def boot(kernel: str, image: Path) -> int:
    """Gives the status of the tests; what they say goes to stdout."""
    command = [
        *("qemu-system-x86_64", "-accel", os.environ.get("ACCEL", "tcg"), "-cpu", "max"),
        *("-smp", "2", "-m", MEMORY, "-kernel", kernel, "-initrd", str(image)),
        *(
            "-append",
            "console=ttyS0 loglevel=1 panic=-1",
            "-no-reboot",
            "-nographic",
            "-nic",
            "none",
        ),
    ]
    status = 1
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
            if ended := _ENDED.search(line):
                status = int(ended[1])
    return status


# ---------------------------------------------------------------------- what is in it


def write_image(file: BinaryIO, arguments: Iterable[str]) -> None:
    """A cpio archive ("newc"), which the kernel unpacks as its root."""
    archive = Archive(file)
    for name in ("dev", "proc", "sys", "tmp", "run", "root", "var/lib"):
        archive.folder(Path("/", name))
    archive.text("/init", f"#!{sys.executable}\n{INIT.read_text()}", 0o755)
    words = [str(REPOSITORY), sys.executable, "-m", "pytest", *arguments]
    archive.text("/arguments", "\0".join(words))
    paths = [*_files()]
    for path in [*paths, *_libraries(paths)]:
        archive.add(Path(path))
    archive.close()


def _files() -> Iterator[str]:
    yield from (
        "/bin",
        "/sbin",
        "/lib",
        "/lib64",
        "/etc/passwd",
        "/etc/group",
        "/etc/nsswitch.conf",
    )
    for name in PROGRAMS:
        if path := shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin"):
            yield path
    yield os.path.realpath(sys.executable)
    for folder in (
        (sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix})),
        sys.prefix,
        str(REPOSITORY),
    ):
        yield from _below(folder)


def _below(folder: str) -> Iterator[str]:
    skipped = {*_LEFT_OUT, *(["site-packages"] if folder.startswith(sys.base_prefix + "/") else [])}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in skipped and name[:7] != "config-"]
        yield from (f"{place}/{name}" for name in [*folders, *files] if name not in skipped)


def _libraries(paths: Iterable[str]) -> set[str]:
    """What these programs and modules are linked to, the loader included."""
    binaries = [path for path in paths if Path(path).is_file() and _is_binary(path)]
    listed = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
    return set(re.findall(r"(?:=> |^\t)(/\S+) \(", listed, re.MULTILINE))


def _is_binary(path: str) -> bool:
    with Path(path).open("rb") as file:
        return file.read(4) == b"\x7fELF"


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
