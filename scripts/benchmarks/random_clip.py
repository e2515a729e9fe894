"""CLIP checkpoints with random weights: what costs time and memory is real.

random_clip.make("ViT-B/32", "vit-b-32.pt")      OpenAI's layout: one file
random_clip.make("ViT-B-32-256", "b-32-256")     open_clip's: a folder with its configuration
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

# name: (image side, patch, width, layers, text width, text layers, dim)
VITS = {
    "ViT-B/32": (224, 32, 768, 12, 512, 12, 512),
    "ViT-B/16": (224, 16, 768, 12, 512, 12, 512),
    "ViT-L/14": (224, 14, 1024, 24, 768, 12, 768),
    "ViT-L/14@336px": (336, 14, 1024, 24, 768, 12, 768),
    "ViT-B-32-256": (256, 32, 768, 12, 512, 12, 512),
}
# Of open_clip, with the exact GELU; the others are OpenAI's, with its quick form.
OPEN_CLIP = {"ViT-B-32-256"}
VOCABULARY, CONTEXT = 49408, 77


def state_dict(name: str) -> dict[str, torch.Tensor]:
    """Half-precision tensors of the shapes of a published model."""
    side, patch, width, layers, text_width, text_layers, dim = VITS[name]
    random = torch.Generator().manual_seed(0)

    def some(*shape: int, scale: float = 0.02) -> torch.Tensor:
        return (torch.randn(*shape, generator=random) * scale).half()

    def blocks(prefix: str, count: int, size: int) -> dict[str, torch.Tensor]:
        made = {}
        for number in range(count):
            block = f"{prefix}.{number}"
            made |= {
                f"{block}.attn.in_proj_weight": some(3 * size, size),
                f"{block}.attn.in_proj_bias": some(3 * size),
                f"{block}.attn.out_proj.weight": some(size, size),
                f"{block}.attn.out_proj.bias": some(size),
                f"{block}.ln_1.weight": torch.ones(size),
                f"{block}.ln_1.bias": torch.zeros(size),
                f"{block}.ln_2.weight": torch.ones(size),
                f"{block}.ln_2.bias": torch.zeros(size),
                f"{block}.mlp.c_fc.weight": some(4 * size, size),
                f"{block}.mlp.c_fc.bias": some(4 * size),
                f"{block}.mlp.c_proj.weight": some(size, 4 * size),
                f"{block}.mlp.c_proj.bias": some(size),
            }
        return made

    def norm(name: str, size: int) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": torch.ones(size), f"{name}.bias": torch.zeros(size)}

    return {
        "visual.class_embedding": some(width),
        "visual.positional_embedding": some((side // patch) ** 2 + 1, width),
        "visual.proj": some(width, dim),
        "visual.conv1.weight": some(width, 3, patch, patch),
        **norm("visual.ln_pre", width),
        **norm("visual.ln_post", width),
        **blocks("visual.transformer.resblocks", layers, width),
        "positional_embedding": some(CONTEXT, text_width),
        "text_projection": some(text_width, dim),
        "logit_scale": torch.tensor(4.6052),
        "token_embedding.weight": some(VOCABULARY, text_width),
        **norm("ln_final", text_width),
        **blocks("transformer.resblocks", text_layers, text_width),
    }


def make(name: str, path: Path) -> Path:
    """Write such a checkpoint, once: a file, or a folder for a model of open_clip."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        work = path.with_suffix(".part")
        if name in OPEN_CLIP:
            work.mkdir(exist_ok=True)
            (work / "open_clip_config.json").write_text(json.dumps(_configuration(name)))
            torch.save(state_dict(name), work / "open_clip_pytorch_model.bin")
        else:
            torch.save(state_dict(name), work)
        work.rename(path)
    return path


def _configuration(name: str) -> dict[str, object]:
    side, patch, width, layers, text_width, text_layers, dim = VITS[name]
    model = {
        "embed_dim": dim,
        "vision_cfg": {"image_size": side, "layers": layers, "width": width, "patch_size": patch},
        "text_cfg": {
            "context_length": CONTEXT,
            "vocab_size": VOCABULARY,
            "width": text_width,
            "heads": text_width // 64,
            "layers": text_layers,
        },
    }
    return {"model_cfg": model, "preprocess_cfg": {}}
