"""What every reader of a published checkpoint yields: towers, tokenizer, preprocessing.

In: a reader's parts. Out: their fingerprints. From here on it does not matter whose checkpoint it
was: `on_torch` runs the towers, `export` turns them into a bundle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn

from photosearch.encode.patches import PatchPreprocess
from photosearch.encode.preprocess import Preprocess
from photosearch.encode.tokenize import TextRules
from photosearch.encode.towers import Scoring


@dataclass
class ImagePart:
    """An image tower: a module from what `preprocess.feeds` gives to float32[n, dim]."""

    module: nn.Module
    preprocess: Preprocess | PatchPreprocess
    traits: Mapping[str, Any]  # what the weights do not show: activation, heads, epsilon

    def __post_init__(self) -> None:
        self.module.eval().requires_grad_(False)

    @cached_property
    def key(self) -> str:
        """Fingerprint of weights, traits and preprocessing: which vectors may be compared."""
        return fingerprint(self.module, self.traits, self.preprocess.canonical())


@dataclass
class TextPart:
    """A text tower: a module from int64[n, t] ids (and mask, if it takes one) to float32[n, dim].

    Features are not normalised yet.
    """

    module: nn.Module
    tokenizer_json: str
    rules: TextRules
    traits: Mapping[str, Any]
    takes_mask: bool = False

    def __post_init__(self) -> None:
        self.module.eval().requires_grad_(False)

    @cached_property
    def key(self) -> str:
        """Fingerprint of weights, traits, tokenizer and its rules."""
        rules = json.dumps(self.rules.as_config(), sort_keys=True)
        return fingerprint(self.module, self.traits, self.tokenizer_json, rules)


@dataclass
class Original:
    """A checkpoint as it was published. One of the two parts may be absent."""

    kind: str  # for people: "OpenAI CLIP", "Hugging Face SiglipModel"
    dim: int
    image: ImagePart | None
    text: TextPart | None
    scoring: Scoring
    language: str = "en"


def fingerprint(module: nn.Module, traits: Mapping[str, Any], *texts: str) -> str:
    """SHA-256 over a module's tensors and what else decides its vectors.

    Tensors count as float32, and without their names and order: half precision in the file, the
    file's format, and another version of the library that builds the module change nothing.
    """
    digests = sorted(_digest(tensor) for tensor in module.state_dict().values())
    whole = hashlib.sha256()
    for digest in digests:
        whole.update(digest)
    whole.update(json.dumps(dict(traits), sort_keys=True).encode())
    for text in texts:
        whole.update(hashlib.sha256(text.encode()).digest())
    return whole.hexdigest()[:32]


def _digest(tensor: torch.Tensor) -> bytes:
    values = tensor.detach().to("cpu", torch.float32).contiguous()
    hashed = hashlib.sha256(str(tuple(values.shape)).encode())
    hashed.update(values.reshape(-1).numpy().tobytes())
    return hashed.digest()
