"""The addresses that it lists are those that the kernel tells by another way, netlink."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from .support import quiet, run

RTM_GETLINK, RTM_GETADDR, NLM_F_REQUEST, NLM_F_DUMP, NLMSG_DONE = 18, 22, 1, 0x300, 3
IFLA_ADDRESS, IFLA_IFNAME, IFA_ADDRESS, IFA_LOCAL = 1, 3, 1, 2


def dump(request: int) -> Iterator[bytes]:
    """The payloads of netlink's answer."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(struct.pack("=LHHLLB3x", 20, request, NLM_F_REQUEST | NLM_F_DUMP, 1, 0, 0))
        while True:
            data = netlink.recv(1 << 16)
            while data:
                length, kind = struct.unpack_from("=LH", data)
                if kind == NLMSG_DONE:
                    return
                yield data[16:length]
                data = data[(length + 3) & ~3 :]


def attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while data:
        length, kind = struct.unpack_from("=HH", data)
        found[kind] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def expected() -> list[dict[str, str]]:
    links: dict[int, dict[int, bytes]] = {}
    for payload in dump(RTM_GETLINK):
        links[struct.unpack_from("=i", payload, 4)[0]] = attributes(payload[16:])
    interfaces = []
    for payload in dump(RTM_GETADDR):
        family, prefix, _flags, _scope, index = struct.unpack_from("=BBBBi", payload)
        found = attributes(payload[8:])
        address = socket.inet_ntop(family, found.get(IFA_LOCAL) or found[IFA_ADDRESS])
        mac = links[index].get(IFLA_ADDRESS, b"")
        interfaces.append(
            {
                "interface_name": links[index][IFLA_IFNAME].rstrip(b"\0").decode(),
                "mac_address": mac.hex(":") if any(mac) and len(mac) not in (4, 16) else "",
                "ip_network": f"{address}/{prefix}",
            }
        )
    return interfaces


def test_lists_every_address(tmp_path: Path) -> None:
    finished = run("ifconfig", tmp_path)
    assert quiet(finished)
    assert list(finished.output) == ["Interfaces"]
    listed = finished.output["Interfaces"]
    assert sorted(listed, key=str) == sorted(expected(), key=str)


def test_the_loopback_has_no_mac_address(tmp_path: Path) -> None:
    interfaces = run("ifconfig", tmp_path).output["Interfaces"]
    loopback = {"interface_name": "lo", "mac_address": "", "ip_network": "127.0.0.1/8"}
    assert interfaces[0] == loopback
