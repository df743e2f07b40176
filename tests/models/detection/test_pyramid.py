"""The search's levels, and pages that give what the levels give one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from facenet_pytorch.models.mtcnn import PNet
from torch.nn import functional as F

from models.detection import weights
from models.detection.cascade import load_cascade
from models.detection.pyramid import page_pixels, pages, search_steps
from tests.models.detection.drawn_faces import noise, summed


@pytest.mark.parametrize("side", [(97, 131), (128, 128), (40, 260), (900, 1300)])
def test_page_gives_the_same_cells_as_separate_levels(side):
    # the largest needs several pages per level
    image = noise(*side)
    sums, theirs = summed([image]), PNet()
    pnet = load_cascade(weights.arrays(weights.packaged())).proposal
    whole = torch.tensor(image).permute(2, 0, 1)[None].float()
    scales = sum(search_steps(*side, min_face=20, factor=0.709, coarse_face=0.15), ())
    cells_of_level: dict[int, list[torch.Tensor]] = {}
    with torch.inference_mode():
        for page in pages(*side, scales):
            out = pnet(page_pixels(sums, page, [0]), seam=page.seam)
            out = torch.from_numpy(out.reshape(-1, pnet.width)[page.cell])
            for level in np.unique(page.level).tolist():
                cells_of_level.setdefault(level, []).append(out[page.level == level])
        assert len(cells_of_level) == len(scales)
        for scale in scales:
            size = int(side[0] * scale + 1), int(side[1] * scale + 1)
            level = (F.interpolate(whole, size=size, mode="area") - 127.5) * 0.0078125
            edges, prob = theirs(level)
            ours = torch.cat(cells_of_level[round(256 * 12 / scale)])
            assert len(ours) == prob[0, 0].numel()
            expected = torch.cat([prob, edges], 1)[0].flatten(1).T
            ours = torch.cat([ours[:, :2].softmax(1), ours[:, 2:]], 1)
            torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("coarse_face", [1e-6, 0.15, 0.4, 2.0])
def test_steps_cover_the_grid_of_scales_from_coarse_to_fine(coarse_face):
    steps = search_steps(240, 500, min_face=20, factor=0.709, coarse_face=coarse_face)
    scales = sum(steps, ())
    expected = [0.6 * 0.709**k for k in range(20) if 240 * 0.6 * 0.709**k >= 12]
    np.testing.assert_allclose(sorted(scales), sorted(expected))
    assert all(max(a) < min(b) for a, b in itertools.pairwise(steps))
    if coarse_face == 0.15:
        assert min(12 / scale for scale in steps[0]) >= 0.15 * 240
        assert max(12 / scale for scale in steps[1]) < 0.15 * 240


@pytest.mark.parametrize("side", [(19, 400), (1, 1), (0, 7)])
def test_an_image_that_no_face_fits_in_has_no_steps(side):
    assert search_steps(*side, min_face=20, factor=0.709, coarse_face=0.15) == []


def test_a_page_shows_each_image_as_if_it_were_alone():
    images = [noise(60, 80), noise(60, 80)[::-1].copy()]
    (page,) = pages(60, 80, (0.6, 0.3))
    both = page_pixels(summed(images), page, [0, 1])
    for image, pixels in zip(images, both, strict=True):
        alone = page_pixels(summed([image]), page, [0])
        np.testing.assert_array_equal(pixels, alone[0])


def test_cells_see_windows_inside_their_image():
    for page in pages(120, 90, (0.6, 0.43, 0.3)):
        assert page.boxes.min() >= 0
        x1, y1 = page.boxes[:, 2].max(), page.boxes[:, 3].max()
        assert x1 <= 90 + 2 / 0.3  # a window may reach over the edge by two pixels of its level
        assert y1 <= 120 + 2 / 0.3
        size = page.boxes[:, 2] - page.boxes[:, 0]
        assert np.all(np.abs(size - 11 * page.level / (256 * 12)) <= 1)  # 12 pixels of the level, rounded
