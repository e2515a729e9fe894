"""OpenAI's own .pt files: a TorchScript archive or a plain state dict, of any of the nine sizes.

In: a path. Out: an Original.
"""

from __future__ import annotations

from pathlib import Path

from torch import nn

from photosearch.encode.clip_bpe import clip_tokenizer_json
from photosearch.encode.original import ImagePart, Original, TextPart
from photosearch.encode.preprocess import Preprocess
from photosearch.encode.sources.clip_names import (
    Weights,
    clip_text,
    resnet_image,
    softmax_scoring,
    vit_image,
)
from photosearch.encode.tokenize import TextRules
from photosearch.errors import BadCheckpoint

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
VOCABULARY = 49408
_NOT_WEIGHTS = ("input_resolution", "context_length", "vocab_size")


def is_openai(weights: Weights) -> bool:
    """Whether tensors have OpenAI's names."""
    return (
        "visual.conv1.weight" in weights
        and "text_projection" in weights
        and not any(name.startswith("bert.") for name in weights)
    )


def read_openai(weights: Weights, path: Path) -> Original:
    """Towers of OpenAI's architecture, with QuickGELU, as `clip.load` builds them."""
    weights = {name: one for name, one in weights.items() if name not in _NOT_WEIGHTS}
    image: nn.Module
    if "visual.proj" in weights:
        image, image_traits, size = vit_image(weights, act="quick_gelu")
    else:
        image, image_traits, size = resnet_image(weights)
    text_weights = {
        name: one
        for name, one in weights.items()
        if not name.startswith(("visual.", "logit_scale", "logit_bias"))
    }
    text, text_traits, context = clip_text(text_weights, act="quick_gelu")
    vocabulary = weights["token_embedding.weight"].shape[0]
    if vocabulary != VOCABULARY:
        raise BadCheckpoint(
            f"{path} has a vocabulary of {vocabulary} tokens; OpenAI's models have {VOCABULARY}"
        )
    return Original(
        kind="OpenAI CLIP",
        dim=weights["text_projection"].shape[1],
        image=ImagePart(image, Preprocess(size, size, MEAN, STD), image_traits),
        text=TextPart(
            text,
            clip_tokenizer_json(),
            TextRules(context_length=context, clean="clip", pad_id=0),
            text_traits,
        ),
        scoring=softmax_scoring(weights),
    )
