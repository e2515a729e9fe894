"""Towers of checkpoints with OpenAI's parameter names: OpenAI's, open_clip's, Chinese-CLIP's.

In: tensors by name. Out: modules with those weights: transformers' for the transformers, our own
for the ModifiedResNet. All sizes follow from the tensors' shapes; what does not (activation, width
of a head) is given by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from photosearch.encode.resnet import ModifiedResNet
from photosearch.encode.towers import Scoring
from photosearch.errors import BadCheckpoint

Weights = Mapping[str, Tensor]

HEAD_WIDTH = 64  # of every attention head in OpenAI's models


class ClipImage(nn.Module):
    """A CLIP vision transformer with its projection: pixels to features."""

    def __init__(self, tower: nn.Module, projection: nn.Module) -> None:
        super().__init__()
        self.tower = tower
        self.projection = projection

    def forward(self, pixels: Tensor) -> Tensor:
        features: Tensor = self.projection(self.tower(pixel_values=pixels).pooler_output)
        return features


class ClipText(nn.Module):
    """A CLIP text transformer with its projection. Causal: what is padded behind does not count."""

    def __init__(self, tower: nn.Module, projection: nn.Module) -> None:
        super().__init__()
        self.tower = tower
        self.projection = projection

    def forward(self, ids: Tensor) -> Tensor:
        features: Tensor = self.projection(self.tower(input_ids=ids).pooler_output)
        return features


def resnet_image(weights: Weights) -> tuple[ModifiedResNet, dict[str, Any], int]:
    """The ModifiedResNet under `visual.`: (module, traits, image size)."""
    own = below(weights, "visual.")
    layers = [_count(own, f"layer{stage}") for stage in (1, 2, 3, 4)]
    width = need(own, "layer1.0.conv1.weight").shape[0]
    side = round((need(own, "attnpool.positional_embedding").shape[0] - 1) ** 0.5)
    dim = need(own, "attnpool.c_proj.weight").shape[0]
    heads = width * 32 // HEAD_WIDTH
    module = ModifiedResNet(layers, width, dim, side * 32, heads)
    fill(module, own)
    return module, {"kind": "modified resnet", "heads": heads}, side * 32


def vit_image(
    weights: Weights, *, act: str, head_width: int = HEAD_WIDTH, eps: float = 1e-5
) -> tuple[ClipImage, dict[str, Any], int]:
    """The vision transformer under `visual.`: (module, traits, image size)."""
    from transformers import CLIPVisionConfig, CLIPVisionModel

    own = below(weights, "visual.")
    patches = need(own, "conv1.weight")
    width, patch = patches.shape[0], patches.shape[-1]
    side = round((need(own, "positional_embedding").shape[0] - 1) ** 0.5)
    config = CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=need(own, "transformer.resblocks.0.mlp.c_fc.weight").shape[0],
        num_hidden_layers=_count(own, "transformer.resblocks"),
        num_attention_heads=width // head_width,
        image_size=side * patch,
        patch_size=patch,
        hidden_act=act,
        layer_norm_eps=eps,
    )
    mapped = {
        "embeddings.class_embedding": need(own, "class_embedding"),
        "embeddings.patch_embedding.weight": patches,
        "embeddings.position_embedding.weight": need(own, "positional_embedding"),
        **_renamed(own, {"ln_pre": "pre_layrnorm", "ln_post": "post_layernorm"}),
        **blocks(own, "transformer.resblocks"),
    }
    tower = CLIPVisionModel(config)
    fill(tower, mapped)
    module = ClipImage(tower, linear_of(need(own, "proj")))
    traits = {"kind": "clip vit", "act": act, "heads": width // head_width, "eps": eps}
    return module.eval(), traits, side * patch


def clip_text(
    weights: Weights,
    *,
    act: str,
    heads: int | None = None,
    eps: float = 1e-5,
) -> tuple[ClipText, dict[str, Any], int]:
    """The causal text transformer: (module, traits, context length)."""
    from transformers import CLIPTextConfig, CLIPTextModel

    vocabulary, width = need(weights, "token_embedding.weight").shape
    context = need(weights, "positional_embedding").shape[0]
    heads = heads or width // HEAD_WIDTH
    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=need(weights, "transformer.resblocks.0.mlp.c_fc.weight").shape[0],
        num_hidden_layers=_count(weights, "transformer.resblocks"),
        num_attention_heads=heads,
        max_position_embeddings=context,
        hidden_act=act,
        layer_norm_eps=eps,
        eos_token_id=vocabulary - 1,
    )
    mapped = {
        "embeddings.token_embedding.weight": need(weights, "token_embedding.weight"),
        "embeddings.position_embedding.weight": need(weights, "positional_embedding"),
        **_renamed(weights, {"ln_final": "final_layer_norm"}),
        **blocks(weights, "transformer.resblocks"),
    }
    tower = CLIPTextModel(config)
    fill(tower, mapped)
    module = ClipText(tower, linear_of(need(weights, "text_projection")))
    return module.eval(), {"kind": "clip text", "act": act, "heads": heads, "eps": eps}, context


def softmax_scoring(weights: Weights) -> Scoring:
    """The scale that the model was trained to: its logarithm is in the file."""
    scale = float(need(weights, "logit_scale").float().exp())
    bias = weights.get("logit_bias")
    return Scoring(scale, None if bias is None else float(bias))


def need(weights: Weights, name: str) -> Tensor:
    if name not in weights:
        raise BadCheckpoint(f"the checkpoint lacks {name}: it is of no architecture that is read")
    return weights[name]


def below(weights: Weights, prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with a prefix, without it."""
    return {
        name.removeprefix(prefix): one for name, one in weights.items() if name.startswith(prefix)
    }


