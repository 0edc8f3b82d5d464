#!/usr/bin/env -S python3 -IS
"""A hostile worker: a mode for each of the ways in which one can harm its server.

As a worker it takes the mode and its options from its parameters: {"mode": "double-daemon", "scrub": true}, or, for a
definition that does not name each option, {"mode": "double-daemon", "options": {"scrub": true}}.
From the command line it reads no task: `chaos.py MODE [OPTION=JSON]...`. `chaos.py --list` shows all modes.

Option `witness`, of every mode: a file that each process of the tree holds a shared lock (flock) on until it ends. Who
gets the exclusive lock knows that nothing is left, whatever the tree has done to its environment, group or session.
Option `alone`: the tree itself takes the exclusive lock, and exits with 75 where another tree has one.

No process of a tree outlives LIFETIME, and no bomb is bigger than its `count`. A mode that waits says so first, by a
progress message with the numbers of the processes concerned, its own first.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import inspect
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

Mode = Callable[..., None]

#: Seconds.
LIFETIME = 600
MIB = 1 << 20
MODES: dict[str, Mode] = {}


def mode(function: Mode) -> Mode:
    MODES[function.__name__.replace("_", "-")] = function
    return function


# ---------------------------------------------------------------------- what modes are made of


def write(data: bytes, fd: int = 1) -> None:
    while data:
        data = data[os.write(fd, data) :]


def say(kind: str, **members: Any) -> None:
    write(json.dumps({"type": kind, **members}).encode() + b"\n")


def result(output: Any) -> None:
    say("result", output=output)


def ready(*pids: int) -> None:
    say("progress", percent=1, message=" ".join(map(str, [os.getpid(), *pids])))


def wait() -> NoReturn:
    time.sleep(LIFETIME)
    os._exit(99)


def ignore(*numbers: int) -> None:
    for number in numbers or (signal.SIGTERM,):
        signal.signal(number, signal.SIG_IGN)


def child(act: Callable[[], object], status: int = 0) -> int:
    """A process that does this, then exits; gives its number."""
    pid = os.fork()
    if pid:
        return pid
    try:
        act()
    finally:
        if error := sys.exc_info()[1]:
            print(f"chaos: {error!r}", file=sys.stderr)
        os._exit(status)


def pause_at(gate: str) -> None:
    """Until somebody writes a line to this FIFO, or closes it."""
    fd = os.open(gate, os.O_RDONLY)
    while os.read(fd, 1) not in (b"\n", b""):
        pass
    os.close(fd)


def leave(leader: str) -> None:
    """What the leader does when the rest of its tree is as it should be: waits, exits, hangs (after its result)."""
    if leader == "waits":
        wait()
    result("done")
    if leader == "hangs":
        wait()


def silence(*fds: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in fds or (0, 1, 2):
        os.dup2(null, fd)


def told(act: Callable[[Callable[[int], None]], object]) -> int:
    """What `act`, in a process that this one does not wait for, tells by the function it is given."""
    reader, writer = os.pipe()
    child(lambda: act(lambda number: write(str(number).encode(), writer)))
    os.close(writer)
    told = os.read(reader, 100)
    os.close(reader)
    return int(told or b"0")


# ---------------------------------------------------------------------- good


@mode
def good(value: Any = "good", seconds: float = 0) -> None:
    """Behaves well: progress, a log line, an artifact, `value` as its result."""
    say("progress", percent=0, message="begun")
    time.sleep(seconds)
    with open("out.txt", "w") as file:  # noqa: PTH123 - pathlib takes as long to import as all the rest
        file.write(str(value))
    say("log", level="info", message="half done")
    say("progress", percent=100, message="done")
    say("artifact", path="out.txt")
    result(value)


@mode
def waits() -> None:
    """Waits for its end, which comes from outside."""
    ready()
    wait()


# ---------------------------------------------------------------------- signals


@mode
def ignores_term(everything: bool = False) -> None:
    """P1: ignores SIGTERM (`everything`: all that can be ignored)."""
    ignore(*((set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}) if everything else ()))
    ready()
    wait()


@mode
def ignores_term_child_honours() -> None:
    """P2: ignores SIGTERM, while its child dies of it."""
    honours = child(wait)
    ignore()
    ready(honours)
    wait()


@mode
def child_ignores_term() -> None:
    """P2: dies of SIGTERM, while its child ignores it."""
    ignore()
    ignores = child(wait)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ready(ignores)
    wait()


@mode
def counts_term() -> None:
    """P16: its result is how many SIGTERMs it got; ends by none of them."""
    got = 0

    def count(*_: object) -> None:
        nonlocal got
        got += 1
        result({"terms": got})

    signal.signal(signal.SIGTERM, count)
    ready()
    wait()


@mode
def polite(status: int = 0, output: Any = "bye") -> None:
    """P15: ends on SIGTERM, with a result and a status of its own."""

    def leave(*_: object) -> None:
        result(output)
        os._exit(status)

    signal.signal(signal.SIGTERM, leave)
    ready()
    wait()


@mode
def stops_itself(group: bool = False) -> None:
    """P14: SIGSTOPs itself (`group`: with its child)."""
    pids = [child(wait)] if group else []
    ready(*pids)
    os.kill(0 if group else os.getpid(), signal.SIGSTOP)
    result("went on")


@mode
def kills_itself(number: int = signal.SIGKILL) -> None:
    """P13: dies of a signal."""
    os.kill(os.getpid(), number)
    wait()


@mode
def kills_its_group(number: int = signal.SIGKILL) -> None:
    """P31: kill(0): itself, its child, and whoever else is in its group."""
    child(wait)
    ready()
    os.kill(0, number)
    wait()


@mode
def kills_its_parent(gate: str = "/dev/null") -> None:
    """P32: kills the server. A worker under the server's own user can."""
    ready()
    pause_at(gate)
    os.kill(os.getppid(), signal.SIGKILL)
    wait()


