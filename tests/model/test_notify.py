"""Webhooks as they are written: URLs, ends, hosts that are allowed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.model.notify import (
    ALL_ENDS,
    AllowedHosts,
    End,
    Hook,
    Url,
    allowed_hosts,
    client_hook,
    normal_host,
)
from tasky.model.states import State
from tasky.model.worker import parse_worker
from tests.model.test_worker import parse

# ---------------------------------------------------------------------- URLs


@pytest.mark.parametrize(
    ("text", "parts", "authority"),
    [
        ("https://a.example", ("https", "a.example", 443, "/"), "a.example"),
        ("HTTP://A.Example:80/P?q=%20", ("http", "a.example", 80, "/P?q=%20"), "a.example"),
        ("http://a.example.:8080?q", ("http", "a.example", 8080, "/?q"), "a.example:8080"),
        ("https://[FD00::0001]:8443/", ("https", "fd00::1", 8443, "/"), "[fd00::1]:8443"),
        ("http://10.0.0.1/x", ("http", "10.0.0.1", 80, "/x"), "10.0.0.1"),
        ("https://xn--bcher-kva.example", ("https", "xn--bcher-kva.example", 443, "/"), None),
    ],
)
def test_a_url_is_taken_apart(
    text: str, parts: tuple[str, str, int, str], authority: str | None
) -> None:
    url = Url.parse(text)
    assert (url.scheme, url.host, url.port, url.target) == parts
    assert url.authority == (authority or parts[1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must begin with"),
        ("ftp://a.example/", "must begin with"),
        ("file:///etc/passwd", "must begin with"),
        ("gopher://a.example:25/x", "must begin with"),
        ("//a.example/", "must begin with"),
        ("https://user@a.example/", "a password"),
        ("https://u:p@a.example/", "a password"),
        ("https://allowed.example@127.0.0.1/", "a password"),
        ("https://a.example/#x", "fragment"),
        ("https://a.example\\@127.0.0.1/", "a password"),
        ("https://a.example\\.evil.example/", "is not a URL"),
        ("https://a.example/a b", "is not a URL"),
        ("https://a.example/\r\nHost: b", "is not a URL"),
        ("https://a.example/\x00", "is not a URL"),
        ("https://a.example\n", "is not a URL"),
        ("https://bücher.example/", "xn--"),
        ("https://a.example/ü", "xn--"),
        ("https:///path", "is not a URL"),
        ("https://:80/", "is not a URL"),
        ("https://a..example/", "no valid name"),
        ("https://-a.example/", "no valid name"),
        ("https://a.example:0/", "port"),
        ("https://a.example:65536/", "port"),
        ("https://a.example:8a/", "is not a URL"),
        ("https://[::1/", "is not a URL"),
        ("https://[fe80::1%25eth0]/", "is not a URL"),
        ("https://[::g]/", "is not a URL"),
        ("https://[1:2:3]/", "an address in it that is none"),
        *((f"http://{host}/", "an address in it that is none") for host in (
            "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.1", "256.1.1.1",
            "017700000001", "127.0.0.0x1", "1.2.3.4.5", "0x",
        )),
        (f"https://a.example/{'x' * 2048}", "longer"),
    ],
)  # fmt: skip
def test_what_is_no_url_for_a_webhook(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        Url.parse(text)
    assert "p@" not in str(caught.value)


@given(st.text(max_size=80).map(lambda text: f"http://{text}"))
def test_any_text_is_a_url_or_a_value_error(text: str) -> None:
    try:
        url = Url.parse(text)
    except ValueError:
        return
    assert url.host == normal_host(f"[{url.host}]" if ":" in url.host else url.host)
    assert not set(url.target) & set(" \r\n\t\0@\\") - {"@"}


def test_passwords_are_not_shown() -> None:
    assert Url.parse("https://a.example:1/b?token=c").shown == "https://a.example:1/b?..."
    assert Url.parse("https://a.example").shown == "https://a.example/"


# ---------------------------------------------------------------------- a client's


def test_a_clients_hook() -> None:
    url = "https://a.example/x:y"
    assert client_hook(url) == Hook(url, ALL_ENDS)
    assert client_hook(f"failed,Canceled:{url}") == Hook(url, frozenset({End.FAILED, End.CANCELED}))
    for wrong in (f"lost:{url}", f":{url}", f"failed,:{url}", "failed", "failed:", "failed:/x", ""):
        with pytest.raises(ValueError, match=r"must be|must begin"):
            client_hook(wrong)


def test_the_ends_are_the_final_states() -> None:
    ends = {End.of(state) for state in (State.COMPLETED, State.FAILED, State.CANCELED)}
    assert ends == ALL_ENDS


# ---------------------------------------------------------------------- allowed hosts


def test_allowed_hosts() -> None:
    hosts = AllowedHosts(allowed_hosts(["A.example", "*.b.example.", "10.0.0.1", "[FD00::01]"]))
    for host in ("a.example", "x.b.example", "x.y.b.example", "10.0.0.1", "fd00::1"):
        assert hosts.allows(host)
    for host in ("b.example", "xb.example", "x.a.example", "a.example.evil", "10.0.0.10"):
        assert not hosts.allows(host)
    assert hosts.names("a.example")
    assert not hosts.names("x.b.example")
    assert not AllowedHosts().allows("a.example")


@pytest.mark.parametrize(
    "word", ["", "*", "*.", "a:80", "https://a", "a/b", "127.1", "a b", "*.*.a"]
)
def test_what_is_no_host(word: str) -> None:
    with pytest.raises(ValueError, match="is no host"):
        allowed_hosts(["a.example", word])


# ---------------------------------------------------------------------- in a definition


def test_notify_of_a_worker() -> None:
    url = "https://a.example/x"
    given = [{"url": url}, {"url": url, "on": ["failed"], "secret_file": "./my.secret"}]
    assert parse(notify=given).notify == (
        Hook(url, ALL_ENDS, None, trusted=True),
        Hook(url, frozenset({End.FAILED}), "./my.secret", trusted=True),
    )
    assert parse(notify=[{"url": "http://127.0.0.1:9/"}]).notify
    assert parse(notify=[]).notify == parse().notify == ()


@pytest.mark.parametrize(
    ("value", "place", "said"),
    [
        ("https://a.example", ("notify",), "must be a list such as"),
        (["https://a.example"], ("notify", 0), "{url: https://a.example}"),
        ([{}], ("notify", 0, "url"), "is missing"),
        ([{"url": "a.example"}], ("notify", 0, "url"), "must begin with https://"),
        ([{"url": "https://u:p@a.example"}], ("notify", 0, "url"), "a password"),
        ([{"url": 5}], ("notify", 0, "url"), "must be text"),
        ([{"url": "http://a", "on": []}], ("notify", 0, "on"), "must name one"),
        ([{"url": "http://a", "on": ["faild"]}], ("notify", 0, "on", 0), "did you mean failed?"),
        ([{"url": "http://a", "on": "failed"}], ("notify", 0, "on"), "must be a list"),
        ([{"url": "http://a", "uri": "x"}], ("notify", 0, "uri"), "did you mean url?"),
        ([{"url": "http://a", "secret_file": "a"}], ("notify", 0, "secret_file"), "beginning with ./"),
        ([{"url": "http://a"}] * 33, ("notify",), "not have more than 32"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_notify(value: Any, place: tuple[str | int, ...], said: str) -> None:
    draft = parse_worker({"command": ["./run"], "notify": value}, stem="x")
    (mistake,) = draft.mistakes
    assert mistake.path == place
    assert said in mistake.message
