"""Kind `restoration`: a real picture made small and drawn large again by Real-ESRGAN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from models.generators.ncnn import read
from models.generators.super_resolution import from_layers
from models.generators.tensors import from_tensor, to_tensor
from models.synthesis.degradations import U8

FACTORS = (2, 3, 4)
SMALLEST = 32  # px of the side that a net gets to see
_REDUCE = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)


@dataclass(frozen=True)
class Restorers:
    """Super-resolution nets of which each picture goes through one.

    Attributes
    ----------
    nets : sequence of nn.Module
        Small pictures to pictures of four times their side.
    device : str
    """

    nets: Sequence[nn.Module]
    device: str

    def __call__(self, pixels: U8, rng: np.random.Generator) -> U8:
        """The picture reduced by a drawn factor and drawn again at its size, uint8 (H, W, 3), RGB."""
        net = self.nets[int(rng.integers(len(self.nets)))]
        factor = int(rng.choice(FACTORS))
        return restore(
            net, pixels, factor=factor, reduce=_REDUCE[rng.integers(len(_REDUCE))], device=self.device
        )


@torch.inference_mode()
def restore(net: nn.Module, pixels: U8, *, factor: int, reduce: int, device: str) -> U8:
    """A picture made small and drawn large again.

    Parameters
    ----------
    net : nn.Module
        Of `models.generators.super_resolution`.
    pixels : uint8 array, shape (H, W, 3), RGB
    factor : int
        By which both sides are reduced, as far as `SMALLEST` px are left.
    reduce : int
        OpenCV's flag of the interpolation.
    device : str
        A torch device.

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB
    """
    height, width = pixels.shape[:2]
    small = (max(width // factor, SMALLEST), max(height // factor, SMALLEST))
    drawn = from_tensor(net(to_tensor(np.asarray(cv2.resize(pixels, small, interpolation=reduce)), device)))
    if drawn.shape[:2] == (height, width):
        return drawn
    flag = cv2.INTER_AREA if drawn.shape[0] > height else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(drawn, (width, height), interpolation=flag), dtype=np.uint8)


def read_net(param: Path, device: str) -> nn.Module:
    """One net, ready to run.

    Parameters
    ----------
    param : Path
        Its `.param` file; the `.bin` lies beside it.
    device : str
        A torch device.

    Raises
    ------
    NcnnError
        Where a file cannot be used.
    """
    net = from_layers(read(param)).eval().to(torch.device(device))
    return net.to(memory_format=torch.channels_last)


def load(files: Sequence[Path], device: str) -> Restorers:
    """Real-ESRGAN's compact net.

    What face restoration and super-resolution draw, and with them most pipelines that swap or generate faces [1]_.

    Parameters
    ----------
    files : sequence of Path
        The `.param` file of each.
    device : str
        A torch device.

    Raises
    ------
    NcnnError
        As of `read_net`.

    References
    ----------
    .. [1] Wang et al. 2021, "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
       arXiv:2107.10833
    """
    return Restorers([read_net(path, device) for path in files], device)
