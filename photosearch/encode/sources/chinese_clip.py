"""Chinese-CLIP in its authors' layout: OFA-Sys `clip_cn_*.pt`, and the ModelScope folder.

In: tensors by name, or the folder. Out: an Original around transformers' ChineseCLIPModel; the
ResNet-50 has the image tower that is our own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from photosearch.encode.original import ImagePart, Original, TextPart
from photosearch.encode.preprocess import Preprocess
from photosearch.encode.sources.clip_names import (
    HEAD_WIDTH,
    Weights,
    below,
    fill,
    linear_of,
    need,
    resnet_image,
    softmax_scoring,
    vit_image,
)
from photosearch.encode.sources.folder import read_json, weight_file
from photosearch.encode.sources.huggingface import CHINESE_CONTEXT, FirstTokenText
from photosearch.encode.sources.openai import MEAN, STD
from photosearch.encode.tokenize import TextRules
from photosearch.encode.weights import read_weights
from photosearch.errors import BadCheckpoint

VISION_CONFIG = "vision_model_config.json"
TEXT_CONFIG = "text_model_config.json"
_VOCABULARY = "vocab.txt"
_BERT_HEAD = 64
# ViT-H/14 alone has wider heads; nothing in its tensors shows it.
_HEAD_WIDTHS = {1280: 80}
_EPSILON = 1e-12


def is_chinese_clip(weights: Weights) -> bool:
    """Whether tensors have the names of the authors' checkpoints."""
    return "bert.embeddings.word_embeddings.weight" in weights and "text_projection" in weights


def read_modelscope(folder: Path) -> Original:
    """The folder of `multi-modal_clip-vit-*_zh`: weights, two configurations, a vocabulary."""
    vision, text = read_json(folder / VISION_CONFIG), read_json(folder / TEXT_CONFIG)
    weights = read_weights(weight_file(folder, "pytorch_model.bin", "model.safetensors"))
    if all(name.startswith("module.") for name in weights):
        weights = {name.removeprefix("module."): one for name, one in weights.items()}
    head = vision.get("vision_head_width")
    return _original(
        weights,
        folder / _VOCABULARY,
        head_width=None if head is None else int(head),
        text_heads=int(text["num_attention_heads"]) if "num_attention_heads" in text else None,
        act=str(text.get("hidden_act", text.get("text_hidden_act", "gelu"))),
    )


def read_chinese_clip(weights: Weights, path: Path) -> Original:
    """A `clip_cn_*.pt`; the vocabulary lies beside it."""
    return _original(weights, path.parent / _VOCABULARY)


def _original(
    weights: Weights,
    vocabulary: Path,
    *,
    head_width: int | None = None,
    text_heads: int | None = None,
    act: str = "gelu",
) -> Original:
    if not vocabulary.is_file():
        raise BadCheckpoint(
            f"{vocabulary.parent} lacks vocab.txt, the vocabulary of Chinese BERT",
            hint="put the vocab.txt of bert-base-chinese, or of any Chinese-CLIP, beside the model",
        )
    image: nn.Module
    if "visual.proj" in weights:
        width = need(weights, "visual.conv1.weight").shape[0]
        image, image_traits, size = vit_image(
            weights,
            act="quick_gelu",
            head_width=head_width or _HEAD_WIDTHS.get(width, HEAD_WIDTH),
        )
    else:
        image, image_traits, size = resnet_image(weights)
    text, text_traits, limit = _bert(weights, text_heads, act)
    return Original(
        kind="Chinese-CLIP, its authors' layout",
        dim=need(weights, "text_projection").shape[1],
        image=ImagePart(
            image, Preprocess(size, size, MEAN, STD, resize_mode="squash"), image_traits
        ),
        text=TextPart(
            text,
            _bert_tokenizer(vocabulary),
            TextRules(context_length=min(CHINESE_CONTEXT, limit)),
            text_traits,
            takes_mask=True,
        ),
        scoring=softmax_scoring(weights),
        language="zh",
    )


def _bert(
    weights: Weights, heads: int | None, act: str
) -> tuple[FirstTokenText, dict[str, Any], int]:
    """The text tower under `bert.` as ChineseCLIPModel has it, and its longest text."""
    from transformers import ChineseCLIPTextConfig, ChineseCLIPTextModel

    own = below(weights, "bert.")
    words = need(own, "embeddings.word_embeddings.weight")
    positions = need(own, "embeddings.position_embeddings.weight")
    layers = {
        int(found[1]) for name in own if (found := re.match(r"encoder\.layer\.(\d+)\.", name))
    }
    heads = heads or words.shape[1] // _BERT_HEAD
    config = ChineseCLIPTextConfig(
        vocab_size=words.shape[0],
        hidden_size=words.shape[1],
        num_hidden_layers=len(layers),
        num_attention_heads=heads,
        intermediate_size=need(own, "encoder.layer.0.intermediate.dense.weight").shape[0],
        hidden_act=act,
        max_position_embeddings=positions.shape[0],
        type_vocab_size=need(own, "embeddings.token_type_embeddings.weight").shape[0],
        layer_norm_eps=_EPSILON,
    )
    tower = ChineseCLIPTextModel(config, add_pooling_layer=False)
    wanted: dict[str, Tensor] = {
        name: one
        for name, one in own.items()
        if not name.startswith("pooler.") and not name.endswith("position_ids")
    }
    fill(tower, wanted)
    module = FirstTokenText(tower, linear_of(need(weights, "text_projection")))
    traits = {"kind": "bert, first token", "act": act, "heads": heads, "eps": _EPSILON}
    return module.eval(), traits, positions.shape[0]


def _bert_tokenizer(vocabulary: Path) -> str:
    """tokenizer.json of Chinese BERT: lower case, each Chinese character a word."""
    from tokenizers import BertWordPieceTokenizer

    words = vocabulary.read_text(encoding="utf-8").splitlines()
    ids = {word: number for number, word in enumerate(words)}
    text: str = BertWordPieceTokenizer(ids, lowercase=True).to_str()
    return text
