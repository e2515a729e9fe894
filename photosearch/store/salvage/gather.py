"""Rows of a damaged catalogue's tables, from wherever in the file they can be had.

In: the pages of a file. Out: Found: table → rows. First through the trees of the tables; where a
tree is broken, from the pages that no tree led to, by what their rows look like.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from photosearch.store.salvage.pages import INDEX_LEAF, TABLE_LEAF, Pages, Row
from photosearch.store.salvage.record import BadPage, Value
from photosearch.store.salvage.shapes import Shape, first_pages, shapes

Found = dict[str, dict[tuple[Value, ...], dict[str, Value]]]  # table → its rows by their key


class Reader:
    """Rows of every table, from wherever they can be had."""

    def __init__(self, pages: Pages) -> None:
        self.found: Found = {name: {} for name in shapes()}
        self.bad: set[int] = set()
        self.broken: set[str] = set()  # tables and indexes of which a page is missing
        self._pages = pages
        self._claimed: set[int] = set()

    def everything(self) -> None:
        roots = self._roots()
        for name, shape in shapes().items():
            if name not in roots:
                self.broken.add(name)
                continue
            tree = self._pages.tree(roots[name])
            self._claimed |= tree.pages
            all_fit = self._add(shape, tree.rows)
            if tree.bad or not all_fit:
                self.broken.add(name)
                self.bad.update(tree.bad)
        # The full-text index and its like: their pages hold no rows of ours.
        for name, root in roots.items():
            if name not in shapes() and root:
                tree = self._pages.tree(root)
                self._claimed |= tree.pages
                self.bad.update(tree.bad)
        if self.broken:
            self._sweep()

    def _roots(self) -> dict[str, int]:
        """Table or index → its first page, as far as the table of tables can be read."""
        tree = self._pages.tree(1)
        self._claimed |= tree.pages
        self.bad.update(tree.bad)
        roots = {}
        for row in tree.rows:
            if len(row.values) == 5 and row.values[0] in ("table", "index"):
                name, root = row.values[1], row.values[3]
                if isinstance(name, str) and isinstance(root, int) and root > 1:
                    roots[name] = root
        return roots if not tree.bad else {**self._born_with(), **roots}

    def _born_with(self) -> dict[str, int]:
        """Where the trees of a new catalogue begin, if those of this one do, too: all of them."""
        guess = first_pages()
        for name, root in guess.items():
            try:
                if not shapes()[name].fit(self._pages.page(root).rows):
                    return {}
            except BadPage:
                if root != 1 and root <= self._pages.count and self._pages.kind(root):
                    continue  # damaged, too
                return {}
        return guess

    def _sweep(self) -> None:
        """Pages that no tree led to, by the looks of their rows."""
        left_out = self._claimed | self._pages.free()
        for number in range(1, self._pages.count + 1):
            kind = self._pages.kind(number)
            if number in left_out or kind not in (TABLE_LEAF, INDEX_LEAF):
                continue
            try:
                rows = self._pages.page(number).rows
            except BadPage:
                self.bad.add(number)
                continue
            fitting = [shape for shape in shapes().values() if rows and shape.fit(rows)]
            if len(fitting) == 1 and fitting[0].name in self.broken:
                self._add(fitting[0], rows)

    def _add(self, shape: Shape, rows: Iterable[Row]) -> bool:
        """Take rows; whether all of them fit. What was found first is not replaced."""
        all_fit = True
        for row in rows:
            values = shape.values(row)
            if values is None:
                all_fit = False
                continue
            key = (row.rowid,) if shape.has_rowid else row.values
            self.found[shape.name].setdefault(key, values)
        return all_fit

    def table(self, name: str) -> list[dict[str, Value]]:
        return list(self.found[name].values())

    def entries(self, table: str, *columns: str) -> Iterator[tuple[Value, ...]]:
        """(rowid, columns) of a table's rows as its indexes know them."""
        for name, shape in shapes().items():
            have = {column.name for column in shape.columns}
            if name != shape.table == table and have == {"rowid", *columns}:
                for row in self.table(name):
                    yield (row["rowid"], *(row[column] for column in columns))
