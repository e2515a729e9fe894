"""open_clip checkpoints: `open_clip_config.json` and one weights file.

In: a folder, or a weights file beside the configuration. Out: an Original. Read are the vision
transformers and ResNets of OpenAI's layout, and SigLIP, whose image tower has timm's names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from photosearch.encode.clip_bpe import clip_tokenizer_json
from photosearch.encode.original import ImagePart, Original, TextPart
from photosearch.encode.preprocess import Preprocess
from photosearch.encode.sources.clip_names import (
    HEAD_WIDTH,
    Weights,
    below,
    blocks,
    clip_text,
    fill,
    need,
    resnet_image,
    softmax_scoring,
    vit_image,
)
from photosearch.encode.sources.folder import (
    pad_id_of,
    read_json,
    tokenizer_json_of,
    weight_file,
)
from photosearch.encode.sources.huggingface import PooledImage, PooledText
from photosearch.encode.sources.openai import MEAN, STD, VOCABULARY
from photosearch.encode.tokenize import TextRules
from photosearch.encode.weights import read_weights
from photosearch.errors import BadCheckpoint

CONFIG = "open_clip_config.json"
WEIGHT_FILES = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
    "model.safetensors",
    "pytorch_model.bin",
)

# Settings that say nothing about an answer, and settings with their only value that is read.
_VISION = {
    "image_size", "layers", "width", "head_width", "mlp_ratio", "patch_size", "patch_dropout",
    "norm_kwargs", "act_kwargs", "attn_pooler_queries", "attn_pooler_heads",
    "timm_model_name", "timm_model_pretrained", "timm_pool", "timm_proj", "timm_model_kwargs",
    "timm_drop", "timm_drop_path", "timm_proj_bias",
}  # fmt: skip
_TEXT = {
    "context_length", "vocab_size", "hf_tokenizer_name", "tokenizer_kwargs", "tokenizer_mode",
    "width", "heads", "layers", "mlp_ratio", "norm_kwargs", "act_kwargs", "no_causal_mask",
    "proj_bias", "pool_type", "pad_id", "eos_id",
}  # fmt: skip
_ONLY: dict[str, tuple[Any, ...]] = {
    "ls_init_value": (None,),
    "attentional_pool": (False,),
    "no_ln_pre": (False,),
    "pos_embed_type": ("learnable",),
    "final_ln_after_pool": (False,),
    "output_tokens": (False,),
    "block_type": (None, "default"),
    "qk_norm": (False,),
    "scaled_cosine_attn": (False,),
    "scale_heads": (False,),
    "scale_attn_inner": (False,),
    "scale_attn": (False,),
    "scale_fc": (False,),
    "embed_cls": (False,),
    "proj_type": ("linear",),
}

# Of timm's SigLIP towers: width → heads (64 channels each but for the last two).
_TIMM_HEADS = {768: 12, 1024: 16, 1152: 16, 1536: 16}
# In timm their activation is the exact GELU, except for these, trained with the tanh form.
_TIMM_TANH = re.compile(
    r"vit_base_patch32_siglip_256|vit_large_patch16_siglip_512|vit_so400m_patch16_siglip_.*"
    r"|vit_giantopt_.*"
)


def read_open_clip(folder: Path, weights_path: Path | None = None) -> Original:
    """The model of an open_clip folder; weights_path: another weights file of the same model."""
    path = folder / CONFIG
    config = read_json(path)
    try:
        model, vision, text = (
            config["model_cfg"],
            config["model_cfg"]["vision_cfg"],
            config["model_cfg"]["text_cfg"],
        )
    except (KeyError, TypeError) as error:
        raise BadCheckpoint(f"{path} lacks {error}") from error
    if "hf_model_name" in text:
        raise BadCheckpoint(
            f"{path}: a text tower of {text['hf_model_name']} is not read",
            hint="open_clip models with their own text towers, and SigLIP, are",
        )
    _check(path, vision, _VISION)
    _check(path, text, _TEXT)
    weights = read_weights(weights_path or weight_file(folder, *WEIGHT_FILES))
    preprocess = _preprocess(path, config.get("preprocess_cfg", {}), vision.get("image_size", 224))
    if vision.get("timm_model_name"):
        return _siglip(folder, model, weights, preprocess)
    return _clip(path, model, weights, preprocess)


def _clip(path: Path, model: dict[str, Any], weights: Weights, preprocess: Preprocess) -> Original:
    vision, text = model["vision_cfg"], model["text_cfg"]
    act = "quick_gelu" if model.get("quick_gelu") else "gelu"
    if vision.get("pool_type", "tok") != "tok" or text.get("pool_type", "argmax") != "argmax":
        raise BadCheckpoint(f"{path}: pooling other than by class and end token is not read")
    if text.get("no_causal_mask") or text.get("proj_bias"):
        raise BadCheckpoint(f"{path}: a CLIP text tower without causal mask is not read")
    image: nn.Module
    if isinstance(vision.get("layers"), list):
        image, image_traits, size = resnet_image(weights)
    else:
        image, image_traits, size = vit_image(
            weights,
            act=_activation(act, vision),
            head_width=int(vision.get("head_width", HEAD_WIDTH)),
            eps=_epsilon(vision),
        )
    if preprocess.width != size:
        raise BadCheckpoint(f"{path} says {preprocess.width} pixels, its weights are for {size}")
    own = {**weights, **below(weights, "text.")}
    own = {
        name: one
        for name, one in own.items()
        if not name.startswith(("visual.", "text.", "logit_", "attn_mask"))
    }
    tower, traits, context = clip_text(
        own, act=_activation(act, text), heads=int(text.get("heads", 8)), eps=_epsilon(text)
    )
    if own["token_embedding.weight"].shape[0] != VOCABULARY:
        raise BadCheckpoint(f"{path}: of CLIP's text towers those with CLIP's vocabulary are read")
    return Original(
        kind="open_clip CLIP",
        dim=int(model["embed_dim"]),
        image=ImagePart(image, preprocess, image_traits),
        text=TextPart(
            tower,
            clip_tokenizer_json(),
            TextRules(context_length=context, clean="clip", pad_id=0),
            traits,
        ),
        scoring=softmax_scoring(weights),
    )


def _siglip(
    folder: Path, model: dict[str, Any], weights: Weights, preprocess: Preprocess
) -> Original:
    vision, text = model["vision_cfg"], model["text_cfg"]
    name = str(vision["timm_model_name"])
    if "siglip" not in name or vision.get("timm_pool") != "map":
        raise BadCheckpoint(
            f"{folder / CONFIG}: the image tower {name} of timm is not read",
            hint="of timm's towers those of SigLIP are",
        )
    image, image_traits = _timm_siglip(
        below(weights, "visual.trunk."), name, vision.get("timm_model_kwargs") or {}
    )
    tower, traits, context = _siglip_text(below(weights, "text."), text)
    clean = (text.get("tokenizer_kwargs") or {}).get("clean", "whitespace")
    tokenizer_json = tokenizer_json_of(folder)
    return Original(
        kind="open_clip SigLIP",
        dim=int(model["embed_dim"]),
        image=ImagePart(image, preprocess, image_traits),
        text=TextPart(
            tower,
            tokenizer_json,
            TextRules(
                context_length=context,
                padding="context",
                clean=str(clean),
                pad_id=pad_id_of(folder, tokenizer_json),
            ),
            traits,
        ),
        scoring=softmax_scoring(weights),
    )


def _timm_siglip(
    own: Weights, name: str, options: Mapping[str, Any]
) -> tuple[PooledImage, dict[str, Any]]:
    """timm's vision transformer with attention pooling, in transformers' names."""
    from transformers import SiglipVisionConfig, SiglipVisionModel

    patches = need(own, "patch_embed.proj.weight")
    width, patch = patches.shape[0], patches.shape[-1]
    heads = int(options.get("num_heads") or _TIMM_HEADS.get(width, width // HEAD_WIDTH))
    act = "gelu_pytorch_tanh" if _TIMM_TANH.fullmatch(name) else "gelu"
    positions = need(own, "pos_embed")[0]
    mapped = {
        "embeddings.patch_embedding.weight": patches,
        "embeddings.patch_embedding.bias": need(own, "patch_embed.proj.bias"),
        "embeddings.position_embedding.weight": positions,
        "head.probe": need(own, "attn_pool.latent"),
    }
    moved = {
        "norm": "post_layernorm",
        "attn_pool.proj": "head.attention.out_proj",
        "attn_pool.norm": "head.layernorm",
        "attn_pool.mlp.fc1": "head.mlp.fc1",
        "attn_pool.mlp.fc2": "head.mlp.fc2",
    }
    layers = 1 + max(int(one.split(".")[1]) for one in own if one.startswith("blocks."))
    for number in range(layers):
        old, new = f"blocks.{number}", f"encoder.layers.{number}"
        moved |= {
            f"{old}.norm1": f"{new}.layer_norm1",
            f"{old}.norm2": f"{new}.layer_norm2",
            f"{old}.attn.proj": f"{new}.self_attn.out_proj",
            f"{old}.mlp.fc1": f"{new}.mlp.fc1",
            f"{old}.mlp.fc2": f"{new}.mlp.fc2",
        }
    for end in ("weight", "bias"):
        mapped |= {f"{new}.{end}": need(own, f"{old}.{end}") for old, new in moved.items()}
        for number in range(layers):
            thirds = torch.chunk(need(own, f"blocks.{number}.attn.qkv.{end}"), 3)
            for part, third in zip("qkv", thirds, strict=True):
                mapped[f"encoder.layers.{number}.self_attn.{part}_proj.{end}"] = third
        mapped[f"head.attention.in_proj_{end}"] = torch.cat(
            [need(own, f"attn_pool.q.{end}"), need(own, f"attn_pool.kv.{end}")]
        )
    config = SiglipVisionConfig(
        hidden_size=width,
        intermediate_size=need(own, "blocks.0.mlp.fc1.weight").shape[0],
        num_hidden_layers=layers,
        num_attention_heads=heads,
        image_size=math.isqrt(positions.shape[0]) * patch,
        patch_size=patch,
        hidden_act=act,
        layer_norm_eps=1e-6,
    )
    tower = SiglipVisionModel(config)
    fill(tower, mapped)
    traits = {"kind": "siglip vit", "act": act, "heads": heads, "eps": 1e-6}
    return PooledImage(tower).eval(), traits


def _siglip_text(own: Weights, text: dict[str, Any]) -> tuple[PooledText, dict[str, Any], int]:
    """SigLIP's text tower: no causal mask, the last place pooled, a projection with a bias."""
    from transformers import SiglipTextConfig, SiglipTextModel

    if text.get("pool_type") != "last" or not text.get("no_causal_mask"):
        raise BadCheckpoint("the text tower pools otherwise than SigLIP's does: it is not read")
    vocabulary, width = need(own, "token_embedding.weight").shape
    context = need(own, "positional_embedding").shape[0]
    act = _activation("gelu", text)
    layers = blocks(own, "transformer.resblocks")
    mapped: dict[str, Tensor] = {
        "embeddings.token_embedding.weight": need(own, "token_embedding.weight"),
        "embeddings.position_embedding.weight": need(own, "positional_embedding"),
        **layers,
    }
    for end in ("weight", "bias"):
        mapped[f"final_layer_norm.{end}"] = need(own, f"ln_final.{end}")
        mapped[f"head.{end}"] = need(own, f"text_projection.{end}")
    heads = int(text.get("heads", width // HEAD_WIDTH))
    config = SiglipTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        projection_size=need(own, "text_projection.weight").shape[0],
        intermediate_size=need(own, "transformer.resblocks.0.mlp.c_fc.weight").shape[0],
        num_hidden_layers=1 + max(int(one.split(".")[2]) for one in layers),
        num_attention_heads=heads,
        max_position_embeddings=context,
        hidden_act=act,
        layer_norm_eps=_epsilon(text),
    )
    tower = SiglipTextModel(config)
    fill(tower, mapped)
    traits = {"kind": "siglip text", "act": act, "heads": heads, "eps": _epsilon(text)}
    return PooledText(tower).eval(), traits, context


def _check(path: Path, part: Mapping[str, Any], known: set[str]) -> None:
    """Refuse settings that would change the answer and are not built here."""
    for name, value in part.items():
        if name in known or value in _ONLY.get(name, ()):
            continue
        if name == "pool_type":
            continue
        raise BadCheckpoint(f"{path}: {name} = {value!r} is an architecture that is not read")


def _preprocess(path: Path, config: Mapping[str, Any], size: Any) -> Preprocess:
    try:
        return Preprocess.from_config(
            {"size": size, "mean": list(MEAN), "std": list(STD), "rgb": "last", **config}
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadCheckpoint(f"{path}: preprocess_cfg is not known ({error})") from error


def _activation(act: str, part: Mapping[str, Any]) -> str:
    options = part.get("act_kwargs") or {}
    if options == {"approximate": "tanh"} and act == "gelu":
        return "gelu_pytorch_tanh"
    if options:
        raise BadCheckpoint(f"act_kwargs {options!r} is an activation that is not read")
    return act


def _epsilon(part: Mapping[str, Any]) -> float:
    return float((part.get("norm_kwargs") or {}).get("eps", 1e-5))
