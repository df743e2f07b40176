"""What a net starts from: the backbone of a checkpoint, a head of small random weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from models.nets.build import build
from models.nets.checkpoints import Checkpoint, misfits
from models.nets.net_spec import NetSpec
from models.nets.packaged import WeightsError
from models.nets.saved_weights import State


def initialise(spec: NetSpec, checkpoint: Checkpoint, *, seed: int) -> nn.Sequential:
    """Build a net that starts from a checkpoint.

    Parameters
    ----------
    spec : NetSpec
    checkpoint : Checkpoint
        Without a state the whole net is drawn from `seed`, with one the head alone.
    seed : int

    Returns
    -------
    nn.Sequential
        As of `build`.

    Raises
    ------
    WeightsError
        Where the checkpoint is one of another backbone, or timm has no model of that name.
    """
    torch.manual_seed(seed)
    net = build(spec)
    if checkpoint.state is not None:
        net[1].load_state_dict(backbone_state(net, checkpoint), strict=True)
    if spec.heads:
        init_classifier(net[1])
    return net


def init_classifier(backbone: Any) -> None:
    """Give a timm net's classifier small random weights, in place.

    timm draws them from a range that depends on the outputs alone in some families: U(-1, 1) for one
    logit over 1,280 features. Such a start has a loss of 2 instead of ln 2, and its gradients undo in
    the first steps what the backbone had learned before.

    Parameters
    ----------
    backbone : timm model
    """
    classifiers = backbone.get_classifier()
    for classifier in classifiers if isinstance(classifiers, tuple) else (classifiers,):
        for module in classifier.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


def backbone_state(net: nn.Sequential, checkpoint: Checkpoint) -> State:
    """Tensors of the net's backbone with the checkpoint's in their place, all but the classifier's.

    Parameters
    ----------
    net : nn.Sequential
        As of `build`.
    checkpoint : Checkpoint

    Returns
    -------
    dict of str to tensor
        Complete for `load_state_dict`.

    Raises
    ------
    WeightsError
        Where names or shapes differ.
    """
    state = net[1].state_dict()
    classifier = _classifier_names(net[1])
    given = {k: v for k, v in (checkpoint.state or {}).items() if not k.startswith(classifier)}
    wrong = misfits({k: v for k, v in state.items() if not k.startswith(classifier)}, given)
    if wrong:
        raise WeightsError(
            f"weights ({checkpoint.origin}) do not fit the net in {len(wrong)} tensors, first: {wrong[0]}; "
            "check model and model_args"
        )
    return {**state, **given}


def _classifier_names(backbone: Any) -> tuple[str, ...]:
    name = backbone.pretrained_cfg.get("classifier", "classifier")
    return (name,) if isinstance(name, str) else tuple(name)
