"""ModifiedResNet, the one image tower that no installable library here offers.

In: float32[n, 3, s, s]. Out: float32[n, dim]. Its three differences from an ordinary ResNet
(CLIP paper, arXiv:2103.00020, section 2.4): a stem of three convolutions with average pooling,
an average pool before each strided convolution, and attention pooling instead of the last average.
Parameter names are those of the published state dicts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812, its customary name
from torch import Tensor, nn

_EXPANSION = 4  # channels that a block gives, over those that it works with


class _Block(nn.Module):
    """1x1, 3x3, 1x1 convolutions around a shortcut; stride by an average pool."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        channels_out = channels * _EXPANSION
        self.conv1 = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.avgpool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.conv3 = nn.Conv2d(channels, channels_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels_out)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or channels_in != channels_out:
            pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
            self.downsample = nn.Sequential(
                OrderedDict(
                    [
                        ("-1", pool),
                        ("0", nn.Conv2d(channels_in, channels_out, 1, bias=False)),
                        ("1", nn.BatchNorm2d(channels_out)),
                    ]
                )
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(self.avgpool(y)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(y + shortcut)


class _AttentionPool(nn.Module):
    """Attention of the mean of all places over the places and itself."""

    def __init__(self, places: int, width: int, heads: int, dim: int) -> None:
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.zeros(places + 1, width))
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.c_proj = nn.Linear(width, dim)
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        places = x.flatten(2).transpose(1, 2)  # [n, places, width]
        tokens = torch.cat([places.mean(dim=1, keepdim=True), places], dim=1)
        tokens = tokens + self.positional_embedding
        query = self._split(self.q_proj(tokens[:, :1]))
        pooled = F.scaled_dot_product_attention(
            query, self._split(self.k_proj(tokens)), self._split(self.v_proj(tokens))
        )
        projected: Tensor = self.c_proj(pooled.transpose(1, 2).flatten(2))
        return projected[:, 0]

    def _split(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        return x.reshape(batch, tokens, self.heads, width // self.heads).transpose(1, 2)


class ModifiedResNet(nn.Module):
    """The ResNet of CLIP. heads: of the attention pool, width * 32 / 64 in all published ones."""

    def __init__(
        self, layers: Sequence[int], width: int, dim: int, image_size: int, heads: int | None = None
    ) -> None:
        super().__init__()
        half = width // 2
        self.conv1 = nn.Conv2d(3, half, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(half, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        channels = width
        for stage, blocks in enumerate(layers):
            made = []
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                made.append(_Block(channels, width << stage, stride))
                channels = (width << stage) * _EXPANSION
            self.add_module(f"layer{stage + 1}", nn.Sequential(*made))
        self._stages = len(layers)
        self.attnpool = _AttentionPool(
            (image_size // 32) ** 2, channels, heads or width * 32 // 64, dim
        )

    def forward(self, x: Tensor) -> Tensor:
        for number in (1, 2, 3):
            conv, norm = getattr(self, f"conv{number}"), getattr(self, f"bn{number}")
            x = F.relu(norm(conv(x)))
        x = F.avg_pool2d(x, 2)
        for stage in range(self._stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        pooled: Tensor = self.attnpool(x)
        return pooled
