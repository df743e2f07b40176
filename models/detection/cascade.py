"""MTCNN's three nets as chains of convolutions, whatever runs them.

Every layer, the dense ones included, is a convolution, and the heads of a net are merged into its last layer. A
candidate must not cross a threshold because of its company, so the bits of an output must not depend on what else is
computed: on the CPU the shape of a call is fixed. The caller passes at most `group` inputs, and fewer are filled up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models import cpu_engine
from models.detection.weights import DetectorError, State

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """One layer of a net.

    Attributes
    ----------
    weight : float32 array, shape (outputs, inputs, k, k)
    bias : float32 array, shape (outputs,)
    slope : float32 array, shape (outputs,), or None
        Of the PReLU after it.
    pool : int
        Side of the max pooling window with stride 2 after that, 0 for none.
    """

    weight: Floats
    bias: Floats
    slope: Floats | None
    pool: int


@dataclass(frozen=True)
class Chain:
    """A net.

    Attributes
    ----------
    layers : sequence of Layer
    size : int
        Side of the input of R- and O-Net, px; 0 for P-Net, which takes pages of any size.
    """

    layers: Sequence[Layer]
    size: int

    @property
    def width(self) -> int:
        """Numbers of an output."""
        return len(self.layers[-1].bias)


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


@dataclass(frozen=True)
class Cascade:
    """The three nets."""

    proposal: CascadeNet
    refine: CascadeNet
    output: CascadeNet


# Names of a net's layers in facenet-pytorch, and the pooling after each.
_PROPOSAL = ((("conv1",), 2), (("conv2",), 0), (("conv3",), 0), (("conv4_1", "conv4_2"), 0))
_REFINE = (
    (("conv1",), 3),
    (("conv2",), 3),
    (("conv3",), 0),
    (("dense4",), 0),
    (("dense5_1", "dense5_2"), 0),
)
_OUTPUT = (
    (("conv1",), 3),
    (("conv2",), 3),
    (("conv3",), 2),
    (("conv4",), 0),
    (("dense5",), 0),
    (("dense6_1", "dense6_2", "dense6_3"), 0),
)


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
    chains = [
        Chain(_layers(state, "pnet", _PROPOSAL), size=0),
        Chain(_layers(state, "rnet", _REFINE), size=24),
        Chain(_layers(state, "onet", _OUTPUT), size=48),
    ]
    if device == "cpu" and openvino and cpu_engine.is_installed():
        from models.detection.openvino_cascade import OpenVinoCascadeNet

        groups = (1, 16, 8)  # a page on its own stays in the processor's cache: faster than several at once
        return Cascade(*(OpenVinoCascadeNet(c, group=g) for c, g in zip(chains, groups, strict=True)))
    from models.detection.torch_cascade import TorchCascadeNet

    return Cascade(*(TorchCascadeNet(chain, device=device) for chain in chains))


def _layers(state: State, net: str, names: Sequence[tuple[Sequence[str], int]]) -> list[Layer]:
    layers: list[Layer] = []
    try:
        for number, (same, pool) in enumerate(names, start=1):
            channels = len(layers[-1].bias) if layers else 3
            weight = np.concatenate([_kernel(state[f"{net}.{name}.weight"], channels) for name in same])
            bias = np.concatenate([state[f"{net}.{name}.bias"] for name in same])
            slope = None if number == len(names) else state[f"{net}.prelu{number}.weight"]
            layers.append(Layer(np.ascontiguousarray(weight), bias, slope, pool))
    except (KeyError, ValueError) as error:
        raise DetectorError(
            f"the face detector's weights are not MTCNN's: {net}: {error}; copy them again"
        ) from None
    return layers


def _kernel(weight: Floats, channels: int) -> Floats:
    """Convolution kernel of a layer; a dense layer reads its input in the order W, H, C."""
    if weight.ndim == 4:
        return weight
    side = math.isqrt(weight.shape[1] // channels)
    return weight.reshape(-1, side, side, channels).transpose(0, 3, 2, 1)
