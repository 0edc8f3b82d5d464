"""What a browser could be tricked into: requests to a name that is not ours (DNS rebinding), requests of other people's
pages (forgery, embedding), and answers that such a page could read, frame or run.

All of it holds with and without authentication: on a loopback address every page that the user has open can reach us.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

import falcon

from .problems import ForeignHost, ForeignOrigin, UnsupportedMediaType

log = logging.getLogger(__name__)

#: Of every answer, those of waitress too. What is made by workers, or is a page, has a policy of its own in its place.
HEADERS: Final = (
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_WILDCARDS: Final = ("0.0.0.0", "::")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_MEDIA_TYPES: Final = frozenset({"application/json", "multipart/form-data"})
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::([0-9]{1,5}))?", re.ASCII)
_PORTS: Final = {"http": 80, "https": 443}

#: Of a preflight's answer; what scripts may use of the others' headers; how long the answer is good for, in seconds.
_METHODS: Final = "DELETE, GET, HEAD, POST"
_REQUEST_HEADERS: Final = (
    "Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Range, Last-Event-ID, Range"
)
_ANSWER_HEADERS: Final = (
    "Accept-Ranges, Content-Disposition, Content-Range, ETag, Location, Retry-After, Tasky-Last-Line,"
    " Tasky-Lines, Tasky-Searched, WWW-Authenticate"
)
_PREFLIGHT_AGE: Final = "600"


class Defences:
    """The first middleware. `listen` is the host that the server is bound to (None: a unix socket), which it answers to
    beside the names of loopback and `allowed_hosts`; ports do not matter, as tunnels change them. Bound to every
    interface, it answers to any address: what an attacker can point elsewhere is a name. `cors_origins` are
    `scheme://host[:port]`, as browsers write them; they get no credentials, so theirs are bearer tokens."""

    def __init__(
        self,
        *,
        listen: str | None = None,
        allowed_hosts: Iterable[str] = (),
        cors_origins: Iterable[str] = (),
    ) -> None:
        names = (*_LOOPBACK, *allowed_hosts, *([] if listen is None else [listen]))
        self._hosts: Final = frozenset(map(_canonical, names))
        self._any_address: Final = listen in _WILDCARDS
        self._origins: Final = frozenset(cors_origins)

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._check_host(req.env)
        if self._is_preflight(req):
            self._answer_preflight(req, resp)
            return
        if not (self._is_shared(req) or _is_from_here(req)):
            log.debug("refused: Origin %r", req.env.get("HTTP_ORIGIN"))
            raise ForeignOrigin
        if req.method not in _SAFE:
            _check_media_type(req.env.get("CONTENT_TYPE", ""))

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _succeeded: bool
    ) -> None:
        """Also of errors."""
        if self._origins:
            resp.append_header("Vary", "Origin")
            if self._is_shared(req):
                resp.set_header("Access-Control-Allow-Origin", req.env["HTTP_ORIGIN"])
                resp.set_header("Access-Control-Expose-Headers", _ANSWER_HEADERS)

    def _check_host(self, env: dict[str, Any]) -> None:
        """One Host, and it is ours; so is the one in the request's target, if it has one (RFC 9112, 3.2.2)."""
        target = env.get("REQUEST_URI", "/")
        named = [env.get("HTTP_HOST", "")]
        if not target.startswith(("/", "*")):
            named.append(_authority(target))
        for name in named:
            if not self._is_ours(name):
                log.debug("refused: Host %r", name)
                raise ForeignHost

    def _is_ours(self, authority: str) -> bool:
        parts = _split(authority)
        if parts is None:
            return False
        return parts[0] in self._hosts or (self._any_address and _is_address(parts[0]))

    def _is_shared(self, req: falcon.Request) -> bool:
        return req.env.get("HTTP_ORIGIN") in self._origins

    def _is_preflight(self, req: falcon.Request) -> bool:
        return (
            req.method == "OPTIONS"
            and "HTTP_ORIGIN" in req.env
            and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in req.env
        )

    def _answer_preflight(self, req: falcon.Request, resp: falcon.Response) -> None:
        if not self._is_shared(req):
            raise ForeignOrigin
        resp.status = falcon.HTTP_204
        resp.set_header("Access-Control-Allow-Methods", _METHODS)
        resp.set_header("Access-Control-Allow-Headers", _REQUEST_HEADERS)
        resp.set_header("Access-Control-Max-Age", _PREFLIGHT_AGE)
        resp.complete = True


def _is_from_here(req: falcon.Request) -> bool:
    """Whether no other page made it. Browsers say so in Sec-Fetch-Site, which no page can set; the older ones send an
    Origin with unsafe methods; what is no browser sends neither. To look at something of ours from a link elsewhere
    is fine; to load it into another page is not, or any page could hold our streams and threads."""
    site = req.env.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return site in ("same-origin", "none") or (req.method in _SAFE and _is_link(req.env))
    origin = req.env.get("HTTP_ORIGIN")
    return req.method in _SAFE or origin is None or _same(origin, req.env["HTTP_HOST"])


def _is_link(env: dict[str, Any]) -> bool:
    dest = env.get("HTTP_SEC_FETCH_DEST")
    return env.get("HTTP_SEC_FETCH_MODE") == "navigate" and dest == "document"


def _same(origin: str, host: str) -> bool:
    """The scheme is not compared: behind a proxy with TLS we do not know our own."""
    scheme, separator, authority = origin.partition("://")
    theirs, ours = _split(authority), _split(host)
    if not separator or scheme not in _PORTS or theirs is None or ours is None:
        return False
    port = _PORTS[scheme]
    return (theirs[0], theirs[1] or port) == (ours[0], ours[1] or port)


def _check_media_type(content_type: str) -> None:
    """A form of another page can send anything but JSON, so that is refused without a look at the body."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type and media_type not in _MEDIA_TYPES:
        raise UnsupportedMediaType


# ---------------------------------------------------------------------- names


def _authority(target: str) -> str:
    try:
        return urlsplit(target).netloc
    except ValueError:
        return ""


def _split(authority: str) -> tuple[str, int | None] | None:
    """Host and port; None if it is neither a name nor an address, with or without a port."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        return None
    return _canonical(match[1]), int(match[2]) if match[2] else None


def _canonical(host: str) -> str:
    """In lower case, an IPv6 address without brackets and in its shortest form."""
    bare = host.removeprefix("[").removesuffix("]")
    if ":" in bare:
        try:
            return str(ipaddress.IPv6Address(bare))
        except ValueError:
            return ""
    return host.lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
