"""Nets as torch modules: a timm backbone behind its input transform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import timm
import torch
from torch import nn

from models.nets.checkpoints import misfits, require_model
from models.nets.inference import compile_for_inference
from models.nets.input_transform import InputTransform
from models.nets.net_spec import REMEDY, NetError, NetSpec
from models.nets.saved_weights import SavedWeights, State
from models.nets.torch_net import CPU_BATCH, TorchNet, channels_last
from models.nets.unit_classifier import normalise_classifier


def build(spec: NetSpec, state: State | None = None) -> nn.Sequential:
    """Input transform and backbone in channels-last layout.

    Parameters
    ----------
    spec : NetSpec
    state : dict of str to tensor, optional
        Of the backbone; without one the weights are timm's random ones.

    Returns
    -------
    nn.Sequential
        `InputTransform`, then the backbone.

    Raises
    ------
    WeightsError
        Where timm has no model of that name.
    NetError
        Where that model does not take the arguments of the spec.
    UserError
        Where the spec normalises features that no linear classifier reads.
    """
    require_model(spec.model)
    try:
        backbone = timm.create_model(spec.model, num_classes=len(spec.heads), **spec.model_args)
    except (TypeError, AssertionError) as error:
        raise NetError(
            f"timm's {spec.model} does not take the model_args {spec.model_args}: {error}; correct them in the .json beside "
            "the weights"
        ) from None
    if spec.normalise:
        normalise_classifier(backbone)
    net = nn.Sequential(InputTransform(spec), backbone)
    if state is not None:
        backbone.load_state_dict(state, strict=True)
    return net.to(memory_format=torch.channels_last)


def with_weights(spec: NetSpec, weights: SavedWeights) -> nn.Sequential:
    """A saved net, in evaluation.

    Parameters
    ----------
    spec : NetSpec
    weights : SavedWeights

    Returns
    -------
    nn.Sequential

    Raises
    ------
    NetError
        Where the weights are damaged or not of this net.
    """
    net = build(spec)
    net[1].load_state_dict(_fitting(net[1], spec, weights), strict=True)
    return net.eval()


def by_torch(spec: NetSpec, weights: Sequence[SavedWeights], *, device: str) -> TorchNet:
    """All members of a net, run by torch.

    Parameters
    ----------
    spec : NetSpec
    weights : sequence of SavedWeights
        One per member.
    device : str
        A torch device.

    Returns
    -------
    TorchNet

    Raises
    ------
    NetError
        As of `with_weights`.
    """
    net = build(spec)
    backbone: Any = net[1]
    width = len(spec.heads) or int(getattr(backbone, "head_hidden_size", backbone.num_features))
    states, place = [_fitting(backbone, spec, one) for one in weights], torch.device(device)
    if place.type != "cpu":
        return TorchNet([build(spec, state).eval().to(place) for state in states], width=width, device=place)
    example = channels_last(torch.zeros((CPU_BATCH, 3, spec.size, spec.size), dtype=torch.uint8))
    return TorchNet(compile_for_inference(net, states, example), width=width, device=place)


def _fitting(backbone: nn.Module, spec: NetSpec, weights: SavedWeights) -> State:
    """The state, which is one of this net. Raises NetError."""
    state = weights.state()
    if wrong := misfits(backbone.state_dict(), state):
        raise NetError(
            f"{weights.name} holds no weights of {spec.model} with {len(spec.heads)} heads: {wrong[0]}; {REMEDY}"
        )
    return state