# ---------------------------------------------------------------------- what leaves the group


@mode
def double_daemon(
    ignores_term: bool = False, scrub: bool = False, output: str = "closed", leader: str = "waits"
) -> None:
    """P3: a daemon by the book: fork, setsid, fork. Its `output`: closed, held, flood. `scrub`: its environment too."""

    def daemon(tell: Callable[[int], None]) -> None:
        os.setsid()
        child(lambda: _daemon(tell, ignores_term, scrub, output))

    pid = told(daemon)
    os.wait()
    ready(pid)
    leave(leader)


def _daemon(tell: Callable[[int], None], ignores: bool, scrub: bool, output: str) -> None:
    if ignores:
        ignore()
    os.chdir("/")
    silence(0, 2, *(() if output != "closed" else (1,)))
    tell(os.getpid())
    if scrub:
        os.execve(*(("/usr/bin/yes", ["x"], {}) if output == "flood" else _SLEEP))
    while output == "flood":  # at most PIPE_BUF at once: the leader's lines stay whole
        write((b"for ever" * 15 + b"\n") * 32)
    wait()


_SLEEP: tuple[str, list[str], dict[str, str]] = ("/bin/sleep", ["x", str(LIFETIME)], {})


@mode
def stubborn_daemon(leader: str = "waits") -> None:
    """P3: a daemon that ignores SIGTERM."""
    double_daemon(ignores_term=True, leader=leader)


@mode
def scrubbed_daemon(leader: str = "waits") -> None:
    """P3: a daemon that ignores SIGTERM, with nothing in its environment that says where it comes from."""
    double_daemon(ignores_term=True, scrub=True, leader=leader)


@mode
def daemon_on_stdout(leader: str = "exits") -> None:
    """P3, P6: a daemon that holds its stdout open."""
    double_daemon(ignores_term=True, output="held", leader=leader)


@mode
def flooding_daemon(leader: str = "exits") -> None:
    """P3, L14: a daemon that writes to its stdout for ever."""
    double_daemon(ignores_term=True, output="flood", leader=leader)


@mode
def daemons(count: int = 10, depth: int = 3) -> None:
    """P3: `count` daemons, each the child of one that is the child of one... `depth` sessions deep."""
    pids = [told(lambda tell: _sink(tell, depth)) for _ in range(count)]
    ready(*pids)
    wait()


def _sink(tell: Callable[[int], None], depth: int) -> None:
    os.setsid()
    ignore()
    if depth:
        child(lambda: _sink(tell, depth - 1))
    else:
        tell(os.getpid())
    wait()


@mode
def escapes(count: int = 2, scrub: bool = False) -> None:
    """P1, P3: ignores SIGTERM, and so do its `count` daemons, each in a session of its own."""
    ignore()

    def daemon(tell: Callable[[int], None]) -> None:
        os.setsid()
        child(lambda: _daemon(tell, ignores=True, scrub=scrub, output="closed"))

    pids = []
    for _ in range(count):
        pids.append(told(daemon))
        os.wait()
    ready(*pids)
    wait()


