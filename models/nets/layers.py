"""What is done to a timm backbone before it learns: which weights stay, and how the CPU runs it."""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame
from timm.layers.padding import pad_same
from timm.models import group_parameters
from torch import nn

from models.errors import UserError


def freeze_layers(backbone: Any, *, groups: int) -> None:
    """Take the weights of the first layer groups out of training; their batch-norm statistics still follow the data.

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


def densify_strided_depthwise(net: nn.Module) -> None:
    """Run strided depthwise convolutions as dense ones that are then thinned out: the same numbers.

    Measured on a CPU with AVX-512 bf16: the input gradient of a strided depthwise convolution in
    bfloat16 takes 50 to 100 times that of the dense one and more than half of a MobileNetV2 step. In
    float32 it is the other way round: 17.7 ms an image at 160 px as they are, 20.1 ms thinned out.

    Parameters
    ----------
    net : nn.Module
        Changed in place.
    """
    for module in net.modules():
        if (
            isinstance(module, nn.Conv2d)
            and module.groups == module.in_channels > 1
            and module.stride != (1, 1)
        ):
            module.forward = MethodType(_densified, module)  # type: ignore[method-assign]


def _densified(self: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    if isinstance(self, Conv2dSame):
        x = pad_same(x, list(self.kernel_size), list(self.stride), list(self.dilation))
    else:
        rows, columns = (int(p) for p in self.padding)
        x = F.pad(x, (columns, columns, rows, rows))
    dense = F.conv2d(x, self.weight, self.bias, 1, 0, self.dilation, self.groups)
    return dense[..., :: self.stride[0], :: self.stride[1]].contiguous(memory_format=torch.channels_last)
