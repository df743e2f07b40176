"""Real-ESRGAN's generators: nets that enlarge a picture and draw the detail that it lacks [1]_.

References
----------
.. [1] Wang et al. 2021, "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
   arXiv:2107.10833
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

FEATURES, GROWTH = 64, 32


class CompactNet(nn.Module):
    """Convolutions in a row and a pixel shuffle over the picture enlarged by repetition, of 4 times its size."""

    def __init__(self, *, depth: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [_conv(3, FEATURES), nn.PReLU(FEATURES)]
        for _ in range(depth):
            layers += [_conv(FEATURES, FEATURES), nn.PReLU(FEATURES)]
        self.body = nn.Sequential(*layers, _conv(FEATURES, 48), nn.PixelShuffle(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x : float32 (N, 3, H, W) in [0, 1]; gives (N, 3, 4H, 4W), not clipped."""
        return self.body(x) + F.interpolate(x, scale_factor=4.0, mode="nearest")


class DenseBlock(nn.Module):
    """Five convolutions, each over all that came before it."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            _conv(FEATURES + GROWTH * i, GROWTH if i < 4 else FEATURES) for i in range(5)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Same shape as `x`."""
        planes = [x]
        for conv in self.convs[:-1]:
            planes.append(_leaky(conv(torch.cat(planes, 1))))
        return x + 0.2 * self.convs[-1](torch.cat(planes, 1))


class ResidualBlock(nn.Module):
    """Three dense blocks beside an identity."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(DenseBlock(), DenseBlock(), DenseBlock())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Same shape as `x`."""
        return x + 0.2 * self.blocks(x)


class ResidualNet(nn.Module):
    """Residual-in-residual dense blocks, then two enlargements by 2 (ESRGAN's generator)."""

    def __init__(self, *, depth: int) -> None:
        super().__init__()
        self.first = _conv(3, FEATURES)
        self.blocks = nn.Sequential(*(ResidualBlock() for _ in range(depth)))
        self.body = _conv(FEATURES, FEATURES)
        self.up1, self.up2 = _conv(FEATURES, FEATURES), _conv(FEATURES, FEATURES)
        self.high, self.last = _conv(FEATURES, FEATURES), _conv(FEATURES, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x : float32 (N, 3, H, W) in [0, 1]; gives (N, 3, 4H, 4W), not clipped."""
        x = self.first(x)
        x = x + self.body(self.blocks(x))
        for up in (self.up1, self.up2):
            x = _leaky(up(F.interpolate(x, scale_factor=2.0, mode="nearest")))
        return self.last(_leaky(self.high(x)))


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _leaky(x: torch.Tensor) -> torch.Tensor:
    return F.leaky_relu(x, 0.2)


def from_layers(tensors: dict[str, torch.Tensor]) -> nn.Module:
    """The net that these tensors, in the order of its layers, are of.

    Parameters
    ----------
    tensors : dict of str to tensor
        As of `models.generators.ncnn.read`.

    Returns
    -------
    nn.Module
        CompactNet or ResidualNet.

    Raises
    ------
    ValueError
        Where the shapes are those of neither.
    """
    given = list(tensors.values())
    compact = (
        given[0].ndim == 4
        and len(given) > 2
        and given[2].ndim == 1
        and given[2].numel() == FEATURES
        and given[-1].numel() == 48
    )
    net: nn.Module = (
        CompactNet(depth=(len(given) - 5) // 3) if compact else ResidualNet(depth=(len(given) - 12) // 30)
    )
    names = list(net.state_dict())
    if len(names) != len(given):
        raise ValueError(f"{len(given)} tensors, but {type(net).__name__} has {len(names)}")
    net.load_state_dict(dict(zip(names, given, strict=True)))
    return net
