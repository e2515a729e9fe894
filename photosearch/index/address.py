"""Where vectors are served from, as it is written: beside the catalogue, or in Milvus.

In: `milvus://host:19530/database`, `milvus+https://…`, `./file.db`, and the environment. Out: an
Address, whose `shown` form carries no credentials. Nothing is connected to here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from photosearch.errors import WrongUse

TOKEN_VARIABLE = "PHOTOSEARCH_MILVUS_TOKEN"
_SCHEMES = {"milvus": "http", "milvus+https": "https"}
_PORTS = {"milvus": 19530, "milvus+https": 443}
_MOST_SHARDS = 16
# What each kind needs to be built and to be asked. FLAT and GPU_BRUTE_FORCE compare every photo.
# SCANN, asked in all its cells, looks at a short code of every photo and ranks the likeliest by
# their vectors. The others look into some cells, or along a graph: text queries lose photos.
KINDS: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "FLAT": ({}, {}),
    "GPU_BRUTE_FORCE": ({}, {}),
    "IVF_SQ8": ({"nlist": 1024}, {"nprobe": 256}),
    "SCANN": ({"nlist": 64, "with_raw_data": True}, {"nprobe": 64, "reorder_k": 2000}),
    "HNSW": ({"M": 32, "efConstruction": 200}, {"ef": 800}),
}
_HINT = "milvus://localhost:19530, milvus+https://host/database, or ./photos.db"


@dataclass(frozen=True, slots=True)
class Address:
    """A Milvus: a server, or a folder of Milvus Lite."""

    shown: str
    uri: str = ""
    database: str = ""
    token: str = ""
    file: Path | None = None
    kind: str = "FLAT"
    shards: int = 1

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"


def parse_address(given: str) -> Address:
    """Read what `--vectors` was given."""
    rest, _, options = given.partition("?")
    how = _options(options)
    scheme, has_scheme, _ = rest.partition("://")
    if not has_scheme:
        if not rest.endswith(".db"):
            raise WrongUse(f"--vectors {given}: neither a milvus:// address nor a .db file",
                           hint=_HINT)  # fmt: skip
        path = Path(os.path.abspath(os.path.expanduser(rest)))
        return Address(rest, file=path, **how)
    if scheme not in _SCHEMES:
        raise WrongUse(f"--vectors: {scheme}:// is no kind of address that is known", hint=_HINT)
    try:
        parts = urlsplit(rest)
        port = parts.port or _PORTS[scheme]
    except ValueError:
        parts, port = urlsplit(""), 0
    host = parts.hostname or ""
    database = parts.path.strip("/")
    shown_host = f"[{host}]" if ":" in host else host
    shown = f"{scheme}://{shown_host}:{port}" + (f"/{quote(database)}" if database else "")
    if not host or "/" in database or parts.fragment:
        raise WrongUse("--vectors: an address is host, port, and a database", hint=_HINT)
    uri = f"{_SCHEMES[scheme]}://{shown_host}:{port}"
    return Address(shown, uri, unquote(database), _token(parts), **how)


def _token(parts: SplitResult) -> str:
    if parts.username:
        return ":".join(unquote(part) for part in (parts.username, parts.password) if part)
    return os.environ.get(TOKEN_VARIABLE, "")


def _options(text: str) -> dict[str, Any]:
    how: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name == "index" and value.upper() in KINDS:
            how["kind"] = value.upper()
        elif name == "shards" and value.isascii() and value.isdigit() and (
            1 <= int(value) <= _MOST_SHARDS
        ):  # fmt: skip
            how["shards"] = int(value)
        else:
            raise WrongUse(
                f"--vectors …?{name}={value}: not known",
                hint=f"index={'|'.join(KINDS)}, shards=1…{_MOST_SHARDS}",
            )
    return how
