"""Ready ONNX exports in Immich's layout → bundles.

In: a downloaded folder with visual/ and textual/. Out: a bundle that holds the same files. Such a
folder is nearly a bundle: what differs, `Bundle` reads by itself; here its files are only brought
together under one name. No torch is needed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from photosearch.encode.bundle import Bundle, write_checksums
from photosearch.encode.sources.folder import read_json

_KEPT = (".onnx", ".data", ".json")


def adopt(folder: Path, target: Path, *, name: str, source: Mapping[str, str]) -> None:
    """Make a bundle of a ready export at `target`, which does not exist yet."""
    config = read_json(folder / "config.json")
    for tower in ("visual", "textual"):
        if not (folder / tower).is_dir():
            continue
        (target / tower).mkdir(parents=True)
        for file in sorted((folder / tower).iterdir()):
            if file.suffix in _KEPT or file.name.endswith("_data"):
                _link(file.resolve(), target / tower / file.name)
    # Found out once: it takes opening the tokenizer, 50 ms of a query.
    if "textual_cfg" not in config and (folder / "textual" / "tokenizer_config.json").is_file():
        config["textual_cfg"] = Bundle(folder).immich_rules("textual")
    config |= {"name": name, "kind": "ready ONNX export", "source": dict(source)}
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    write_checksums(target)


def _link(file: Path, target: Path) -> None:
    """A second name for a downloaded file, or a copy where that cannot be."""
    try:
        os.link(file, target)
    except OSError:  # another disk, or a file system without hard links
        shutil.copyfile(file, target)
