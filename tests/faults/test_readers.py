"""Queries while another process is indexing: never an error, never a photo twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.command import Command
from tests.faults.common import fault, rounds
from tests.make import write_photos

READERS = 10
FIRST, MORE = 20, 250

READER = """
import json, sys, time
from photosearch import Library
counts = []
with Library.open() as library:
    while len(counts) < 5 or counts[-1] < int(sys.argv[1]):
        hits = library.search("a sun over the sea", k=100_000)
        assert len({hit.path for hit in hits}) == len(hits)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        counts.append(len(hits))
        time.sleep(0.25)
print(json.dumps(counts))
"""


def test_ten_readers_and_a_writer(photosearch: Command, tmp_path: Path) -> None:
    """Photos only ever come; each answer is in order and names no photo twice."""
    photos = tmp_path / "photos"
    write_photos(photos / "first", FIRST)
    photosearch("index", "-q", photos / "first")
    more = rounds(MORE)
    write_photos(photos, more, first_seed=100)
    run = [sys.executable, "-m", "photosearch", "index", "-q", photos]
    writer = subprocess.Popen(run, env=photosearch.env)
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(FIRST + more)],
            env={**photosearch.env, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(READERS)
    ]
    assert writer.wait(timeout=600) == 0
    for number, reader in enumerate(readers):
        with fault("reader beside an indexer", number=number):
            out, err = reader.communicate(timeout=300)
            assert reader.returncode == 0, err
            counts = json.loads(out)
            assert counts == sorted(counts)
            assert counts[-1] == FIRST + more