@mode
def hopping_daemon(hops: int = 3000, rest: float = 0.002) -> None:
    """P3: a daemon that is another process, session and child each `rest` seconds, for `hops` times."""
    ignore()

    def hop(tell: Callable[[int], None]) -> None:
        for left in range(hops, 0, -1):
            os.setsid()
            if left == hops:
                tell(os.getpid())
            time.sleep(rest)
            if os.fork():
                os._exit(0)
        wait()

    ready(told(hop))
    wait()


@mode
def leaves_cgroup(procs: str = "/sys/fs/cgroup/cgroup.procs") -> None:
    """P3: its child moves to another cgroup (whose `procs` file this is), with setsid and without its environment."""

    def move(tell: Callable[[int], None]) -> None:
        os.setsid()
        ignore()
        write(b"0", os.open(procs, os.O_WRONLY))
        os.chdir("/")
        silence()
        tell(os.getpid())
        os.execve(*_SLEEP)

    ready(told(move))
    wait()


# ---------------------------------------------------------------------- bombs


@mode
def setsid_bomb(count: int = 50, leader: str = "waits") -> None:
    """P4: each process forks as fast as it can, and each child leaves its session. At most `count`."""
    ignore()
    _bomb(count, os.setsid, leader)


@mode
def fork_bomb(count: int = 50, leader: str = "waits") -> None:
    """P5: each process forks as fast as it can. At most `count`; what the kernel refused is its result."""
    _bomb(count, lambda: None, leader)


def _bomb(count: int, born: Callable[[], object], then: str) -> None:
    """Each fork costs a token, so there are never more than `count`."""
    leader = os.getpid()
    tokens, writer = os.pipe()
    write(b"x" * count, writer)
    os.close(writer)
    refused = None
    while refused is None and os.read(tokens, 1):
        try:
            if not os.fork():
                born()
        except OSError as error:
            refused = errno.errorcode[error.errno or 0]
    if os.getpid() != leader:
        wait()
    result({"refused": refused})
    ready()
    if then == "waits":
        wait()


# ---------------------------------------------------------------------- what is left at the exit


def _waits_in_silence() -> None:
    silence()
    wait()


@mode
def grandchild_on_stdout() -> None:
    """P6: exits, while a child of its holds its stdout open."""
    child(wait)
    result("done")


@mode
def background_child(count: int = 1) -> None:
    """P7: exits 0, and leaves children without a pipe."""
    for _ in range(count):
        child(_waits_in_silence)
    result("done")


@mode
def zombie_grandchildren(count: int = 20, status: int = 7, leader: str = "waits") -> None:
    """P8: orphans that have ended, with a status that is nobody's business."""

    def orphan(tell: Callable[[int], None]) -> None:
        tell(os.getpid())
        time.sleep(0.01)

    pids = []
    for _ in range(count):
        pids.append(told(lambda tell: child(lambda: orphan(tell), status)))
        os.wait()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # reaped already
            select.select([os.pidfd_open(pid)], [], [])
    ready(*pids)
    leave(leader)


@mode
def zombie_children(count: int = 20, leader: str = "waits") -> None:
    """P8: children that it never waits for."""
    pids = [child(lambda: None, 7) for _ in range(count)]
    ready(*pids)
    leave(leader)


@mode
def stopped_child() -> None:
    """P7, P14: exits, and leaves a child that is stopped."""

    def stop() -> None:
        silence()
        os.kill(os.getpid(), signal.SIGSTOP)
        wait()

    os.waitid(os.P_PID, child(stop), os.WSTOPPED)
    result("done")


# ---------------------------------------------------------------------- ends


@mode
def exits(status: int = 0) -> None:
    """P9: exits at once; from the command line, before it has read anything."""
    os._exit(status)


@mode
def never_reads() -> None:
    """P10: waits; from the command line, without ever reading its stdin."""
    ready()
    wait()


@mode
def result_and_exit(status: int = 3, output: Any = "kept") -> None:
    """P11: a result, then an exit status."""
    result(output)
    os._exit(status)


@mode
def error_and_exit(status: int = 0) -> None:
    """P11: a result and an error message, then an exit status."""
    result("kept")
    say("error", message="it went wrong", code="E_WRONG")
    os._exit(status)


@mode
def result_then_hangs(ignores_term: bool = False) -> None:
    """P12: a result, and no end."""
    if ignores_term:
        ignore()
    result("kept")
    ready()
    wait()


# ---------------------------------------------------------------------- resources


