"""An Encoder: an image tower and the text towers of its space, each opened when first used.

In: a bundle, an Original, or two Encoders. Out: what the rest of photosearch knows of a model:
name, key, dimensions, vectors of images and texts.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosearch.encode.bundle import Bundle, choose_language
from photosearch.errors import BadImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from photosearch.encode.original import ImagePart, Original
    from photosearch.encode.towers import ImageTower, Scoring, TextTower

_IMAGES_A_TIME = 64  # of `encode_images`: what it holds in memory


class Encoder(ABC):
    """Images and texts → unit vectors of one space. Opening one tower does not open the others."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.RLock()
        self._images: dict[str, ImageTower] = {}
        self._texts: dict[str, TextTower] = {}

    # What each kind says of itself

    @property
    @abstractmethod
    def key(self) -> str:
        """Fingerprint of the image tower: vectors of two keys are never compared."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length of its vectors."""

    @property
    @abstractmethod
    def languages(self) -> list[str]:
        """Of its text towers, the usual one first."""

    @abstractmethod
    def text_key(self, language: str) -> str:
        """Fingerprint of the text tower of a language."""

    @abstractmethod
    def scoring(self, language: str | None = None) -> Scoring:
        """Logit scale and bias for labels of a language; of the first text tower without one."""

    @abstractmethod
    def verify(self) -> None:
        """Compare the model's files with their recorded sums; raises BadBundle."""

    @abstractmethod
    def _open_image(self) -> ImageTower: ...

    @abstractmethod
    def _open_text(self, language: str) -> TextTower: ...

    def _open_bulk_image(self) -> ImageTower:
        return self.image

    # What all have

    @property
    def image(self) -> ImageTower:
        """The image tower for a picture now and then."""
        return self._once("image", self._open_image)

    @property
    def bulk_image(self) -> ImageTower:
        """The image tower for many pictures: on a GPU where there is one."""
        return self._once("bulk", self._open_bulk_image)

    def text(self, language: str) -> TextTower:
        """The text tower of a language that the model has."""
        with self._lock:
            if language not in self._texts:
                self._texts[language] = self._open_text(language)
            return self._texts[language]

    def language_of(self, text: str, wanted: str | None = None) -> str:
        """Which text tower reads this text: as wanted, else by its script."""
        return choose_language(self.name, self.languages, text, wanted)

    @property
    def logit_scale(self) -> float:
        """What a cosine is multiplied with, out of its logarithm."""
        return self.scoring().scale

    @property
    def logit_bias(self) -> float | None:
        """What is added to that, for sigmoid scores; None for softmax."""
        return self.scoring().bias

    def encode_texts(self, texts: list[str], *, language: str | None = None) -> NDArray[np.float32]:
        """float32[n, dim], L2-normalised, for texts; each by the tower of its own language.

        language: the tower that reads all of them; else the script of each chooses.
        """
        import numpy as np

        vectors = np.empty((len(texts), self.dim), np.float32)
        languages = [self.language_of(text, language) for text in texts]
        for one in dict.fromkeys(languages):
            rows = [row for row, its in enumerate(languages) if its == one]
            vectors[rows] = self.text(one).encode([texts[row] for row in rows])
        return vectors

    def encode_images(
        self, images: Iterable[str | os.PathLike[str] | Image.Image]
    ) -> NDArray[np.float32]:
        """float32[n, dim], L2-normalised, for paths or PIL images.

        Images are prepared as the model's reference implementation prepares them, so the vectors
        can be compared with published ones: EXIF orientation and colour profiles are ignored,
        transparency is dropped. A library's photos are turned upright first: for ordinary photos
        both are the same. Raises BadImage for what cannot be read.
        """
        import numpy as np

        tower = self.bulk_image
        blocks = [np.empty((0, self.dim), np.float32)]
        for some in _blocks(images, _IMAGES_A_TIME):
            pixels = [tower.preprocess.reference(_opened(image)) for image in some]
            blocks.append(tower.encode(np.stack(pixels)))
        return np.concatenate(blocks)

    def _once(self, role: str, open_tower: Callable[[], ImageTower]) -> ImageTower:
        with self._lock:
            if role not in self._images:
                self._images[role] = open_tower()
            return self._images[role]


