"""Addresses of servers."""

from __future__ import annotations

import pytest

from tasky.client import BadAddress
from tasky.client.address import DEFAULT_URL, Address, parse_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (DEFAULT_URL, Address(DEFAULT_URL, "127.0.0.1", 8888)),
        ("http://tasky.example.org/", Address("http://tasky.example.org", "tasky.example.org", 80)),
        ("http://[::1]:9000", Address("http://[::1]:9000", "::1", 9000)),
        ("https://h/run/", Address("https://h/run", "h", 443, secure=True, prefix="/run")),
        ("unix:/run/tasky.sock", Address("unix:/run/tasky.sock", socket="/run/tasky.sock")),
        ("unix:///run/tasky.sock", Address("unix:///run/tasky.sock", socket="/run/tasky.sock")),
    ],
)
def test_what_is_one(url: str, address: Address) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        *("", "127.0.0.1:8888", "localhost", "http://", "http://:8888", "http://h:port"),
        *("http://h:99999", "ftp://h", "http://h?x=1", "unix:", "unix:tasky.sock", "http://[::1"),
    ],
)
def test_what_is_none(url: str) -> None:
    with pytest.raises(BadAddress, match="is no address of a server: "):
        parse_address(url)
