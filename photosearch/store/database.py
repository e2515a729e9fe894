"""sqlite-utils, imported without what it would load for itself.

In: an open connection. Out: sqlite-utils' Database over it. Where pandas is installed, sqlite-utils
imports it to store its time stamps; none comes this way, and it is 0.4 s at each start.
"""

from __future__ import annotations

import sqlite3
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite_utils


def database_of(connection: sqlite3.Connection) -> sqlite_utils.Database:
    """What writes to the catalogue; plug-ins of others stay out."""
    absent = "pandas" not in sys.modules
    if absent:
        sys.modules["pandas"] = None  # type: ignore[assignment]  # importing it fails now
    try:
        import sqlite_utils
    finally:
        if absent:
            del sys.modules["pandas"]
    return sqlite_utils.Database(connection, execute_plugins=False)
