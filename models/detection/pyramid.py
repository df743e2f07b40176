"""MTCNN's image pyramid from summed-area tables, several levels side by side on one page.

A level is the image shrunk by area averaging (torch's `interpolate(mode="area")`). From a
summed-area table (Crow 1984) every pixel of every level, and of every crop for the later nets,
costs four look-ups whatever the factor, in integers, so exactly and in any order. The levels of
one image lie on one page: P-Net then runs once per image instead of once per level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

CELL = 12  # pixels that one P-Net cell sees
STRIDE = 2  # pixels between two cells
_PAGE_PIXELS = 1 << 18  # a larger level is cut into strips: bounds memory, keeps caches warm
_CACHED_PIXELS = 1 << 19
_FINER = 0.5  # face size of a search step relative to the one before
_GRAIN = 16  # page sides are rounded up to this, so that convolutions meet few shapes


def search_steps(
    height: int, width: int, *, min_face: int, factor: float, coarse_face: float
) -> list[tuple[float, ...]]:
    """Scales of the pyramid in the order of search: coarse levels first, then finer ones.

    The grid is MTCNN's: 12 / min_face * factor**k while the shorter side keeps 12 pixels. The
    first step holds the levels whose smallest face (12 / scale) is at least `coarse_face` times
    the shorter side, each further step reaches down to half the face size of the one before.
    """
    shorter = float(min(height, width))
    steps: dict[int, list[float]] = {}
    scale = CELL / min_face
    shrunk = shorter * scale
    while shrunk >= CELL:
        step, limit = 0, coarse_face * shorter
        while CELL / scale < limit:
            step, limit = step + 1, limit * _FINER
        steps.setdefault(step, []).append(scale)
        scale, shrunk = scale * factor, shrunk * factor
    return [tuple(steps[step]) for step in sorted(steps)]


class SummedArea:
    """Summed-area tables of images of any sizes, packed into one (pixels, 3) int32 tensor.

    Sums wrap around at 2**32; differences over fewer than 2**23 pixels are still exact.
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
        """Mean colours of windows, scaled as the nets expect: (P, 3) float32 in [-1, 1].

        `corners`: four (P,) index tensors into the table: bottom right, top left, bottom left,
        top right; `area`: (P, 1) float32, pixels in each window.
        """
        total = self.table.index_select(0, corners[0])
        total += self.table.index_select(0, corners[1])
        total -= self.table.index_select(0, corners[2])
        total -= self.table.index_select(0, corners[3])
        return total.float().div_(area).sub_(127.5).mul_(0.0078125)

    def page(self, page: Page, image: Tensor) -> Tensor:
        """The same page of images (N,) of equal size: (N, 3, H, W) float32."""
        start = self.start[image].int()
        corners = [(corner + start[:, None]).flatten() for corner in page.corners]
        means = self.means(corners, page.area.repeat(len(image), 1))
        return means.view(len(image), *page.shape, 3).permute(0, 3, 1, 2)

    def crops(self, image: Tensor, windows: Tensor, *, size: int) -> Tensor:
        """Windows (N, 4) int64 of images (N,) shrunk or grown to (N, 3, size, size) float32."""
        x0, x1 = _bins(windows[:, 0], windows[:, 2], size)
        y0, y1 = _bins(windows[:, 1], windows[:, 3], size)
        stride, start = self.width[image] + 1, self.start[image]
        top = (start[:, None] + y0 * stride[:, None])[:, :, None]
        low = (start[:, None] + y1 * stride[:, None])[:, :, None]
        left, right = x0[:, None, :], x1[:, None, :]
        corners = [low + right, top + left, low + left, top + right]
        area = ((y1 - y0)[:, :, None] * (x1 - x0)[:, None, :]).float()
        means = self.means([corner.flatten() for corner in corners], area.view(-1, 1))
        return means.view(-1, size, size, 3).permute(0, 3, 1, 2)


