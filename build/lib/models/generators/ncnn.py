"""Weights in the format of ncnn, a runtime for nets on phones, in which public super-resolution nets come by pip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from models.errors import UserError

_MAGIC = "7767517"
_HALF = 0x01306B47  # tag of weights in float16; 0 is float32


class NcnnError(UserError):
    """Files that are no ncnn net, or one that this reader does not know; the message names file and layer."""


def read(param: Path) -> dict[str, torch.Tensor]:
    """Tensors of the convolutions and PReLUs of a net, in the order of its layers.

    Parameters
    ----------
    param : Path
        The text `<net>.param`; the weights lie in `<net>.bin` beside it.

    Returns
    -------
    dict of str to float32 tensor
        `<layer>.weight`, of convolutions with shape (outputs, inputs, side, side), and `<layer>.bias`.

    Raises
    ------
    NcnnError
        Where a file is missing, is none of that format, or holds more or less than the layers say.
    """
    binary = param.with_suffix(".bin")
    try:
        lines, data = param.read_text(encoding="ascii").splitlines(), binary.read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise NcnnError(
            f"{param} and {binary.name} cannot be read: {error}; install the package again"
        ) from None
    if not lines or lines[0].strip() != _MAGIC:
        raise NcnnError(f"{param} is no ncnn net: its first line is not {_MAGIC}")
    tensors, at = {}, 0
    for line in lines[2:]:
        kind, name, *rest = line.split()
        values = dict(part.split("=", 1) for part in rest if "=" in part)
        try:
            if kind == "Convolution":
                outputs, side, size = (int(values[key]) for key in ("0", "1", "6"))
                weight, at = _tagged(data, at, size)
                tensors[f"{name}.weight"] = weight.reshape(outputs, -1, side, side)
                if values.get("5") == "1":
                    tensors[f"{name}.bias"], at = _plain(data, at, outputs)
            elif kind == "PReLU":
                tensors[f"{name}.weight"], at = _plain(data, at, int(values["0"]))
        except (KeyError, ValueError, RuntimeError) as error:
            raise NcnnError(f"{param}: layer {name} ({kind}) does not fit {binary.name}: {error}") from None
    if at != len(data):
        raise NcnnError(f"{binary} has {len(data)} bytes, the layers of {param.name} have {at}")
    return tensors


def _tagged(data: bytes, at: int, size: int) -> tuple[torch.Tensor, int]:
    """Weights after the tag of their type; float16 ones fill up to 4 bytes."""
    tag = int.from_bytes(data[at : at + 4], "little")
    if tag == 0:
        return _plain(data, at + 4, size)
    if tag != _HALF:
        raise ValueError(f"weights of type {tag:#x}; known are 0 (float32) and {_HALF:#x} (float16)")
    values = np.frombuffer(data, "<f2", count=size, offset=at + 4).astype(np.float32)
    return torch.from_numpy(values), at + 4 + (2 * size + 3) // 4 * 4


def _plain(data: bytes, at: int, size: int) -> tuple[torch.Tensor, int]:
    values = np.frombuffer(data, "<f4", count=size, offset=at).astype(np.float32)
    return torch.from_numpy(values), at + 4 * size
