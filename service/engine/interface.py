"""Which network interface carries an address. Linux; elsewhere nothing is found, and nothing is set."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
from pathlib import Path

_SIOCGIFADDR = 0x8915


def interface_of(address: str) -> str:
    """Returns the name of the interface that has the IP address, empty when none is found."""
    try:
        wanted = ipaddress.ip_address(address)
    except ValueError:
        return ""
    found = _version_6() if wanted.version == 6 else _version_4()
    return next((name for name, ip in found if ip == wanted), "")


def _version_4() -> list[tuple[str, ipaddress.IPv4Address]]:
    try:
        import fcntl
    except ImportError:
        return []
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):  # an interface without an address
                reply = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                found.append((name, ipaddress.IPv4Address(reply[20:24])))
    return found


def _version_6() -> list[tuple[str, ipaddress.IPv6Address]]:
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return []
    return [(line.split()[5], ipaddress.IPv6Address(bytes.fromhex(line.split()[0]))) for line in lines]
