"""Queries while another process is indexing: never an error, never a photo twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.command import Command
from tests.make import write_photos

READER = """
import json, sys
from photosearch import Library
counts = []
with Library.open() as library:
    while len(counts) < 5 or counts[-1] < int(sys.argv[1]):
        hits = library.search("a sun over the sea", k=5000)
        assert len({hit.path for hit in hits}) == len(hits)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        counts.append(len(hits))
print(json.dumps(counts))
"""


def test_two_readers_and_a_writer(photosearch: Command, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    write_photos(photos / "first", 20)
    photosearch("index", "-q", photos / "first")
    write_photos(photos, 900, first_seed=100)
    run = [sys.executable, "-m", "photosearch", "index", "-q", photos]
    writer = subprocess.Popen(run, env=photosearch.env)
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, "920"],
            env=photosearch.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert writer.wait(timeout=120) == 0
    for reader in readers:
        out, err = reader.communicate(timeout=120)
        assert reader.returncode == 0, err
        counts = json.loads(out)
        assert counts == sorted(counts)  # photos only ever come
        assert counts[-1] == 920
