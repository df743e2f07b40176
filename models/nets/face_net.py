"""Face nets: a timm backbone, its input and its weights, from uint8 crops to float32 rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from features.alignment import align
from features.views import Crop
from models.nets.checkpoints import misfits, require_model
from models.nets.inference import Backbone, compile_for_inference, give_back
from models.nets.input_transform import InputTransform
from models.nets.net_spec import REMEDY, NetError, NetSpec, member_file, read_record, write_record
from models.nets.unit_classifier import normalise_classifier

# Rows of a net must not depend on what else is in the batch. A position in a batch of fixed size is
# exact, another batch size is not (up to 1e-5), so every batch on the CPU is padded to this size.
CPU_BATCH = 8
CUDA_BATCH = 32  # as many as the stages read at a time: a larger one would be filled up with zeros

State = dict[str, torch.Tensor]


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

    A row of logits is the mean over members and over the picture and its mirror image.

    Parameters
    ----------
    spec : NetSpec
    states : sequence of dict of str to tensor
        Of the backbone, one per member.
    device : str
        A torch device. On the CPU a row is the same to the last bit whatever else is in the batch.
    names : sequence of str
        What an error calls each state; `state 0` and so on by default.

    Attributes
    ----------
    width : int
        Numbers of a row: one per head, or the backbone's pooled features.

    Raises
    ------
    NetError
        Where a state is not one of this net.
    WeightsError
        Where timm has no model of that name.
    """

    def __init__(
        self, spec: NetSpec, states: Sequence[State], *, device: str = "cpu", names: Sequence[str] = ()
    ) -> None:
        self.spec = spec
        self.device = torch.device(device)
        self.batch = CPU_BATCH if self.device.type == "cpu" else CUDA_BATCH
        net = build(spec)
        backbone: Any = net[1]
        for name, state in zip(names or [f"state {i}" for i in range(len(states))], states, strict=True):
            if wrong := misfits(backbone.state_dict(), state):
                raise NetError(
                    f"{name} holds no weights of {spec.model} with {len(spec.heads)} heads: {wrong[0]}; {REMEDY}"
                )
        self.members: list[Backbone]
        if self.device.type == "cpu":
            example = torch.zeros((self.batch, 3, spec.size, spec.size), dtype=torch.uint8)
            self.members = compile_for_inference(net, states, _channels_last(example))
        else:
            self.members = [build(spec, state).eval().to(self.device) for state in states]
        self.width = len(spec.heads) or int(getattr(backbone, "head_hidden_size", backbone.num_features))

    @torch.inference_mode()
    def __call__(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Compute a row for each crop; row i depends on crop i alone.

        Parameters
        ----------
        crops : sequence of uint8 arrays, shape (size, size, 3), RGB

        Returns
        -------
        float32 array, shape (n, width)
        """
        threads = torch.get_num_threads()
        if self.device.type == "cpu":
            torch.set_num_threads(1)  # sums are split by thread; work is shared out between processes
        try:
            rows = [self._batch(crops[i : i + self.batch]) for i in range(0, len(crops), self.batch)]
        finally:
            torch.set_num_threads(threads)
        return np.concatenate(rows) if rows else np.zeros((0, self.width), np.float32)

    def _batch(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        pad = self.batch - len(crops)
        stack = np.stack(list(crops) + [np.zeros_like(crops[0])] * pad)
        x = torch.from_numpy(stack).to(self.device).permute(0, 3, 1, 2)
        views = [x, x.flip(3)] if self.spec.heads else [x]
        outputs = [member(view) for view in map(_channels_last, views) for member in self.members]
        mean = torch.stack(outputs).mean(0)
        return mean[: len(crops)].float().cpu().numpy().reshape(len(crops), self.width)

    @staticmethod
    def save(folder: Path, spec: NetSpec, states: Sequence[State]) -> None:
        """Write `net.json` and one safetensors file per member.

        Parameters
        ----------
        folder : Path
            Made where it is missing.
        spec : NetSpec
        states : sequence of dict of str to tensor
            Of the backbone, one per member.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for index, state in enumerate(states):
            # bytes, then a plain write: safetensors' own `save_file` leaves a file that others cannot read
            member_file(folder, index).write_bytes(save({k: v.contiguous() for k, v in state.items()}))
        write_record(folder, spec, members=len(states))

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        device: str = "cpu",
        member: int | None = None,
        read: Callable[[Path], bytes] = Path.read_bytes,
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
        paths = [member_file(folder, index) for index in indices]
        states = [read_state(path, read) for path in paths]
        net = cls(record.spec, states, device=device, names=[str(path) for path in paths])
        del states
        give_back()
        return net


def read_state(path: Path, read: Callable[[Path], bytes]) -> State:
    """Weights of one member of a saved net. Raises NetError where the file is missing or damaged."""
    try:
        state = load(read(path))
    except FileNotFoundError:
        raise NetError(f"{path} is missing, but net.json beside it names it; {REMEDY}") from None
    except SafetensorError as error:
        raise NetError(f"{path} is damaged, it is no safetensors file: {error}; {REMEDY}") from None
    strange = [name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all())]
    if strange:
        raise NetError(f"{path}: {strange[0]} holds numbers that are not finite; make the net again")
    return state


def _channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last)
