"""MTCNN's nets on the CPU by OpenVINO: the same convolutions, to the last bit, as torch's direct calls of oneDNN."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import cpu_engine
from models.detection.chain import Chain

Floats = NDArray[np.float32]


class OpenVinoCascadeNet:
    """A chain, compiled. See `CascadeNet` for how it is called.

    In float32 whatever else computes in: in bfloat16 boxes move by more than they may.

    Parameters
    ----------
    chain : Chain
    group : int
        Inputs of each call: fewer are filled up with zeros.
    """

    def __init__(self, chain: Chain, *, group: int) -> None:
        self.size, self.width, self.group = chain.size, chain.width, group
        compiled = cpu_engine.core().compile_model(_graph(chain, group), "CPU", cpu_engine.settings("f32"))
        self._run = cpu_engine.CompiledNet(compiled)

    def __call__(self, pixels: Floats, *, seam: Floats | None = None) -> Floats:
        count = len(pixels)
        if count < self.group:
            filled = np.zeros((self.group, *pixels.shape[1:]), np.float32)
            filled[:count] = pixels
            pixels = filled
        inputs = [pixels]
        if not self.size:
            height, width = pixels.shape[1:3]
            seam = np.zeros((height - 2, width - 2), np.float32) if seam is None else seam
            inputs.append(seam[None, :, :, None])
        out = self._run(inputs)[:count]
        return out.reshape(count, self.width) if self.size else out

    def release_memory(self) -> None:
        """Give back what is kept between two calls; the next one takes it again."""
        self._run.release_memory()


def _graph(chain: Chain, group: int) -> Any:
    from openvino import Model
    from openvino import opset13 as ops

    side = chain.size or -1
    pixels = ops.parameter([group, side, side, 3], np.float32)
    inputs = [pixels]
    x = ops.transpose(pixels, np.array([0, 3, 1, 2]))
    for number, layer in enumerate(chain.layers):
        x = ops.convolution(x, ops.constant(layer.weight), [1, 1], [0, 0], [0, 0], [1, 1])
        x = ops.add(x, ops.constant(layer.bias.reshape(1, -1, 1, 1)))
        if layer.slope is not None:
            x = ops.prelu(x, ops.constant(layer.slope))
        if number == 0 and not chain.size:
            seam = ops.parameter([1, -1, -1, 1], np.float32)
            inputs.append(seam)
            x = ops.add(x, ops.transpose(seam, np.array([0, 3, 1, 2])))
        if layer.pool:
            window = [layer.pool, layer.pool]
            x = ops.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], window, "ceil", "explicit").output(0)
    return Model([ops.transpose(x, np.array([0, 2, 3, 1]))], inputs)
