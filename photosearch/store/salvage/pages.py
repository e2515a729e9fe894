"""The pages of an SQLite file read without SQLite: what can still be read of a damaged one.

In: a database file and its WAL. Out: trees of pages, and the rows on them. The format is SQLite's
published one (sqlite.org/fileformat2.html). A page is taken whole or not at all: one cell that
cannot be makes all of its page doubtful. Knows nothing of the catalogue's tables.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, field
from pathlib import Path

from photosearch.store.salvage.record import BadPage, Value, record, varint
from photosearch.store.salvage.wal import read_wal

PAGE_SIZE = 8192  # what a catalogue is born with; assumed where the header is lost
TABLE_LEAF, TABLE_INNER, INDEX_LEAF, INDEX_INNER = 13, 5, 10, 2


_DEEPEST = 20  # levels of a tree: SQLite's own limit


@dataclass(frozen=True, slots=True)
class Row:
    """A cell of a table (with a rowid) or of an index (without)."""

    rowid: int | None
    values: tuple[Value, ...]


@dataclass(slots=True)
class Page:
    """A page of a tree, read."""

    kind: int
    rows: list[Row] = field(default_factory=list)
    children: list[int] = field(default_factory=list)
    overflow: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Tree:
    """What was reached from a root page."""

    rows: list[Row] = field(default_factory=list)
    pages: set[int] = field(default_factory=set)
    bad: list[int] = field(default_factory=list)  # pages that should be of it and are not readable


class Pages:
    """A database file as numbered pages, the committed frames of its WAL laid over them."""

    def __init__(self, path: Path, wal: Path | None = None) -> None:
        self._file = path.open("rb")
        header = self._file.read(100)
        self.has_header = header.startswith(b"SQLite format 3\0")
        size = int.from_bytes(header[16:18], "big") if self.has_header else PAGE_SIZE
        size = 65536 if size == 1 else size
        self.size = size if size >= 512 and size & (size - 1) == 0 else PAGE_SIZE
        reserved = header[20] if self.has_header and len(header) > 20 else 0
        self._usable = self.size - (reserved if reserved <= 32 else 0)
        self._frames: dict[int, bytes] = {}
        count = (path.stat().st_size + self.size - 1) // self.size
        if wal is not None and wal.exists():
            state = read_wal(wal)
            if state.page_size == self.size or not self.has_header:
                self._frames = state.frames
                count = max([count, *self._frames])
        self.count = count

    def close(self) -> None:
        self._file.close()

    def raw(self, number: int) -> bytes:
        """The bytes of a page; BadPage where the file ends before it."""
        if number in self._frames:
            return self._frames[number]
        if number < 1:
            raise BadPage(f"page {number}")
        try:
            self._file.seek((number - 1) * self.size)
            data = self._file.read(self.size)
        except OSError as error:  # a failing disk
            raise BadPage(f"page {number}: {error.strerror}") from error
        if len(data) != self.size:
            raise BadPage(f"page {number} is cut off")
        return data

    def kind(self, number: int) -> int:
        """The first byte of a page: what sort of tree page it claims to be."""
        try:
            return self.raw(number)[100 if number == 1 else 0]
        except BadPage:
            return 0

    def header(self) -> bytes:
        """The file's header, as the WAL has it where that is newer."""
        return self.raw(1)[:100]

    def page(self, number: int) -> Page:
        """A tree page with all of its cells, or BadPage."""
        data = self.raw(number)
        try:
            return self._page(data, 100 if number == 1 else 0)
        except (IndexError, struct.error, UnicodeDecodeError, OverflowError) as error:
            raise BadPage(f"page {number}: {error}") from error

    def tree(self, root: int) -> Tree:
        """All that can be reached from a root page."""
        tree = Tree()
        self._walk(root, tree, None, 0)
        return tree

    def free(self) -> set[int]:
        """Pages of the free list, as far as it can be followed."""
        free: set[int] = set()
        try:
            number = int.from_bytes(self.header()[32:36], "big") if self.has_header else 0
            while 0 < number <= self.count and number not in free:
                free.add(number)
                data = self.raw(number)
                number, leaves = struct.unpack(">II", data[:8])
                if leaves <= self.size // 4 - 2:
                    free.update(struct.unpack(f">{leaves}I", data[8 : 8 + 4 * leaves]))
        except BadPage:
            pass
        return free

    def _walk(self, number: int, tree: Tree, inner: bool | None, depth: int) -> None:
        if number in tree.pages or depth > _DEEPEST:
            tree.bad.append(number)
            return
        try:
            page = self.page(number)
            if inner is not None and (page.kind in (TABLE_LEAF, TABLE_INNER)) is not inner:
                raise BadPage(f"page {number} is of another tree")
        except BadPage:
            tree.bad.append(number)
            return
        tree.pages.add(number)
        tree.pages.update(page.overflow)
        tree.rows += page.rows
        for child in page.children:
            self._walk(child, tree, page.kind in (TABLE_LEAF, TABLE_INNER), depth + 1)

    def _page(self, data: bytes, start: int) -> Page:
        kind = data[start]
        if kind not in (TABLE_LEAF, TABLE_INNER, INDEX_LEAF, INDEX_INNER):
            raise BadPage("no page of a tree")
        page = Page(kind)
        inner = kind in (TABLE_INNER, INDEX_INNER)
        (count,) = struct.unpack_from(">H", data, start + 3)
        pointers = start + (12 if inner else 8)
        if pointers + 2 * count > self._usable:
            raise BadPage("too many cells")
        spans = []
        for at in struct.unpack_from(f">{count}H", data, pointers):
            if not pointers + 2 * count <= at < self._usable:
                raise BadPage("a cell outside of the page")
            spans.append((at, self._cell(data, at, page)))
        spans.sort()
        for (_, end), (following, _) in itertools.pairwise(spans):
            if end > following:
                raise BadPage("cells overlap")
        if inner:
            page.children.append(struct.unpack_from(">I", data, start + 8)[0])
        if any(not 1 <= child <= self.count for child in page.children):
            raise BadPage("a child that is not there")
        return page

    def _cell(self, data: bytes, at: int, page: Page) -> int:
        """Read one cell into `page`; gives where it ends."""
        rowid = None
        if page.kind in (TABLE_INNER, INDEX_INNER):
            page.children.append(struct.unpack_from(">I", data, at)[0])
            at += 4
            if page.kind == TABLE_INNER:
                return varint(data, at)[1]
        length, at = varint(data, at)
        if page.kind == TABLE_LEAF:
            rowid, at = varint(data, at)
            rowid -= (rowid >> 63) << 64
        payload, end = self._payload(data, at, length, page)
        page.rows.append(Row(rowid, record(payload)))
        return end

    def _payload(self, data: bytes, at: int, length: int, page: Page) -> tuple[bytes, int]:
        usable = self._usable
        least = (usable - 12) * 32 // 255 - 23
        most = usable - 35 if page.kind == TABLE_LEAF else (usable - 12) * 64 // 255 - 23
        if length <= most:
            if at + length > usable:
                raise BadPage("a cell that leaves the page")
            return data[at : at + length], at + length
        if length > self.count * self.size:
            raise BadPage("a cell larger than the file")
        local = least + (length - least) % (usable - 4)
        local = local if local <= most else least
        end = at + local + 4
        if end > usable:
            raise BadPage("a cell that leaves the page")
        parts, left = [data[at : at + local]], length - local
        (number,) = struct.unpack_from(">I", data, at + local)
        while left > 0:
            if number in page.overflow:
                raise BadPage("a circle of pages")
            more = self.raw(number)
            page.overflow.append(number)
            parts.append(more[4 : min(usable, 4 + left)])
            left -= len(parts[-1])
            (number,) = struct.unpack_from(">I", more)
        return b"".join(parts), end
