"""Whether a saved net says the same by its weights, which GPUs run, and by its graph, which CPUs run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.nets.face_net import FaceNet
from models.nets.graph import Graph
from models.nets.net_spec import NetError, member_file, read_record
from models.nets.saved_weights import SavedWeights

_PICTURES = 2
# Rounding alone gives up to 1e-4 of the numbers' size in float32.
_TOLERANCE = 1e-2


def check_graphs(folder: Path) -> int:
    """Run each member of a net by torch and by OpenVINO on pictures of noise, both in float32.

    Parameters
    ----------
    folder : Path
        As of `FaceNet.save`.

    Returns
    -------
    int
        How many members have a graph, and so were compared.

    Raises
    ------
    NetError
        Where the two forms give different numbers, or one cannot be read.
    """
    record = read_record(folder)
    size, compared = record.spec.size, 0
    pictures = np.random.default_rng(0).integers(0, 256, (_PICTURES, size, size, 3), dtype=np.uint8)
    for member in range(record.members):
        graph = Graph.read(folder, member, Path.read_bytes)
        if graph is None:
            continue
        weights = SavedWeights.at(member_file(folder, member), Path.read_bytes)
        by_torch, by_graph = (
            FaceNet(record.spec, [weights], graphs=[graph], mirror=False, openvino=openvino)(list(pictures))
            for openvino in (False, True)
        )
        compared += 1
        difference = float(np.abs(by_torch - by_graph).max())
        allowed = _TOLERANCE * max(float(np.abs(by_torch).max()), 1.0)
        if not difference <= allowed:  # NaN differs from everything
            raise NetError(
                f"{folder}: member {member}'s graph gives other numbers than its weights (by up to {difference:.3g}, "
                f"allowed is {allowed:.3g}), so a CPU and a GPU would score differently; train again"
            )
    return compared
