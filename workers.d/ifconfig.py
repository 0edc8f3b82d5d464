#!/usr/bin/env -S python3 -IS
"""Lists the addresses of the network interfaces.

Asks the kernel by ioctl and /proc, not by netlink: that is often denied to a service (RestrictAddressFamilies= of
systemd).
"""

import array
import fcntl
import json
import socket
import struct
import sys
from collections.abc import Iterator

# Of <linux/sockios.h>; an ifreq is a name of 16 bytes and a union of 24 (of 16 on a 32-bit system).
SIOCGIFCONF, SIOCGIFNETMASK, SIOCGIFINDEX = 0x8912, 0x891B, 0x8933
IFREQ = 40 if struct.calcsize("P") == 8 else 32


#: Index of the interface, 4 or 6, name of the interface, network.
Address = tuple[int, int, str, str]


def main() -> None:
    json.loads(sys.stdin.buffer.readline())  # the task; it has no parameters
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        addresses = sorted([*ipv4(sock), *ipv6()], key=lambda address: address[:2])
    interfaces = [
        {"interface_name": name, "mac_address": mac(name), "ip_network": network}
        for _index, _family, name, network in addresses
    ]
    say(type="result", output={"Interfaces": interfaces})


def say(**message: object) -> None:
    print(json.dumps(message), flush=True)


def ipv4(sock: socket.socket) -> Iterator[Address]:
    for label, sockaddr in configured(sock):
        try:
            index = ask(sock, SIOCGIFINDEX, label, b"")[:4]
            # With the address given, the mask is that of this address, where a label has several.
            mask = ask(sock, SIOCGIFNETMASK, label, sockaddr)[4:8]
        except OSError:  # gone meanwhile
            continue
        prefix = int.from_bytes(mask, "big").bit_count()
        name = label.rstrip(b"\0").decode().partition(":")[0]  # eth0:1 is an alias of eth0
        network = f"{socket.inet_ntoa(sockaddr[4:8])}/{prefix}"
        yield int.from_bytes(index, sys.byteorder), 4, name, network


def configured(sock: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """Label and sockaddr_in of every IPv4 address."""
    room = 64
    while True:
        buffer = array.array("B", bytes(room * IFREQ))
        request = struct.pack("iP", len(buffer), buffer.buffer_info()[0])
        used = struct.unpack("iP", fcntl.ioctl(sock, SIOCGIFCONF, request))[0]
        if used < len(buffer):
            break
        room *= 2  # the kernel does not say how many there are, only that it was full
    entries = buffer[:used].tobytes()
    for start in range(0, used, IFREQ):
        yield entries[start : start + 16], entries[start + 16 : start + 32]


def ask(sock: socket.socket, request: int, label: bytes, sockaddr: bytes) -> bytes:
    """The union of the ifreq that the kernel answers with."""
    return fcntl.ioctl(sock, request, struct.pack("16s24s", label, sockaddr))[16:]


def ipv6() -> Iterator[Address]:
    """Lines of address, index, prefix length, scope and flags (all in hex), and the interface's name."""
    try:
        with open("/proc/net/if_inet6") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:  # a kernel without IPv6
        return
    for line in lines:
        address, index, prefix, _scope, _flags, name = line.split()
        text = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(address))
        yield int(index, 16), 6, name, f"{text}/{int(prefix, 16)}"


def mac(interface: str) -> str:
    """Empty where there is none: the loopback's is all zeros, a tunnel has an IP address in its place."""
    try:
        with open(f"/sys/class/net/{interface}/address") as file:
            text = file.read().strip()
    except OSError:
        return ""
    return text if text.strip("0:") and text.count(":") not in (3, 15) else ""


if __name__ == "__main__":
    main()
