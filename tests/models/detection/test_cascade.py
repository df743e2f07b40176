"""The three nets give facenet-pytorch's numbers, and the same bits in any company, whatever runs them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet

from models.detection import weights
from models.detection.cascade import load_cascade
from models.detection.weights import DetectorError

NETS = ("proposal", "refine", "output")


@pytest.fixture(scope="module", params=[True, False], ids=["openvino", "torch"])
def cascade(request):
    return load_cascade(weights.arrays(weights.packaged()), openvino=request.param)


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize("name", NETS)
def test_net_equals_facenet_pytorch(cascade, name):
    net, theirs = getattr(cascade, name), (PNet, RNet, ONet)[NETS.index(name)]()
    pixels = pictures(5, net.size or 31, net.size or 31, 3)
    calls = [pixels[i : i + net.group] for i in range(0, len(pixels), net.group)]
    out = torch.from_numpy(np.concatenate([net(inputs) for inputs in calls]))
    assert out.shape[-1] == net.width
    with torch.inference_mode():
        expected = theirs(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    if not net.size:
        out = out.permute(0, 3, 1, 2)
    torch.testing.assert_close(out[:, :2].softmax(1), expected[-1], atol=1e-5, rtol=0)
    torch.testing.assert_close(out[:, 2:], torch.cat(expected[:-1], 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["refine", "output"])
def test_an_output_does_not_depend_on_its_company(cascade, name):
    net = getattr(cascade, name)
    pixels = pictures(net.group, net.size, net.size, 3)
    alone = np.concatenate([net(pixels[i : i + 1]) for i in range(len(pixels))])
    np.testing.assert_array_equal(net(pixels), alone)


def test_a_page_does_not_depend_on_the_pages_before(cascade):
    small, large = pictures(1, 32, 48, 3), pictures(1, 80, 64, 3)
    first = cascade.proposal(small)
    cascade.proposal(large)
    np.testing.assert_array_equal(cascade.proposal(small), first)


def test_a_seam_takes_no_part_in_the_pooling(cascade):
    """What the blanked outputs of the first convolution would say does not matter."""
    net = cascade.proposal
    pixels = pictures(1, 16, 14, 3)
    seam = np.zeros((14, 12), np.float32)
    seam[13] = -np.inf  # the last row, which sees the last three rows of pixels
    other = pixels.copy()
    other[:, 15] = 1 - other[:, 15]  # seen by that row alone
    np.testing.assert_array_equal(net(pixels, seam=seam), net(other, seam=seam))
    none = np.zeros_like(seam)
    assert not np.array_equal(net(pixels, seam=none), net(other, seam=none))


def test_weights_of_another_net_are_refused():
    state = dict(weights.arrays(weights.packaged()))
    del state["onet.dense5.bias"]
    with pytest.raises(DetectorError, match=r"not MTCNN's: onet: 'onet.dense5.bias'; copy them again"):
        load_cascade(state)
