"""From the pixels of a crop to what a backbone sees: RGB, neighbouring-pixel residuals, or high-pass residuals."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from models.nets.net_spec import NetSpec

# Three 5 × 5 high-pass filters of the SRM (Fridrich & Kodovsky 2012, doi:10.1109/TIFS.2012.2190402).
_KV = [[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]]
_SQUARE = [[0, 0, 0, 0, 0], [0, -1, 2, -1, 0], [0, 2, -4, 2, 0], [0, -1, 2, -1, 0], [0, 0, 0, 0, 0]]
_SECOND = [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 1, -2, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]


class InputTransform(nn.Module):
    """Pixels to the backbone's input, as the spec's `input` says.

    `rgb` is standardised with the spec's mean and std. `npr` is each pixel minus the first of its 2 × 2 block
    [1]_, over 12, which brings it to about unit variance. `highpass` is the luma through three filters of the
    steganalysis rich model [2]_, clipped at ±20 grey levels, over 4.

    Parameters
    ----------
    spec : NetSpec

    References
    ----------
    .. [1] Tan et al. 2024, "Rethinking the Up-Sampling Operations in CNN-based Generative Network for
       Generalizable Deepfake Detection", arXiv:2312.10461
    .. [2] Fridrich & Kodovsky 2012, "Rich Models for Steganalysis of Digital Images",
       doi:10.1109/TIFS.2012.2190402
    """

    mean: torch.Tensor
    std: torch.Tensor
    filters: torch.Tensor

    def __init__(self, spec: NetSpec) -> None:
        super().__init__()
        self.input = spec.input
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1) * 255, persistent=False)
        filters = torch.tensor([_KV, _SQUARE, _SECOND], dtype=torch.float32)
        filters = filters / filters.abs().sum((1, 2), keepdim=True) * 2
        self.register_buffer("filters", filters[:, None], persistent=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Transform a batch.

        Parameters
        ----------
        pixels : uint8 tensor, shape (N, 3, H, W), RGB

        Returns
        -------
        float32 tensor, shape (N, 3, H, W)
        """
        x = pixels.float()
        if self.input == "rgb":
            return (x - self.mean) / self.std
        if self.input == "npr":
            return (x - F.interpolate(x[..., ::2, ::2], size=x.shape[-2:], mode="nearest")) / 12.0
        grey = (x * torch.tensor([0.299, 0.587, 0.114], device=x.device).view(1, 3, 1, 1)).sum(
            1, keepdim=True
        )
        residual = F.conv2d(F.pad(grey, (2, 2, 2, 2), mode="reflect"), self.filters)
        return residual.clamp(-20.0, 20.0) / 4.0
