"""A classifier on the unit sphere: it sees the direction of a net's pooled feature, not its length."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from models.errors import UserError


class UnitLinear(nn.Linear):
    """A linear layer on features that are brought to length 1 first.

    The logits are W x / ‖x‖ + b, as in GenD [1]_: no temperature stands beside W, whose rows have any length.
    Its tensors have the names and shapes of `nn.Linear`.

    References
    ----------
    .. [1] Yermakov et al. 2025, "Deepfake Detection that Generalizes Across Benchmarks", arXiv:2508.06248
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Compute logits.

        Parameters
        ----------
        input : float tensor, shape (N, D)

        Returns
        -------
        float tensor, shape (N, heads)
        """
        return super().forward(unit(input))


def unit(features: torch.Tensor) -> torch.Tensor:
    """Bring features to length 1.

    Parameters
    ----------
    features : float tensor, shape (N, D)

    Returns
    -------
    float tensor, shape (N, D)
        x / ‖x‖; 0 stays 0.
    """
    return F.normalize(features, dim=-1)


def normalise_classifier(backbone: Any) -> None:
    """Put a `UnitLinear` in the place of a timm net's linear classifier.

    Parameters
    ----------
    backbone : timm model
        Changed in place; the new layer has random weights.

    Raises
    ------
    UserError
        Where the net's classifier is not one linear layer.
    """
    classifier = backbone.get_classifier()
    if not isinstance(classifier, nn.Linear):
        raise UserError(
            f"normalise needs a net whose classifier is one linear layer, but that of {type(backbone).__name__} is of "
            f"type {type(classifier).__name__}; take another model, or set normalise to false"
        )
    name = next(name for name, module in backbone.named_modules() if module is classifier)
    has_bias = classifier.bias is not None
    backbone.set_submodule(name, UnitLinear(classifier.in_features, classifier.out_features, bias=has_bias))


def logits_and_features(net: nn.Sequential, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a net and keep what its classifier saw.

    Parameters
    ----------
    net : nn.Sequential
        As of `build`, of a spec with `normalise`.
    pixels : uint8 tensor, shape (N, 3, H, W), RGB

    Returns
    -------
    float tensor, shape (N, heads)
        Logits.
    float32 tensor, shape (N, D)
        Features of length 1.
    """
    seen: list[torch.Tensor] = []
    backbone: Any = net[1]
    hook = backbone.get_classifier().register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        logits = net(pixels)
    finally:
        hook.remove()
    return logits, unit(seen[0].float())
