"""Auto-encoders of latent diffusion models as the library diffusers keeps them: a configuration and its tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from models.generators.tensors import fill
from models.nets.checkpoints import WeightsError

# Classes of diffusers that take pictures, keep their size and have one net for all of them.
CLASSES = ("AutoencoderKL", "AutoencoderKLFlux2", "AutoencoderTiny", "AutoencoderDC")

_PROBE = 64  # side of the picture that tells the stride, px


class LatentAutoencoder(nn.Module):
    """Pictures through an auto-encoder of diffusers and back.

    Parameters
    ----------
    model : nn.Module
        With diffusers' `encode` and `decode`; it is put into evaluation.

    Attributes
    ----------
    stride : int
        Pixels of the picture per latent: what its sides have to be multiples of.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model.eval()
        with torch.inference_mode():
            self.stride = _PROBE // int(self._encode(torch.zeros(1, 3, _PROBE, _PROBE)).shape[-1])
        if hasattr(model, "enable_tiling"):
            model.enable_tiling()  # attention over a large picture takes memory by the square of its area

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Encode and decode; of a distribution of latents the mode is taken.

        Parameters
        ----------
        pictures : float32 tensor, shape (N, 3, H, W), in [0, 1]

        Returns
        -------
        float32 tensor, shape (N, 3, H, W)
            May leave [0, 1].
        """
        decoded: torch.Tensor = self.model.decode(self._encode(pictures * 2 - 1)).sample
        return (decoded + 1) / 2

    def _encode(self, pictures: torch.Tensor) -> torch.Tensor:
        code = self.model.encode(pictures)
        latents: torch.Tensor = code.latent_dist.mode() if "latent_dist" in code else code[0]
        return latents


def read_autoencoder(config: Path, tensors: Path) -> LatentAutoencoder:
    """Build the auto-encoder of a configuration and load its tensors.

    Nothing is downloaded, no code of the folder is run, and of diffusers' classes only CLASSES are built.

    Parameters
    ----------
    config : Path
        `config.json` of diffusers.
    tensors : Path
        `diffusion_pytorch_model.safetensors`.

    Raises
    ------
    WeightsError
        Where a file cannot be read, is of another class, or does not fit the other.
    """
    import diffusers  # a second, which only those pay who have such a folder

    try:
        settings = json.loads(config.read_text("utf-8"))
        name = settings["_class_name"]
        if name not in CLASSES:
            raise WeightsError(
                f"auto-encoder {config}: found the class {name}, allowed are {', '.join(CLASSES)}; remove its folder"
            )
        model = getattr(diffusers, name).from_config(settings)
        fill(model, load_file(tensors))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise WeightsError(
            f"auto-encoder {config}, {tensors.name}: cannot be used ({error}); copy both files again"
        ) from None
    return LatentAutoencoder(model.float())
