"""Real-ESRGAN's nets: built from their tensors alone, four times the size, the compact ones over an enlarged picture."""

import pytest
import torch
import torch.nn.functional as F

from models.generators.super_resolution import CompactNet, ResidualNet, from_layers


@pytest.mark.parametrize("net", [CompactNet(depth=2), CompactNet(depth=5), ResidualNet(depth=1)])
def test_a_net_is_known_by_its_tensors(net):
    made = from_layers({str(i): tensor for i, tensor in enumerate(net.state_dict().values())})
    assert type(made) is type(net)
    x = torch.rand(1, 3, 6, 5)
    with torch.inference_mode():
        assert torch.equal(made(x), net(x))
        assert made(x).shape == (1, 3, 24, 20)


def test_a_compact_net_without_weights_repeats_pixels():
    net = CompactNet(depth=1)
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.rand(2, 3, 4, 4)
    assert torch.equal(net(x), F.interpolate(x, scale_factor=4.0, mode="nearest"))


def test_other_tensors_are_refused():
    tensors = dict(CompactNet(depth=2).state_dict())
    tensors.pop(next(iter(tensors)))
    with pytest.raises((ValueError, RuntimeError)):
        from_layers(tensors)
