"""What is done to a timm backbone before it learns: which weights stay, and how the CPU runs it."""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from timm.models import group_parameters
from torch import nn

from models.errors import UserError


def freeze_layers(backbone: Any, *, groups: int) -> None:
    """Take the first layer groups out of training: their weights and batch-norm statistics stay as they are.

    Frozen layers run as in evaluation, whatever `train()` is called on later. A training step then takes less time, as no
    statistics are worked out: measured at 160 px with three groups of MobileNetV2 and tf_efficientnet_lite0, 1 to 7 %.

    Parameters
    ----------
    backbone : timm model
        Changed in place.
    groups : int
        timm's, counted from the input: the stem, then stage by stage.

    Raises
    ------
    UserError
        Where no group would be left to train.
    """
    if not groups:
        return
    named = group_parameters(backbone, backbone.group_matcher(coarse=True))
    order = sorted(named)
    if groups >= len(order):
        raise UserError(
            f"freeze_layers is {groups}, but the backbone has {len(order)} layer groups; leave some to train"
        )
    weights = dict(backbone.named_parameters())
    for group in order[:groups]:
        for name in named[group]:
            weights[name].requires_grad_(False)
    for module in _frozen(backbone):
        module.eval()
        module.train = MethodType(_stay, module)  # type: ignore[method-assign]


def _frozen(backbone: nn.Module) -> list[nn.Module]:
    """Modules none of whose weights is trained; inner ones come after those that hold them."""
    weights = {module: list(module.parameters()) for module in backbone.modules()}
    return [module for module, own in weights.items() if own and not any(w.requires_grad for w in own)]


def _stay(self: nn.Module, mode: bool = True) -> nn.Module:
    return self


def has_bf16(device: torch.device) -> bool:
    """Whether bfloat16 arithmetic is done in hardware; emulated, it is slower than float32.

    Parameters
    ----------
    device : torch.device

    Returns
    -------
    bool
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if not hasattr(torch.cpu, "get_capabilities"):
        return False
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def run_depthwise_in_float32(net: nn.Module) -> None:
    """Take depthwise convolutions that are strided or larger than 3 × 3 out of bfloat16 autocast.

    Their input is cast to the weights' type and their output back, so the layers around them notice nothing; outside
    autocast nothing changes. Meant for CPUs that compute in bfloat16, where the backward pass of these convolutions
    is 3 to 10 times as slow as in float32. Measured on one with AVX-512 bf16, on two cores and by a patch of the same
    effect, not by this code: a training step of tf_efficientnet_lite0 at 160 px took 49.7 ms an image with all
    convolutions in bfloat16 and 23.5 to 33.2 ms with these in float32.

    Parameters
    ----------
    net : nn.Module
        Changed in place, but for what `freeze_layers` took out of training: it has no backward pass.
    """
    for module in net.modules():
        if (
            module.training
            and isinstance(module, nn.Conv2d)
            and module.groups == module.in_channels > 1
            and (module.stride != (1, 1) or max(module.kernel_size) > 3)
        ):
            module.forward = MethodType(_without_autocast, module)  # type: ignore[method-assign]


def _without_autocast(self: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    with torch.autocast(x.device.type, enabled=False):
        return type(self).forward(self, x.to(self.weight.dtype)).to(x.dtype)
