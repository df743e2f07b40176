"""Nets as torch runs them: on a GPU, and on the CPU for want of OpenVINO."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.nets.inference import Backbone

# A position in a batch of fixed size is exact, another batch size is not (up to 1e-5): every batch is filled up with zeros.
CPU_BATCH = 8
CUDA_BATCH = 32  # as many as the stages read at a time: a larger one would be filled up too


class TorchNet:
    """The mean of some nets of the same make.

    Parameters
    ----------
    members : sequence of callables
        uint8 tensor (batch, 3, size, size), channels last, to float32 tensor (batch, width).
    width : int
        Numbers of a row.
    device : torch.device
        Where they lie.
    """

    def __init__(self, members: Sequence[Backbone], *, width: int, device: torch.device) -> None:
        self.members, self.width, self.device = members, width, device
        self.batch = CPU_BATCH if device.type == "cpu" else CUDA_BATCH

    @torch.inference_mode()
    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute a row for each picture; on the CPU row i depends on picture i alone.

        Parameters
        ----------
        pictures : uint8 array, shape (n, size, size, 3), RGB
            At least one.

        Returns
        -------
        float32 array, shape (n, width)
        """
        threads = torch.get_num_threads()
        if self.device.type == "cpu":
            torch.set_num_threads(1)  # sums are split by thread; work is shared out between processes
        try:
            return np.concatenate(
                [self._rows(pictures[i : i + self.batch]) for i in range(0, len(pictures), self.batch)]
            )
        finally:
            torch.set_num_threads(threads)

    def release_memory(self) -> None:
        """Nothing is kept between two calls."""

    def _rows(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        filled = np.zeros((self.batch, *pictures.shape[1:]), np.uint8)
        filled[: len(pictures)] = pictures
        x = torch.from_numpy(filled).to(self.device).permute(0, 3, 1, 2)
        outputs = [member(channels_last(x)) for member in self.members]
        mean = torch.stack(outputs).mean(0)
        return mean[: len(pictures)].float().cpu().numpy().reshape(len(pictures), self.width)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """A batch of pictures in the layout that convolutions run fastest in."""
    return x.contiguous(memory_format=torch.channels_last)
