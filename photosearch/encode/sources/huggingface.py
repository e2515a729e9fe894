"""Folders of `save_pretrained`: CLIP, Chinese-CLIP, SigLIP, SigLIP 2, and Taiyi's text tower.

In: a folder. Out: an Original, around transformers' own classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from photosearch.encode.locators import BY_TYPE
from photosearch.encode.original import ImagePart, Original, TextPart
from photosearch.encode.patches import PatchPreprocess
from photosearch.encode.sources.clip_names import ClipImage, ClipText
from photosearch.encode.sources.folder import (
    pad_id_of,
    preprocess_of,
    processor_config,
    read_json,
    tokenizer_json_of,
)
from photosearch.encode.sources.pretrained import load_pretrained
from photosearch.encode.tokenize import TextRules
from photosearch.encode.towers import Scoring
from photosearch.errors import BadCheckpoint


class PooledImage(nn.Module):
    """SigLIP's image tower: pixels to features."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.tower(pixel_values=pixels).pooler_output
        return features


class PatchImage(nn.Module):
    """SigLIP 2's NaFlex image tower: patches, which are used, shares of positions, to features.

    The position embeddings' scaling, which depends on each picture's shape, comes from outside as
    a matrix: so the tower has no branches, and can be exported.
    """

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, patches: Tensor, used: Tensor, shares: Tensor) -> Tensor:
        tower: Any = self.tower
        embeddings = tower.embeddings
        hidden = embeddings.patch_embedding(patches)
        hidden = hidden + shares @ embeddings.position_embedding.weight
        lowest = torch.finfo(hidden.dtype).min
        mask = (1 - used.to(hidden.dtype))[:, None, None, :] * lowest
        mask = mask.expand(-1, 1, hidden.shape[1], -1)
        hidden = tower.encoder(inputs_embeds=hidden, attention_mask=mask).last_hidden_state
        return self._pool(tower.head, tower.post_layernorm(hidden), mask[:, 0, :1])

    @staticmethod
    def _pool(head: Any, hidden: Tensor, mask: Tensor) -> Tensor:
        probe = head.probe.repeat(hidden.shape[0], 1, 1)
        mask = mask.repeat_interleave(head.num_heads, dim=0)
        pooled = head.attention(probe, hidden, hidden, attn_mask=mask, need_weights=False)[0]
        features: Tensor = (pooled + head.mlp(head.layernorm(pooled)))[:, 0]
        return features


class PooledText(nn.Module):
    """SigLIP's text tower: ids, always padded to its context, to features."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, ids: Tensor) -> Tensor:
        features: Tensor = self.tower(input_ids=ids).pooler_output
        return features


class FirstTokenText(nn.Module):
    """Chinese-CLIP's text tower: ids and mask to the projection of the first token."""

    def __init__(self, tower: nn.Module, projection: nn.Module) -> None:
        super().__init__()
        self.tower = tower
        self.projection = projection

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        hidden = self.tower(input_ids=ids, attention_mask=mask).last_hidden_state
        features: Tensor = self.projection(hidden[:, 0])
        return features