def fill(module: nn.Module, weights: Weights) -> None:
    """Load weights into a module, all of them and no others, as float32, ready for use."""
    wanted = {name: tuple(one.shape) for name, one in module.state_dict().items()}
    given = {name: tuple(one.shape) for name, one in weights.items() if name in wanted}
    for name, shape in wanted.items():
        if name not in given:
            raise BadCheckpoint(f"the checkpoint lacks {name}")
        if given[name] != shape:
            raise BadCheckpoint(f"{name} has the shape {given[name]}, where {shape} was expected")
    unknown = sorted(weights.keys() - wanted.keys())
    if unknown:
        raise BadCheckpoint(
            f"the checkpoint has {unknown[0]}, which no architecture that is read has"
        )
    module.load_state_dict({name: one.float() for name, one in weights.items()}, strict=True)
    module.eval().requires_grad_(False)


def linear_of(matrix: Tensor) -> nn.Linear:
    """A published projection, [width, dim], as a linear layer."""
    width, dim = matrix.shape
    linear = nn.Linear(width, dim, bias=False)
    linear.weight = nn.Parameter(matrix.float().T.contiguous(), requires_grad=False)
    return linear


def _count(weights: Weights, prefix: str) -> int:
    """How many numbered children a name has."""
    numbers = {
        name.removeprefix(f"{prefix}.").split(".")[0]
        for name in weights
        if name.startswith(f"{prefix}.")
    }
    if not numbers:
        raise BadCheckpoint(f"the checkpoint lacks {prefix}: it is of no architecture that is read")
    return len(numbers)


def _renamed(weights: Weights, names: Mapping[str, str]) -> dict[str, Tensor]:
    return {
        f"{new}.{end}": need(weights, f"{old}.{end}")
        for old, new in names.items()
        for end in ("weight", "bias")
    }


def blocks(weights: Weights, prefix: str) -> dict[str, Tensor]:
    """Residual attention blocks in transformers' names; q, k and v come out of one matrix."""
    mapped: dict[str, Tensor] = {}
    for number in range(_count(weights, prefix)):
        block = below(weights, f"{prefix}.{number}.")
        new = f"encoder.layers.{number}"
        plain = {
            "ln_1": "layer_norm1",
            "ln_2": "layer_norm2",
            "attn.out_proj": "self_attn.out_proj",
            "mlp.c_fc": "mlp.fc1",
            "mlp.c_proj": "mlp.fc2",
        }
        for name, one in block.items():
            start, _, end = name.rpartition(".")
            if start in plain:
                mapped[f"{new}.{plain[start]}.{end}"] = one
            elif name in ("attn.in_proj_weight", "attn.in_proj_bias"):
                kind = name.rpartition("_")[2]
                for part, third in zip("qkv", torch.chunk(one, 3), strict=True):
                    mapped[f"{new}.self_attn.{part}_proj.{kind}"] = third
            else:
                mapped[f"{new}.{name}"] = one  # unknown: `fill` names it
    return mapped
