"""What each place of a picture adds to a net's logits, by torch: for any net whose last features are a map."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.nets.build import build
from models.nets.net_spec import NetSpec
from models.nets.saved_weights import SavedWeights


class TorchMap:
    """A member of a net that tells what each place of a picture adds to its logits, to first order.

    Parameters
    ----------
    spec : NetSpec
    weights : SavedWeights
    device : str
        A torch device.
    """

    def __init__(self, spec: NetSpec, weights: SavedWeights, *, device: str) -> None:
        self._device = torch.device(device)
        self._net = build(spec, weights.state()).eval().to(self._device)

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """Work out the logits place by place.

        Parameters
        ----------
        picture : uint8 array, shape (size, size, 3), RGB

        Returns
        -------
        float32 array, shape (heads, h, w), or None
            None where the last features are no map.
        """
        pixels = torch.from_numpy(np.ascontiguousarray(picture)).to(self._device).permute(2, 0, 1)
        places = _logits_by_place(self._net, pixels[None])
        return None if places is None else places[0].float().cpu().numpy()


def _logits_by_place(net: nn.Sequential, pixels: torch.Tensor) -> torch.Tensor | None:
    """Logits of each place of each picture, (n, heads, h, w), or None where the features are no map."""
    backbone: Any = net[1]
    with torch.no_grad():
        seen = backbone.forward_features(net[0](pixels))
    if seen.ndim != 4:
        return None
    seen = seen.detach().requires_grad_(True)
    with torch.enable_grad():
        logits = backbone.forward_head(seen)
        # Pictures do not touch each other, so the slope of their sum is that of each.
        slopes = [torch.autograd.grad(head.sum(), seen, retain_graph=True)[0] for head in logits.T]
    channels = 3 if str(getattr(backbone, "output_fmt", "NCHW")).endswith("NHWC") else 1
    parts = torch.stack([(seen * slope).sum(channels) for slope in slopes], dim=1).detach()
    places = parts.shape[2] * parts.shape[3]
    rest = logits.detach() - parts.sum((2, 3))  # the bias, and what is not linear
    return parts * places + rest[..., None, None]