def _bins(begin: Tensor, end: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Edges of `count` averaging bins over [begin, end): two (N, count) int64 tensors."""
    step = torch.arange(count, device=begin.device)
    length = (end - begin)[:, None]
    first = step * length // count
    last = ((step + 1) * length + count - 1) // count
    return begin[:, None] + first, begin[:, None] + last


@dataclass(frozen=True)
class Page:
    """Where the pixels of one page come from and what its P-Net cells mean.

    `corners` and `area` are those of `SummedArea.means`, relative to the image's start; `seam`
    indexes the (H - 2) * (W - 2) outputs of the first convolution that would leak into a level's
    last pooling window; `cell` (C,) indexes the cells that lie inside a level, `boxes` (C, 4)
    and `level` (C,) say which window of the image and which level each one sees.
    """

    shape: tuple[int, int]
    corners: tuple[Tensor, ...]
    area: Tensor
    seam: Tensor
    cell: Tensor
    boxes: Tensor
    level: Tensor


@dataclass(frozen=True)
class _Tile:
    scale: float
    level: tuple[int, int]  # height and width of the whole level
    first: int  # first cell row of this strip
    shape: tuple[int, int]
    at: tuple[int, int] = (0, 0)


def pages(
    height: int, width: int, scales: tuple[float, ...], *, device: torch.device
) -> Sequence[Page] | Iterator[Page]:
    """Pages that hold the levels `scales` of a height x width image."""
    area = sum(height * width * scale * scale for scale in scales)
    if area > _CACHED_PIXELS:
        return _build(height, width, scales, device)
    return _cached(height, width, scales, device)


@lru_cache(maxsize=64)
def _cached(height: int, width: int, scales: tuple[float, ...], device: torch.device) -> tuple[Page, ...]:
    return tuple(_build(height, width, scales, device))


def _build(height: int, width: int, scales: tuple[float, ...], device: torch.device) -> Iterator[Page]:
    small: list[_Tile] = []
    for scale in scales:
        level = int(height * scale + 1), int(width * scale + 1)
        cells = (level[0] - 1) // 2 - 4
        rows = max(1, (_PAGE_PIXELS // level[1] - CELL) // STRIDE)
        if level[0] * level[1] <= _PAGE_PIXELS:
            small.append(_Tile(scale, level, 0, level))
            continue
        for first in range(0, cells, rows):
            tall = min(STRIDE * (rows - 1) + CELL, level[0] - STRIDE * first)
            yield _page([_Tile(scale, level, first, (tall, level[1]))], height, width, device)
    if small:
        yield _page(_pack(small), height, width, device)


def _pack(tiles: list[_Tile]) -> list[_Tile]:
    """Lay tiles, the largest first, in columns no taller than the first; even positions only."""
    columns: list[list[int]] = []  # left, width, height used
    placed = []
    for tile in tiles:
        tall, wide = (side + side % 2 for side in tile.shape)
        limit = tiles[0].shape[0] + 1
        column = next((c for c in columns if c[2] + tall <= limit and wide <= c[1]), None)
        if column is None:
            column = [sum(c[1] for c in columns), wide, 0]
            columns.append(column)
        placed.append(_Tile(tile.scale, tile.level, tile.first, tile.shape, (column[2], column[0])))
        column[2] += tall
    return placed


def _page(tiles: list[_Tile], height: int, width: int, device: torch.device) -> Page:
    ends = [(t.at[0] + t.shape[0], t.at[1] + t.shape[1]) for t in tiles]
    tall, wide = (-(-max(end) // _GRAIN) * _GRAIN for end in zip(*ends, strict=True))
    corners = torch.zeros((4, tall, wide), dtype=torch.int32)
    area = torch.ones((tall, wide))
    seam = torch.zeros((tall - 2, wide - 2), dtype=torch.bool)
    owner = torch.full(((tall - 2) // 2 - 4, (wide - 2) // 2 - 4), -1, dtype=torch.int64)
    for number, tile in enumerate(tiles):
        top, left = tile.at
        h, w = tile.shape
        y0, y1 = _level_bins(height, tile.level[0], STRIDE * tile.first, h)
        x0, x1 = _level_bins(width, tile.level[1], 0, w)
        spot = (slice(top, top + h), slice(left, left + w))
        low, high = y0 * (width + 1), y1 * (width + 1)
        for corner, (y, x) in zip(corners, ((high, x1), (low, x0), (high, x0), (low, x1)), strict=True):
            corner[spot] = (y[:, None] + x).int()
        area[spot] = ((y1 - y0)[:, None] * (x1 - x0)).float()
        if h % 2:
            seam[top + h - 2 : top + h - 1, left : left + w - 1] = True
        if w % 2:
            seam[top : top + h - 1, left + w - 2 : left + w - 1] = True
        ch, cw = (h - 1) // 2 - 4, (w - 1) // 2 - 4
        owner[top // 2 : top // 2 + ch, left // 2 : left // 2 + cw] = number
    cell, boxes, level = _cells(tiles, owner)
    seam_at, flat = seam.flatten().nonzero()[:, 0], corners.flatten(1)
    tensors = [t.to(device) for t in (*flat, area.view(-1, 1), seam_at, cell, boxes, level)]
    return Page((tall, wide), tuple(tensors[:4]), *tensors[4:])


def _level_bins(length: int, count: int, first: int, rows: int) -> tuple[Tensor, Tensor]:
    whole = torch.tensor([length])
    begin, end = _bins(torch.zeros_like(whole), whole, count)
    return begin[0, first : first + rows], end[0, first : first + rows]


def _cells(tiles: list[_Tile], owner: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cells inside a level with the image window that each one sees, rounded as MTCNN does."""
    row, column = (owner >= 0).nonzero().T
    tile = owner[row, column]
    top, left, first = (
        torch.tensor([t.at[0] // 2 for t in tiles])[tile],
        torch.tensor([t.at[1] // 2 for t in tiles])[tile],
        torch.tensor([t.first for t in tiles])[tile],
    )
    scale = torch.tensor([t.scale for t in tiles])[tile][:, None]
    at = torch.stack([column - left, row - top + first], dim=1).float() * STRIDE
    boxes = torch.cat([((at + 1) / scale).floor(), ((at + CELL) / scale).floor()], dim=1)
    # face size in 1/256 pixel names a level the same way in every step of a search
    level = (256 * CELL / scale[:, 0].double()).round().long()
    return row * owner.shape[1] + column, boxes, level
