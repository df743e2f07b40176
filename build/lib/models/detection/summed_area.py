"""Summed-area tables: the mean of any window of an image in four look-ups, in integers, so exactly and in any order."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


class SummedArea:
    """Summed-area tables [1]_ of images of any sizes, packed into one array.

    Sums wrap around at 2**32; differences over fewer than 2**23 pixels are still exact.

    Parameters
    ----------
    images : iterable of uint8 arrays, shape (H, W, 3), RGB
        Each is let go of before the next is asked for.
    sides : list of tuple of int
        Height and width of each, px.

    Attributes
    ----------
    sides : list of tuple of int
        As given.
    height, width : int64 array, shape (images,)

    References
    ----------
    .. [1] Crow 1984, "Summed-area tables for texture mapping", doi:10.1145/800031.808600
    """

    def __init__(self, images: Iterable[NDArray[np.uint8]], sides: list[tuple[int, int]]) -> None:
        self.sides = sides
        self.height, self.width = np.array(self.sides, np.int64).reshape(-1, 2).T
        ends = np.cumsum((self.height + 1) * (self.width + 1))
        self._start = np.concatenate([[0], ends])[:-1]
        self._table = np.zeros((int(ends[-1]) if len(ends) else 0, 3), np.int32)
        for number, image in enumerate(images):
            if image.size:
                into = self.of_image(number)
                done = cv2.integral(np.ascontiguousarray(image), sum=into, sdepth=cv2.CV_32S)
                if not np.may_share_memory(done, into):
                    into[...] = done
            del image  # or it would be held while the next is made

    def of_image(self, number: int) -> NDArray[np.int32]:
        """The table of one image, shape (H + 1, W + 1, 3): sums over all pixels above and left of each corner."""
        height, width = self.sides[number]
        begin = int(self._start[number])
        return self._table[begin : begin + (height + 1) * (width + 1)].reshape(height + 1, width + 1, 3)

    def level(self, number: int, *, rows: tuple[Ints, Ints], columns: tuple[Ints, Ints]) -> Floats:
        """An image shrunk by averaging, or some rows of it.

        Parameters
        ----------
        number : int
            Of the image.
        rows, columns : tuple of 2 int64 arrays, shapes (h,) and (w,)
            First and last pixel of the bins along each side, half-open.

        Returns
        -------
        float32 array, shape (h, w, 3), in [-1, 1]
        """
        table = self.of_image(number)
        strips = table.take(rows[1], axis=0)
        strips -= table.take(rows[0], axis=0)
        total = strips.take(columns[1], axis=1)
        total -= strips.take(columns[0], axis=1)
        return _scaled(total, (rows[1] - rows[0])[:, None] * (columns[1] - columns[0]))

    def crops(self, image: Ints, windows: Ints, *, size: int) -> Floats:
        """Windows of images, averaged down or repeated up to one size.

        Parameters
        ----------
        image : int64 array, shape (N,)
            Which image each window is of.
        windows : int64 array, shape (N, 4)
            x0, y0, x1, y1, half-open; px.
        size : int
            Side of the results, px.

        Returns
        -------
        float32 array, shape (N, size, size, 3), in [-1, 1]
        """
        x0, x1 = averaging_bins(windows[:, 0], windows[:, 2], size)
        y0, y1 = averaging_bins(windows[:, 1], windows[:, 3], size)
        stride, start = self.width[image] + 1, self._start[image]
        top = (start[:, None] + y0 * stride[:, None])[:, :, None]
        low = (start[:, None] + y1 * stride[:, None])[:, :, None]
        left, right = x0[:, None, :], x1[:, None, :]
        total = self._table.take(low + right, axis=0)
        total += self._table.take(top + left, axis=0)
        total -= self._table.take(low + left, axis=0)
        total -= self._table.take(top + right, axis=0)
        return _scaled(total, (y1 - y0)[:, :, None] * (x1 - x0)[:, None, :])


def _scaled(total: NDArray[np.int32], area: Ints) -> Floats:
    """Sums over windows of so many pixels as means, in the range that the nets expect."""
    means = total.astype(np.float32)
    means /= area[..., None].astype(np.float32)
    means -= np.float32(127.5)
    means *= np.float32(0.0078125)
    return means


def averaging_bins(begin: Ints, end: Ints, count: int) -> tuple[Ints, Ints]:
    """Edges of averaging bins, those of torch's `interpolate(mode="area")`; neighbours may overlap.

    Parameters
    ----------
    begin, end : int64 array, shape (N,)
        Of the half-open ranges to divide.
    count : int
        Bins of each range.

    Returns
    -------
    first, last : int64 array, shape (N, count)
        Of each bin, half-open.
    """
    step = np.arange(count)
    length = (end - begin)[:, None]
    first = step * length // count
    last = ((step + 1) * length + count - 1) // count
    return begin[:, None] + first, begin[:, None] + last
