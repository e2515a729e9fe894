"""CLIP checkpoints with random weights in OpenAI's layout: what costs time and memory is real.

random_clip.make("ViT-B/32", "vit-b-32.pt")
"""

from __future__ import annotations

from pathlib import Path

import torch

# name: (image side, patch, width, layers, text width, text layers, dim)
VITS = {
    "ViT-B/32": (224, 32, 768, 12, 512, 12, 512),
    "ViT-B/16": (224, 16, 768, 12, 512, 12, 512),
    "ViT-L/14": (224, 14, 1024, 24, 768, 12, 768),
    "ViT-L/14@336px": (336, 14, 1024, 24, 768, 12, 768),
}
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
    """Write such a checkpoint, once."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        work = path.with_suffix(".part")
        torch.save(state_dict(name), work)
        work.rename(path)
    return path
