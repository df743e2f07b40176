"""Tiny auto-encoders of latent diffusion models: what a generator's decoder leaves in a picture.

A picture that is encoded and decoded again shows the same content, size and place, so that only the decoder's
traces tell it from the original [1]_.

References
----------
.. [1] Chen et al. 2025, "Dual Data Alignment Makes AI-Generated Image Detector Easier Generalizable",
   arXiv:2505.14359
"""

from __future__ import annotations

import torch
from torch import nn

CHANNELS = 64


class Clamp(nn.Module):
    """Latents softly bounded to (-3, 3)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """3 tanh(x / 3)."""
        return torch.tanh(x / 3) * 3


class Block(nn.Module):
    """Three convolutions beside an identity; `pooled` blocks look at the whole plane through a group norm first."""

    def __init__(self, *, pooled: bool) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            _conv(CHANNELS, CHANNELS),
            nn.ReLU(),
            _conv(CHANNELS, CHANNELS),
            nn.ReLU(),
            _conv(CHANNELS, CHANNELS),
        )
        self.pool = (
            nn.Sequential(
                nn.Conv2d(CHANNELS, 4 * CHANNELS, 1, bias=False),
                nn.GroupNorm(4, 4 * CHANNELS),
                nn.ReLU(),
                nn.Conv2d(4 * CHANNELS, CHANNELS, 1, bias=False),
            )
            if pooled
            else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Same shape as `x`."""
        if self.pool is not None:
            x = x + self.pool(x)
        return torch.relu(self.conv(x) + x)


def _conv(inputs: int, outputs: int, *, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=bias)


def _blocks(*, pooled: bool = False) -> list[nn.Module]:
    return [Block(pooled=pooled) for _ in range(3)]


def encoder(*, latents: int, pooled: bool) -> nn.Sequential:
    layers: list[nn.Module] = [_conv(3, CHANNELS), Block(pooled=False)]
    for stage in range(3):
        layers += [_conv(CHANNELS, CHANNELS, stride=2, bias=False), *_blocks(pooled=pooled and stage == 2)]
    return nn.Sequential(*layers, _conv(CHANNELS, latents))


def decoder(*, latents: int, pooled: bool) -> nn.Sequential:
    layers: list[nn.Module] = [Clamp(), _conv(latents, CHANNELS), nn.ReLU()]
    for stage in range(3):
        layers += [*_blocks(pooled=pooled and stage == 0), nn.Upsample(scale_factor=2)]
        layers += [_conv(CHANNELS, CHANNELS, bias=False)]
    return nn.Sequential(*layers, Block(pooled=False), _conv(CHANNELS, 3))
