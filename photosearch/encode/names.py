"""A model's name or path → Encoder.

In: what the user typed after --model. Out: an Encoder, its towers opened when first used.
"""

from __future__ import annotations

import difflib
import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from photosearch.encode.bundle import Bundle
from photosearch.errors import UnknownModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from photosearch.encode.towers import ImageTower, Scoring, TextTower

DEFAULT_MODEL = "mini"
_BUILT_IN = Path(__file__).parents[1] / "models"


class Encoder:
    """An image tower and its text towers. Opening one does not open the others."""

    def __init__(self, name: str, bundle: Bundle) -> None:
        self.name = name
        self.bundle = bundle
        self.key = bundle.key
        self.dim = bundle.dim
        self._lock = threading.Lock()
        self._image: ImageTower | None = None
        self._texts: dict[str, TextTower] = {}

    @property
    def image(self) -> ImageTower:
        with self._lock:
            if self._image is None:
                from photosearch.encode.onnx import OnnxImageTower

                self._image = OnnxImageTower(self.bundle)
            return self._image

    def text(self, language: str) -> TextTower:
        """The text tower of a language that the bundle has."""
        with self._lock:
            if language not in self._texts:
                from photosearch.encode.onnx import OnnxTextTower

                self._texts[language] = OnnxTextTower(self.bundle, language)
            return self._texts[language]

    def language_of(self, text: str, wanted: str | None = None) -> str:
        """Which text tower reads this text: as wanted, else by its script."""
        return self.bundle.language_of(text, wanted)

    def text_key(self, language: str) -> str:
        """Fingerprint of one text tower."""
        return self.bundle.text_key(language)

    def scoring(self, language: str | None = None) -> Scoring:
        """Logit scale and bias for labels of a language; of the first text tower without one."""
        return self.bundle.scoring(language or next(iter(self.bundle.text_towers)))

    @property
    def logit_scale(self) -> float:
        return self.scoring().scale

    @property
    def logit_bias(self) -> float | None:
        return self.scoring().bias

    def verify(self) -> None:
        """Compare the model's files with their recorded sums; raises BadBundle."""
        self.bundle.verify()

    def encode_texts(self, texts: list[str], *, language: str | None = None) -> NDArray[np.float32]:
        """float32[n, dim], L2-normalised; each text by the tower of its own language."""
        import numpy as np

        vectors = np.empty((len(texts), self.dim), np.float32)
        languages = [self.language_of(text, language) for text in texts]
        for one in dict.fromkeys(languages):
            rows = [row for row, its in enumerate(languages) if its == one]
            vectors[rows] = self.text(one).encode([texts[row] for row in rows])
        return vectors


def open_encoder(name: str) -> Encoder:
    """The model of a known name, or the bundle in a folder."""
    if name in known_models():
        return Encoder(name, Bundle(_BUILT_IN / name))
    # os.path, because pathlib raises for names that no file can have.
    path = os.path.abspath(os.path.expanduser(name))
    if os.path.isdir(path):
        return Encoder(path, Bundle(Path(path)))
    if _is_original(name):
        raise UnknownModel(
            f"{name} is an original checkpoint: reading it will take photosearch[torch], and a "
            "later version; this one serves bundles alone",
            hint="--model mini, or a bundle's folder",
        )
    if os.path.isfile(path):
        raise UnknownModel(f"{name} is a file; a model is a bundle's folder")
    close = difflib.get_close_matches(name.lower(), known_models(), n=1, cutoff=0.5)
    known = ", ".join(known_models())
    raise UnknownModel(
        f"no model of the name {name!r}, and no folder of that path",
        hint=f"--model {close[0]}" if close else f"--model with {known}, or a bundle's folder",
    )


def _is_original(name: str) -> bool:
    """Whether a name is that of an OpenAI model, of a checkpoint's file, or of a model hub's."""
    openai = r"RN(50|101)(x\d+)?|ViT-[BL]/\d\d(@336px)?"
    return (
        re.fullmatch(openai, name) is not None
        or name.startswith(("hf:", "ms:"))
        or name.lower().endswith((".pt", ".pth", ".bin", ".safetensors"))
    )


def known_models() -> list[str]:
    """Names that --model accepts without any file of the user's."""
    return sorted(path.name for path in _BUILT_IN.iterdir() if (path / "config.json").is_file())
