"""P-Net, R-Net and O-Net, run by OpenVINO on the CPU and by torch elsewhere.

A candidate must not cross a threshold because of its company, so the bits of an output must not depend on what else is
computed: on the CPU the shape of a call is fixed. The caller passes at most `group` inputs, and fewer are filled up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models import cpu_engine
from models.detection.chain import chains
from models.detection.weights import State

Floats = NDArray[np.float32]


class CascadeNet(Protocol):
    """What runs a chain.

    Outputs are, in order: two logits (no face, face), four edge regressions, for O-Net ten
    landmark coordinates (five x, then five y).

    Attributes
    ----------
    size, width : int
        As of `Chain`.
    group : int
        Inputs of one call at most.
    """

    size: int
    width: int
    group: int

    def __call__(self, pixels: Floats, *, seam: Floats | None = None) -> Floats:
        """Run the net.

        Parameters
        ----------
        pixels : float32 array, shape (N, H, W, 3), in [-1, 1]
            At least one input, at most `group`.
        seam : float32 array, shape (H - 2, W - 2), optional
            For P-Net alone: minus infinity where the first convolution's output takes no part in the pooling after it,
            0 elsewhere.

        Returns
        -------
        float32 array, shape (N, h, w, width), or (N, width) from inputs of `size`
        """

    def release_memory(self) -> None:
        """Give back what is kept between two calls."""


@dataclass(frozen=True)
class Cascade:
    """The three nets."""

    proposal: CascadeNet
    refine: CascadeNet
    output: CascadeNet


def load_cascade(state: State, *, device: str = "cpu", openvino: bool = True) -> Cascade:
    """P-Net, R-Net and O-Net.

    Parameters
    ----------
    state : mapping of str to float32 array
        As of `weights.arrays`.
    device : str
        A torch device: on the CPU OpenVINO runs them, elsewhere torch.
    openvino : bool
        Whether OpenVINO may; where it may not or is not installed, torch does on the CPU too.

    Returns
    -------
    Cascade

    Raises
    ------
    DetectorError
        Where the weights are not MTCNN's.
    """
    if device == "cpu" and openvino and cpu_engine.is_installed():
        from models.detection.openvino_cascade import OpenVinoCascadeNet

        groups = (1, 16, 8)  # a page on its own stays in the processor's cache: faster than several at once
        return Cascade(*(OpenVinoCascadeNet(c, group=g) for c, g in zip(chains(state), groups, strict=True)))
    from models.detection.torch_cascade import TorchCascadeNet

    return Cascade(*(TorchCascadeNet(chain, device=device) for chain in chains(state)))
