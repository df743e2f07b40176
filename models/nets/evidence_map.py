"""Where in its picture a net found what its logits say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models import cpu_engine
from models.nets.graph import Graph
from models.nets.net_spec import REMEDY, NetError, NetRecord, NetSpec, member_file, read_record
from models.nets.openvino_map import OpenVinoMap
from models.nets.openvino_net import ConversionError
from models.nets.saved_weights import SavedWeights

TYPICAL_FILE = "typical.safetensors"  # beside the weights


class Member(Protocol):
    """What works out the logits of one member, place by place."""

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """uint8 (size, size, 3) to float32 (heads, h, w), or None where there is no map of features."""


class EvidenceNet:
    """A saved net that tells, beside its logits, what each place of the picture adds to them.

    HiResCAM [1]_: the last spatial features times the gradient of the logit. Where these features are averaged and one
    linear layer makes the logits of them, as in EfficientNet and MobileNetV2, the places add up to the logit exactly, and on
    the CPU OpenVINO gives the features and nothing needs torch. With more layers behind torch works the gradient out, and the
    places add up to first order.

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
        self.mirror = record.mirror
        self.typical = _read_typical(folder / TYPICAL_FILE, read)
        self._members = partial(_members, folder, record, device=device, read=read)

    @cached_property
    def members(self) -> Sequence[Member]:
        """What works the places out, one for each member of the net."""
        return self._members()

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
        maps = []
        for member in self.members:
            places = member(crop)
            if places is None:
                return None
            maps.append(places)
            if self.mirror:
                mirrored = member(crop[:, ::-1])
                assert mirrored is not None
                maps.append(mirrored[:, :, ::-1])
        return np.asarray(np.mean(maps, axis=0), np.float32)


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


def _members(
    folder: Path, record: NetRecord, *, device: str, read: Callable[[Path], bytes]
) -> Sequence[Member]:
    """All by OpenVINO, or all by torch."""
    indices = range(record.members)
    graphs = [Graph.read(folder, index, read) for index in indices] if device == "cpu" else []
    if cpu_engine.is_installed() and graphs and all(graphs):
        with suppress(ConversionError):  # torch takes every net
            return [OpenVinoMap(graph) for graph in graphs if graph]
    from models.nets.torch_map import TorchMap

    return [
        TorchMap(record.spec, SavedWeights.at(member_file(folder, index), read), device=device)
        for index in indices
    ]
