"""Summed-area tables: the mean of any window of an image in four look-ups, in integers, so exactly and in any order."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class SummedArea:
    """Summed-area tables [1]_ of images of any sizes, packed into one tensor.

    Sums wrap around at 2**32; differences over fewer than 2**23 pixels are still exact.

    Parameters
    ----------
    images : sequence of uint8 arrays, shape (H, W, 3), RGB
    device : torch.device

    Attributes
    ----------
    sides : list of tuple of int
        Height and width of each image, px.
    start : int64 tensor, shape (images,)
        Where the table of each image begins.
    height, width : int64 tensor, shape (images,)
    table : int32 tensor, shape (sums, 3)

    References
    ----------
    .. [1] Crow 1984, "Summed-area tables for texture mapping", doi:10.1145/800031.808600
    """

    def __init__(self, images: Sequence[NDArray[np.uint8]], *, device: torch.device) -> None:
        self.sides = [(image.shape[0], image.shape[1]) for image in images]
        sizes = [(height + 1) * (width + 1) for height, width in self.sides]
        starts = np.cumsum([0, *sizes]).tolist()
        self.start = torch.tensor(starts[:-1], dtype=torch.int64, device=device)
        self.height, self.width = torch.tensor(self.sides, device=device).reshape(-1, 2).T
        self.table = torch.zeros((starts[-1], 3), dtype=torch.int32, device=device)
        for image, begin, size in zip(images, starts, sizes, strict=False):
            height, width = image.shape[:2]
            if height * width == 0:
                continue
            rows = self.table[begin : begin + size].view(height + 1, width + 1, 3)
            if device.type == "cpu":
                into = rows.numpy()
                done = cv2.integral(np.ascontiguousarray(image), sum=into, sdepth=cv2.CV_32S)
                if not np.may_share_memory(done, into):
                    into[...] = done
            else:
                pixels = torch.tensor(np.ascontiguousarray(image), device=device)
                rows[1:, 1:] = pixels.cumsum(0, dtype=torch.int32).cumsum(1, dtype=torch.int32)

    def means(self, corners: Sequence[Tensor], area: Tensor) -> Tensor:
        """Mean colours of windows, scaled as the nets expect.

        Parameters
        ----------
        corners : sequence of 4 int tensors, shape (P,)
            Into the table: bottom right, top left, bottom left, top right.
        area : float32 tensor, shape (P, 1)
            Pixels in each window.

        Returns
        -------
        float32 tensor, shape (P, 3), in [-1, 1]
        """
        total = self.table.index_select(0, corners[0])
        total += self.table.index_select(0, corners[1])
        total -= self.table.index_select(0, corners[2])
        total -= self.table.index_select(0, corners[3])
        return total.float().div_(area).sub_(127.5).mul_(0.0078125)

    def crops(self, image: Tensor, windows: Tensor, *, size: int) -> Tensor:
        """Windows of images, averaged down or repeated up to one size.

        Parameters
        ----------
        image : int64 tensor, shape (N,)
            Which image each window is of.
        windows : int64 tensor, shape (N, 4)
            x0, y0, x1, y1, half-open; px.
        size : int
            Side of the results, px.

        Returns
        -------
        float32 tensor, shape (N, 3, size, size), in [-1, 1]
        """
        x0, x1 = averaging_bins(windows[:, 0], windows[:, 2], size)
        y0, y1 = averaging_bins(windows[:, 1], windows[:, 3], size)
        stride, start = self.width[image] + 1, self.start[image]
        top = (start[:, None] + y0 * stride[:, None])[:, :, None]
        low = (start[:, None] + y1 * stride[:, None])[:, :, None]
        left, right = x0[:, None, :], x1[:, None, :]
        corners = [low + right, top + left, low + left, top + right]
        area = ((y1 - y0)[:, :, None] * (x1 - x0)[:, None, :]).float()
        means = self.means([corner.flatten() for corner in corners], area.view(-1, 1))
        return means.view(-1, size, size, 3).permute(0, 3, 1, 2)


def averaging_bins(begin: Tensor, end: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Edges of averaging bins, those of torch's `interpolate(mode="area")`; neighbours may overlap.

    Parameters
    ----------
    begin, end : int64 tensor, shape (N,)
        Of the half-open ranges to divide.
    count : int
        Bins of each range.

    Returns
    -------
    first, last : int64 tensor, shape (N, count)
        Of each bin, half-open.
    """
    step = torch.arange(count, device=begin.device)
    length = (end - begin)[:, None]
    first = step * length // count
    last = ((step + 1) * length + count - 1) // count
    return begin[:, None] + first, begin[:, None] + last
