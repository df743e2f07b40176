"""MTCNN's image pyramid from summed-area tables, several levels side by side on one page.

A level is the image shrunk by area averaging (torch's `interpolate(mode="area")`); from a summed-area
table every pixel of it costs four look-ups whatever the factor. The levels of one image lie on one
page: P-Net then runs once per image instead of once per level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from models.detection.summed_area import SummedArea, averaging_bins

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

    Parameters
    ----------
    height, width : int
        Of the image, px.
    min_face : int
        Side of the smallest face searched, px.
    factor : float
        Ratio between two levels.
    coarse_face : float
        Share of the shorter side.

    Returns
    -------
    list of tuple of float
        Scales of each step, largest first; empty where the image is too small for a face.
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


@dataclass(frozen=True)
class Page:
    """Where the pixels of one page come from and what its P-Net cells mean.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the page, px.
    corners : tuple of 4 int32 tensors, shape (H * W,)
        As of `SummedArea.means`, relative to the image's start.
    area : float32 tensor, shape (H * W, 1)
        As of `SummedArea.means`.
    seam : int64 tensor, shape (S,)
        Those of the (H - 2) * (W - 2) outputs of the first convolution that would leak into a level's last
        pooling window.
    cell : int64 tensor, shape (C,)
        The cells that lie inside a level.
    boxes : float32 tensor, shape (C, 4)
        Window of the image that each cell sees: x0, y0, x1, y1; px.
    level : int64 tensor, shape (C,)
        Smallest face of each cell's level, in 1/256 px.
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
    """Lay levels of an image out on pages.

    Parameters
    ----------
    height, width : int
        Of the image, px.
    scales : tuple of float
        Of the levels.
    device : torch.device

    Returns
    -------
    sequence or iterator of Page
        Small ones are kept, because many images have the same size; large ones are made as they are needed.
    """
    area = sum(height * width * scale * scale for scale in scales)
    if area > _CACHED_PIXELS:
        return _build(height, width, scales, device)
    return _cached(height, width, scales, device)


def page_pixels(sums: SummedArea, page: Page, image: Tensor) -> Tensor:
    """The same page of images of equal size.

    Parameters
    ----------
    sums : SummedArea
    page : Page
    image : int64 tensor, shape (N,)
        Which images.

    Returns
    -------
    float32 tensor, shape (N, 3, H, W), in [-1, 1]
    """
    start = sums.start[image].int()
    corners = [(corner + start[:, None]).flatten() for corner in page.corners]
    means = sums.means(corners, page.area.repeat(len(image), 1))
    return means.view(len(image), *page.shape, 3).permute(0, 3, 1, 2)


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
    begin, end = averaging_bins(torch.zeros_like(whole), whole, count)
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
