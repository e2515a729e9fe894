"""Towers over ONNX Runtime. Either tower opens without the other.

In: a bundle. Out: an OnnxImageTower, an OnnxTextTower.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from photosearch.encode.bundle import Bundle
from photosearch.encode.patches import read_preprocess
from photosearch.encode.tokenize import Tokenizer
from photosearch.encode.towers import checked
from photosearch.errors import BadBundle
from photosearch.settings import usable_cores

One = TypeVar("One")

_INTEGERS = {"tensor(int32)": np.int32}  # of exports by others; ours take int64


class OnnxImageTower:
    """A bundle's image tower.

    A quantised model gives slightly other vectors for other batch sizes (cosine 0.9996 with
    mini). Its images go through one by one, on as many threads as there are cores: so a photo's
    vector is the same however the photos were grouped, and whether it was indexed or is an
    example. It is also faster: 440 images/s against 300 in batches of 16 (mini, 2 cores).
    Where a bundle says that batches change nothing, each thread takes a few images a call: 33
    images/s against 23 one by one, and 30 in batches of 16 on all threads (ViT-B/32, 2 cores).
    """

    def __init__(self, bundle: Bundle) -> None:
        self.key = bundle.key
        self.dim = bundle.dim
        self.preprocess = read_preprocess(bundle.preprocess_file)
        self._images_a_call = bundle.images_a_call
        # Two calls for each core, so that none waits long for the last one of a batch.
        self.batch_size = max(16, 2 * usable_cores() * self._images_a_call)
        self._session = open_session(bundle.path / "visual" / "model.onnx")
        self._inputs = [node.name for node in self._session.get_inputs()]

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8[n, height, width, 3] in, float32[n, dim] out: L2-normalised, in the same order."""
        size = self._images_a_call
        blocks = [pixels[row : row + size] for row in range(0, len(pixels), size)]
        return _side_by_side(self._encode, blocks, self.dim)

    def _encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        feeds = dict(zip(self._inputs, self.preprocess.feeds(images), strict=True))
        (vector,) = self._session.run(None, feeds)
        return checked(vector, self.dim)


class OnnxTextTower:
    """One of a bundle's text towers. Texts go through it one by one, for the same reasons."""

    def __init__(self, bundle: Bundle, language: str) -> None:
        folder = bundle.path / bundle.text_towers[language]
        self.key = bundle.text_key(language)
        self.dim = bundle.dim
        self._tokenizer = Tokenizer(folder / "tokenizer.json", bundle.text_rules(language))
        self._session = open_session(folder / "model.onnx", for_one_run=True)
        self._inputs = self._session.get_inputs()

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """float32[n, dim], L2-normalised; a row does not depend on the others."""
        return _side_by_side(self._encode, texts, self.dim)

    def _encode(self, text: str) -> NDArray[np.float32]:
        feeds = {
            node.name: values.astype(_INTEGERS.get(node.type, np.int64), copy=False)
            for node, values in zip(self._inputs, self._tokenizer([text]), strict=False)
        }
        (vector,) = self._session.run(None, feeds)
        return checked(vector, self.dim)


def _side_by_side(
    encode: Callable[[One], NDArray[np.float32]], inputs: Sequence[One], dim: int
) -> NDArray[np.float32]:
    """Rows of all inputs, each computed alone, on every core."""
    if len(inputs) <= 1:
        return encode(inputs[0]) if inputs else np.empty((0, dim), np.float32)
    with ThreadPoolExecutor(min(usable_cores(), len(inputs)), "encode") as pool:
        return np.concatenate(list(pool.map(encode, inputs)))


def open_session(path: Path, *, for_one_run: bool = False) -> onnxruntime.InferenceSession:
    """A graph ready to run, on one thread.

    for_one_run: as soon as can be, for the one short text of a query. Optimising the graph takes
    longer than it saves then: mini opens in 40 ms instead of 54. Weights that lie beside the graph
    are used where the file is mapped, not copied into another layout: ViT-B/32's text tower opens
    in 95 ms instead of 230, its first text takes 38 ms instead of 20.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; warnings of the library are not for users
    options.intra_op_num_threads = 1  # the cores are kept busy by _side_by_side
    if for_one_run:
        options.add_session_config_entry("session.disable_prepacking", "1")
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(
            os.fspath(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its own kinds, which derive from Exception alone
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadBundle(f"{path}: ONNX Runtime cannot open it ({first})") from error
