"""One attempt against a real receiver: what it makes of the answer, how long it waits, where it does not go."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tasky.model.addresses import Reach
from tasky.model.delivery import Answer
from tasky.model.notify import Url
from tasky.service import delivery
from tasky.service.delivery import Post
from tests.helpers import PATIENCE
from tests.receiver import Receiver, receiving, status

#: Seconds for an answer that never comes.
SHORT = 0.3


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def send(url: str, timeout: float = PATIENCE, body: bytes = b"{}", **headers: str) -> Answer:
    return Post(Url.parse(url), lambda _: True).send(body, headers, timeout)


def test_the_request(receiver: Receiver) -> None:
    answer = send(f"{receiver.url}/a/b?c=d", body=b"x" * 200_000, webhook_id="msg_1")
    assert answer == Answer(204)
    got = receiver.next()
    assert got.path == "/a/b?c=d"
    assert got.body == b"x" * 200_000
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("Tasky/")
    assert got.headers["webhook_id"] == "msg_1"


@pytest.mark.parametrize("number", [200, 302, 307, 400, 410, 500])
def test_the_status_is_the_answer_and_no_redirect_is_followed(
    receiver: Receiver, number: int
) -> None:
    receiver.answer = status(number, Location=f"{receiver.url}/elsewhere", Retry_After="7")
    assert send(f"{receiver.url}/here") == Answer(number, retry_after="7")
    assert receiver.next().path == "/here"
    assert receiver.got.empty()


def test_nobody_listens() -> None:
    with receiving() as gone:
        pass
    assert send(gone.url) == Answer(error="connection refused")


def test_a_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert send(receiver.url) == Answer(204)


# ---------------------------------------------------------------------- slow ones


def drip(text: bytes) -> Any:
    """Sends `text` at once, and then a byte now and then, for ever."""

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        receiver = handler.server.receiver  # type: ignore[attr-defined]
        try:
            handler.wfile.write(text)
            while not receiver.over.wait(SHORT / 10):
                handler.wfile.write(b"a")
        except OSError:
            pass  # it does not wait any longer

    return answer


@pytest.mark.parametrize(
    "text",
    [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 100 Continue\r\n\r\n"],
)  # fmt: skip
def test_an_answer_that_never_ends_is_not_waited_for(receiver: Receiver, text: bytes) -> None:
    """However often a byte comes: the limit is one for all of it."""
    receiver.server.receiver = receiver  # type: ignore[attr-defined]
    receiver.answer = drip(text)
    answer = send(receiver.url, SHORT)
    assert answer.status is None
    assert answer.error


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: 9999999\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n"],
)
def test_a_body_that_never_ends_takes_nothing_from_the_status(
    receiver: Receiver, head: bytes
) -> None:
    receiver.server.receiver = receiver  # type: ignore[attr-defined]
    receiver.answer = drip(b"HTTP/1.1 200 OK\r\n" + head)
    assert send(receiver.url, SHORT) == Answer(200)


def test_no_more_than_a_part_of_a_big_body_is_read(receiver: Receiver) -> None:
    sent: list[int] = []

    def flood(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                sent.append(handler.wfile.write(b"a" * 65536) or 0)
        except OSError:
            pass

    receiver.answer = flood
    assert send(receiver.url) == Answer(200)
    receiver.close()
    assert sum(sent) < 16 << 20  # what fits into the buffers of two sockets, and not 10 s of it


def test_what_is_no_http(receiver: Receiver) -> None:
    receiver.answer = lambda handler, _: handler.wfile.write(b"220 mail.example ESMTP\r\n") and None
    answer = send(receiver.url)
    assert answer == Answer(error="no HTTP answer (BadStatusLine)")
    receiver.answer = lambda handler, _: None
    assert send(receiver.url).error == "the connection broke"
    many = b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n"
    receiver.answer = lambda handler, _: handler.wfile.write(many) and None
    assert send(receiver.url).error == "no HTTP answer (HTTPException)"


def test_it_can_be_cut_off(receiver: Receiver) -> None:
    receiver.answer = lambda handler, _: receiver.over.wait(PATIENCE) and None
    post = Post(Url.parse(receiver.url), lambda _: True)
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(post.send(b"", {}, PATIENCE)))
    thread.start()
    receiver.next()
    post.cut()
    thread.join(PATIENCE)
    assert answers[0].status is None
    assert post.is_cut
    assert post.send(b"", {}).error  # and nothing is sent any more
    assert receiver.got.empty()


# ---------------------------------------------------------------------- where it does not go


def outside(where: Reach) -> bool:
    return where is Reach.OUTSIDE


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Has every name lead to these; gives the names that are asked for."""
    asked = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1", "192.168.1.1", "[::ffff:127.0.0.1]", "0.0.0.0",
     "[fe80::1]", "[64:ff9b::7f00:1]", "localhost"],
)  # fmt: skip
def test_an_address_that_is_refused_is_not_connected_to(receiver: Receiver, host: str) -> None:
    answer = Post(Url.parse(f"http://{host}:{receiver.port}/"), outside).send(b"", {})
    assert answer.hopeless
    assert "refused" in (answer.error or "")
    assert receiver.got.empty()


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00:ec2::254", "::ffff:10.0.0.1"],
)
def test_a_name_that_leads_there_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolve(monkeypatch, address)
    assert Post(Url.parse("http://hooks.example.org/"), outside).send(b"", {}).hopeless


