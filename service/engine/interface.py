"""Which network interface carries an address. Linux; elsewhere nothing is found, and nothing is set."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import struct
from pathlib import Path

_SIOCGIFADDR = 0x8915


def choose_interface() -> None:
    """Sets the interface of collectives in this process of Ray to its node's; what is set already stays."""
    import ray

    name = interface_of(ray.util.get_node_ip_address())
    if name:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
        os.environ.setdefault("NCCL_SOCKET_IFNAME", f"={name}")
    os.environ.setdefault("TORCH_NCCL_ASYNC_ERROR_HANDLING", "1")  # a collective past its time ends the process


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
