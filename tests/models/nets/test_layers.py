"""Layers that stay as they are, and depthwise convolutions that leave bfloat16."""

import copy

import pytest
import timm
import torch
from torch import nn

from models.errors import UserError
from models.nets.layers import freeze_layers, run_depthwise_in_float32

MODEL = "mobilenetv3_small_050"


def depthwise_net():
    """A 1 × 1 convolution, then a depthwise one of each sort, in timm's and torch's classes."""
    torch.manual_seed(0)
    same = timm.layers.create_conv2d(8, 8, 5, stride=2, padding="same", depthwise=True)
    return nn.Sequential(
        nn.Conv2d(3, 8, 1),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, stride=2),
        nn.Conv2d(8, 8, 5, padding=2, groups=8),
        same,
        nn.Conv2d(8, 4, 3, stride=2, groups=4),
    )


def run(net, *, autocast):
    x = torch.rand(2, 3, 33, 33, generator=torch.Generator().manual_seed(1)).requires_grad_()
    seen = {}
    for name, layer in net.named_children():
        layer.register_forward_hook(lambda _, args, out, name=name: seen.update({name: (args[0].dtype, out)}))
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = net(x)
    out.float().square().sum().backward()
    return out, x.grad, seen


def test_without_autocast_the_numbers_and_gradients_are_the_same():
    plain = depthwise_net()
    changed = copy.deepcopy(plain)
    run_depthwise_in_float32(changed)
    results = [run(net, autocast=False) for net in (plain, changed)]
    for first, second in zip(results[0][:2], results[1][:2], strict=True):
        assert torch.equal(first, second)
    for first, second in zip(plain.parameters(), changed.parameters(), strict=True):
        assert torch.equal(first.grad, second.grad)


def test_under_autocast_large_and_strided_depthwise_convolutions_compute_in_float32():
    net = depthwise_net()
    run_depthwise_in_float32(net)
    assert [name for name, layer in net.named_children() if "forward" in vars(layer)] == ["2", "3", "4"]
    inputs = {}
    for name in ("2", "3", "4"):
        net[int(name)].register_forward_pre_hook(lambda _, args, name=name: inputs.update({name: args[0]}))
    _, gradient, seen = run(net, autocast=True)
    assert {out.dtype for _, out in seen.values()} == {torch.bfloat16}
    for name in ("2", "3", "4"):
        layer = net[int(name)]
        exact = type(layer).forward(layer, inputs[name].float())
        assert torch.equal(seen[name][1], exact.to(torch.bfloat16))
    assert gradient.isfinite().all()
    assert all(weight.grad.dtype == torch.float32 and weight.grad.any() for weight in net.parameters())


def test_layers_without_a_backward_pass_stay_in_bfloat16():
    net = depthwise_net()
    net[3].eval()  # as `freeze_layers` leaves it
    run_depthwise_in_float32(net)
    assert [name for name, layer in net.named_children() if "forward" in vars(layer)] == ["2", "4"]


def test_a_copy_of_a_changed_net_uses_its_own_weights():
    net = depthwise_net()
    run_depthwise_in_float32(net)
    twin = copy.deepcopy(net)
    with torch.no_grad():
        for weight in twin.parameters():
            weight.zero_()
    assert run(net, autocast=False)[0].any()


def trained_names(groups):
    backbone = timm.create_model(MODEL)
    freeze_layers(backbone, groups=groups)
    return {name for name, weight in backbone.named_parameters() if weight.requires_grad}


def test_groups_are_frozen_from_the_input_on():
    everything, first, second = (trained_names(n) for n in (0, 1, 2))
    assert everything > first > second
    assert everything - first == {"conv_stem.weight", "bn1.weight", "bn1.bias"}
    assert all(name.startswith("blocks.0.") for name in first - second)
    assert "classifier.weight" in second


def test_frozen_layers_keep_their_batch_norm_statistics_whatever_train_is_called_on():
    backbone = timm.create_model(MODEL, drop_path_rate=0.5)
    freeze_layers(backbone, groups=2)
    start = {name: buffer.clone() for name, buffer in backbone.named_buffers()}
    backbone.train()
    backbone.blocks[0].train()
    backbone(torch.rand(2, 3, 32, 32) + 3)
    kept = {name for name, buffer in backbone.named_buffers() if torch.equal(buffer, start[name])}
    frozen = {name for name in start if name.startswith(("bn1.", "blocks.0."))}
    assert kept == frozen
    assert not any(module.training for module in backbone.blocks[0].modules() if list(module.parameters()))
    assert backbone.training
    assert backbone.blocks[1].training


def test_frozen_layers_drop_nothing():
    backbone = timm.create_model(MODEL, drop_path_rate=0.9)
    freeze_layers(backbone, groups=2)
    x = torch.rand(4, 16, 8, 8)
    assert torch.equal(backbone.train().blocks[0](x), backbone.eval().blocks[0](x))


def test_a_backbone_with_nothing_left_to_train_is_refused():
    with pytest.raises(
        UserError, match=r"freeze_layers is 99, but the backbone has \d+ layer groups; leave some"
    ):
        trained_names(99)
