"""Face nets: a timm backbone, its input and its weights, from uint8 crops to float32 rows."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import nn

from features.alignment import align
from features.views import Crop
from models.nets import openvino_net
from models.nets.checkpoints import misfits, require_model
from models.nets.inference import compile_for_inference, give_back
from models.nets.input_transform import InputTransform
from models.nets.net_spec import (
    REMEDY,
    NetError,
    NetSpec,
    Precision,
    member_file,
    read_record,
    write_record,
)
from models.nets.openvino_net import ConversionError, OpenVinoNet
from models.nets.saved_weights import SavedWeights, State
from models.nets.torch_net import CPU_BATCH, TorchNet, channels_last
from models.nets.unit_classifier import normalise_classifier

_SLOWER = "scoring takes more than twice the time, and low-order bits differ"


class Member(Protocol):
    """What computes rows. width : numbers of a row."""

    width: int

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (n, size, size, 3), n of 1 or more, to float32 (n, width)."""


def build(spec: NetSpec, state: State | None = None) -> nn.Sequential:
    """Input transform and backbone in channels-last layout.

    Parameters
    ----------
    spec : NetSpec
    state : dict of str to tensor, optional
        Of the backbone; without one the weights are timm's random ones.

    Returns
    -------
    nn.Sequential
        `InputTransform`, then the backbone.

    Raises
    ------
    WeightsError
        Where timm has no model of that name.
    NetError
        Where that model does not take the arguments of the spec.
    UserError
        Where the spec normalises features that no linear classifier reads.
    """
    require_model(spec.model)
    try:
        backbone = timm.create_model(spec.model, num_classes=len(spec.heads), **spec.model_args)
    except (TypeError, AssertionError) as error:
        raise NetError(
            f"timm's {spec.model} does not take the model_args {spec.model_args}: {error}; correct them in the .json beside "
            "the weights"
        ) from None
    if spec.normalise:
        normalise_classifier(backbone)
    net = nn.Sequential(InputTransform(spec), backbone)
    if state is not None:
        backbone.load_state_dict(state, strict=True)
    return net.to(memory_format=torch.channels_last)


def crop_for(spec: NetSpec, pixels: NDArray[np.uint8], crop: Crop) -> NDArray[np.uint8]:
    """Cut the net's picture of one face out of an image.

    Parameters
    ----------
    spec : NetSpec
    pixels : uint8 array, shape (H, W, 3), RGB
    crop : Crop
        Geometry of the face's cuts in that image.

    Returns
    -------
    uint8 array, shape (size, size, 3), RGB
    """
    if spec.crop == "aligned":
        return align(pixels, crop, size=spec.size)
    return window(pixels, centre=_centre(crop), size=spec.size)


def from_image(spec: NetSpec, crop: Crop, *, height: int, width: int) -> NDArray[np.float64]:
    """Where the net's picture lies in an image: the geometry of `crop_for`.

    Parameters
    ----------
    spec : NetSpec
    crop : Crop
    height, width : int
        Of the image, px.

    Returns
    -------
    float64 array, shape (2, 3)
        From pixels of the image to the unit square of the net's picture.
    """
    if spec.crop == "aligned":
        return crop.matrix
    x0, y0 = window_corner(height, width, centre=_centre(crop), size=spec.size)
    return np.array([[1.0, 0.0, -x0], [0.0, 1.0, -y0]]) / spec.size


def _centre(crop: Crop) -> tuple[int, int]:
    x0, y0, x1, y1 = crop.native
    return (x0 + x1) // 2, (y0 + y1) // 2


