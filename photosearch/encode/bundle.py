"""A bundle on disk: the one run-time format of a model.

    config.json               name, embed_dim, logit_scale, text_towers: {language: folder}
    visual/model.onnx         image tower, its weights in it or in model.onnx.data beside it
    visual/preprocess.json    (or preprocess_cfg.json, as in Immich's exports)
    textual/model.onnx        text tower, one folder each
    textual/tokenizer.json
    calibration.json          optional score statistics
    checksums.json            optional: SHA-256 of each of these files

A bundle that was exported names the fingerprints of its towers in config.json under `keys`: they
are of the original weights, so that exporting anew, perhaps by another version of the exporter,
does not part a library from its vectors. Others are known by their files. A bundle of a text tower
alone (Taiyi) has no visual/ and serves beside an image model.

In: a folder. Out: paths, configuration and fingerprints. No model library is imported here, so
that a query whose vector is remembered needs none.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosearch.errors import BadBundle

if TYPE_CHECKING:
    from photosearch.encode.tokenize import TextRules
    from photosearch.encode.towers import Scoring

CHECKSUMS = "checksums.json"
CLIP_SCALE = 100.0  # where a bundle names no scale: what training CLIP ends at (its upper limit)
_IMAGE_MODEL = "visual/model.onnx"
_PREPROCESS = ("visual/preprocess.json", "visual/preprocess_cfg.json")


class Bundle:
    """A model folder, its parts not opened yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config: dict[str, Any] = self._read_json("config.json")
        self.has_image = "visual" in self._keys or "keys" not in self.config
        if self.has_image:
            self._require(_IMAGE_MODEL)
            self._require(self._preprocess_name)
        self.name = str(self.config.get("name", path.name))
        with self._reading("config.json"):
            self.dim = int(self._value("embed_dim"))
            towers = self.config.get("text_towers")
            if towers is None:
                towers = {"en": "textual"} if (path / "textual").is_dir() else {}
            self.text_towers = {str(code): str(folder) for code, folder in towers.items()}
        for folder in self.text_towers.values():
            self._require(f"{folder}/model.onnx")
            self._require(f"{folder}/tokenizer.json")

    @cached_property
    def key(self) -> str:
        """Fingerprint of the image tower: which vectors may be compared with its own."""
        if not self.has_image:
            raise BadBundle(
                f"{self.name} is a text tower alone",
                hint=f"--model IMAGE_MODEL+{self.name}, such as ViT-L/14+{self.name}",
            )
        return self._keys.get("visual") or self._fingerprint(_IMAGE_MODEL, self._preprocess_name)

    @property
    def preprocess_file(self) -> Path:
        return self.path / self._preprocess_name

    @property
    def _preprocess_name(self) -> str:
        ours, theirs = _PREPROCESS
        return theirs if (self.path / theirs).is_file() else ours

    @property
    def _keys(self) -> dict[str, str]:
        with self._reading("config.json: keys"):
            keys = self.config.get("keys") or {}
            return {str(tower): str(key) for tower, key in keys.items()}

    @property
    def languages(self) -> list[str]:
        """Of its text towers, the usual one first."""
        if not self.text_towers:
            raise BadBundle(
                f"{self.name} is an image tower alone, and reads no texts",
                hint=f"--model {self.name}+TEXT_MODEL",
            )
        return list(self.text_towers)

    def text_key(self, language: str) -> str:
        """Fingerprint of one text tower."""
        folder = self.text_towers[language]
        given = self._keys.get(folder)
        if given:
            return given
        files = self._fingerprint(f"{folder}/model.onnx", f"{folder}/tokenizer.json")
        rules = json.dumps(self.config.get(f"{folder}_cfg"), sort_keys=True)
        return hashlib.sha256(f"{files} {rules}".encode()).hexdigest()[:32]

    def language_of(self, text: str, wanted: str | None = None) -> str:
        """Which text tower reads this text: as wanted, else by its script."""
        return choose_language(self.name, self.languages, text, wanted)

    def text_rules(self, language: str) -> TextRules:
        """What a text tower asks of its ids."""
        from photosearch.encode.tokenize import TextRules

        folder = self.text_towers[language]
        with self._reading(f"config.json: {folder}_cfg"):
            given = self.config.get(f"{folder}_cfg")
            if given is None and (self.path / folder / "tokenizer_config.json").is_file():
                given = self.immich_rules(folder)
            usual = self.config.get("context_length", 77)
            return TextRules.from_config({"context_length": usual, **(given or {})})

    def immich_rules(self, folder: str) -> dict[str, Any]:
        """Of an export in Immich's layout: config.json is open_clip's, texts are padded in full."""
        text = self.config.get("text_cfg") or {}
        canonical = (text.get("tokenizer_kwargs") or {}).get("clean") == "canonicalize"
        rules: dict[str, Any] = {
            "context_length": int(text.get("context_length", 77)),
            "padding": "context",
            "clean": "immich-canonicalize" if canonical else "immich",
        }
        pad = self._read_json(f"{folder}/tokenizer_config.json").get("pad_token")
        pad = pad.get("content") if isinstance(pad, dict) else pad
        if pad is not None:
            from tokenizers import Tokenizer

            path = self.path / folder / "tokenizer.json"
            try:
                rules["pad_id"] = Tokenizer.from_file(str(path)).token_to_id(pad)
            except Exception as error:  # the library raises bare Exception
                raise BadBundle(f"{path}: not a usable tokenizer file ({error})") from error
        return rules

    def scoring(self, language: str) -> Scoring:
        """Logit scale and bias for texts of one tower."""
        from photosearch.encode.towers import Scoring

        bias = self.config.get("logit_bias")
        scale = self.config.get("logit_scale")
        with self._reading("calibration.json"):
            if scale is None and (self.path / "calibration.json").is_file():
                measured = self._read_json("calibration.json").get("languages", {})
                scale = measured.get(language, {}).get("logit_scale")
        with self._reading("config.json: logit_scale and logit_bias"):
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

    @property
    def images_a_call(self) -> int:
        """Images that its image tower is given at once, by each thread.

        One, unless its maker knows that an image's vector does not depend on the others.
        """
        with self._reading("config.json: images_a_call"):
            return max(1, int(self.config.get("images_a_call", 1)))

    @cached_property
    def _checksums(self) -> dict[str, str]:
        if not (self.path / CHECKSUMS).is_file():
            return {}
        return {str(name): str(value) for name, value in self._read_json(CHECKSUMS).items()}

    def _fingerprint(self, *names: str) -> str:
        whole = hashlib.sha256()
        beside = [f"{name}.data" for name in names if (self.path / f"{name}.data").is_file()]
        for name in (*names, *beside):
            value = self._checksums.get(name) or sha256_of(self.path / name)
            whole.update(f"{name.split('/')[-1]} {value}\n".encode())
        return whole.hexdigest()[:32]

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        """Values of another kind than they should be are the file's fault, whichever they are."""
        try:
            yield
        except ValueError as error:
            raise BadBundle(f"{self.path / what} is not usable: {error}") from error
        except (TypeError, AttributeError) as error:
            raise BadBundle(
                f"{self.path / what}: a value is not of the kind it has to be"
            ) from error

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


def choose_language(model: str, languages: list[str], text: str, wanted: str | None) -> str:
    """Of a model's text towers the one for a text: as wanted, else by its script, else the first.

    Raises BadBundle for a language that the model has no tower for.
    """
    if wanted is not None:
        if wanted not in languages:
            raise BadBundle(
                f"model {model} has no text tower for language {wanted!r}",
                hint=f"--language with one of: {', '.join(sorted(languages))}",
            )
        return wanted
    return "zh" if "zh" in languages and is_chinese(text) else languages[0]


def is_chinese(text: str) -> bool:
    """Whether a text has at least as many Chinese characters as words in Latin letters.

    With one Chinese name in each of 1,000 English captions `mini` found 1 % of the photos among its
    first ten by the Chinese tower, 61 % by the English one; an English word in a Chinese caption
    takes one in fifty from the Chinese tower.
    """
    han = sum(map(has_han, text))
    return han > 0 and han >= len(re.findall("[A-Za-z\u00c0-\u024f]+", text))


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
