"""What a server may be called: the Host header of a request, and its Origin.

In: headers. Out: whether they name this server. A page of another site can point its own name at
this machine (DNS rebinding); its scripts could then read every reply, were it not for the name in
the Host header. An address is no such name.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

EVERYWHERE = ("0.0.0.0", "::", "")

_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_][a-z0-9_.-]{0,252})(?::(\d{1,5}))?", re.ASCII)


def split_host(text: str) -> tuple[str, str] | None:
    """(name, port or "") of a Host header, in small letters; None where it is none."""
    match = _HOST.fullmatch(text.strip(" \t").lower())
    if match is None or (match[2] and int(match[2]) > 65535):
        return None
    name = match[1].strip("[]").removesuffix(".")
    return (name, match[2] or "") if name else None


def is_loopback(host: str) -> bool:
    """Whether an address that is served on can be reached from this machine alone."""
    address = _address(host.lower())
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


class Names:
    """What one server may be called."""

    def __init__(self, host: str, allowed: tuple[str, ...]) -> None:
        self._is_local = is_loopback(host)
        self._names = {"localhost", host.lower(), *(name.lower() for name in allowed)}
        if not self._is_local:
            own = socket.gethostname().lower()
            short = own.partition(".")[0]
            self._names |= {own, short, f"{short}.local"}
        self._names -= set(EVERYWHERE)

    def has(self, host: str) -> bool:
        """Whether a Host header means this server; with any port, for it may be forwarded."""
        parts = split_host(host)
        if parts is None:
            return False
        address = _address(parts[0])
        if address is not None and parts[0] not in self._names:
            return address.is_loopback or not self._is_local
        return parts[0] in self._names


def is_same_origin(origin: str, host: str) -> bool:
    """Whether a page's origin is the very server that it asks; https where a proxy adds that."""
    scheme, _, rest = origin.strip().lower().partition("://")
    port = {"http": "80", "https": "443"}.get(scheme)
    its, own = split_host(rest), split_host(host)
    if port is None or its is None or own is None:
        return False
    return (its[0], its[1] or port) == (own[0], own[1] or port)


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
