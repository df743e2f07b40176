"""Whether a saved net says the same by its weights, which GPUs run, and by its graph, which CPUs run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from models.nets import openvino_net
from models.nets.face_net import FaceNet
from models.nets.graph import Graph
from models.nets.net_spec import NetError, member_file, read_record
from models.nets.openvino_net import ConversionError
from models.nets.saved_weights import SavedWeights

_PICTURES = 2
# Rounding alone gives up to 1e-4 of the numbers' size in float32.
_TOLERANCE = 1e-2


def check_graphs(folder: Path, *, read: Callable[[Path], bytes] = Path.read_bytes) -> tuple[int, int]:
    """Run each member of a net by torch and by OpenVINO on pictures of noise, both in float32.

    Parameters
    ----------
    folder : Path
        As of `FaceNet.save`.
    read : callable
        The bytes of a file; a bundle's checks their hash.

    Returns
    -------
    int, int
        How many members have a graph, and so were compared; how many there are.

    Raises
    ------
    NetError
        Where the two forms give different numbers, or one cannot be read.
    """
    record = read_record(folder, read=read)
    size, compared = record.spec.size, 0
    pictures = np.random.default_rng(0).integers(0, 256, (_PICTURES, size, size, 3), dtype=np.uint8)
    for member in range(record.members):
        graph = Graph.read(folder, member, read)
        if graph is None:
            continue
        weights = SavedWeights.at(member_file(folder, member), read)
        by_torch = FaceNet(record.spec, [weights], mirror=False, openvino=False)(list(pictures))
        try:
            # Not by FaceNet, where torch would step in for a graph that cannot be read, and be compared with itself.
            by_graph = openvino_net.load([graph], precision="f32")(pictures)
        except RuntimeError as error:
            raise NetError(
                f"{folder}: OpenVINO cannot run member {member}'s graph ({ConversionError.by(error)}); copy the whole folder "
                "again or train again"
            ) from None
        if by_graph.shape != by_torch.shape:
            raise NetError(
                f"{folder}: member {member}'s graph gives {by_graph.shape[1]} numbers, its weights give {by_torch.shape[1]}; "
                "train again"
            )
        compared += 1
        difference = float(np.abs(by_torch - by_graph).max())
        allowed = _TOLERANCE * max(float(np.abs(by_torch).max()), 1.0)
        if not difference <= allowed:  # NaN differs from everything
            raise NetError(
                f"{folder}: member {member}'s graph gives other numbers than its weights (by up to {difference:.3g}, "
                f"allowed is {allowed:.3g}), so a CPU and a GPU would score differently; train again"
            )
    return compared, record.members
