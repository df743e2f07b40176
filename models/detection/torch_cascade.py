"""MTCNN's nets by torch: on a GPU, and on the CPU for want of OpenVINO.

torch picks between convolution and matrix kernels by batch size and thread count, and these differ
in the last bits (measured: up to 1.5e-6 in an output), enough to move a candidate across a
threshold. On the CPU each layer is therefore one direct call of oneDNN's convolution: measured equal
bits for 1 to 40 inputs and 1 to 8 threads. A measurement is no promise, so the shape of a call is fixed as well.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.detection.chain import Chain

_CPU_GROUPS = {0: 1, 24: 16, 48: 8}  # by side of the input
_CUDA_GROUPS = {0: 16, 24: 4096, 48: 4096}

Floats = NDArray[np.float32]


class TorchCascadeNet:
    """A chain on a torch device. See `CascadeNet` for how it is called.

    Parameters
    ----------
    chain : Chain
    device : str
        A torch device.
    """

    def __init__(self, chain: Chain, *, device: str) -> None:
        self.size, self.width = chain.size, chain.width
        self._device = torch.device(device)
        self._fixed = self._device.type == "cpu"
        self.group = (_CPU_GROUPS if self._fixed else _CUDA_GROUPS)[chain.size]
        self._layers = [
            (
                self._on_device(layer.weight).contiguous(memory_format=torch.channels_last),
                self._on_device(layer.bias),
                None if layer.slope is None else self._on_device(layer.slope),
                layer.pool,
            )
            for layer in chain.layers
        ]

    def _on_device(self, values: Floats) -> Tensor:
        return torch.from_numpy(np.array(values)).to(self._device)

    @torch.inference_mode()
    def __call__(self, pixels: Floats, *, seam: Floats | None = None) -> Floats:
        count = len(pixels)
        x = self._on_device(pixels)
        if self._fixed and count < self.group:
            x = torch.cat([x, x.new_zeros((self.group - count, *x.shape[1:]))])
        x = x.permute(0, 3, 1, 2)  # already channels last in memory
        for number, (weight, bias, slope, pool) in enumerate(self._layers):
            x = self._convolve(x, weight, bias)
            if slope is not None:
                x = F.prelu(x, slope)
            if number == 0 and seam is not None:
                x = x + self._on_device(seam)
            if pool:
                x = F.max_pool2d(x, pool, stride=2, ceil_mode=True)
        out = x[:count].permute(0, 2, 3, 1).cpu().numpy()
        return out.reshape(count, self.width) if self.size else out

    def release_memory(self) -> None:
        """Nothing is kept between two calls."""

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        if self._fixed and torch.backends.mkldnn.is_available():
            return torch.mkldnn_convolution(x, weight, bias, [0, 0], [1, 1], [1, 1], 1)
        return F.conv2d(x, weight, bias)
