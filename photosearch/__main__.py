"""The door of the command: `python -m photosearch`, and the script `photosearch`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command. Ctrl-C while its parts are still being imported ends it without a word."""
    try:
        from photosearch.cli.app import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
