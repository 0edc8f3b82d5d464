"""Which network addresses a notification may be sent to. Pure.

A server reaches what strangers do not: itself, its neighbours, the credentials that a cloud gives its machines.
"""

from __future__ import annotations

import ipaddress
from enum import Enum, auto
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class Reach(Enum):
    """Where an address leads."""

    OUTSIDE = auto()  #: anybody's, on the Internet
    INSIDE = auto()  #: this machine, or a network of one's own
    #: What is no receiver: link-local, multicast, reserved, and where clouds keep credentials.
    NOWHERE = auto()


#: Where clouds answer their machines (metadata, credentials). Most are link-local anyway.
_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",  # nearly all
            "100.100.100.200",  # Alibaba
            "168.63.129.16",  # Azure
            "192.0.0.192",  # Oracle
            "fd00:ec2::254",  # Amazon
            "fd20:ce::254",  # Google
            "fd00:42::42",  # Scaleway
        ),
    )
)
_THIS_NETWORK: Final = ipaddress.IPv4Network("0.0.0.0/8")  # Linux takes 0.0.0.0 for this machine
#: An IPv4 address is their last 32 bits (RFC 6052, RFC 8215), and it decides.
_TRANSLATED: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48")))


def reach(text: str) -> Reach:
    """Of an address as getaddrinfo gives it, also with a zone. Of one that has others inside, the worst."""
    address = ipaddress.ip_address(text.partition("%")[0])
    return max((_reach(one) for one in _all_of(address)), key=lambda one: one.value)


def _all_of(address: Address) -> list[Address]:
    """The address, and those that it stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if any(address in network for network in _TRANSLATED):
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address, *filter(None, [address.sixtofour, *(address.teredo or ())])]


def _reach(address: Address) -> Reach:
    if address in _METADATA:
        return Reach.NOWHERE
    if address.is_loopback:
        return Reach.INSIDE
    if isinstance(address, ipaddress.IPv6Address):
        if address.is_site_local:
            return Reach.INSIDE
    elif address in _THIS_NETWORK:
        return Reach.NOWHERE
    if (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
    ):
        return Reach.NOWHERE
    return Reach.OUTSIDE if address.is_global else Reach.INSIDE
