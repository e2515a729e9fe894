"""The house as the code has it: each folder, its floor, and which folders it imports.

In: the table of floors, the package's imports. Out: a Markdown table. What only names a type
(`if TYPE_CHECKING`) counts as well.
"""

from __future__ import annotations

from collections import defaultdict

from tests.unit.test_floors import FLOORS, PLACES, imports_of, modules

# As the design counts them: reading print was built in between.
NUMBERS = ("0", "1", "2", "3", "3½", "4", "5", "6", "7", "8", "9", "10")


def house() -> str:
    """A row a folder, from the top floor down; modules that stand alone are named themselves."""
    count: dict[str, int] = defaultdict(int)
    uses: dict[str, set[str]] = defaultdict(set)
    floor: dict[str, int] = {}
    for name, path in modules().items():
        if name not in PLACES:  # a folder's own empty `__init__`
            continue
        room = _room(name)
        count[room] += 1
        floor[room] = PLACES[name][0]
        uses[room] |= {_room(other) for _, other in imports_of(path)} - {room}
    order = sorted(count, key=lambda room: (-floor[room], room))
    rows = [
        "| floor | folder | modules | lines | imports from |",
        "| --: | --- | --: | --: | --- |",
    ]
    for room in order:
        below = " ".join(_called(other) for other in sorted(uses[room], key=order.index))
        rows.append(f"| {NUMBERS[floor[room]]} | {_called(room)} | {count[room]} | {below} |")
    assert len(NUMBERS) == len(FLOORS)
    return "\n".join(rows)


def _room(name: str) -> str:
    if name in ("__init__", "__main__"):
        return "library" if name == "__init__" else "cli"
    return name.split(".")[0]


def _called(room: str) -> str:
    is_folder = any(name.startswith(f"{room}.") for name in PLACES)
    return f"`{room}/`" if is_folder else f"`{room}`"
