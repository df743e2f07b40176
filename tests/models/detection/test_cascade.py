"""The three nets give facenet-pytorch's numbers, and the same bits in any company."""

from __future__ import annotations

import pytest
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet

from models.detection.cascade import load_cascade

CPU = torch.device("cpu")


@pytest.mark.parametrize("index", [0, 1, 2])
def test_net_equals_facenet_pytorch(index):
    net, theirs = load_cascade(CPU)[index], (PNet, RNet, ONet)[index]()
    pixels = torch.randn(5, 3, net.size or 31, net.size or 31)
    with torch.inference_mode():
        out = torch.cat([net(inputs) for inputs in pixels.split(net.group)])
        expected = theirs(pixels)
    torch.testing.assert_close(out[:, :2].softmax(1), expected[-1], atol=1e-5, rtol=0)
    torch.testing.assert_close(out[:, 2:], torch.cat(expected[:-1], 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("index", [1, 2])
def test_an_output_does_not_depend_on_its_company(index):
    net = load_cascade(CPU)[index]
    pixels = torch.rand(net.group, 3, net.size, net.size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        together = net(pixels)
        alone = torch.cat([net(pixels[i : i + 1]) for i in range(len(pixels))])
    assert torch.equal(together, alone)


def test_a_seam_takes_no_part_in_the_pooling():
    """What the blanked outputs of the first convolution would say does not matter."""
    net = load_cascade(CPU)[0]
    pixels = torch.rand(1, 3, 16, 14, generator=torch.Generator().manual_seed(0))
    width = 12  # of the first convolution's output
    seam = torch.arange(13 * width, 14 * width)  # its last row, which sees the last three rows of pixels
    other = pixels.clone()
    other[:, :, 15] = 1 - other[:, :, 15]  # seen by that row alone
    with torch.inference_mode():
        assert torch.equal(net(pixels, seam=seam), net(other, seam=seam))
        assert not torch.equal(net(pixels), net(other))
