"""MTCNN's image pyramid from summed-area tables, several levels side by side on one page.

A level is the image shrunk by area averaging (torch's `interpolate(mode="area")`); from a summed-area
table it costs two look-ups along each side whatever the factor. The levels of one image lie on one
page: P-Net then runs once per image instead of once per level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.detection.summed_area import Ints, SummedArea, averaging_bins

CELL = 12  # pixels that one P-Net cell sees
STRIDE = 2  # pixels between two cells
_PAGE_PIXELS = 1 << 16  # a larger level is cut into strips: bounds memory, keeps caches warm
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
class Tile:
    """A level, or a strip of one, on a page.

    Attributes
    ----------
    at : tuple of int
        Row and column of its upper left corner on the page.
    rows, columns : tuple of 2 int64 arrays
        As of `SummedArea.level`.
    """

    at: tuple[int, int]
    rows: tuple[Ints, Ints]
    columns: tuple[Ints, Ints]


@dataclass(frozen=True)
class Page:
    """What lies on one page, and what its P-Net cells mean.

    Attributes
    ----------
    shape : tuple of int
        Height and width of the page, px.
    tiles : tuple of Tile
    seam : float32 array, shape (H - 2, W - 2)
        0, and minus infinity where an output of the first convolution would leak into a level's last pooling window.
    cell : int64 array, shape (C,)
        The cells that lie inside a level.
    boxes : float32 array, shape (C, 4)
        Window of the image that each cell sees: x0, y0, x1, y1; px.
    level : int64 array, shape (C,)
        Smallest face of each cell's level, in 1/256 px.
    """

    shape: tuple[int, int]
    tiles: tuple[Tile, ...]
    seam: NDArray[np.float32]
    cell: Ints
    boxes: NDArray[np.float32]
    level: Ints


@dataclass(frozen=True)
class _Strip:
    scale: float
    level: tuple[int, int]  # height and width of the whole level
    first: int  # first cell row of this strip
    shape: tuple[int, int]
    at: tuple[int, int] = (0, 0)


def pages(height: int, width: int, scales: tuple[float, ...]) -> Sequence[Page] | Iterator[Page]:
    """Lay levels of an image out on pages.

    Parameters
    ----------
    height, width : int
        Of the image, px.
    scales : tuple of float
        Of the levels.

    Returns
    -------
    sequence or iterator of Page
        Small ones are kept, because many images have the same size; large ones are made as they are needed.
    """
    area = sum(height * width * scale * scale for scale in scales)
    if area > _CACHED_PIXELS:
        return _build(height, width, scales)
    return _cached(height, width, scales)


def page_pixels(sums: SummedArea, page: Page, images: Sequence[int]) -> NDArray[np.float32]:
    """The same page of images of equal size.

    Parameters
    ----------
    sums : SummedArea
    page : Page
    images : sequence of int
        Which images.

    Returns
    -------
    float32 array, shape (N, H, W, 3), in [-1, 1]
    """
    pixels = np.zeros((len(images), *page.shape, 3), np.float32)
    for tile in page.tiles:
        top, left = tile.at
        spot = (slice(top, top + len(tile.rows[0])), slice(left, left + len(tile.columns[0])))
        for of_page, image in zip(pixels, images, strict=True):
            of_page[spot] = sums.level(image, rows=tile.rows, columns=tile.columns)
    return pixels


@lru_cache(maxsize=64)
def _cached(height: int, width: int, scales: tuple[float, ...]) -> tuple[Page, ...]:
    return tuple(_build(height, width, scales))


def _build(height: int, width: int, scales: tuple[float, ...]) -> Iterator[Page]:
    small: list[_Strip] = []
    for scale in scales:
        level = int(height * scale + 1), int(width * scale + 1)
        cells = (level[0] - 1) // 2 - 4
        rows = max(1, (_PAGE_PIXELS // level[1] - CELL) // STRIDE)
        if level[0] * level[1] <= _PAGE_PIXELS:
            small.append(_Strip(scale, level, 0, level))
            continue
        for first in range(0, cells, rows):
            tall = min(STRIDE * (rows - 1) + CELL, level[0] - STRIDE * first)
            yield _page([_Strip(scale, level, first, (tall, level[1]))], height, width)
    if small:
        yield _page(_pack(small), height, width)


def _pack(strips: list[_Strip]) -> list[_Strip]:
    """Lay strips, the largest first, in columns no taller than the first; even positions only."""
    columns: list[list[int]] = []  # left, width, height used
    placed = []
    for strip in strips:
        tall, wide = (side + side % 2 for side in strip.shape)
        limit = strips[0].shape[0] + 1
        column = next((c for c in columns if c[2] + tall <= limit and wide <= c[1]), None)
        if column is None:
            column = [sum(c[1] for c in columns), wide, 0]
            columns.append(column)
        placed.append(replace(strip, at=(column[2], column[0])))
        column[2] += tall
    return placed


def _page(strips: list[_Strip], height: int, width: int) -> Page:
    ends = [(s.at[0] + s.shape[0], s.at[1] + s.shape[1]) for s in strips]
    tall, wide = (-(-max(end) // _GRAIN) * _GRAIN for end in zip(*ends, strict=True))
    seam = np.zeros((tall - 2, wide - 2), np.float32)
    owner = np.full(((tall - 2) // 2 - 4, (wide - 2) // 2 - 4), -1)
    tiles = []
    for number, strip in enumerate(strips):
        (top, left), (h, w) = strip.at, strip.shape
        rows = _level_bins(height, strip.level[0], STRIDE * strip.first, h)
        tiles.append(Tile(strip.at, rows, _level_bins(width, strip.level[1], 0, w)))
        if h % 2:
            seam[top + h - 2, left : left + w - 1] = -np.inf
        if w % 2:
            seam[top : top + h - 1, left + w - 2] = -np.inf
        ch, cw = (h - 1) // 2 - 4, (w - 1) // 2 - 4
        owner[top // 2 : top // 2 + ch, left // 2 : left // 2 + cw] = number
    return Page((tall, wide), tuple(tiles), seam, *_cells(strips, owner))


def _level_bins(length: int, count: int, first: int, rows: int) -> tuple[Ints, Ints]:
    begin, end = averaging_bins(np.array([0]), np.array([length]), count)
    return begin[0, first : first + rows], end[0, first : first + rows]


def _cells(strips: list[_Strip], owner: Ints) -> tuple[Ints, NDArray[np.float32], Ints]:
    """Cells inside a level with the image window that each one sees, rounded as MTCNN does."""
    row, column = np.nonzero(owner >= 0)
    strip = owner[row, column]
    top, left, first = (
        np.array(values)[strip]
        for values in zip(*((s.at[0] // 2, s.at[1] // 2, s.first) for s in strips), strict=True)
    )
    scale = np.array([s.scale for s in strips])[strip]
    at = np.stack([column - left, row - top + first], axis=1).astype(np.float32) * np.float32(STRIDE)
    of_cell = scale.astype(np.float32)[:, None]
    boxes = np.concatenate([np.floor((at + 1) / of_cell), np.floor((at + CELL) / of_cell)], axis=1)
    # face size in 1/256 pixel names a level the same way in every step of a search
    level = np.rint(256 * CELL / scale).astype(np.int64)
    return row * owner.shape[1] + column, boxes.astype(np.float32), level
