"""MTCNN's weights, which ship inside the facenet-pytorch package, as arrays that need no torch to be read."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models import machine_cache
from models.errors import UserError

KIND = "mtcnn"  # in the machine's cache
NETS = ("pnet", "rnet", "onet")

State = Mapping[str, NDArray[np.float32]]


class DetectorError(UserError):
    """Weights of the face detector that are missing or damaged."""


def packaged() -> bytes:
    """The weights of the installed package.

    torch, which reads the package's files, is imported once on a machine: later processes find what it read in the
    machine's cache.

    Returns
    -------
    bytes
        safetensors: `pnet.conv1.weight` and so on.

    Raises
    ------
    DetectorError
        Where the package is not installed.
    """
    files = [(name, _file(name).read_bytes()) for name in NETS]
    key = sha256(b"".join(data for _, data in files)).hexdigest()
    kept = machine_cache.read(KIND, key)
    if kept is None:
        kept = save({f"{name}.{part}": values for name, _ in files for part, values in _read(name).items()})
        machine_cache.write(KIND, key, kept)
    return kept


def arrays(data: bytes) -> State:
    """The arrays in the bytes of `packaged`.

    Raises
    ------
    DetectorError
        Where they are damaged or not finite.
    """
    try:
        state = load(data)
    except SafetensorError as error:
        raise DetectorError(f"the face detector's weights are damaged: {error}; copy them again") from None
    for name, values in state.items():
        if values.dtype != np.float32 or not np.isfinite(values).all():
            raise DetectorError(f"the face detector's weights are damaged: {name}; copy them again")
    return state


def _file(net: str) -> Path:
    """The package's file of one net."""
    try:
        package = distribution("facenet-pytorch")
    except ModuleNotFoundError:
        raise DetectorError(
            "the package facenet-pytorch, whose weights the face detector has, is not installed; install it with pip"
        ) from None
    return Path(str(package.locate_file(f"facenet_pytorch/data/{net}.pt")))


def _read(net: str) -> State:
    import torch

    state = torch.load(_file(net), map_location="cpu", weights_only=True)
    return {name: np.ascontiguousarray(tensor.float().numpy()) for name, tensor in state.items()}
