"""MTCNN's three nets as chains of convolutions, whatever runs them.

Every layer, the dense ones included, is a convolution, and the heads of a net are merged into its last layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


def chains(state: State) -> tuple[Chain, Chain, Chain]:
    """P-Net, R-Net and O-Net.

    Parameters
    ----------
    state : mapping of str to float32 array
        As of `weights.arrays`.

    Returns
    -------
    tuple of 3 Chain

    Raises
    ------
    DetectorError
        Where the weights are not MTCNN's.
    """
    return (
        Chain(_layers(state, "pnet", _PROPOSAL), size=0),
        Chain(_layers(state, "rnet", _REFINE), size=24),
        Chain(_layers(state, "onet", _OUTPUT), size=48),
    )


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
