"""A receiver of webhooks on the loopback interface, which answers as a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.helpers import PATIENCE

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


@dataclass(frozen=True)
class Got:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def is_signed_with(self, key: bytes) -> bool:
        """By the words of the specification, without the code under test."""
        content = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        digest = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return f"v1,{digest}" in self.headers["webhook-signature"].split(" ")


#: Answers a request: told how many there were before.
Answer = Callable[[BaseHTTPRequestHandler, int], None]


def status(number: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response(number)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def first(*answers: Answer) -> Answer:
    """One after the other; the last one for all that come later."""
    return lambda handler, number: answers[min(number, len(answers) - 1)](handler, number)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that its close waits for them

    def handle_error(self, *_: object) -> None:
        """A sender that has gone is what some tests are about."""


class Receiver:
    """`got` has the requests as they come."""

    def __init__(self, answer: Answer, port: int = 0) -> None:
        self.answer = answer
        self.got: queue.SimpleQueue[Got] = queue.SimpleQueue()
        self.count = 0
        #: Set at the end: what an answer waits for that is never to be finished.
        self.over = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                number, receiver.count = receiver.count, receiver.count + 1
                receiver.got.put(Got(self.path, headers, body))
                receiver.answer(self, number)

            do_GET = do_POST  # noqa: N815 - nobody is to come by it

            def log_message(self, *_: object) -> None:
                pass

        self.server = _Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def next(self) -> Got:
        return self.got.get(timeout=PATIENCE)

    def close(self) -> None:
        self.over.set()
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@contextmanager
def receiving(answer: Answer | None = None, port: int = 0) -> Iterator[Receiver]:
    receiver = Receiver(answer or status(204), port)
    try:
        yield receiver
    finally:
        receiver.close()
