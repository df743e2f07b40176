"""Tuning of a net's norms alone: the few weights that scale and shift what its layers have learned."""

from __future__ import annotations

from typing import Any

from timm.layers import RmsNorm
from torch import nn

from models.errors import UserError

NORMS = (nn.LayerNorm, nn.GroupNorm, nn.BatchNorm1d, nn.BatchNorm2d, nn.RMSNorm, RmsNorm)


def train_norms_only(backbone: Any) -> None:
    """Take all weights out of training but those of the norms and of the classifier.

    Only 0.03 % of a large vision transformer's weights then change, so it keeps what it has learned from far more
    pictures than there are deepfakes [1]_. Batch norms keep following the data, as their weights do [2]_.

    Parameters
    ----------
    backbone : timm model
        Changed in place.

    Raises
    ------
    UserError
        Where the net has no norm with weights.

    References
    ----------
    .. [1] Yermakov et al. 2025, "Deepfake Detection that Generalizes Across Benchmarks", arXiv:2508.06248
    .. [2] Frankle et al. 2021, "Training BatchNorm and Only BatchNorm: On the Expressive Power of Random Features in
       CNNs", arXiv:2003.00152
    """
    norms = [
        weight for module in backbone.modules() if isinstance(module, NORMS) for weight in module.parameters()
    ]
    if not norms:
        raise UserError(
            f"tune is norms, but {type(backbone).__name__} has no norm with weights; take another model, or set tune to all"
        )
    classifiers = backbone.get_classifier()
    backbone.requires_grad_(False)
    for weight in norms:
        weight.requires_grad_(True)
    for classifier in classifiers if isinstance(classifiers, tuple) else (classifiers,):
        classifier.requires_grad_(True)
