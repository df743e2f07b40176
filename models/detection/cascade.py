"""MTCNN's three nets with facenet-pytorch's weights, in a form whose bits do not vary.

torch picks between convolution and matrix kernels by batch size and thread count, and these differ
in the last bits (measured: up to 1.5e-6 in an output), enough to move a candidate across a
threshold. Here every layer, the dense ones included, is one direct call of oneDNN's convolution:
measured equal bits for 1 to 40 inputs and 1 to 8 threads. A measurement is no promise, so on the
CPU the shape of a call is fixed as well: the caller passes at most `group` inputs, and fewer are
filled up with zeros.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class _Layer:
    weight: Tensor
    bias: Tensor
    slope: Tensor | None  # PReLU
    pool: int  # side of the max pooling window with stride 2, 0 for none


class CascadeNet:
    """One net as a chain of convolutions, its heads merged into the last.

    Outputs are, in order: two logits (no face, face), four edge regressions, for O-Net ten
    landmark coordinates (five x, then five y).

    Parameters
    ----------
    layers : sequence of layers
    size : int
        Side of the input of R- and O-Net, px; 0 for P-Net, which takes pages of any size.
    group : int
        Inputs of one call on the CPU.
    """

    def __init__(self, layers: Sequence[_Layer], *, size: int, group: int) -> None:
        self.layers = layers
        self.size = size
        self.group = group

    def __call__(self, pixels: Tensor, *, seam: Tensor | None = None) -> Tensor:
        """Run the net.

        Parameters
        ----------
        pixels : float32 tensor, shape (N, 3, H, W), in [-1, 1]
            At most `group` inputs on the CPU.
        seam : int64 tensor, optional
            Positions of the first convolution's flattened output that take no part in the pooling after it.

        Returns
        -------
        float32 tensor, shape (N, K, h, w), or (N, K) from inputs of `size`
        """
        count = len(pixels)
        if pixels.device.type == "cpu" and count < self.group:
            pixels = torch.cat([pixels, pixels.new_zeros((self.group - count, *pixels.shape[1:]))])
        out = self._run(pixels.contiguous(memory_format=torch.channels_last), seam)[:count]
        return out.flatten(1) if self.size else out

    def _run(self, x: Tensor, seam: Tensor | None) -> Tensor:
        for layer in self.layers:
            x = _convolve(x, layer.weight, layer.bias)
            if layer.slope is not None:
                x = F.prelu(x, layer.slope)
            if seam is not None:
                x, seam = _blank(x, seam), None
            if layer.pool:
                x = F.max_pool2d(x, layer.pool, stride=2, ceil_mode=True)
        return x


def load_cascade(device: torch.device) -> tuple[CascadeNet, CascadeNet, CascadeNet]:
    """P-Net, R-Net and O-Net with the weights that ship inside the facenet-pytorch wheel.

    Parameters
    ----------
    device : torch.device

    Returns
    -------
    tuple of 3 CascadeNet
    """
    proposal = _chain(
        PNet(),
        [["conv1"], ["conv2"], ["conv3"], ["conv4_1", "conv4_2"]],
        [2, 0, 0, 0],
        device,
    )
    refine = _chain(
        RNet(),
        [["conv1"], ["conv2"], ["conv3"], ["dense4"], ["dense5_1", "dense5_2"]],
        [3, 3, 0, 0, 0],
        device,
    )
    output = _chain(
        ONet(),
        [["conv1"], ["conv2"], ["conv3"], ["conv4"], ["dense5"], [f"dense6_{i}" for i in (1, 2, 3)]],
        [3, 3, 2, 0, 0, 0],
        device,
    )
    return (
        CascadeNet(proposal, size=0, group=1),
        CascadeNet(refine, size=24, group=16),
        CascadeNet(output, size=48, group=8),
    )


def _chain(net: nn.Module, names: list[list[str]], pools: list[int], device: torch.device) -> list[_Layer]:
    layers: list[_Layer] = []
    for number, (same, pool) in enumerate(zip(names, pools, strict=True), start=1):
        modules = [net.get_submodule(name) for name in same]
        channels = len(layers[-1].bias) if layers else 3
        weight = torch.cat([_kernel(module, channels) for module in modules]).detach()
        bias = torch.cat([module.get_parameter("bias") for module in modules]).detach()
        last = number == len(names)
        slope = None if last else net.get_parameter(f"prelu{number}.weight").detach().to(device)
        layers.append(
            _Layer(
                weight.to(device).contiguous(memory_format=torch.channels_last),
                bias.to(device),
                slope,
                pool,
            )
        )
    return layers


def _kernel(module: nn.Module, channels: int) -> Tensor:
    """Convolution kernel of a layer; a dense layer reads its input in the order W, H, C."""
    weight = module.get_parameter("weight")
    if isinstance(module, nn.Conv2d):
        return weight
    side = math.isqrt(weight.shape[1] // channels)
    return weight.view(-1, side, side, channels).permute(0, 3, 2, 1)


def _convolve(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    if x.device.type == "cpu" and torch.backends.mkldnn.is_available():
        return torch.mkldnn_convolution(x, weight, bias, [0, 0], [1, 1], [1, 1], 1)
    return F.conv2d(x, weight, bias)


def _blank(x: Tensor, seam: Tensor) -> Tensor:
    height, width = x.shape[2:]
    rows = x.permute(0, 2, 3, 1).flatten(1, 2).index_fill_(1, seam, -torch.inf)
    return rows.unflatten(1, (height, width)).permute(0, 3, 1, 2)
