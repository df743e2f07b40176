"""Layers that stay as they are, and strided depthwise convolutions run as dense ones."""

import pytest
import timm
import torch

from models.errors import UserError
from models.nets.layers import densify_strided_depthwise, freeze_layers

MODEL = "mobilenetv3_small_050"


@pytest.mark.parametrize(("model", "size"), [("mobilenetv2_100", 64), ("mobilenetv2_100", 75)])
@pytest.mark.parametrize("arguments", [{}, {"pad_type": "same"}])
def test_densified_convolutions_give_the_same_numbers_and_gradients(model, size, arguments):
    torch.manual_seed(0)
    plain = timm.create_model(model, num_classes=1, **arguments).eval().double()
    dense = timm.create_model(model, num_classes=1, **arguments).eval().double()
    dense.load_state_dict(plain.state_dict())
    densify_strided_depthwise(dense)
    assert any("forward" in vars(m) for m in dense.modules())
    outputs, gradients = [], []
    for net in (plain, dense):
        x = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1)).double().requires_grad_()
        out = net(x)
        out.sum().backward()
        outputs.append(out.detach())
        gradients.append(x.grad)
    torch.testing.assert_close(*outputs, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-12)


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


def test_a_frozen_batch_norm_still_follows_the_data():
    backbone = timm.create_model(MODEL).train()
    freeze_layers(backbone, groups=1)
    backbone(torch.rand(2, 3, 32, 32) + 3)
    assert backbone.bn1.running_mean.any()


def test_a_backbone_with_nothing_left_to_train_is_refused():
    with pytest.raises(
        UserError, match=r"freeze_layers is 99, but the backbone has \d+ layer groups; leave some"
    ):
        trained_names(99)
