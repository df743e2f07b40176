"""Two losses of features on the unit sphere: those of one kind lie close together, all of them far apart.

The feature of a face is a point of length 1. `alignment` and `uniformity` are those of Wang & Isola [1]_, used as in
GenD [2]_: two features make a positive pair where their pictures are of the same kind.

References
----------
.. [1] Wang & Isola 2020, "Understanding Contrastive Representation Learning through Alignment and Uniformity on the
   Hypersphere", arXiv:2005.10242
.. [2] Yermakov et al. 2025, "Deepfake Detection that Generalizes Across Benchmarks", arXiv:2508.06248
"""

from __future__ import annotations

import math

import torch

SHARPNESS = 2.0  # t of Wang & Isola


def alignment(features: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean of ‖x - y‖² over pairs of different pictures of the same kind.

    Parameters
    ----------
    features : float32 tensor, shape (N, D)
        Of length 1.
    target : float32 tensor, shape (N, heads)
        As of `PairedSampler.goal`: 0 for every head where the face is real, else 1 for the head of its kind and NaN
        for the others.

    Returns
    -------
    float32 tensor, shape ()
        From 0 (each kind is one point) to 4; 0 where no two pictures are of the same kind.
    """
    kind = target.nan_to_num()
    same = (kind[:, None] == kind[None]).all(-1).triu(diagonal=1)
    return (_squared_distances(features) * same).sum() / same.sum().clamp(min=1)


def uniformity(features: torch.Tensor) -> torch.Tensor:
    """log of the mean of exp(-2 ‖x - y‖²) over all pairs of different pictures.

    Parameters
    ----------
    features : float32 tensor, shape (N, D), N >= 2
        Of length 1.

    Returns
    -------
    float32 tensor, shape ()
        From -8 (two opposite points) to 0 (all in one point).
    """
    first, second = torch.triu_indices(len(features), len(features), offset=1, device=features.device)
    squared = _squared_distances(features)[first, second]
    return torch.logsumexp(-SHARPNESS * squared, dim=0) - math.log(len(squared))


def _squared_distances(features: torch.Tensor) -> torch.Tensor:
    """Of all pairs, float32 (N, N): ‖x - y‖² = 2 - 2 x·y, whose slope, unlike that of a norm, is finite at 0."""
    return 2 - 2 * features @ features.T
