"""Vector files brought up to date, again and again, with a fault: `python -m tests.faults.forks`.

In: lines of JSON, a library and a plan (inject.py) each. Out: a line for each, the exit code of a
process of its own that did it; it is a fork, so that nothing has to be imported a hundred times.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

from photosearch.index.cache import refresh_index
from photosearch.store.snapshot import Snapshot
from tests.faults.inject import prepare


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            code = 1
            try:
                refresh(Path(order["library"]), order["plan"])
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def refresh(library: Path, plan: dict[str, object]) -> None:
    prepare(plan)
    snapshot = Snapshot(library)
    for model in snapshot.models():
        refresh_index(library, snapshot, model)
    snapshot.close()


if __name__ == "__main__":
    main()
