"""Face nets, ready to score: from uint8 crops to float32 rows, by OpenVINO or by torch.

torch is imported only where it has something to do: where a net is made, converted or run on a GPU.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models import cpu_engine
from models.cpu_engine import Precision
from models.nets import openvino_net
from models.nets.graph import Graph
from models.nets.net_spec import NetSpec, member_file, read_record, write_record
from models.nets.openvino_net import ConversionError
from models.nets.saved_weights import SavedWeights, State

_SLOWER = "scoring takes more than twice the time, and low-order bits differ"


class Members(Protocol):
    """What computes the mean of the members' rows. width : numbers of a row."""

    width: int

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (n, size, size, 3), n of 1 or more, to float32 (n, width)."""

    def release_memory(self) -> None:
        """Give back what is kept between two calls."""


class FaceNet:
    """One net, or the mean of several of the same make, ready to score.

    A row of logits is the mean over members, and over the picture and its mirror image where the net is run so. On the CPU
    OpenVINO computes it; torch does where OpenVINO is not installed or cannot run the net, and a warning says so.

    Parameters
    ----------
    spec : NetSpec
    weights : sequence of dict of str to tensor, or of SavedWeights
        Of the backbone, one per member.
    graphs : sequence of Graph or None, optional
        Of the same, as `graph_of` makes them; one that is not there is made where OpenVINO runs the net.
    device : str
        A torch device. On the CPU a row is the same to the last bit whatever else is in the batch.
    mirror : bool
        Whether a row of logits is also the mean over both mirror images; features are those of the picture alone.
    precision : {'f32', 'bf16'}
        What is wanted on the CPU. What is not there is done in float32 with a warning.
    openvino : bool
        Whether OpenVINO may run it.

    Attributes
    ----------
    width : int
        Numbers of a row: one per head, or the backbone's pooled features.
    precision : {'f32', 'bf16'}
        What it computes in.

    Raises
    ------
    NetError
        Where a state is not one of this net.
    WeightsError
        Where timm has no model of that name.
    """

    def __init__(
        self,
        spec: NetSpec,
        weights: Sequence[State | SavedWeights],
        *,
        graphs: Sequence[Graph | None] | None = None,
        device: str = "cpu",
        mirror: bool = True,
        precision: Precision = "f32",
        openvino: bool = True,
    ) -> None:
        self.spec, self.mirror = spec, mirror
        self.precision: Precision = "f32"
        saved = [
            one if isinstance(one, SavedWeights) else SavedWeights.of(f"state {i}", one)
            for i, one in enumerate(weights)
        ]
        members: Members | None = None
        if openvino and device == "cpu":
            wanted = cpu_engine.available(precision)
            members = _by_openvino(spec, saved, graphs or [None] * len(saved), precision=wanted)
            self.precision = wanted if members else "f32"
        if members is None:
            from models.nets.build import by_torch

            members = by_torch(spec, saved, device=device)
        self.members, self.width = members, members.width
        if self.precision != precision:
            warnings.warn(
                f"{spec.model} runs in {self.precision} here, but its training rows were computed in {precision}: its "
                "numbers differ a little from theirs",
                stacklevel=2,
            )

    def __call__(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Compute a row for each crop; row i depends on crop i alone.

        Parameters
        ----------
        crops : sequence of uint8 arrays, shape (size, size, 3), RGB

        Returns
        -------
        float32 array, shape (n, width)
        """
        if not len(crops):
            return np.zeros((0, self.width), np.float32)
        pictures = np.stack(list(crops))
        rows = self.members(pictures)
        if self.mirror and self.spec.heads:
            rows = (rows + self.members(pictures[:, :, ::-1])) / np.float32(2)
        return rows

    def release_memory(self) -> None:
        """Give back what the members keep between two pictures; the next one takes it again."""
        self.members.release_memory()

    @staticmethod
    def save(
        folder: Path,
        spec: NetSpec,
        states: Sequence[State],
        *,
        mirror: bool = True,
        precision: Precision = "f32",
    ) -> None:
        """Write `net.json` and one safetensors file per member.

        Parameters
        ----------
        folder : Path
            Made where it is missing.
        spec : NetSpec
        states : sequence of dict of str to tensor
            Of the backbone, one per member.
        mirror, precision
            How it is run.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for index, state in enumerate(states):
            # bytes, then a plain write: safetensors' own `save_file` leaves a file that others cannot read
            member_file(folder, index).write_bytes(SavedWeights.of(str(index), state).data)
            Graph.remove(folder, index)  # of what lay there before
        write_record(folder, spec, members=len(states), mirror=mirror, precision=precision)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        device: str = "cpu",
        member: int | None = None,
        read: Callable[[Path], bytes] = Path.read_bytes,
        openvino: bool = True,
    ) -> FaceNet:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : Path
        device : str
            A torch device.
        member : int, optional
            One of several; all without it.
        read : callable
            The bytes of a file; a bundle's checks their hash.
        openvino : bool
            Whether OpenVINO may run it.

        Returns
        -------
        FaceNet

        Raises
        ------
        NetError
            Where a file is missing, damaged or of another net; the message names it.
        """
        record = read_record(folder, read=read)
        indices = range(record.members) if member is None else [member]
        net = cls(
            record.spec,
            [SavedWeights.at(member_file(folder, index), read) for index in indices],
            graphs=[Graph.read(folder, index, read) for index in indices],
            device=device,
            mirror=record.mirror,
            precision=record.precision,
            openvino=openvino,
        )
        cpu_engine.give_back()
        return net


def save_graphs(folder: Path) -> None:
    """Convert the members of a saved net for OpenVINO, into files beside their weights.

    Where OpenVINO is not installed or cannot run the net there are none, and torch runs it.

    Parameters
    ----------
    folder : Path
        As of `FaceNet.save`.
    """
    record = read_record(folder)
    if cpu_engine.is_installed():
        with suppress(ConversionError):  # whoever loads the net is warned
            for index in range(record.members):
                weights = SavedWeights.at(member_file(folder, index), Path.read_bytes)
                graph_of(record.spec, weights).save(folder, index)


def graph_of(spec: NetSpec, weights: SavedWeights) -> Graph:
    """A net as OpenVINO reads it; converted once on a machine.

    Parameters
    ----------
    spec : NetSpec
    weights : SavedWeights

    Returns
    -------
    Graph

    Raises
    ------
    ConversionError
        Where OpenVINO cannot run it.
    NetError
        Where the weights are damaged or not of this net.
    """
    from models.nets.build import with_weights
    from models.nets.conversion import convert_once

    facts = json.dumps(asdict(spec) | {"origin": ""}, sort_keys=True)
    return convert_once(partial(with_weights, spec, weights), size=spec.size, facts=(facts, weights.digest))


def _by_openvino(
    spec: NetSpec,
    weights: Sequence[SavedWeights],
    graphs: Sequence[Graph | None],
    *,
    precision: Precision,
) -> Members | None:
    """The members as one; None, and a warning, where OpenVINO cannot be used."""
    if not cpu_engine.is_installed():
        warnings.warn(f"OpenVINO is not installed, so torch runs {spec.model}; {_SLOWER}", stacklevel=3)
        return None
    try:
        made = [graph or graph_of(spec, one) for graph, one in zip(graphs, weights, strict=True)]
        return openvino_net.load(made, precision=precision)
    except ConversionError as error:
        warnings.warn(f"OpenVINO cannot run {spec.model} ({error}), so torch does; {_SLOWER}", stacklevel=3)
        return None
