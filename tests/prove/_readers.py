"""Clients that read streams and throw away what comes, in a process of their own: `python -m tests.prove._readers HOST
PORT PATH COUNT` says "open" when all are answered with 200, and ends, saying how many bytes came, with its stdin."""

from __future__ import annotations

import select
import socket
import sys


def main(host: str, port: str, path: str, count: str) -> None:
    poll = select.epoll()
    streams: dict[int, socket.socket] = {}
    for _ in range(int(count)):
        sock = socket.create_connection((host, int(port)), 30)
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = sock.recv(65536)
        assert head.startswith(b"HTTP/1.1 200 "), head
        streams[sock.fileno()] = sock
        poll.register(sock, select.EPOLLIN)
    print("open", flush=True)
    poll.register(sys.stdin, select.EPOLLIN)
    total = 0
    while True:
        for fd, _ in poll.poll():
            if fd == sys.stdin.fileno():
                print(total, flush=True)
                return
            total += len(streams[fd].recv(1 << 20))


if __name__ == "__main__":
    main(*sys.argv[1:])
