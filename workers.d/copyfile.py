#!/usr/bin/env -S python3 -IS
"""Copies a file: by a hard link where that can be, else its contents.

Speaks the protocol of docs/protocol.md by itself: it needs nothing but Python.
"""

import contextlib
import errno
import io
import json
import os
import signal
import stat
import sys

CHUNK = 1 << 20
ZEROS = bytes(CHUNK)
#: Bytes after which what was written is synced: so the last sync is short, and a cancel is heeded soon.
SYNC_EVERY = 64 << 20


def say(**message: object) -> None:
    print(json.dumps(message), flush=True)


def main() -> None:
    # On cancel an exception, so that `finally` removes what is half done.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    params = json.loads(sys.stdin.buffer.readline())["params"]
    try:
        method, size = copy_file(params["source"], params["destination"])
    except OSError as error:
        where = error.filename or f"{params['source']} to {params['destination']}"
        say(type="error", message=f"{error.strerror}: {where}")
        sys.exit(1)
    except ValueError as error:  # a NUL in a path
        say(type="error", message=str(error))
        sys.exit(1)
    output = {"string_output": "File copied successfully.", "method": method, "bytes": size}
    say(type="result", output=output)


def copy_file(source: str, destination: str) -> tuple[str, int]:
    """How it was done ("same": there was nothing to do), and how many bytes the file has."""
    there = regular(source)
    try:
        here = regular(destination)
    except FileNotFoundError:
        here = None
    if here and os.path.samestat(there, here):
        return "same", there.st_size
    source, destination = os.path.realpath(source), os.path.realpath(destination)
    if here and not os.access(destination, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), destination)
    if not here and hard_link(source, destination):
        method, size = "link", there.st_size
    else:
        method, size = "copy", copy_contents(source, destination, here)
    sync_folder(os.path.dirname(destination))
    return method, size


def regular(path: str | int) -> os.stat_result:
    """The file's status; an error for anything that is not a regular file: a FIFO would hang the task."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(0, "not a regular file", path)
    return status


def hard_link(source: str, destination: str) -> bool:
    try:
        os.link(source, destination)
    except OSError:  # another file system, or not allowed: then the contents are copied
        return False
    return True


def copy_contents(source: str, destination: str, replaced: os.stat_result | None) -> int:
    """Copies beside the destination, then renames: there is never a half file in its place."""
    temporary = f"{os.path.dirname(destination)}/.copyfile-{os.urandom(8).hex()}"
    with open(source, "rb", 0, opener=open_source) as src:
        status = regular(src.fileno())
        # As cp does it: a new file gets its source's mode, one that replaces another keeps that one's.
        mode = 0o600 if replaced else status.st_mode & 0o777
        try:
            with open(
                temporary, "xb", opener=lambda path, flags: os.open(path, flags, mode)
            ) as dst:
                size = copy_bytes(src, dst, status)
                if replaced:
                    take_over(dst.fileno(), replaced)
                os.fsync(dst.fileno())
            os.rename(temporary, destination)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
    return size


def open_source(path: str, flags: int) -> int:
    """Does not hang, should a FIFO have taken the file's place meanwhile."""
    return os.open(path, flags | os.O_NONBLOCK)


def copy_bytes(src: io.FileIO, dst: io.BufferedWriter, status: os.stat_result) -> int:
    """Copies to the end of the file, wherever that is now; holes stay holes."""
    sparse = status.st_blocks * 512 < status.st_size
    done = shown = synced = 0
    while chunk := src.read(CHUNK):
        if sparse and ZEROS.startswith(chunk):
            dst.seek(len(chunk), os.SEEK_CUR)
        else:
            dst.write(chunk)
        done += len(chunk)
        if done - synced >= SYNC_EVERY:
            dst.flush()
            os.fdatasync(dst.fileno())
            synced = done
        percent = 100 * done // max(status.st_size, done)
        if percent > shown:
            shown = percent
            say(type="progress", percent=percent, message=f"{done} of {status.st_size} bytes")
    dst.truncate(done)
    return done


def take_over(fd: int, replaced: os.stat_result) -> None:
    """Owner and mode, as far as it is allowed: only root gives files away, and some file systems have no modes."""
    with contextlib.suppress(PermissionError):
        os.fchown(fd, replaced.st_uid, replaced.st_gid)
    with contextlib.suppress(PermissionError):
        os.fchmod(fd, replaced.st_mode & 0o777)


def sync_folder(path: str) -> None:
    """So that the new name outlives a power loss. The file is there, so that this is no reason to fail."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        message = f"{path} could not be synced: {error.strerror}"
        say(type="log", level="warning", message=message)


if __name__ == "__main__":
    main()