class BundleEncoder(Encoder):
    """A bundle, served by ONNX Runtime."""

    def __init__(
        self, name: str, bundle: Bundle, bulk: Callable[[], ImageTower | None] = lambda: None
    ) -> None:
        """bulk: the same image tower on a GPU, or None where there is none."""
        super().__init__(name)
        self.bundle = bundle
        self._bulk = bulk

    @property
    def key(self) -> str:
        return self.bundle.key

    @property
    def dim(self) -> int:
        return self.bundle.dim

    @property
    def languages(self) -> list[str]:
        return self.bundle.languages

    def text_key(self, language: str) -> str:
        return self.bundle.text_key(language)

    def scoring(self, language: str | None = None) -> Scoring:
        return self.bundle.scoring(language or self.languages[0])

    def verify(self) -> None:
        self.bundle.verify()

    def _open_image(self) -> ImageTower:
        from photosearch.encode.onnx import OnnxImageTower

        return OnnxImageTower(self.bundle)

    def _open_bulk_image(self) -> ImageTower:
        return self._bulk() or self.image

    def _open_text(self, language: str) -> TextTower:
        from photosearch.encode.onnx import OnnxTextTower

        return OnnxTextTower(self.bundle, language)


class TorchEncoder(Encoder):
    """A checkpoint as it was published, run by torch without an export."""

    def __init__(self, name: str, original: Original, device: str) -> None:
        super().__init__(name)
        from photosearch.encode.on_torch import choose_device

        self._original = original
        self._device = choose_device(device)

    @property
    def key(self) -> str:
        return self._need_image().key

    @property
    def dim(self) -> int:
        return self._original.dim

    @property
    def languages(self) -> list[str]:
        return [self._original.language]

    def text_key(self, language: str) -> str:
        assert self._original.text is not None
        return self._original.text.key

    def scoring(self, language: str | None = None) -> Scoring:
        return self._original.scoring

    def verify(self) -> None:
        """Nothing to compare: the files were read whole."""

    def _open_image(self) -> ImageTower:
        from photosearch.encode.on_torch import TorchImageTower

        return TorchImageTower(self._need_image(), self.dim, self._device)

    def _open_text(self, language: str) -> TextTower:
        from photosearch.encode.on_torch import TorchTextTower

        assert self._original.text is not None
        return TorchTextTower(self._original.text, self.dim, self._device)

    def _need_image(self) -> ImagePart:
        from photosearch.errors import BadBundle

        if self._original.image is None:
            raise BadBundle(
                f"{self.name} is a text tower alone",
                hint=f"--model IMAGE_MODEL+{self.name}, such as ViT-L/14+{self.name}",
            )
        return self._original.image


class PairEncoder(Encoder):
    """The image tower of one model and the text towers of another, made for the same space.

    Its key is the image model's: a library indexed with that model needs no further vectors.
    """

    def __init__(self, image: Encoder, text: Encoder) -> None:
        super().__init__(f"{image.name}+{text.name}")
        from photosearch.errors import WrongUse

        if image.dim != text.dim:
            raise WrongUse(
                f"{image.name} has {image.dim} dimensions, {text.name} {text.dim}: they are not "
                "of one space"
            )
        self.image_model = image
        self.text_model = text

    @property
    def key(self) -> str:
        return self.image_model.key

    @property
    def dim(self) -> int:
        return self.image_model.dim

    @property
    def languages(self) -> list[str]:
        return self.text_model.languages

    def text_key(self, language: str) -> str:
        return self.text_model.text_key(language)

    def scoring(self, language: str | None = None) -> Scoring:
        return self.image_model.scoring()

    def verify(self) -> None:
        self.image_model.verify()
        self.text_model.verify()

    def _open_image(self) -> ImageTower:
        return self.image_model.image

    def _open_bulk_image(self) -> ImageTower:
        return self.image_model.bulk_image

    def _open_text(self, language: str) -> TextTower:
        return self.text_model.text(language)


def _opened(source: str | os.PathLike[str] | Image.Image) -> Image.Image:
    """A PIL image as it is in its file; of animations the first frame."""
    from photosearch.decode.formats import open_image

    if hasattr(source, "convert"):
        return source  # type: ignore[return-value]
    path = Path(source)
    try:
        image = open_image(path.read_bytes()).image
        image.load()
    except BadImage as error:
        raise BadImage(f"{path}: {error}") from error
    except Exception as error:  # decoders raise what they like on damaged input
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise BadImage(f"{path}: {reason or type(error).__name__}") from error
    return image


def _blocks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    waiting = iter(items)
    while block := list(islice(waiting, size)):
        yield block
