"""Kind `reconstruction`: a real picture through the auto-encoder of a latent diffusion model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from models.generators.autoencoder import decoder, encoder
from models.generators.tensors import fill, from_tensor, to_tensor
from models.nets.checkpoints import WeightsError
from models.synthesis.degradations import U8

STRIDE = 8  # px of the picture per latent, of the TAESD family


@dataclass(frozen=True)
class Autoencoders:
    """Nets of which each picture goes through one.

    Attributes
    ----------
    nets : sequence of nn.Module
        Pictures to pictures, float32 (N, 3, H, W) in [0, 1].
    strides : sequence of int
        Of each, what the sides of its pictures are multiples of, px.
    device : str
    """

    nets: Sequence[nn.Module]
    strides: Sequence[int]
    device: str

    @torch.inference_mode()
    def __call__(self, pixels: U8, rng: np.random.Generator) -> U8:
        """The picture encoded and decoded again, uint8 (H, W, 3), RGB."""
        chosen = int(rng.integers(len(self.nets)))
        net, stride = self.nets[chosen], self.strides[chosen]
        height, width = pixels.shape[:2]
        padded = np.pad(pixels, ((0, -height % stride), (0, -width % stride), (0, 0)), mode="edge")
        return from_tensor(net(to_tensor(padded, self.device)))[:height, :width]


def load(files: Sequence[Path], device: str) -> Autoencoders:
    """The auto-encoders of some files.

    Content, size and place stay as they are, so that only the decoder's traces tell the picture from the original:
    what text-to-image generators leave too [1]_.

    Parameters
    ----------
    files : sequence of Path
        Two of each in turn: encoder and decoder of the TAESD family, or diffusers' configuration and tensors.
    device : str
        A torch device.

    Raises
    ------
    WeightsError
        Where a file cannot be used.

    References
    ----------
    .. [1] Chen et al. 2025, "Dual Data Alignment Makes AI-Generated Image Detector Easier Generalizable",
       arXiv:2505.14359
    """
    nets, strides = [], []
    for pair in zip(files[::2], files[1::2], strict=True):
        net, stride = _read_latent(*pair) if pair[0].suffix == ".json" else (_read_tiny(*pair), STRIDE)
        nets.append(net.eval().to(torch.device(device)).to(memory_format=torch.channels_last))
        strides.append(stride)
    return Autoencoders(nets, strides, device)


def _read_latent(config: Path, tensors: Path) -> tuple[nn.Module, int]:
    from models.generators.latent_autoencoder import read_autoencoder

    net = read_autoencoder(config, tensors)
    return net, net.stride


def _read_tiny(first: Path, second: Path) -> nn.Sequential:
    """The net of one auto-encoder; its sizes are those of the tensors."""
    states = [_read(path) for path in (first, second)]
    try:
        latents = states[0]["14.weight"].shape[0]
        pooled = "11.pool.0.weight" in states[0]
        halves = [make(latents=latents, pooled=pooled) for make in (encoder, decoder)]
        for half, state in zip(halves, states, strict=True):
            fill(half, state)
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"auto-encoder {first}, {second.name}: not of the TAESD family ({error}); remove it or use TAESD, TAEF1 or TAEF2"
        ) from None
    return nn.Sequential(*halves)


def _read(path: Path) -> dict[str, torch.Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        return state
    except (OSError, RuntimeError, EOFError, UnpicklingError, SafetensorError) as error:
        raise WeightsError(f"auto-encoder {path} cannot be read: {error}; copy it again") from None