def window_corner(height: int, width: int, *, centre: tuple[int, int], size: int) -> tuple[int, int]:
    """Upper left corner x0, y0 of `window` in an image, px."""
    x0 = min(max(centre[0] - size // 2, 0), max(width - size, 0)) // 2 * 2
    y0 = min(max(centre[1] - size // 2, 0), max(height - size, 0)) // 2 * 2
    return x0, y0


def window(pixels: NDArray[np.uint8], *, centre: tuple[int, int], size: int) -> NDArray[np.uint8]:
    """Cut an un-resampled square, moved inside the image, and mirrored at the edges of a smaller one.

    Its corner is at even coordinates where the image allows, so that 2 × 2 phases are kept.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB
    centre : tuple of int
        x and y, px.
    size : int
        Side, px.

    Returns
    -------
    uint8 array, shape (size, size, 3), RGB
    """
    height, width = pixels.shape[:2]
    x0, y0 = window_corner(height, width, centre=centre, size=size)
    cut = pixels[y0 : y0 + size, x0 : x0 + size]
    right, below = size - cut.shape[1], size - cut.shape[0]
    if right or below:
        cut = np.pad(cut, ((0, below), (0, right), (0, 0)), mode="symmetric")
    return np.ascontiguousarray(cut)


class FaceNet:
    """One net, or the mean of several of the same make, ready to score.

    A row of logits is the mean over members, and over the picture and its mirror image where the net is run so. On the CPU
    OpenVINO computes it; torch does where OpenVINO is not installed or cannot run the net, and a warning says so.

    Parameters
    ----------
    spec : NetSpec
    weights : sequence of dict of str to tensor, or of SavedWeights
        Of the backbone, one per member.
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
        device: str = "cpu",
        mirror: bool = True,
        precision: Precision = "f32",
        openvino: bool = True,
    ) -> None:
        self.spec, self.mirror = spec, mirror
        self.precision: Precision = "f32"
        self.members: Sequence[Member] = []
        saved = [
            one if isinstance(one, SavedWeights) else SavedWeights.of(f"state {i}", one)
            for i, one in enumerate(weights)
        ]
        if openvino and device == "cpu":
            wanted = openvino_net.available(precision)
            self.members = _by_openvino(spec, saved, precision=wanted)
            self.precision = wanted if self.members else "f32"
        self.members = self.members or [_by_torch(spec, saved, device=torch.device(device))]
        self.width = self.members[0].width
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
        views = [pictures, pictures[:, :, ::-1]] if self.mirror and self.spec.heads else [pictures]
        first, *more = (member(view) for view in views for member in self.members)
        total = first
        for rows in more:  # one after the other: numpy's own mean adds up in another order for a single row
            total = total + rows
        return np.asarray(total / np.float32(1 + len(more)), dtype=np.float32)

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
            [SavedWeights.read(member_file(folder, index), read) for index in indices],
            device=device,
            mirror=record.mirror,
            precision=record.precision,
            openvino=openvino,
        )
        give_back()
        return net


def _by_openvino(
    spec: NetSpec, weights: Sequence[SavedWeights], *, precision: Precision
) -> Sequence[OpenVinoNet]:
    """A net for each member; none, and a warning, where OpenVINO cannot be used."""
    if not openvino_net.is_installed():
        warnings.warn(f"OpenVINO is not installed, so torch runs {spec.model}; {_SLOWER}", stacklevel=3)
        return []
    facts = json.dumps(asdict(spec) | {"origin": ""}, sort_keys=True)
    try:
        return [
            openvino_net.load_or_convert(
                partial(_with_weights, spec, one),
                size=spec.size,
                facts=(facts, one.digest),
                precision=precision,
            )
            for one in weights
        ]
    except ConversionError as error:
        warnings.warn(f"OpenVINO cannot run {spec.model} ({error}), so torch does; {_SLOWER}", stacklevel=3)
        return []


def _by_torch(spec: NetSpec, weights: Sequence[SavedWeights], *, device: torch.device) -> TorchNet:
    """All members together."""
    net = build(spec)
    backbone: Any = net[1]
    width = len(spec.heads) or int(getattr(backbone, "head_hidden_size", backbone.num_features))
    states = [_fitting(backbone, spec, one) for one in weights]
    if device.type != "cpu":
        return TorchNet(
            [build(spec, state).eval().to(device) for state in states], width=width, device=device
        )
    example = channels_last(torch.zeros((CPU_BATCH, 3, spec.size, spec.size), dtype=torch.uint8))
    return TorchNet(compile_for_inference(net, states, example), width=width, device=device)


def _with_weights(spec: NetSpec, weights: SavedWeights) -> nn.Sequential:
    net = build(spec)
    net[1].load_state_dict(_fitting(net[1], spec, weights), strict=True)
    return net.eval()


def _fitting(backbone: nn.Module, spec: NetSpec, weights: SavedWeights) -> State:
    """The state, which is one of this net. Raises NetError."""
    state = weights.state()
    if wrong := misfits(backbone.state_dict(), state):
        raise NetError(
            f"{weights.name} holds no weights of {spec.model} with {len(spec.heads)} heads: {wrong[0]}; {REMEDY}"
        )
    return state
