"""`scripts/docs`: bring the pages up to date, or say what is not."""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

from scripts.pages.session import PROJECT, Failed, Session
from scripts.pages.write import Writer, programs

FIRST = ("README.md", "README.zh-CN.md")  # which fill the library that the others look at


def all_pages() -> list[Path]:
    """Every page, in the order in which their commands run."""
    return [PROJECT / name for name in FIRST] + sorted((PROJECT / "docs").glob("*.md"))


def outdated(pages: list[Path]) -> dict[Path, tuple[str, str]]:
    """Pages that are not as the program makes them: as they are, as they should be.

    The commands of README.md come first, whatever was asked for; each other page finds the library
    as they left it, so that it may be written alone.
    """
    found = {}
    with Session() as session:
        writer = Writer(session)
        for page in all_pages():
            if page not in pages and page.name != FIRST[0]:
                continue
            if page.name not in FIRST:
                session.back()
            old = page.read_text(encoding="utf-8")
            new = writer.written(old)
            if page.name == FIRST[0]:
                session.keep()
            if page.name != FIRST[1]:  # the same programs again
                for program in programs(old):
                    session.python(program)
            if new != old and page in pages:
                found[page] = (old, new)
    return found


def difference(page: Path, old: str, new: str) -> str:
    """What is not as it should be, in lines."""
    name = str(page.relative_to(PROJECT))
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), f"{name} as it is", "as the program has it", lineterm=""
    )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/docs", description=__doc__)
    parser.add_argument("pages", nargs="*", type=Path, metavar="PAGE", help="all unless named")
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    asked = parser.parse_args()
    wanted = [page.resolve() for page in asked.pages] or all_pages()
    for page in wanted:
        if page not in all_pages():
            parser.error(f"{page} is no page of the documentation")
    try:
        found = outdated(wanted)
    except Failed as error:
        print(f"scripts/docs: {error}", file=sys.stderr)
        return 1
    for page, (old, new) in found.items():
        if asked.check:
            print(difference(page, old, new))
        elif page.read_text(encoding="utf-8") != old:
            print(f"left alone, it was edited meanwhile: {page.relative_to(PROJECT)}")
        else:
            page.write_text(new, encoding="utf-8")
            print(f"written: {page.relative_to(PROJECT)}")
    if asked.check and found:
        print("\nscripts/docs writes these pages anew", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
