"""Where in its picture a net found what its logits say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save
from torch import nn

from models.nets.build import build
from models.nets.net_spec import REMEDY, NetError, NetSpec, member_file, read_record
from models.nets.saved_weights import SavedWeights

TYPICAL_FILE = "typical.safetensors"  # beside the weights


class EvidenceNet:
    """A saved net that tells, beside its logits, what each place of the picture adds to them.

    HiResCAM [1]_: the last spatial features times the gradient of the logit. Where these features are averaged and one
    linear layer makes the logits of them, as in EfficientNet and MobileNetV2, the places add up to the logit exactly; with
    more layers behind, to first order.

    Parameters
    ----------
    folder : Path
        Of a net as `FaceNet.save` writes it.
    device : str
        A torch device.
    read : callable
        The bytes of a file; a bundle's checks their hash.

    Attributes
    ----------
    spec : NetSpec
    typical : float32 array, shape (heads, h, w), or None
        What each place says of a real face, as `write_typical` has left it; None where it has not. A net speaks louder in some
        places than in others whatever lies there, so only the difference from it says something of a picture.

    Raises
    ------
    NetError
        Where a file is missing, damaged or of another net.

    References
    ----------
    .. [1] Draelos & Carin 2020, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
       networks", arXiv:2011.08891
    """

    def __init__(
        self, folder: Path, *, device: str = "cpu", read: Callable[[Path], bytes] = Path.read_bytes
    ) -> None:
        record = read_record(folder, read=read)
        self.spec: NetSpec = record.spec
        self.device = torch.device(device)
        self.mirror = record.mirror
        self.typical = _read_typical(folder / TYPICAL_FILE, read)
        self.members = [
            build(self.spec, SavedWeights.at(member_file(folder, index), read).state()).eval().to(self.device)
            for index in range(record.members)
        ]

    def __call__(self, crop: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """Work out the logits place by place.

        Parameters
        ----------
        crop : uint8 array, shape (size, size, 3), RGB

        Returns
        -------
        float32 array, shape (heads, h, w), or None
            Logits of each place: their mean over the places is the row that `FaceNet` gives (to first order, see above; in
            float32 to a thousandth of it). None where the net's last features are no map, as those of a vision transformer.
        """
        x = torch.from_numpy(np.ascontiguousarray(crop)).to(self.device).permute(2, 0, 1)
        sides = torch.stack([x, x.flip(2)] if self.mirror else [x])
        maps = []
        for member in self.members:
            places = _logits_by_place(member, sides)
            if places is None:
                return None
            maps.append(places[0])
            if self.mirror:
                maps.append(places[1].flip(2))
        return torch.stack(maps).mean(0).float().cpu().numpy()


def write_typical(folder: Path, crops: Sequence[NDArray[np.uint8]], *, device: str = "cpu") -> None:
    """Work out what each place says of a real face, and keep it beside the weights; nothing for a net without a map.

    Parameters
    ----------
    folder : Path
        Of a saved net with logits.
    crops : sequence of uint8 arrays, shape (size, size, 3), RGB
        The net's pictures of real faces, best of such that it was not trained on.
    device : str
    """
    net = EvidenceNet(folder, device=device)
    maps = [places for crop in crops if (places := net(crop)) is not None]
    if maps:
        mean = np.mean(np.stack(maps), axis=0, dtype=np.float64)
        (folder / TYPICAL_FILE).write_bytes(save({"places": np.asarray(mean, np.float32)}))


def _read_typical(path: Path, read: Callable[[Path], bytes]) -> NDArray[np.float32] | None:
    if not path.is_file():
        return None
    try:
        places = load(read(path))["places"]
    except (SafetensorError, KeyError) as error:
        raise NetError(f"{path} is damaged, it holds no map of a typical face: {error}; {REMEDY}") from None
    return np.asarray(places, np.float32)


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
