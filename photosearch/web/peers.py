"""Which user of this machine is at the other end of a connection.

In: the addresses of a connection over loopback. Out: whether it is the user whom this process
belongs to, as Linux has it; where no system says so, nobody is turned away.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from pathlib import Path

Address = tuple[str, int]

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ROOT = 0  # reads every file anyway


def is_stranger(peer: Address, own: Address, tables: tuple[Path, ...] = _TABLES) -> bool:
    """Whether the client at `peer` of the server at `own` runs as another user.

    1.5 ms for one table, of which the system walks all, so it is asked once a connection. A socket
    that its process has closed has no user any more: nobody's.
    """
    try:
        users = [user for table in tables[:1] for user in _users(table, peer, own)]
        if not users:
            users = [user for table in tables[1:] for user in _users(table, peer, own)]
    except OSError:
        return False  # macOS, Windows, a container without /proc
    return not any(user in (os.getuid(), _ROOT) for user in users)


def _users(table: Path, peer: Address, own: Address) -> Iterator[int]:
    """The owners of sockets that lie at `peer` and are connected to `own`."""
    ends = f":{peer[1]:04X}", f":{own[1]:04X}"
    wanted = _plain(peer[0]), _plain(own[0])
    for line in table.read_text("ascii").splitlines()[1:]:
        fields = line.split()
        local, remote = fields[1], fields[2]
        if not (local.endswith(ends[0]) and remote.endswith(ends[1])):
            continue
        inode = int(fields[9])
        if inode and (_address(local), _address(remote)) == wanted:
            yield int(fields[7])


def _address(text: str) -> str:
    """`0100007F:20E4` → 127.0.0.1: words of four bytes, each as this machine has them."""
    digits = text.partition(":")[0]
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    return _plain(str(ip_address(packed)))


def _plain(address: str) -> str:
    """An address in one spelling; IPv4 within IPv6 is IPv4."""
    one = ip_address(address.partition("%")[0])
    if isinstance(one, IPv6Address) and one.ipv4_mapped is not None:
        one = one.ipv4_mapped
    return str(one)
