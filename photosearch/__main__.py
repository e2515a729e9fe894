"""The door of the command: `python -m photosearch`, and the script `photosearch`."""

from __future__ import annotations

import sys


def _interrupted() -> int:
    if sys.stderr is not None:
        sys.stderr.write("photosearch: interrupted\n")
    return 130


def main() -> None:
    """Run the command, or let a warm process answer it (`photosearch serve --socket`).

    Ctrl-C while its parts are still being imported ends it as later.
    """
    try:
        from photosearch.resident.client import COMMANDS

        wants_one = False
        if sys.argv[1:2] and sys.argv[1] in COMMANDS:
            from photosearch import __version__
            from photosearch.resident.client import answer

            wants_one = answer(sys.argv[1:], __version__)
        if wants_one:
            from photosearch.cli import output
            from photosearch.cli.resident import start_later

            output.before_leaving = start_later
        from photosearch.cli.app import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(_interrupted())


if __name__ == "__main__":
    main()
