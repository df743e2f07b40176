"""Pictures as the generators take and give them, and the tensors that their nets are filled with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from models.nets.checkpoints import misfits
from models.synthesis.degradations import U8


def to_tensor(pixels: U8, device: str) -> torch.Tensor:
    """A batch of one picture.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB
    device : str
        A torch device.

    Returns
    -------
    float32 tensor, shape (1, 3, H, W), in [0, 1], channels last
    """
    plane = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(2, 0, 1)[None]
    return (plane.float() / 255).contiguous(memory_format=torch.channels_last)


def from_tensor(x: torch.Tensor) -> U8:
    """The picture of a batch of one, clipped and rounded.

    Parameters
    ----------
    x : float tensor, shape (1, 3, H, W)

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB
    """
    plane = (x[0].float().clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(plane.permute(1, 2, 0).cpu().numpy())


def fill(net: nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """Load tensors into a net.

    Parameters
    ----------
    net : nn.Module
        Changed in place.
    tensors : mapping of str to tensor

    Raises
    ------
    ValueError
        Where they are not the net's; the message has the first that differs, not all.
    """
    if wrong := misfits(net.state_dict(), tensors):
        raise ValueError(f"{len(wrong)} tensors differ, first: {wrong[0]}")
    net.load_state_dict(tensors)
