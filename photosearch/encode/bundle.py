"""A bundle on disk: the one run-time format of a model.

    config.json               name, version, embed_dim, text_towers: {language: folder}
    visual/model.onnx         image tower
    visual/preprocess.json
    textual/model.onnx        text tower, one folder each
    textual/tokenizer.json
    calibration.json          optional score statistics
    checksums.json            optional: SHA-256 of each of these files

In: a folder. Out: paths, configuration and fingerprints. No model library is imported here, so
that a query whose vector is remembered needs none.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosearch.errors import BadBundle

if TYPE_CHECKING:
    from photosearch.encode.towers import Scoring

CHECKSUMS = "checksums.json"
CLIP_SCALE = 100.0  # where a bundle names no scale: what training CLIP ends at (its upper limit)
IMAGE_FILES = ("visual/model.onnx", "visual/preprocess.json")


class Bundle:
    """A model folder, its parts not opened yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config: dict[str, Any] = self._read_json("config.json")
        for name in IMAGE_FILES:
            self._require(name)
        self.name = str(self.config.get("name", path.name))
        try:
            self.dim = int(self._value("embed_dim"))
            towers = self.config.get("text_towers") or {"en": "textual"}
            self.text_towers = {str(code): str(folder) for code, folder in towers.items()}
        except (TypeError, ValueError, AttributeError) as error:
            raise BadBundle(f"{path / 'config.json'} is not usable: {error}") from error
        for folder in self.text_towers.values():
            self._require(f"{folder}/model.onnx")
            self._require(f"{folder}/tokenizer.json")

    @cached_property
    def key(self) -> str:
        """Fingerprint of the image tower: which vectors may be compared with its own."""
        return self._fingerprint(*IMAGE_FILES)

    def text_key(self, language: str) -> str:
        """Fingerprint of one text tower."""
        folder = self.text_towers[language]
        return self._fingerprint(f"{folder}/model.onnx", f"{folder}/tokenizer.json")

    def language_of(self, text: str, wanted: str | None = None) -> str:
        """Which text tower reads this text: as wanted, else by its script."""
        if wanted is not None:
            if wanted not in self.text_towers:
                known = ", ".join(sorted(self.text_towers))
                raise BadBundle(
                    f"model {self.name} has no text tower for language {wanted!r}",
                    hint=f"--language with one of: {known}",
                )
            return wanted
        if "zh" in self.text_towers and has_han(text):
            return "zh"
        return next(iter(self.text_towers))

    def context_length(self, language: str) -> int:
        """The longest text, in tokens, that a tower was made for."""
        folder = self.text_towers[language]
        own = self.config.get(f"{folder}_cfg", {}).get("context_length")
        return int(own or self.config.get("context_length", 77))

    def scoring(self, language: str) -> Scoring:
        """Logit scale and bias for texts of one tower."""
        from photosearch.encode.towers import Scoring

        bias = self.config.get("logit_bias")
        scale = self.config.get("logit_scale")
        if scale is None and (self.path / "calibration.json").is_file():
            measured = self._read_json("calibration.json").get("languages", {})
            scale = measured.get(language, {}).get("logit_scale")
        return Scoring(float(scale or CLIP_SCALE), None if bias is None else float(bias))

    def verify(self) -> None:
        """Compare every file with the recorded sums; raises BadBundle."""
        for name, expected in self._checksums.items():
            self._require(name)
            if sha256_of(self.path / name) != expected:
                raise BadBundle(
                    f"{self.path / name} is not the file that its checksum names",
                    hint="install or download the model again",
                )

    @cached_property
    def _checksums(self) -> dict[str, str]:
        if not (self.path / CHECKSUMS).is_file():
            return {}
        return {str(name): str(value) for name, value in self._read_json(CHECKSUMS).items()}

    def _fingerprint(self, *names: str) -> str:
        whole = hashlib.sha256()
        for name in names:
            value = self._checksums.get(name) or sha256_of(self.path / name)
            whole.update(f"{name.split('/')[-1]} {value}\n".encode())
        return whole.hexdigest()[:32]

    def _require(self, name: str) -> None:
        if not (self.path / name).is_file():
            raise BadBundle(f"{self.path} is no complete model bundle: it lacks {name}")

    def _value(self, name: str) -> Any:
        if name not in self.config:
            raise BadBundle(f"{self.path / 'config.json'} lacks {name!r}")
        return self.config[name]

    def _read_json(self, name: str) -> dict[str, Any]:
        try:
            value = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise BadBundle(f"{self.path} is no model bundle: it lacks {name}") from error
        except (OSError, ValueError) as error:
            raise BadBundle(f"{self.path / name} cannot be read: {error}") from error
        if not isinstance(value, dict):
            raise BadBundle(f"{self.path / name} does not hold a JSON object")
        return value


def has_han(text: str) -> bool:
    """Whether a text holds Chinese characters (CJK ideographs, in any plane)."""
    return any(
        "\u4e00" <= char <= "\u9fff"
        or "\u3400" <= char <= "\u4dbf"
        or "\uf900" <= char <= "\ufaff"
        or "\U00020000" <= char <= "\U000323af"
        for char in text
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checksums(path: Path) -> None:
    """Record the sums of a bundle's files, so that its fingerprint need not be computed again."""
    files = sorted(
        file.relative_to(path).as_posix()
        for file in path.rglob("*")
        if file.is_file() and file.suffix in (".onnx", ".json", ".data") and file.name != CHECKSUMS
    )
    sums = {name: sha256_of(path / name) for name in files}
    (path / CHECKSUMS).write_text(json.dumps(sums, indent=2) + "\n", encoding="utf-8")