@mode
def raises_limits() -> None:
    """P31: raises its own limits and its priority; its result is what it has then."""
    got: dict[str, Any] = {}
    for name in ("RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_AS"):
        number = getattr(resource, name)
        try:
            resource.setrlimit(number, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except (OSError, ValueError):
            hard = resource.getrlimit(number)[1]
            resource.setrlimit(number, (hard, hard))
        got[name] = resource.getrlimit(number)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    result({**got, "nice": os.getpriority(os.PRIO_PROCESS, 0)})


@mode
def dumps_core(number: int = signal.SIGSEGV) -> None:
    """P35: dies of a signal that leaves a core file, wherever that is allowed."""
    with contextlib.suppress(ValueError):  # as root
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    os.kill(os.getpid(), number)
    wait()


@mode
def huge_file(mib: int = 16, dies: bool = True) -> None:
    """P35: writes a file of `mib` MiB. Dies of SIGXFSZ, or (not `dies`) says what it was told instead."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if dies else signal.SIG_IGN)
    file = os.open("huge", os.O_WRONLY | os.O_CREAT)
    written = 0
    try:
        for _ in range(mib):
            write(bytes(MIB), file)
            written += 1
    except OSError as error:
        result({"mib": written, "refused": errno.errorcode[error.errno or 0]})
    else:
        result({"mib": written, "refused": None})


@mode
def memory_hog(mib: int = 128, step: int = 8, gate: str = "/dev/null") -> None:
    """P13: from `gate` on, takes `mib` MiB, `step` at a time (0: all at once), and touches all of it."""
    ready()
    pause_at(gate)
    taken = []
    try:
        for _ in range(max(mib // step, 1) if step else 1):
            taken.append(b"x" * (MIB * (step or mib)))
            say("progress", percent=1, message=f"{sum(map(len, taken)) // MIB} MiB")
    except MemoryError:
        taken.clear()
        result({"refused": "MemoryError"})
    else:
        result({"mib": mib})


@mode
def opens_files(count: int = 2000) -> None:
    """Opens files until it is refused; its result is how many."""
    opened: list[int] = []
    refused = None
    try:
        while len(opened) < count:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        refused = errno.errorcode[error.errno or 0]
    for fd in opened:
        os.close(fd)
    result({"opened": len(opened), "refused": refused})


@mode
def burns_cpu(seconds: float = 1.0) -> None:
    """As much of a processor as it gets."""
    ready()
    while time.process_time() < seconds:
        pass
    result("done")


@mode
def looks_around() -> None:
    """P30: its result is what it has inherited."""
    descriptors = list(map(int, os.listdir("/proc/self/fd")))  # noqa: PTH208
    umask = os.umask(0o077)
    result(
        {
            "descriptors": sorted(
                filter(_is_open, descriptors)
            ),  # not the folder, which was the last one
            "environment": dict(os.environ),
            "umask": umask,
            "nice": os.getpriority(os.PRIO_PROCESS, 0),
            "core": resource.getrlimit(resource.RLIMIT_CORE)[1],
            "leads": os.getpid() == os.getpgrp() == os.getsid(0),
            "dies_with": _dies_with(),
            "pipe": fcntl.fcntl(1, fcntl.F_GETPIPE_SZ),
        }
    )


def _dies_with() -> int:
    """The signal that comes with the end of the thread that started this process (prctl(2), PR_GET_PDEATHSIG)."""
    import ctypes

    number = ctypes.c_int()
    ctypes.CDLL(None).prctl(2, ctypes.byref(number))
    return number.value


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


@mode
def removes_its_folder() -> None:
    """Its work folder is gone when it ends, and something else has its name."""
    folder = os.environ["TASKY_WORKDIR"]
    os.chdir("/")
    os.rmdir(folder)  # noqa: PTH106
    os.symlink("/etc", folder)  # noqa: PTH211
    say("artifact", path="passwd")
    result("done")


# ---------------------------------------------------------------------- stdout as a file


@mode
def closes_stdout(status: int = 0, gate: str = "/dev/null") -> None:
    """L24: a result, then no stdout and stderr any more, and goes on until `gate`; exits with `status`."""
    result("kept")
    ready()
    silence(1, 2)
    pause_at(gate)
    os._exit(status)


@mode
def reopens_stdout() -> None:
    """L25: opens /dev/stdout by its name, twice."""
    for word in ("first", "second"):
        fd = os.open("/dev/stdout", os.O_WRONLY)
        write(f"{word}\n".encode(), fd)
        os.close(fd)
    result("reopened")


@mode
def one_byte_writes(lines: int = 200) -> None:
    """L19: a byte a write; `lines` progress messages, then a result."""
    for number in range(lines):
        for byte in b'{"type":"progress","percent":%d}\n' % (100 * number // lines):
            write(bytes([byte]))
    for byte in b'{"type":"result","output":"byte by byte"}\n':
        write(bytes([byte]))


@mode
def no_newline(mib: int = 4, then: str = "exits") -> None:
    """L20: `mib` MiB without a newline; then exits, or waits."""
    for _ in range(mib):
        write(b"n" * MIB)
    if then == "waits":
        wait()


@mode
def long_line(mib: int = 100) -> None:
    """L3: a result of `mib` MiB on one line, which is too long; then one that is not."""
    write(b'{"type":"result","output":"')
    for _ in range(mib):
        write(b"l" * MIB)
    write(b'"}\n')
    result("short")


@mode
def stdout_flood(mib: int = 16) -> None:
    """L14: `mib` MiB of plain lines, then a result. 0: for ever."""
    _flood(b"f" * 127 + b"\n", mib)


@mode
def progress_flood(mib: int = 16) -> None:
    """L14: `mib` MiB of progress messages, then a result. 0: for ever."""
    _flood(b'{"type":"progress","percent":50,"message":"flood"}\n', mib)


@mode
def stderr_flood(mib: int = 16) -> None:
    """L15: `mib` MiB on stderr, then a result. 0: for ever."""
    _flood(b"e" * 127 + b"\n", mib, 2)


@mode
def blank_flood(mib: int = 1) -> None:
    """L18: `mib` MiB of nothing but newlines, then a result. 0: for ever."""
    _flood(b"\n", mib)


def _flood(line: bytes, mib: int, fd: int = 1) -> None:
    piece = line * (64 * 1024 // len(line))
    left = mib * MIB
    while left > 0 or not mib:
        write(piece, fd)
        left -= len(piece)
    result("flooded")


# ---------------------------------------------------------------------- messages

#: Mode: what it is for, and the bytes that it writes before the result "after".
SPEECHES: dict[str, tuple[str, bytes]] = {
    "infinity": ("L6: numbers that JSON does not have.", b'{"type":"result","output":[Infinity]}\n'),
    "nan": ("L6: a result that is not a number.", b'{"type":"result","output":NaN}\n'),
    "too-big-float": ("L6: a number beyond a double.", b'{"type":"result","output":1e999}\n'),
    "lone-surrogate": (
        "L7: half of a surrogate pair, as a value and as a key.",
        b'{"type":"result","output":{"\\udc00":"\\ud800"}}\n'
        b'{"type":"log","message":"\\udfff"}\n{"type":"progress","message":"\\ud800"}\n',
    ),
    "nul": (
        "L8: U+0000 in texts.",
        b'{"type":"result","output":"a\\u0000b"}\n{"type":"progress","message":"a\\u0000b"}\n'
        b'{"type":"log","message":"a\\u0000b"}\n{"type":"artifact","path":"a\\u0000b"}\n',
    ),
    "wide-int": (
        "L9: integers of more than 64 bits.",
        b'{"type":"result","output":[18446744073709551616,-170141183460469231731687303715884105728]}\n',
    ),
    "duplicate-keys": (
        "L10: a key given twice.",
        b'{"type":"result","output":1,"output":2}\n{"type":"result","type":"progress","output":3}\n',
    ),
    "two-results": (
        "L11: several results.",
        b'{"type":"result","output":"first"}\n{"type":"result","output":"second"}\n',
    ),
    "after-result": (
        "L12: messages of every kind after a result.",
        b'{"type":"result","output":"first"}\n{"type":"progress","percent":99}\n'
        b'{"type":"log","message":"afterwards"}\nplain afterwards\n',
    ),
    "binary": ("L2, L16: every byte there is.", bytes(range(256)) * 4 + b"\n\xff\xfe\xc3(\n"),
    "plain-between": (
        "L17: prints for debugging.",
        b'here\n{"type":"progress","percent":5}\nand {"type":"result","output":1} there\n',
    ),
    "bom-crlf-blank": (
        "L18: a byte order mark, CRLF, blank lines, spaces around.",
        b'\xef\xbb\xbf{"type":"progress","percent":5}\r\n\r\n\n  \t \n'
        b'  {"type":"log","message":"spaced"}  \r\n',
    ),
    "wrong-types": (
        "L21: members that are missing, or not what they should be.",
        b'{"type":"progress","percent":"abc"}\n{"type":"progress","percent":150}\n'
        b'{"type":"progress","percent":null}\n{"type":"progress","percent":true}\n'
        b'{"type":"progress","percent":-1}\n{"type":"progress","message":7}\n{"type":"progress"}\n'
        b'{"type":"log","message":[1]}\n{"type":"log","level":7,"message":"x"}\n{"type":"log"}\n'
        b'{"type":"result"}\n{"type":"artifact"}\n{"type":"artifact","path":7}\n',
    ),
    "unknown-types": (
        "L22: types that there are not.",
        b'{"type":"dance","steps":3}\n{"type":null}\n{"type":["result"]}\n{"kind":"result"}\n'
        b'{"type":"RESULT","output":1}\n{"type":"task","id":"x"}\n{"type":"cancel"}\n',
    ),
    "scalars": (
        "L23: JSON that is no object.",
        b'1\n"result"\nnull\ntrue\n[]\n[{"type":"result","output":1}]\n{}\n',
    ),
    "ansi": (
        "L26: sequences that command a terminal.",
        b'\x1b[2J\x1b]0;title\x07\x1b[31mred\x1b[0m\n{"type":"log","message":"\\u001b[2J\\u009b31m"}\n'
        b'{"type":"progress","message":"\\u001b]0;title\\u0007"}\n',
    ),
    "markup": (
        "Texts that would do something on a page.",
        b"<script>alert(1)</script>\n"
        b'{"type":"progress","message":"<img src=x onerror=alert(1)>"}\n',
    ),
}  # fmt: skip


def _speech(name: str, words: tuple[str, bytes]) -> Mode:
    def speak(after: bool = True) -> None:
        write(words[1])
        if after:
            result("after")

    speak.__doc__ = words[0]
    MODES[name] = speak
    return speak


for _name, _words in SPEECHES.items():
    _speech(_name, _words)


@mode
def deep_nesting(depth: int = 100_000, after: bool = True) -> None:
    """L4: a result so deep that a parser runs out of stack."""
    write(b'{"type":"result","output":' + b"[" * depth + b"]" * depth + b"}\n")
    if after:
        result("after")


@mode
def long_int(digits: int = 5000, after: bool = True) -> None:
    """L5: an integer that takes long to convert."""
    write(b'{"type":"result","output":' + b"7" * digits + b"}\n")
    if after:
        result("after")


@mode
def forged_id(other: str = "0" * 32) -> None:
    """L27: a result that says it is another task's."""
    say("result", task=other, id=other, TaskId=other, output="forged")


@mode
def partial_line(json_text: bool = True) -> None:
    """L1: a last line without a newline: a message, or (not `json_text`) half of one."""
    write(b"whole\n")
    write(b'{"type":"result","output":"partial"}' if json_text else b'{"type":"result","outp')


@mode
def says(text: str = "", stderr: str = "", status: int = 0) -> None:
    """Writes what it is told to stdout and stderr, and exits."""
    write(text.encode("utf-8", "surrogateescape"))
    write(stderr.encode("utf-8", "surrogateescape"), 2)
    os._exit(status)


# ---------------------------------------------------------------------- which one


def described(name: str) -> str:
    options = " ".join(map(str, inspect.signature(MODES[name]).parameters.values()))
    return f"{name:27}{MODES[name].__doc__}" + (f"\n{'':27}[{options}]" if options else "")


def asked(arguments: list[str]) -> dict[str, Any]:
    """The mode and its options."""
    if not arguments:
        params = json.loads(sys.stdin.buffer.readline())["params"]
        given = {**params.pop("options", {}), **params}
        return {name: value for name, value in given.items() if value is not None}
    options = (argument.partition("=") for argument in arguments[1:])
    return {"mode": arguments[0], **{name: json.loads(value) for name, _, value in options}}


def hold(witness: str, alone: bool) -> None:
    """Until the end of this process, and of all that come from it."""
    fd = os.open(witness, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
    except BlockingIOError:
        os._exit(75)
    os.set_inheritable(fd, True)


def main(arguments: list[str]) -> None:
    if arguments == ["--list"]:
        write("\n".join([*map(described, MODES), ""]).encode())
        return
    options = asked(arguments)
    alone = options.pop("alone", False)
    if witness := options.pop("witness", None):
        hold(witness, alone)
    MODES[options.pop("mode")](**options)


if __name__ == "__main__":
    main(sys.argv[1:])