class LogitsText(nn.Module):
    """Taiyi's text tower: ids and mask to the logits of a BERT classifier, which are features."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        features: Tensor = self.model(input_ids=ids, attention_mask=mask).logits
        return features


def read_huggingface(folder: Path) -> Original:
    """The model of a `save_pretrained` folder."""
    config = read_json(folder / "config.json")
    kind = str(config.get("model_type"))
    reader = _READERS.get(kind)
    if reader is None:
        known = f"types that are: {', '.join(sorted(_READERS))}"
        by = BY_TYPE.get(kind)
        raise BadCheckpoint(
            f"{folder} holds a model of type {kind!r}, which is no CLIP that is read",
            hint=f"photosearch locate --by {by} is what takes it" if by else known,
        )
    return reader(folder)


def _read_clip(folder: Path) -> Original:
    from transformers import CLIPModel

    model: Any = load_pretrained(CLIPModel, folder)
    vision, text = model.config.vision_config, model.config.text_config
    rules = TextRules(context_length=text.max_position_embeddings)
    return Original(
        kind="Hugging Face CLIPModel",
        dim=model.config.projection_dim,
        image=ImagePart(
            ClipImage(model.vision_model, model.visual_projection),
            preprocess_of(folder),
            _traits("clip vit", vision),
        ),
        text=TextPart(
            ClipText(model.text_model, model.text_projection),
            tokenizer_json_of(folder),
            rules,
            _traits("clip text", text, end=text.eos_token_id),
        ),
        scoring=Scoring(math.exp(float(model.logit_scale))),
    )


def _read_chinese_clip(folder: Path) -> Original:
    from transformers import ChineseCLIPModel

    model: Any = load_pretrained(ChineseCLIPModel, folder)
    return chinese_clip_original(
        model, "Hugging Face ChineseCLIPModel", preprocess_of(folder), tokenizer_json_of(folder)
    )


# What Chinese-CLIP was trained with; its tokenizer's own limit is BERT's 512.
CHINESE_CONTEXT = 52


def chinese_clip_original(model: Any, kind: str, preprocess: Any, tokenizer_json: str) -> Original:
    """An Original around a ChineseCLIPModel."""
    vision, text = model.config.vision_config, model.config.text_config
    context = min(CHINESE_CONTEXT, text.max_position_embeddings)
    return Original(
        kind=kind,
        dim=model.config.projection_dim,
        image=ImagePart(
            ClipImage(model.vision_model, model.visual_projection),
            preprocess,
            _traits("clip vit", vision),
        ),
        text=TextPart(
            FirstTokenText(model.text_model, model.text_projection),
            tokenizer_json,
            TextRules(context_length=context),
            _traits("bert, first token", text),
            takes_mask=True,
        ),
        scoring=Scoring(math.exp(float(model.logit_scale))),
        language="zh",
    )


def _read_siglip(folder: Path) -> Original:
    from transformers import SiglipModel

    model: Any = load_pretrained(SiglipModel, folder)
    vision, text = model.config.vision_config, model.config.text_config
    return Original(
        kind="Hugging Face SiglipModel",
        dim=text.projection_size,
        image=ImagePart(
            PooledImage(model.vision_model), preprocess_of(folder), _traits("siglip vit", vision)
        ),
        text=_siglip_text(folder, model),
        scoring=_sigmoid(model),
    )


def _read_siglip2(folder: Path) -> Original:
    from transformers import Siglip2Model

    model: Any = load_pretrained(Siglip2Model, folder)
    vision = model.config.vision_config
    config = processor_config(folder)
    preprocess = PatchPreprocess(
        patch=vision.patch_size,
        max_patches=int(config.get("max_num_patches", 256)),
        grid=math.isqrt(vision.num_patches),
        mean=tuple(config.get("image_mean", [0.5] * 3)),
        std=tuple(config.get("image_std", [0.5] * 3)),
    )
    return Original(
        kind="Hugging Face Siglip2Model",
        dim=model.config.text_config.projection_size,
        image=ImagePart(
            PatchImage(model.vision_model), preprocess, _traits("siglip2 naflex", vision)
        ),
        text=_siglip_text(folder, model),
        scoring=_sigmoid(model),
    )


def _siglip_text(folder: Path, model: Any) -> TextPart:
    """SigLIP pads every text to its context and pools the last place: no shorter form is exact."""
    text = model.config.text_config
    is_spiece = (folder / "spiece.model").is_file()
    tokenizer_json = tokenizer_json_of(folder, spiece_first=True)
    pad_id = pad_id_of(folder, tokenizer_json)
    return TextPart(
        PooledText(model.text_model),
        tokenizer_json,
        TextRules(
            context_length=text.max_position_embeddings,
            padding="context",
            clean="siglip" if is_spiece else "none",
            pad_id=text.pad_token_id if pad_id is None else pad_id,
        ),
        _traits("siglip text", text),
    )


def _read_bert(folder: Path) -> Original:
    """Taiyi: a text tower alone, to be paired with an image model."""
    from transformers import BertForSequenceClassification

    config = read_json(folder / "config.json")
    if config.get("architectures") not in (["BertForSequenceClassification"], None):
        raise BadCheckpoint(
            f"{folder} holds a {config['architectures'][0]}; a text tower is a "
            "BertForSequenceClassification (Taiyi-CLIP)"
        )
    model: Any = load_pretrained(BertForSequenceClassification, folder)
    return Original(
        kind="Taiyi text tower",
        dim=model.config.num_labels,
        image=None,
        text=TextPart(
            LogitsText(model),
            tokenizer_json_of(folder),
            TextRules(context_length=min(77, model.config.max_position_embeddings)),
            _traits("bert, logits", model.config),
            takes_mask=True,
        ),
        scoring=Scoring(100.0),
        language="zh",
    )


_READERS: dict[str, Callable[[Path], Original]] = {
    "clip": _read_clip,
    "chinese_clip": _read_chinese_clip,
    "siglip": _read_siglip,
    "siglip2": _read_siglip2,
    "bert": _read_bert,
}


def _traits(kind: str, config: Any, **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "act": config.hidden_act,
        "heads": config.num_attention_heads,
        "eps": config.layer_norm_eps,
        **more,
    }


def _sigmoid(model: Any) -> Scoring:
    return Scoring(math.exp(float(model.logit_scale)), float(model.logit_bias))