def test_what_was_looked_at_is_what_is_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is looked up once: nobody can have it lead elsewhere in between (DNS rebinding)."""
    asked = resolve(monkeypatch, "127.0.0.1")
    assert send(f"http://hooks.example.org:{receiver.port}/") == Answer(204)
    assert receiver.next().headers["host"] == f"hooks.example.org:{receiver.port}"
    assert asked == ["hooks.example.org"]


def test_of_several_addresses_only_the_allowed_ones_are_tried(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, "10.0.0.1", "127.0.0.1", "169.254.169.254")
    looked_at = []

    def may_be(where: Reach) -> bool:
        looked_at.append(where)
        return len(looked_at) == 2  # the second

    url = Url.parse(f"http://hooks.example.org:{receiver.port}/")
    assert Post(url, may_be).send(b"", {}) == Answer(204)
    assert looked_at == [Reach.INSIDE, Reach.INSIDE, Reach.NOWHERE]


def test_the_next_address_is_tried(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, "127.0.0.2", "127.0.0.1")  # the receiver listens on the second only
    assert send(f"http://hooks.example.org:{receiver.port}/") == Answer(204)


def test_a_name_without_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    answer = send("https://nowhere.example.org")
    assert answer == Answer(error="the host has no address: Name or service not known")


# ---------------------------------------------------------------------- TLS


@pytest.fixture
def secured(receiver: Receiver, tmp_path: Path) -> Iterator[Path]:
    """The receiver speaks TLS, with a certificate for localhost; gives its file."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    plain = receiver.server.socket
    receiver.server.socket = context.wrap_socket(
        plain, server_side=True, do_handshake_on_connect=False
    )
    delivery._tls.cache_clear()
    yield certificate
    delivery._tls.cache_clear()


def test_https(receiver: Receiver, secured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(secured))
    assert send(f"https://localhost:{receiver.port}/x", body=b"y" * 100_000) == Answer(204)
    assert receiver.next().body == b"y" * 100_000
    answer = send(f"https://127.0.0.1:{receiver.port}/x")
    assert "its certificate is not valid: IP address mismatch" in (answer.error or "")


@pytest.mark.usefixtures("secured")
def test_a_certificate_that_nobody_vouches_for(receiver: Receiver) -> None:
    answer = send(f"https://localhost:{receiver.port}/x")
    assert (answer.error or "").startswith("its certificate is not valid: self")
    assert receiver.got.empty()


def test_no_tls_where_there_should_be(receiver: Receiver) -> None:
    answer = send(f"https://localhost:{receiver.port}/x")
    assert (answer.error or "").startswith("no TLS")
