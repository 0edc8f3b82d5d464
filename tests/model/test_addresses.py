"""Where an address leads, whatever form it is written in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasky.model.addresses import Reach, reach

_OUTSIDE = "8.8.8.8 93.184.216.34 2606:4700::1 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1"
_INSIDE = (
    "127.0.0.1 127.255.255.254 10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 198.18.0.1 192.0.2.1"
    " ::1 fd00::1 fc00::1 fec0::1 2001:db8::1 ::ffff:127.0.0.1 ::ffff:10.1.2.3 64:ff9b::7f00:1 64:ff9b:1::a00:1"
    " 2002:7f00:1::1 2002:a00:1::"
)
_NOWHERE = (
    "169.254.169.254 169.254.0.1 0.0.0.0 0.1.2.3 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255"
    " 100.100.100.200 168.63.129.16 192.0.0.192 :: ff02::1 fe80::1 fe80::1%eth0 fd00:ec2::254 fd20:ce::254"
    " fd00:42::42 ::ffff:169.254.169.254 ::ffff:0.0.0.0 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe:: ::7f00:1"
)


@pytest.mark.parametrize("address", _OUTSIDE.split())
def test_outside(address: str) -> None:
    assert reach(address) is Reach.OUTSIDE


@pytest.mark.parametrize("address", _INSIDE.split())
def test_inside(address: str) -> None:
    assert reach(address) is Reach.INSIDE


@pytest.mark.parametrize("address", _NOWHERE.split())
def test_nowhere(address: str) -> None:
    assert reach(address) is Reach.NOWHERE


@given(st.ip_addresses(v=4))
def test_mapped_and_translated_addresses_are_what_is_inside(address: object) -> None:
    assert reach(f"::ffff:{address}") is reach(f"64:ff9b::{address}") is reach(str(address))


@given(st.ip_addresses())
def test_every_address_leads_somewhere(address: object) -> None:
    assert reach(str(address)) in Reach
